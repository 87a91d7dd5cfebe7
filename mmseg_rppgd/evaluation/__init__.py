"""Robustness tests: rows, the loop, metrics, worst case, reports."""
from .loop import RobustTestLoop
from .metrics import compute_metrics, count_classes
from .rows import Row, make_rows
from .suites import collect_rows, known_suites
from .worst_case import worst_case

__all__ = [
    'RobustTestLoop', 'Row', 'collect_rows', 'compute_metrics',
    'count_classes', 'known_suites', 'make_rows', 'worst_case'
]
