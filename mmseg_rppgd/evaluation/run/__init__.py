"""A plan carried out: models, jobs, processes, and what is stored."""
from .attack_job import AttackJob
from .images import ExampleStore
from .jobs import CleanJob, GradientJob, Job, SearchJob
from .models import Sample, TestedModel
from .segmentor import TestedSegmentor
from .store import ImageStore
from .worker import Worker

__all__ = [
    'AttackJob', 'CleanJob', 'ExampleStore', 'GradientJob', 'ImageStore',
    'Job', 'Sample', 'SearchJob', 'TestedModel', 'TestedSegmentor', 'Worker'
]
