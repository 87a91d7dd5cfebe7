"""The smallest perturbation that makes nearly every pixel wrong.

The measure of minimum-norm attacks: no radius is given, the distance is the
result, and its distribution over images is the success at every radius.
"""
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ..files import jsonable
from ..plan.rows import Row
from .results import Record

POINTS = 101  # of a curve


def build_minimal(rows: Sequence[Row],
                  records: Sequence[List[Record]]) -> Dict[str, Any]:
    """Build the content of minimal_norm.json.

    An image on which an attack does not succeed is farther than any radius;
    one without a labelled pixel does not count.
    """
    attacks = []
    for row, found in zip(rows, records):
        norms = [r['norm'] for r in found if r['labelled']]
        reached = sorted(n for n in norms if n is not None)
        attacks.append({
            'name': row.name, 'config': jsonable(row.attack),
            'norm': row.norm, 'threshold': row.build_search(1).threshold,
            'median': _median(norms), 'found': len(reached),
            'images': len(norms), 'norms': norms,
            'seconds': sum(r['seconds'] for r in found),
            'success': success_curve(reached, len(norms)),
        })
    return {'schema': 1, 'attacks': attacks}


def _median(norms: Sequence[Optional[float]]) -> Optional[float]:
    values = np.array([np.inf if n is None else n for n in norms])
    median = np.median(values) if len(values) else np.inf
    return float(median) if np.isfinite(median) else None


def success_curve(reached: Sequence[float],
                  images: int) -> Dict[str, List[float]]:
    """Percentage of the images on which an attack of radius eps succeeds."""
    if not reached:
        return {'eps': [], 'percent': []}
    eps = np.linspace(0, max(reached), POINTS)
    share = np.searchsorted(np.array(reached), eps, side='right') / images
    return {'eps': eps.tolist(), 'percent': (100 * share).tolist()}
