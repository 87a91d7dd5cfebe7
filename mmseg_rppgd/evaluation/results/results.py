"""The content of results.json, from what single images gave.

The schema of results.json is the package's promise to other programs; see
:func:`build_results`. Shapes: N images, C classes.
"""
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ...metrics import SCALARS, accuracy, compute_metrics, unpack_counts
from ..plan.rows import Row
from .balls import lies_in
from .intervals import LEVEL, RESAMPLES
from .intervals import SCHEMA as INTERVALS_SCHEMA
from .intervals import draw_images, metric_intervals, worst_intervals
from .worst_case import worst_case, worst_counts

SCHEMA = 1
Record = Dict[str, Any]


class Results(dict):
    """The content of results.json, and beside it that of intervals.json.

    Args:
        content (dict): What results.json holds.
        intervals (dict): How far its metrics would move with other images,
            see :func:`build_intervals`.
    """

    def __init__(self, content: Dict[str, Any],
                 intervals: Dict[str, Any]) -> None:
        super().__init__(content)
        self.intervals = intervals


class ImageResults:
    """What was measured of the images, in the order of the data set."""
    records: List[Record]
    num_classes: int

    @property
    def counts(self) -> np.ndarray:
        """np.ndarray: Class counts (N, 3, C)."""
        return stack_counts(self.records, self.num_classes)

    @property
    def steps_seen(self) -> int:
        """int: Steps that every image has a measurement of."""
        return min((len(r.get('curve', ())) for r in self.records), default=0)

    def curve_counts(self, step: int) -> np.ndarray:
        """Class counts (N, 3, C) after a step, from 1."""
        return stack_counts([r['curve'][step - 1] for r in self.records],
                            self.num_classes)


@dataclass
class CleanResult(ImageResults):
    """The clean images.

    Args:
        records (list[dict]): One record per image.
        num_classes (int): C.
    """
    records: List[Record]
    num_classes: int


@dataclass
class RowResult(ImageResults):
    """The images of one row.

    Args:
        row (Row): The row.
        records (list[dict]): One record per image.
        num_classes (int): C.
    """
    row: Row
    records: List[Record]
    num_classes: int


def stack_counts(records: Sequence[Record], num_classes: int) -> np.ndarray:
    """Class counts (N, 3, C) of stored records."""
    if not records:
        return np.zeros((0, 3, num_classes), dtype=np.int64)
    return np.stack([unpack_counts(r, num_classes) for r in records])


def build_results(*, model: Dict[str, Any], dataset: Dict[str, Any],
                  environment: Dict[str, Any], surface: str,
                  surrogate: Optional[Dict[str, Any]], clean: CleanResult,
                  attacks: Sequence[RowResult],
                  checks: Sequence[Dict[str, Any]],
                  seed: int) -> Results:
    """Build the content of results.json, and its intervals.

    Args:
        model (dict): ``config``, ``checkpoint``, ``sha256``.
        dataset (dict): ``type``, ``num_images``, ``classes``.
        environment (dict): Versions, device, seed, commit, command.
        surface (str): Which images the attacker may show.
        surrogate (dict, optional): The model the attacker knows, where it is
            not the one that is tested.
        clean (CleanResult): The clean images.
        attacks (Sequence[RowResult]): The attacked images.
        checks (Sequence[dict]): ``name``, ``passed``, ``detail``.
        seed (int): Seed of the greedy choice, and of the intervals.

    Returns:
        Results: Percentages unrounded; None where undefined.
    """
    classes = dataset['classes']
    rows = []
    for result in attacks:
        row = result.row
        rows.append({
            'name': row.name,
            'config': row.full_config,
            'threat': describe_threat(result, surface, surrogate),
            **compute_metrics(result.counts, classes),
            **summarise_images(result.records),
        })
        if result.records and 'rounded' in result.records[0]:
            rows[-1]['rounded'] = rounded_metrics(result, classes)
        if result.steps_seen:
            rows[-1]['curve'] = [
                _curve_point(result, step, classes)
                for step in range(1, result.steps_seen + 1)]
            rows[-1]['curve_is_of_shorter_runs'] = row.can_share
    return Results({
        'schema': SCHEMA,
        'model': model,
        'dataset': dataset,
        'environment': environment,
        'clean': compute_metrics(clean.counts, classes),
        'attacks': rows,
        'worst_case': describe_worst_case(clean, attacks, seed),
        'checks': list(checks),
    }, build_intervals(clean, attacks, classes, seed))


