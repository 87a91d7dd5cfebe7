"""Segmentation metrics from per-image class counts.

Shapes: N images, C classes. Counts are int64 and hold, per image and class,
the pixels that are right (tp), predicted (pred) and labelled (label); void
pixels are in none of them. Everything reported is a function of these counts,
so a result can be recomputed later from the stored counts alone.
"""
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np
import torch
from torch import Tensor

from .names import SCALARS

TP, PRED, LABEL = 0, 1, 2


def count_classes(prediction: Tensor, label: Tensor, num_classes: int,
                  ignore_index: Optional[int] = 255) -> np.ndarray:
    """Count right, predicted and labelled pixels per class of one image.

    Args:
        prediction (Tensor): Predicted classes. A prediction outside the
            classes is wrong and in no class, as in mmseg's ``IoUMetric``.
        label (Tensor): Labels; ``ignore_index`` marks void pixels.
        num_classes (int): Number of classes of the data set. One is that
            of a binary head whose background has no name: labels are 0 and
            1, and as in ``IoUMetric`` all pixels count as the one class.
        ignore_index (int, optional): The void label. None means that every
            pixel is labelled. Defaults to 255.

    Shape:
        prediction and label (H, W); returns (3, C) int64.

    Raises:
        ValueError: If the sizes differ, or a label that is not void is
            outside the classes.
    """
    if prediction.shape != label.shape:
        raise ValueError(
            'prediction and label must have the same size in pixels, but got '
            f'{tuple(prediction.shape)} and {tuple(label.shape)}')
    label = label.to(prediction.device).long().flatten()
    prediction = prediction.long().flatten()
    if ignore_index is not None:
        valid = label != ignore_index
        label, prediction = label[valid], prediction[valid]
    if label.numel() == 0:
        return np.zeros((3, num_classes), dtype=np.int64)
    check_labels(label, max(2, num_classes), ignore_index)
    if num_classes == 1:
        right = int((prediction == label).sum())
        return np.array([[right], [len(label)], [len(label)]], dtype=np.int64)
    in_range = (prediction >= 0) & (prediction < num_classes)
    areas = [label[prediction == label], prediction[in_range], label]
    counts = torch.stack(
        [torch.bincount(area, minlength=num_classes) for area in areas])
    return counts.cpu().numpy()


def check_labels(label: Tensor, num_classes: int,
                 ignore_index: Optional[int]) -> None:
    """Raise a ValueError if a labelled pixel is outside [0, num_classes).

    Args:
        label (Tensor): Labels without the void pixels.
        num_classes (int): Number of classes of the data set.
        ignore_index (int, optional): The void label, for the message.
    """
    wrong = label[(label < 0) | (label >= num_classes)]
    if wrong.numel():
        raise ValueError(
            f'labels must lie in [0, {num_classes}) or be the void label '
            f'{ignore_index}, but got {int(wrong[0])}; check num_classes, '
            'reduce_zero_label and the ignore_index of the evaluator')


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide, giving nan where nothing is there to divide by."""
    result = np.full(np.shape(part), np.nan, dtype=np.float64)
    np.divide(part, whole, out=result, where=np.asarray(whole) > 0)
    return result


def defined_mean(values: np.ndarray, axis: Optional[int] = None) -> np.ndarray:
    """Mean over what is defined; nan (without a warning) if nothing is."""
    defined = ~np.isnan(values)
    total = np.where(defined, values, 0).sum(axis=axis)
    return _ratio(total, defined.sum(axis=axis))


def class_iou(counts: np.ndarray) -> np.ndarray:
    """IoU in percent, nan for a class that occurs nowhere.

    Shape:
        counts (..., 3, C); returns (..., C).
    """
    tp, pred, label = (counts[..., k, :] for k in (TP, PRED, LABEL))
    return 100 * _ratio(tp, pred + label - tp)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of the labelled pixels that are right, in percent.

    Shape:
        counts (..., 3, C); returns (...).
    """
    return 100 * _ratio(counts[..., TP, :].sum(-1),
                        counts[..., LABEL, :].sum(-1))


def mean_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean over the labelled classes of the share that is right, percent.

    Shape:
        counts (..., 3, C); returns (...).
    """
    return 100 * defined_mean(
        _ratio(counts[..., TP, :], counts[..., LABEL, :]), axis=-1)


def mean_iou(counts: np.ndarray) -> np.ndarray:
    """Mean over the classes that occur of the IoU, in percent.

    Shape:
        counts (..., 3, C); returns (...).
    """
    return defined_mean(class_iou(counts), axis=-1)


def number(value: Any) -> Optional[float]:
    """A plain float, or None where it is undefined (JSON has no nan)."""
    return float(value) if np.isfinite(value) else None


# Every metric that is one number, of counts (N, 3, C). Files, tables, curves
# and visualizer follow; its interval is evaluation/results/intervals.py's.
METRICS: Dict[str, Callable[[np.ndarray], Any]] = {
    'mIoU': lambda counts: mean_iou(counts.sum(axis=0)),
    'aAcc': lambda counts: accuracy(counts.sum(axis=0)),
    'mAcc': lambda counts: mean_accuracy(counts.sum(axis=0)),
    'MisRatio': lambda counts: 100 - accuracy(counts.sum(axis=0)),
    'NmIoU': lambda counts: defined_mean(
        defined_mean(class_iou(counts), axis=1)),
    'CmIoU': lambda counts: defined_mean(
        defined_mean(class_iou(counts), axis=0)),
}


def compute_metrics(counts: np.ndarray,
                    classes: Sequence[str]) -> Dict[str, Any]:
    """All metrics of a set of images, in percent and unrounded.

    mIoU, aAcc and mAcc are those of mmseg's ``IoUMetric``: counted over the
    whole data set. NmIoU is the mean over images of the mean over the classes
    in prediction or label; CmIoU the mean over classes of the mean over the
    images that have the class. MisRatio is 100 - aAcc.

    Args:
        counts (np.ndarray): Class counts of every image.
        classes (Sequence[str]): Names of the classes.

    Shape:
        counts (N, 3, C).

    Returns:
        dict: The metrics and ``per_class``, None where undefined.
    """
    result: Dict[str, Any] = {
        name: number(METRICS[name](counts)) for name in SCALARS}
    result['per_class'] = {
        name: number(iou)
        for name, iou in zip(classes, class_iou(counts.sum(axis=0)))}
    return result


def pack_counts(counts: np.ndarray) -> Dict[str, List[int]]:
    """Store only the classes that occur, as plain lists.

    Shape:
        counts (3, C).
    """
    index = np.flatnonzero(counts.any(axis=0))
    return {'class': index.tolist(), 'tp': counts[TP, index].tolist(),
            'pred': counts[PRED, index].tolist(),
            'label': counts[LABEL, index].tolist()}


def unpack_counts(packed: Dict[str, List[int]],
                  num_classes: int) -> np.ndarray:
    """Invert :func:`pack_counts`."""
    counts = np.zeros((3, num_classes), dtype=np.int64)
    index = np.asarray(packed['class'], dtype=np.int64)
    for row, key in ((TP, 'tp'), (PRED, 'pred'), (LABEL, 'label')):
        counts[row, index] = packed[key]
    return counts
