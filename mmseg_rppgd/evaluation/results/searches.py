"""The smallest perturbation that makes nearly every pixel wrong.

The measure of minimum-norm attacks: no radius is given, the distance is the
result, and its distribution over images is the success at every radius.
"""
import os.path as osp
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ..files import jsonable, write_json, write_text
from ..plan.rows import Row
from .results import Record, cell

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
            'norm': row.norm, 'threshold': row.build(1).threshold,
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


def minimal_lines(minimal: Optional[Dict[str, Any]]) -> List[str]:
    """What the searches found, in words."""
    lines = []
    for a in minimal['attacks'] if minimal else ():
        what = (f'{a["name"]} ({a["norm"]}) makes {100 * a["threshold"]:g} % '
                f'of the pixels wrong on {a["found"]} of {a["images"]} images')
        if a['median'] is not None:
            what += f'; half of them need {a["median"]:.5f} at most'
            if a['norm'] == 'linf':
                what += f' ({255 * a["median"]:.2f} of 255)'
        lines.append(what + '.')
    return lines


def minimal_markdown(minimal: Dict[str, Any]) -> str:
    """The table of smallest perturbations."""
    lines = ['| attack | norm | median of the smallest perturbation | x 255 '
             '| found | images | seconds |', '|---|---|' + '---:|' * 5]
    for a in minimal['attacks']:
        median = a['median']
        lines.append('| ' + ' | '.join([
            a['name'], a['norm'], cell(median, 5),
            cell(None if median is None else median * 255), cell(a['found']),
            cell(a['images']), cell(a['seconds'], 1)]) + ' |')
    return '\n'.join(lines) + '\n'


def write_minimal(folder: str, minimal: Dict[str, Any]) -> None:
    """Write minimal_norm.json and minimal_norm.md."""
    write_json(osp.join(folder, 'minimal_norm.json'), minimal)
    write_text(osp.join(folder, 'minimal_norm.md'), minimal_markdown(minimal))
