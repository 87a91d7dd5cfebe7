"""Robustness tests: rows, the loop, metrics, worst case, reports."""
from .loop import OtherModel, RobustTestLoop
from ..metrics import compute_metrics, count_classes
from .plan.rows import Row, make_rows
from .plan.suites import Plan, known_suites, make_plan
from .results.worst_case import worst_case

__all__ = [
    'OtherModel', 'Plan', 'RobustTestLoop', 'Row', 'compute_metrics',
    'count_classes', 'known_suites', 'make_plan', 'make_rows', 'worst_case'
]
