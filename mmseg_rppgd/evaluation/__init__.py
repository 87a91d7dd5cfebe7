"""Robustness tests of any model: :func:`evaluate`, and its loop by config."""
from .configs import load_model
from .evaluate import evaluate
from .plan import Plan, Row, known_suites, make_plan, make_rows
from .results.worst_case import worst_case
from .robust_test_loop import RobustTestLoop
from .run.models import TestedModel
from .run.segmentor import TestedSegmentor

__all__ = [
    'Plan', 'RobustTestLoop', 'Row', 'TestedModel', 'TestedSegmentor',
    'evaluate', 'known_suites', 'load_model', 'make_plan', 'make_rows',
    'worst_case'
]
