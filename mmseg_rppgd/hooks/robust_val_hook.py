"""Measure robustness in each validation of a training."""
from typing import Any, Dict, List, Optional

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.hooks import Hook
from torch import Tensor

from ..attacks.base import Attack
from ..pixel_model import last_head, perturb_batch, unwrap_segmentor
from ..registry import ATTACKS, HOOKS
from .attack_hook import loop_precision, unwrap_model


@HOOKS.register_module()
class RobustValHook(Hook):
    """Add ``robust/mIoU`` and ``robust/aAcc`` to the validation metrics.

    After each validation some images of the validation set, evenly spaced,
    are attacked with noise that depends on the image alone, so that values
    of one training compare. Several processes share the images. The metrics
    can choose the best checkpoint: ``save_best='robust/mIoU'``.

    Note:
        - It runs before all other hooks: the metrics must be there when
          they are logged and when CheckpointHook reads them, and EMAHook
          must not have put the averaged weights away.

    Args:
        attack (dict | Attack): The attack, or its config in ``ATTACKS``.
        num_images (int): Number of images. Defaults to 50, or all where
            there are fewer.
        interval (int): Measure in the first validation and every
            ``interval``-th after it; in between the last values are
            repeated. Defaults to 1.

    Example:
        >>> custom_hooks = [
        ...     dict(type='mmseg_rppgd.RobustValHook',
        ...          attack=dict(type='PGD', steps=10), num_images=50)
        ... ]
    """

    priority = 'HIGHEST'

    def __init__(self,
                 attack: Any,
                 num_images: int = 50,
                 interval: int = 1) -> None:
        for name, value in dict(
                num_images=num_images, interval=interval).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'{name} must be an int >= 1, but got '
                                 f'{value!r}')
        self.attack = (
            attack if isinstance(attack, Attack) else ATTACKS.build(attack))
        self.num_images = num_images
        self.interval = interval
        self._num_validations = 0
        self._last: Dict[str, float] = {}

    def after_val_epoch(self,
                        runner,
                        metrics: Optional[Dict[str, float]] = None) -> None:
        """Measure, and add to the metrics."""
        if self._num_validations % self.interval == 0:
            counts = self.counts(runner, get_rank(), get_world_size())
            all_reduce(counts)
            self._last = summary(counts)
        self._num_validations += 1
        if metrics is not None:
            metrics.update(self._last)

    def counts(self, runner, rank: int = 0, world_size: int = 1) -> Tensor:
        """Attack one process's share of the images.

        Returns:
            Tensor: (3, C), see :func:`class_counts`.
        """
        model = unwrap_model(runner.model)
        dataset = runner.val_loop.dataloader.dataset
        num_images = min(self.num_images, len(dataset))
        indices = np.linspace(0, len(dataset) - 1, num_images).round()
        segmentor = unwrap_segmentor(model)
        num_classes = max(2, last_head(segmentor).out_channels)
        device = next(segmentor.parameters()).device
        counts = torch.zeros(
            3, num_classes, dtype=torch.float64, device=device)
        for index in indices[rank::world_size].astype(int):
            data = pseudo_collate([dataset[int(index)]])
            generator = torch.Generator(device).manual_seed(int(index))
            with loop_precision(runner.val_loop):
                result = perturb_batch(
                    self.attack, segmentor, data['inputs'],
                    data['data_samples'], generator=[generator])
            data['inputs'] = result.inputs
            with torch.no_grad(), loop_precision(runner.val_loop):
                outputs = model.val_step(data)
            for output in outputs:
                counts += class_counts(
                    output.pred_sem_seg.data, output.gt_sem_seg.data,
                    num_classes, getattr(dataset, 'ignore_index', 255))
        return counts


def class_counts(prediction: Tensor, labels: Tensor, num_classes: int,
                 ignore_index: int) -> Tensor:
    """Return pixels per class (3, C): right, predicted, labelled."""
    labels = labels.to(prediction.device)
    labelled = labels != ignore_index
    prediction, labels = prediction[labelled].long(), labels[labelled].long()
    rows: List[Tensor] = [
        values.bincount(minlength=num_classes)[:num_classes]
        for values in (labels[prediction == labels], prediction, labels)
    ]
    return torch.stack(rows)


def summary(counts: Tensor) -> Dict[str, float]:
    """Return mIoU over the classes that occur, and aAcc, in percent."""
    right, predicted, labelled = counts.cpu().numpy()
    union = predicted + labelled - right
    iou = right[union > 0] / union[union > 0]
    return {
        'robust/mIoU': float(100 * iou.mean()) if len(iou) else float('nan'),
        'robust/aAcc': float(100 * right.sum() / max(labelled.sum(), 1))
    }
