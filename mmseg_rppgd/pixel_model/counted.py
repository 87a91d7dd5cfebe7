"""Which pixels count: the one place where that is decided.

In validation and tests it is what the evaluator of the loop counts, so that
what is attacked is what is measured; in training what the loss of the last
head counts. A data set's own ``ignore_index`` is neither: mmseg's metrics and
losses do not read it.
"""
import copy
import inspect
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from ..attacks.base import Attack
from ..metrics import count_classes

EVERY_PIXEL = -1  # an ignore_index that is no label


@dataclass(frozen=True)
class CountedPixels:
    """Which pixels of a label map count.

    Args:
        ignore_index (int, optional): Label of those that do not. None means
            that every pixel counts.
        num_classes (int): Number of classes of the data set, of which a head
            may have more.
    """
    ignore_index: Optional[int]
    num_classes: int

    @classmethod
    def of_loop(cls, loop: Any, model: Any) -> 'CountedPixels':
        """Return what the evaluator of a val or test loop counts.

        Args:
            loop (BaseLoop): With an ``evaluator``.
            model (PixelModel): Answers where the evaluator does not say.
        """
        evaluator = getattr(loop, 'evaluator', None)
        meta = getattr(evaluator, 'dataset_meta', None)
        return cls(
            void_label(evaluator, model.ignore_index),
            len(class_names(meta)) if meta else model.num_classes)

    @classmethod
    def of_loss(cls, model: Any) -> 'CountedPixels':
        """Return what the loss of the last head of a model counts."""
        return cls(model.ignore_index, model.num_classes)

    def attacked(self, attack: Attack) -> Attack:
        """Return the attack on these pixels.

        Raises:
            ValueError: If it has another ``ignore_index`` of its own.
        """
        void = EVERY_PIXEL if self.ignore_index is None else self.ignore_index
        if attack.ignore_index == void:
            return attack
        if attack.ignore_index is not None:
            raise ValueError(
                f'{attack.name} has ignore_index={attack.ignore_index}, but '
                f'what is measured leaves out {self.ignore_index}, so it '
                'would attack pixels that no number counts; leave '
                'ignore_index out of the attack, or set that of the '
                'evaluator (of TestedModel, for a network of torch)')
        attack = copy.copy(attack)
        attack.ignore_index = void
        return attack

    def check(self, labels: Tensor, num_logits: int, name: str) -> None:
        """Raise a ValueError if a label that counts is outside the classes.

        Args:
            labels (Tensor): Labels.
            num_logits (int): Number of classes that the model tells apart.
            name (str): Their file, for the message.
        """
        # The one class of a binary head is told from the background.
        limit = min(num_logits, max(2, self.num_classes))
        outside = (labels < 0) | (labels >= limit)
        if self.ignore_index is not None:
            outside &= labels != self.ignore_index
        if bool(outside.any()):
            raise ValueError(
                f'labels must lie in [0, {limit}) or be {self.ignore_index} '
                f'(ignored), but {name} has {int(labels[outside][0])}; check '
                'the classes and reduce_zero_label of the dataset, and the '
                'ignore_index of the evaluator')

    def ignored(self, labels: Tensor) -> Tensor:
        """Whether each pixel does not count; bool, like the labels."""
        if self.ignore_index is None:
            return torch.zeros_like(labels, dtype=torch.bool)
        return labels == self.ignore_index

    def count(self, prediction: Tensor, labels: Tensor) -> np.ndarray:
        """Count as :func:`~mmseg_rppgd.metrics.count_classes` does."""
        return count_classes(prediction, labels, self.num_classes,
                             self.ignore_index)


def class_names(metainfo: Dict[str, Any]) -> Sequence[str]:
    """Return the classes that the metainfo of a data set names.

    Raises:
        ValueError: If it names none, or writes them otherwise.
    """
    classes = metainfo.get('classes')
    if not classes:
        other = [key for key in metainfo
                 if key.lower() == 'classes' and key != 'classes']
        raise ValueError(
            'the data set names no classes' +
            (f': its metainfo has {other[0]}, as in old versions of mmseg, '
             'where mmseg 1.x reads lower case' if other else '') +
            "; write metainfo=dict(classes=(...), palette=[...])")
    return classes


def void_label(evaluator: Any, default: Optional[int] = 255) -> Optional[int]:
    """Return the label that an evaluator leaves out.

    Args:
        evaluator (Evaluator | dict | list, optional): An evaluator, a list
            of metrics, or the config of either.
        default (int, optional): The answer where no metric says.

    Raises:
        ValueError: If its metrics count different pixels.
    """
    found = []
    for metric in _metrics(evaluator):
        told, label = _told_by(metric)
        if told:
            kind = metric.get('type') if isinstance(metric, dict) else metric
            name = kind if isinstance(kind, str) else getattr(
                kind, '__name__', type(kind).__name__)
            found.append((name, label))
    if any(label != found[0][1] for _, label in found):
        each = ', '.join(f'{name} leaves out {label}' for name, label in found)
        raise ValueError(
            f'the metrics of the evaluator count different pixels: {each}; '
            'an attack can follow one of them: give them one ignore_index, '
            'or measure in two runs')
    return found[0][1] if found else default


def _metrics(evaluator: Any) -> List[Any]:
    if evaluator is None:
        return []
    if isinstance(evaluator, dict) and isinstance(
            evaluator.get('metrics'), (dict, list, tuple)):
        return _metrics(evaluator['metrics'])
    if not isinstance(evaluator, dict) and hasattr(evaluator, 'metrics') and (
            not hasattr(evaluator, 'ignore_index')):
        return list(evaluator.metrics)
    if isinstance(evaluator, (list, tuple)):
        return list(evaluator)
    return [evaluator]


def _told_by(metric: Any) -> Tuple[bool, Optional[int]]:
    """Whether a metric, or the config of one, leaves out a label; which."""
    if not isinstance(metric, dict):
        return (hasattr(metric, 'ignore_index'),
                getattr(metric, 'ignore_index', None))
    if 'ignore_index' in metric:
        return True, metric['ignore_index']
    from mmengine.registry import DefaultScope
    from mmseg.registry import METRICS
    with DefaultScope.overwrite_default_scope('mmseg'):
        kind = metric.get('type')
        kind = METRICS.get(kind) if isinstance(kind, str) else kind
        if kind is None:
            return False, None
        parameter = inspect.signature(kind).parameters.get('ignore_index')
        if parameter is not None and parameter.default is not parameter.empty:
            return True, parameter.default
        # A class that sets it itself says so only when it is there.
        return _told_by(METRICS.build(metric))
