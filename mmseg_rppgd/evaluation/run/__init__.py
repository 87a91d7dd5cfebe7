"""A plan carried out: models, jobs, processes, and what is stored."""
from .images import ExampleStore
from .jobs import AttackJob, CleanJob, GradientJob, Job, SearchJob
from .models import Sample, TestedModel, TestedSegmentor
from .store import ImageStore
from .worker import Worker

__all__ = [
    'AttackJob', 'CleanJob', 'ExampleStore', 'GradientJob', 'ImageStore',
    'Job', 'Sample', 'SearchJob', 'TestedModel', 'TestedSegmentor', 'Worker'
]