def build_intervals(clean: CleanResult, attacks: Sequence[RowResult],
                    classes: Sequence[str], seed: int) -> Dict[str, Any]:
    """Build the content of intervals.json.

    Returns:
        dict: ``level`` in percent, ``resamples``, ``seed``, ``num_images``;
        and [low, high] in place of each metric of ``clean``, ``attacks``
        (in the order of results.json) and ``worst_case`` there, None where
        undefined.
    """
    weights = draw_images(len(clean.records), seed)
    rows = [{'name': result.row.name,
             **metric_intervals(result.counts, weights, classes)}
            for result in attacks]
    worst, balls = _over_balls(
        attacks, lambda members: worst_intervals(
            {name: counts for name, (_, counts) in worst_counts(
                _stack([clean, *members]), seed).items()}, weights))
    return {
        'schema': INTERVALS_SCHEMA, 'level': LEVEL, 'resamples': RESAMPLES,
        'seed': seed, 'num_images': len(clean.records),
        'clean': metric_intervals(clean.counts, weights, classes),
        'attacks': rows,
        'worst_case': dict(worst, **({'by_ball': balls} if balls else {}))}


def success_over_eps(attacks: Sequence[RowResult],
                     threshold: float = 99.) -> List[Dict[str, Any]]:
    """Share of the images that each row makes wrong nearly everywhere.

    Args:
        attacks (Sequence[RowResult]): The rows.
        threshold (float): Percentage of an image's labelled pixels that
            must be wrong. Defaults to 99.

    Returns:
        list[dict]: Name, norm, eps, rms, steps and ``percent``, in the order
        of the rows; images without a labelled pixel do not count.
    """
    shares = []
    for result in attacks:
        wrong = 100 - accuracy(result.counts)
        wrong = wrong[~np.isnan(wrong)]
        threat = describe_threat(result, '', None)
        shares.append({
            'name': result.row.name, 'norm': result.row.norm,
            'eps': threat['eps'], 'rms': threat['rms'],
            'steps': result.row.steps, 'percent':
            float(100 * (wrong >= threshold).mean()) if len(wrong) else None})
    return shares


def rounded_metrics(result: RowResult,
                    classes: Sequence[str]) -> Dict[str, Any]:
    """Metrics of the adversarial images as 8-bit pictures hold them."""
    counts = stack_counts([r['rounded'] for r in result.records],
                          result.num_classes)
    metrics = compute_metrics(counts, classes)
    return {k: metrics[k] for k in SCALARS}


def describe_threat(result: RowResult, surface: str,
                    surrogate: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    """What the attacker of a row may do.

    ``rms`` is the largest root mean square that a perturbation in the ball
    can have: eps itself for linf, eps / sqrt(3HW) for l2. Where a radius
    differs from image to image it is None.
    """
    return {
        'norm': result.row.norm,
        'eps': _common(r['eps'] for r in result.records),
        'rms': _common(r['rms'] for r in result.records),
        'surface': surface,
        'surrogate': surrogate,
    }


def _common(values: Any) -> Optional[float]:
    values = list(values)
    if not values or max(values) - min(values) > 1e-9 * max(values):
        return None
    return values[0]


def summarise_images(records: Sequence[Record]) -> Dict[str, Any]:
    """Time and self-check numbers of a row."""
    return {
        'seconds': sum(r['seconds'] for r in records),
        'max_norm': max((r['norm'] for r in records), default=None),
        'nan_count': sum(r['nan'] for r in records),
        'min': min((r['min'] for r in records), default=None),
        'max': max((r['max'] for r in records), default=None),
    }


def _curve_point(result: RowResult, step: int,
                 classes: Sequence[str]) -> Dict[str, Any]:
    metrics = compute_metrics(result.curve_counts(step), classes)
    return {'step': step, **{k: metrics[k] for k in SCALARS}}


def describe_worst_case(clean: CleanResult, attacks: Sequence[RowResult],
                        seed: int) -> Dict[str, Any]:
    """Worst case over every row, and over the rows inside each ball.

    A smaller ball of the same norm lies in the larger, so its rows are
    members there; the clean image is a member everywhere.
    """

    def over(members: Sequence[RowResult]) -> Dict[str, Any]:
        names: List[Dict[str, Any]] = [
            {'name': 'clean', 'norm': None, 'eps': None, 'steps': None}]
        names += [{'name': m.row.name, 'norm': m.row.norm, 'eps': m.row.eps,
                   'steps': m.row.steps,
                   **({} if m.row.rms is None else {'rms': m.row.rms})}
                  for m in members]
        return worst_case(_stack([clean, *members]), names, seed)

    result, balls = _over_balls(attacks, over)
    if balls:
        result['by_ball'] = balls
    return result


def _over_balls(attacks: Sequence[RowResult],
                over: Callable[[Sequence[RowResult]], Dict[str, Any]]
                ) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
    """What ``over`` gives of all rows, and of those inside each ball.

    The second is empty where there is one ball.
    """
    radii = list(dict.fromkeys(
        (m.row.norm, m.row.eps, m.row.rms) for m in attacks))
    balls = [dict(zip(('norm', 'eps', 'rms'), radius)) for radius in radii
             if len(radii) > 1]
    return over(attacks), [
        {**ball, **over([m for m in attacks if lies_in(
            m.row.norm, m.row.eps, m.row.rms, ball)])} for ball in balls]


def _stack(results: Sequence[ImageResults]) -> np.ndarray:
    """Class counts (M, N, 3, C) of the clean images and several rows."""
    return np.stack([result.counts for result in results])
