"""How far a metric would move with other images of the same kind.

A bootstrap: as many images as there are, drawn with replacement, give the
metric again, many times; the middle 95 % of what comes out is the interval.
It is computed from the stored class counts, so it costs no attack. Counted
metrics are those of the summed counts of the drawn images, not means over
images. Shapes: R resamples, N images, C classes; counts (N, 3, C).
"""
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ...metrics import (accuracy, class_iou, defined_mean, mean_accuracy,
                        mean_iou, number)

LEVEL = 95.  # percent
RESAMPLES = 1000
SCHEMA = 1  # of intervals.json

Interval = Optional[List[float]]


def draw_images(images: int, seed: int = 0,
                resamples: int = RESAMPLES) -> np.ndarray:
    """How often each resample holds each image.

    The same for the same number of images and seed: two rows, or two
    reports, are resampled alike, so that their differences can be.

    Shape:
        returns (R, N) float64, whole numbers that sum to N.
    """
    if not images:
        return np.zeros((resamples, 0))
    rng = np.random.default_rng(seed)
    share = np.full(images, 1 / images)
    return rng.multinomial(images, share, size=resamples).astype(np.float64)


def resampled_metrics(counts: np.ndarray,
                      weights: np.ndarray) -> Dict[str, np.ndarray]:
    """Every metric of every resample, nan where undefined.

    Args:
        counts (np.ndarray): Class counts of every image.
        weights (np.ndarray): What :func:`draw_images` gives.

    Shape:
        counts (N, 3, C); weights (R, N).

    Returns:
        dict: Each metric of one number (R,), and ``per_class`` (R, C).
    """
    images, _, classes = counts.shape
    # Whole numbers below 2**53: the sums are exact.
    pooled = (weights @ counts.reshape(images, 3 * classes).astype(np.float64)
              ).reshape(len(weights), 3, classes)
    ious = class_iou(counts)
    of_images = defined_mean(ious, axis=1)[:, None]
    return {
        'mIoU': mean_iou(pooled),
        'aAcc': accuracy(pooled),
        'mAcc': mean_accuracy(pooled),
        'MisRatio': 100 - accuracy(pooled),
        'NmIoU': _weighted_mean(of_images, weights)[:, 0],
        'CmIoU': defined_mean(_weighted_mean(ious, weights), axis=1),
        'per_class': class_iou(pooled),
    }


def _weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over the images of a resample for which a value is defined.

    Shape:
        values (N, K); weights (R, N); returns (R, K).
    """
    defined = ~np.isnan(values)
    total = weights @ np.where(defined, values, 0)
    count = weights @ defined.astype(np.float64)
    result = np.full(total.shape, np.nan)
    np.divide(total, count, out=result, where=count > 0)
    return result


def interval(values: np.ndarray) -> Interval:
    """The middle 95 % of resamples; None where none is defined.

    Shape:
        values (R,).
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    tail = (100 - LEVEL) / 2
    return [float(end) for end in np.percentile(values, [tail, 100 - tail])]


def metric_intervals(counts: np.ndarray, weights: np.ndarray,
                     classes: Sequence[str]) -> Dict[str, Any]:
    """The intervals of all metrics of a row.

    None for fewer than two images, which say nothing of others.

    Args:
        counts (np.ndarray): Class counts of every image.
        weights (np.ndarray): What :func:`draw_images` gives.
        classes (Sequence[str]): Names of the classes.

    Shape:
        counts (N, 3, C); weights (R, N).

    Returns:
        dict: [low, high] of each metric, and ``per_class`` of those.
    """
    values = resampled_metrics(counts, weights)
    of_classes = values.pop('per_class').T
    if len(counts) < 2:
        return {**dict.fromkeys(values), 'per_class': dict.fromkeys(classes)}
    return {
        **{name: interval(drawn) for name, drawn in values.items()},
        'per_class': {name: interval(drawn)
                      for name, drawn in zip(classes, of_classes)}}


def worst_intervals(chosen: Dict[str, np.ndarray],
                    weights: np.ndarray) -> Dict[str, Interval]:
    """The intervals of a worst case.

    The attack that stands for an image is not chosen again in a resample:
    for aAcc it would be the same one, for mIoU the greedy choice is kept.

    Args:
        chosen (dict): Class counts (N, 3, C) under the attacks that stand
            for the images, by ``'aAcc'`` and ``'mIoU_greedy'``.
        weights (np.ndarray): What :func:`draw_images` gives.
    """
    result = {}
    for name, counts in chosen.items():
        drawn = resampled_metrics(counts, weights)[name.partition('_')[0]]
        result[name] = interval(drawn) if len(counts) > 1 else None
    return result


def difference(ours: np.ndarray, others: np.ndarray, metric: str,
               weights: np.ndarray) -> Dict[str, Any]:
    """How much larger a metric is with the second counts, image by image.

    A paired bootstrap: both are resampled to the same images, so that what
    makes an image hard for both cancels.

    Args:
        ours (np.ndarray): Class counts of the images.
        others (np.ndarray): Class counts of the same images in the same
            order, under another model or attack.
        metric (str): One of the metrics.
        weights (np.ndarray): What :func:`draw_images` gives.

    Shape:
        ours and others (N, 3, C); weights (R, N).

    Returns:
        dict: ``value``, ``interval``, and ``differs``: whether the interval
        leaves out 0; None where it is undefined.
    """
    everyone = np.ones((1, len(ours)))
    value = number((resampled_metrics(others, everyone)[metric] -
                    resampled_metrics(ours, everyone)[metric])[0])
    ends = None
    if len(ours) > 1:
        ends = interval(resampled_metrics(others, weights)[metric] -
                        resampled_metrics(ours, weights)[metric])
    differs = None if ends is None else not ends[0] <= 0 <= ends[1]
    return {'value': value, 'interval': ends, 'differs': differs}
