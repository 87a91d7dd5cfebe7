"""What the training pass itself says of a mixed batch, without another one."""
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, List, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..attacks.base import at_least_float32, full_precision, predict_classes
from .mmseg_types import Segmentor
from .model import PixelModel, last_head


@contextmanager
def trained_logits(head: nn.Module, batch_size: int) -> Iterator[List[Tensor]]:
    """Keep what the classifier of a head gave last for a whole batch.

    Only in training mode: an attack runs it in evaluation mode.

    Args:
        head (nn.Module): Without a ``conv_seg`` nothing is kept.
        batch_size (int): How many images a whole batch has.

    Yields:
        list[Tensor]: The logits (B, C, h, w), a copy without a graph; empty
        as long as there are none.
    """
    logits: List[Tensor] = []

    def keep(classifier: nn.Module, args: tuple, output: Tensor) -> None:
        if classifier.training and len(output) == batch_size:
            logits[:] = [output.detach().clone()]

    classifier = getattr(head, 'conv_seg', None)
    if classifier is None:
        yield logits
        return
    handle = classifier.register_forward_hook(keep)
    try:
        yield logits
    finally:
        handle.remove()


def part_accuracies(segmentor: Segmentor, logits: Sequence[Tensor],
                    data_samples: Sequence,
                    num_adv: int) -> Dict[str, Tensor]:
    """Return the accuracy of either part of a mixed batch, in percent.

    Args:
        segmentor (Segmentor): Whose last head gave the logits.
        logits (Sequence[Tensor]): What :func:`trained_logits` kept.
        data_samples (list[SegDataSample]): As the data preprocessor gave
            them.
        num_adv (int): How many images, the last ones, are adversarial.

    Returns:
        dict: ``acc_clean`` and ``acc_adv``, scalars; without a part that has
        no image, and empty where nothing was kept or seen.
    """
    if not (logits and data_samples):
        return {}
    rights, totals = [], []
    with torch.no_grad(), full_precision(logits[0].device):
        head = last_head(segmentor)
        ignore_index = PixelModel(segmentor, surface='whole').ignore_index
        for maps, data_sample in zip(logits[0].split(1), data_samples):
            labels = data_sample.gt_sem_seg.data
            maps = F.interpolate(
                at_least_float32(maps), labels.shape[-2:], mode='bilinear',
                align_corners=head.align_corners)
            if maps.shape[1] == 1:
                prediction = (maps.sigmoid() > head.threshold)[:, 0]
            else:
                prediction = predict_classes(maps)
            labelled = labels != ignore_index
            rights.append(((prediction == labels) & labelled).sum())
            totals.append(labelled.sum())
    right, total = torch.stack(rights), torch.stack(totals).clamp_min(1)
    first = len(data_samples) - num_adv
    parts = dict(acc_clean=slice(0, first), acc_adv=slice(first, None))
    return {
        name: 100. * right[part].sum() / total[part].sum()
        for name, part in parts.items() if len(right[part])
    }


class TrainingPass:
    """Watches a training iteration from outside the model, until its end.

    It looks at the data preprocessor and at the classifier of the last head,
    and so at what an optimizer wrapper, a distributed wrapper or several
    optimizers make of the model.

    Args:
        segmentor (Segmentor): The model without a distributed wrapper.
        batch_size (int): How many images the batch has.
        num_adv (int): How many of them, the last ones, are adversarial.
    """

    def __init__(self, segmentor: Segmentor, batch_size: int,
                 num_adv: int) -> None:
        self.segmentor = segmentor
        self.num_adv = num_adv
        self._data_samples: Sequence = ()
        self._watching = ExitStack()
        self._logits = self._watching.enter_context(
            trained_logits(last_head(segmentor), batch_size))
        handle = segmentor.data_preprocessor.register_forward_hook(self._see)
        self._watching.callback(handle.remove)

    def _see(self, preprocessor: nn.Module, args: tuple,
             data: Dict[str, Any]) -> None:
        self._data_samples = data['data_samples']

    def end(self) -> Dict[str, Tensor]:
        """Leave the model alone; return what :func:`part_accuracies` does."""
        self._watching.close()
        return part_accuracies(self.segmentor, self._logits,
                               self._data_samples, self.num_adv)
