"""Measure robustness in each validation of a training."""
from typing import Any, Dict, Optional

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import Dataset

from ..attacks.base import untargeted
from ..attacks.base.spelling import spell_call
from ..loaded import LoadedSamples, digest_tensors
from ..metrics import accuracy, mean_iou
from ..pixel_model import CountedPixels, PixelModel, perturb_batch
from ..pixel_model.batches import name_of
from ..pixel_model.space import check_pixel_range
from ..registry import HOOKS
from .attack_hook import loop_precision, unwrap_model


@HOOKS.register_module()
class RobustValHook(Hook):
    """Add ``robust/mIoU`` and ``robust/aAcc`` to the validation metrics.

    After each validation some images of the validation set, evenly spaced,
    are attacked with noise that depends on the image alone, so that values
    of one training compare. Several processes share the images. The metrics
    can choose the best checkpoint: ``save_best='robust/mIoU'``. They follow
    mmseg's ``IoUMetric``; the pixels that the evaluator of the validation
    leaves out are neither attacked nor counted.

    Note:
        - It runs before all other hooks: the metrics must be there when
          they are logged and when CheckpointHook reads them, and EMAHook
          must not have put the averaged weights away.

    Args:
        attack (dict | Attack): The attack, or its config in ``ATTACKS``. A
            targeted one is refused: the labels are the true ones.
        num_images (int): Number of images. Defaults to 50, or all where
            there are fewer.
        interval (int): Measure in the first validation and every
            ``interval``-th after it; in between the last values are
            repeated. Defaults to 1.
        pixel_range (float, optional): See :class:`AttackHook`.

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
                 interval: int = 1,
                 pixel_range: Optional[float] = None) -> None:
        for name, value in dict(
                num_images=num_images, interval=interval).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'{name} must be an int >= 1, but got '
                                 f'{value!r}')
        self.attack = untargeted(attack, type(self).__name__)
        check_pixel_range(pixel_range)
        self.pixel_range = pixel_range
        self.num_images = num_images
        self.interval = interval
        self._num_validations = 0
        self._last: Dict[str, float] = {}

    def __repr__(self) -> str:
        return spell_call(type(self).__name__, dict(
            attack=self.attack, num_images=self.num_images,
            interval=self.interval, pixel_range=self.pixel_range))

    def after_val_epoch(self,
                        runner: Runner,
                        metrics: Optional[Dict[str, float]] = None) -> None:
        """Measure, and add to the metrics."""
        if self._num_validations % self.interval == 0:
            counts = self.counts(runner, get_rank(), get_world_size())
            all_reduce(counts)
            self._last = {'robust/mIoU': float(mean_iou(counts.numpy())),
                          'robust/aAcc': float(accuracy(counts.numpy()))}
        self._num_validations += 1
        if metrics is not None:
            metrics.update(self._last)

    def counts(self, runner: Runner, rank: int = 0,
               world_size: int = 1) -> Tensor:
        """Attack one process's share of the images.

        Returns:
            Tensor: (3, C) on the CPU, the sum over the images of
            :func:`~mmseg_rppgd.metrics.count_classes`.
        """
        model = unwrap_model(runner.model)
        loop = runner.val_loop
        dataset = loop.dataloader.dataset
        counted = CountedPixels.of_loop(
            loop, PixelModel(model, surface='whole'))
        num_images = min(self.num_images, len(dataset))
        indices = np.linspace(0, len(dataset) - 1, num_images).round()
        counts = np.zeros((3, counted.num_classes), dtype=np.int64)
        for index in indices[rank::world_size].astype(int):
            data = self._load(dataset, int(index))
            generator = torch.Generator().manual_seed(int(index))
            with loop_precision(loop):
                result = perturb_batch(
                    self.attack, model, data['inputs'],
                    data['data_samples'], generator=[generator],
                    counted=counted, pixel_range=self.pixel_range)
            self.pixel_range = result.pixel_range
            data['inputs'] = list(result.inputs)
            with torch.no_grad(), loop_precision(loop):
                outputs = model.val_step(data)
            for output in outputs:
                counts += counted.count(output.pred_sem_seg.data,
                                        output.gt_sem_seg.data)
        return torch.from_numpy(counts)

    def _load(self, dataset: Dataset, index: int) -> Dict[str, list]:
        """Load an image; the first time twice, to see that it stays."""
        data = pseudo_collate([dataset[index]])
        if self._num_validations == 0:
            loaded = LoadedSamples()
            for each in (data, pseudo_collate([dataset[index]])):
                sample = each['data_samples'][0]
                if 'gt_sem_seg' in sample:
                    loaded.see(index, digest_tensors(
                        each['inputs'][0], sample.gt_sem_seg.data),
                        name_of(sample, 'img_path'))
        return data
