"""What an attack leaves of each class."""
from typing import Any, Dict, Optional

from ..results.balls import inside, worst_balls
from .names import radius
from .writers import Cells, Kept, Table, cell

LOWEST = ('Of each class the attack that leaves least of it, not one for all: '
          'the mean of a column lies below the worst case.')


def class_table(results: Dict[str, Any]) -> Table:
    """IoU of each class, clean and at its lowest in each ball.

    The class that loses most comes first. Rows of zeros are folded.
    """
    balls = worst_balls(results)
    clean = results['clean']['per_class']
    rows = sorted(
        ([name, clean[name], *(_lowest_iou(results, ball, name)
                               for ball in balls)]
         for name in results['dataset']['classes']), key=_points_kept)
    names = (['lowest under attack'] if len(balls) == 1 else
             [f'lowest at {ball["norm"]} {radius(ball)}' for ball in balls])
    folded = [i for i, row in enumerate(rows) if not any(row[1:])]
    return Table(
        'IoU of each class', ['class', 'clean', *names],
        [[name, cell(whole, 1), *left] for name, whole, *left in rows],
        words=1, folded=folded,
        folded_name='classes of which no pixel is ever found',
        notes=[LOWEST] if balls else [], page_only=True)


def _lowest_iou(results: Dict[str, Any], ball: Dict[str, Any],
                name: str) -> Optional[float]:
    """The lowest IoU of a class under any attack in a ball, of its clean."""
    whole = results['clean']['per_class'][name]
    values = [a['per_class'][name] for a in inside(results, ball)]
    left = min((v for v in values if v is not None), default=None)
    if left is None or whole is None:
        return left
    return Kept(left, whole)


def _points_kept(row: Cells) -> float:
    """The lowest number less the clean one; what is undefined is the most."""
    _, whole, *lefts = row
    known = [left for left in lefts if left is not None]
    return min(known) - whole if known and whole is not None else 0.
