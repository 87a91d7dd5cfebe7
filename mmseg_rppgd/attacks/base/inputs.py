"""Checks of numbers, and of the images, labels and mask of one call."""
from typing import Any, NamedTuple, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from .tensors import predict_classes

RANGE_SLACK = 1e-4  # rounding of a normalise and de-normalise round trip

Generators = Union[None, torch.Generator, Sequence[torch.Generator]]


class AttackInputs(NamedTuple):
    """Checked inputs of one call.

    Args:
        images (Tensor): Clean images (B, 3, H, W), clamped to [0, 1].
        labels (Tensor): (B, H, W); 0 where ignored, so that it can index.
        labelled (Tensor): (B, H, W) bool, where labels count.
        num_labelled (Tensor): (B,) number of labelled pixels, in the dtype
            of the images.
        mask (Tensor, optional): (B, 1, H, W) bool, where a perturbation may
            exist; False all over an image without a labelled pixel.
        targeted (bool): Whether ``labels`` are targets.
        generators (tuple): The source of noise of each image; None is the
            global one.
    """
    images: Tensor
    labels: Tensor
    labelled: Tensor
    num_labelled: Tensor
    mask: Optional[Tensor]
    targeted: bool
    generators: Tuple[Optional[torch.Generator], ...] = ()

    def count_wrong(self, logits: Tensor) -> Tensor:
        """Return the number of wrong labelled pixels (B,)."""
        wrong = (predict_classes(logits) != self.labels) & self.labelled
        return wrong.sum((1, 2))

    def mis_ratio(self, logits: Tensor) -> Tensor:
        """Return the percentage of wrong labelled pixels (B,)."""
        return 100 * self.count_wrong(logits) / self.num_labelled


def check_inputs(images: Tensor,
                 labels: Tensor,
                 mask: Optional[Tensor],
                 ignore_index: int,
                 targeted: bool,
                 generator: Generators = None) -> AttackInputs:
    """Check what the caller gave and return own copies of it."""
    for name, tensor in (('images', images), ('labels', labels)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f'{name} must be a torch.Tensor, but got '
                            f'{type(tensor).__name__}')
    if images.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            'images must be float32 or float64 in [0, 1], but got '
            f'{images.dtype}; convert with images.float() (and / 255 if they '
            'are 8-bit), and let autocast lower the precision')
    if images.dim() != 4 or images.shape[1] != 3:
        raise ValueError('images must have the shape (B, 3, H, W), but got '
                         f'{tuple(images.shape)}')
    if labels.dtype != torch.int64:
        raise TypeError(f'labels must be int64, but got {labels.dtype}; '
                        'convert with labels.long()')
    if labels.dim() != 3 or len(labels) != len(images):
        raise ValueError(
            f'labels must have the shape (B, H, W) with B = {len(images)}, '
            f'but got {tuple(labels.shape)}')
    if labels.device != images.device:
        raise ValueError('labels must be on the device of the images, '
                         f'{images.device}, but are on {labels.device}')
    generators = check_generators(generator, len(images))
    images = images.detach().clone()
    labels = labels.clone()
    # Written so that NaN fails too.
    in_range = (images >= -RANGE_SLACK) & (images <= 1 + RANGE_SLACK)
    if not bool(in_range.all()):
        raise ValueError(
            'images must lie in [0, 1] (not 0-255, not normalised), but got '
            f'{float(images[~in_range][0])}')
    if mask is not None:
        mask = check_mask(mask, images)
    labelled = labels != ignore_index
    num_labelled = labelled.sum((1, 2))
    if not bool(num_labelled.all()):
        has_labels = (num_labelled > 0).view(-1, 1, 1, 1)
        mask = has_labels if mask is None else mask & has_labels
        mask = mask.expand(len(images), 1, *images.shape[2:])
    return AttackInputs(
        images=images.clamp(0, 1),
        labels=labels.masked_fill(~labelled, 0),
        labelled=labelled,
        num_labelled=num_labelled.to(images.dtype),
        mask=mask,
        targeted=targeted,
        generators=generators)


def check_mask(mask: Tensor, images: Tensor) -> Tensor:
    """Check the mask of attackable pixels and return a copy."""
    shape = (len(images), 1, *images.shape[2:])
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f'mask must be a bool tensor, but got {kind}')
    if tuple(mask.shape) != shape:
        raise ValueError('mask must have the shape (B, 1, H, W) = '
                         f'{shape}, but got {tuple(mask.shape)}')
    if mask.device != images.device:
        raise ValueError('mask must be on the device of the images, '
                         f'{images.device}, but is on {mask.device}')
    return mask.clone()


def check_generators(generator: Any,
                     count: int,
                     what: str = 'images'
                     ) -> Tuple[Optional[torch.Generator], ...]:
    """Return the source of noise of each of ``count`` images.

    One that is not in a sequence serves them all, in their order.
    """
    alone = not isinstance(generator, (list, tuple))
    listed = (generator, ) * count if alone else tuple(generator)
    for source in (generator, ) if alone else listed:
        # What is none is a bare seed, mostly.
        if not (isinstance(source, torch.Generator) or
                (alone and source is None)):
            raise TypeError(
                f'generator must be a torch.Generator, but got {source!r}; '
                'for a seed give torch.Generator().manual_seed(seed), for '
                'several images also a list of one for each')
    if len(listed) != count:
        raise ValueError(
            'generator must be one, or a list of one for each of the '
            f'{count} {what}, but got {len(listed)}')
    return listed


def check_int(name: str, value: Any, least: Optional[int] = None) -> None:
    """Check that an argument is an int, not less than ``least``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f'{name} must be an int, but got {value!r}')
    if least is not None and value < least:
        raise ValueError(f'{name} must be >= {least}, but got {value}')
