"""The smallest perturbation that makes nearly every pixel wrong.

The measure of minimum-norm attacks: no radius is given, the distance is the
result, and its distribution over images is the success at every radius.
"""
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ...attacks.base import AttackResult
from ..run.jobs import Predictor, Records, Sample, StopWatch, perturb
from .results import Record
from ..files import jsonable
from ..plan.rows import Row

POINTS = 101  # of a curve


class SmallestSearch:
    """Makes an attack search for its smallest perturbation when it is run.

    Args:
        attack (MinimalNormAttack): The attack.
    """

    def __init__(self, attack: Any) -> None:
        self.attack = attack
        self.norms: List[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.attack, name)

    def run(self, model: Any, images: Tensor, labels: Tensor,
            **kwargs: Any) -> AttackResult:
        """Search, and remember the distances."""
        found = self.attack.minimal(model, images, labels)
        self.norms += found.norms.tolist()
        return AttackResult(found.adv_images, None)


class MinimalJob:
    """Search for the smallest perturbation of each image.

    Args:
        row (Row): The attack.
        predictor (Predictor): The tested model.
        segmentor (nn.Module): The attacked one.
        surface (str): ``'whole'`` or ``'slide'``.
    """

    def __init__(self, row: Row, predictor: Predictor, segmentor: nn.Module,
                 surface: str) -> None:
        self.row = row
        self.predictor = predictor
        self.segmentor = segmentor
        self.surface = surface
        self.name = f'smallest perturbation, {row.name}'
        self.keys = [f'minimal-{row.key}']
        self.cost = row.steps or 50

    def __call__(self, sample: Sample) -> Records:
        watch = StopWatch(self.predictor.device)
        attack = SmallestSearch(
            self.row.build(self.predictor.clean_image(sample).numel()))
        perturb(attack, self.segmentor, sample, self.surface,
                torch.Generator(), self.predictor.fp16)
        norm = attack.norms[0]
        return {self.keys[0]: {
            'index': sample.index, 'image': sample.path,
            'labelled': not np.isnan(norm),
            'norm': norm if np.isfinite(norm) else None,
            'seconds': round(watch.stop(), 4)}}


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
