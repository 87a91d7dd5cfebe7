"""What is tested: rows of attacks, and the suites that name them."""
from .rows import Row, make_rows
from .runs import AttackRun, group_rows
from .suites import Plan, known_suites, load_suite, make_plan, parse_attack

__all__ = [
    'AttackRun', 'Plan', 'Row', 'group_rows', 'known_suites', 'load_suite',
    'make_plan', 'make_rows', 'parse_attack'
]
