"""Every window of an image attacked by itself, as DDC-AT does."""
from typing import NamedTuple, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..attacks.base import Attack, Generators, predict_classes
from .model import PixelModel
from .space import size_of
from .windows import check_windows, stitch, window_boxes


class WindowsResult(NamedTuple):
    """Like AttackResult, of windows attacked each by itself.

    Args:
        adv_images (Tensor): Means over overlapping windows.
        mis_ratio (Tensor): (B,) that of ``logits``.
        logits (Tensor): (B, C, H, W) stitched, at label size.
    """
    adv_images: Tensor
    mis_ratio: Tensor
    logits: Tensor


def attack_windows(attack: Attack, model: PixelModel, images: Tensor,
                   labels: Tensor, mask: Optional[Tensor],
                   generator: Generators) -> WindowsResult:
    """Attack every window of unpadded images by itself (DDC-AT)."""
    check_windows(model.test_cfg)
    size, label_size = size_of(images), size_of(labels)
    crop_labels = labels
    if label_size != size:
        crop_labels = F.interpolate(
            labels[:, None].float(), size, mode='nearest-exact')[:, 0].long()
    boxes = window_boxes(size, model.test_cfg['crop_size'],
                         model.test_cfg['stride'])
    # A shared generator is drawn from image by image, the windows inside.
    size_of_part = (
        len(images) if isinstance(generator, (list, tuple)) else 1)
    masks: Sequence[Optional[Tensor]] = (
        [None] * len(images) if mask is None else mask.split(size_of_part))
    crops_of_parts = [[
        attack(model, box.crop(image).contiguous(), box.crop(label),
               None if part is None else box.crop(part), generator=generator)
        for box in boxes
    ] for image, label, part in zip(
        images.split(size_of_part), crop_labels.split(size_of_part), masks)]
    crops = [torch.cat(window) for window in zip(*crops_of_parts)]
    with torch.no_grad():
        logits = stitch((model(crop).logits for crop in crops), boxes, size)
    if label_size != size:
        logits = F.interpolate(
            logits, label_size, mode='bilinear',
            align_corners=model.align_corners)
    labelled = labels != attack.resolved_ignore_index(model)
    wrong = (predict_classes(logits) != labels) & labelled
    return WindowsResult(
        stitch(crops, boxes, size),
        100 * wrong.sum((1, 2)) / labelled.sum((1, 2)), logits)
