"""Class prototypes and their inter-class similarity (Eq. 5 and 6).

Eq. 5 averages the features upsampled to label size, M = U F, over the pixels
of a class, m_c: P_c = <U F, m_c> / |m_c| = <F, U^T m_c> / |m_c|. The right
side is the same number and never holds a D x H x W tensor: the masks of the
classes present come down to feature size through the adjoint U^T.
"""
from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import SegOutput

CLASSES_AT_ONCE = 16  # bounds the masks held at label size


def classes_present(labels: Tensor, labelled: Tensor) -> List[Tensor]:
    """Return the classes (K,) among the labelled pixels of each image."""
    return [labels[i][labelled[i]].unique() for i in range(len(labels))]


def inter_class_similarity(output: SegOutput, labels: Tensor, region: Tensor,
                           classes: List[Tensor]) -> Tensor:
    """Return L_P of each image, Eq. 6: in [-2, 2], 0 with one prototype.

    The gradient flows through the features.

    Args:
        output (SegOutput): Its features and how they are upsampled.
        labels (Tensor): Classes (B, H, W).
        region (Tensor): Pixels that make the prototypes, bool (B, H, W).
        classes (list[Tensor]): Of each image, the classes (K,) that may
            occur in the region.

    Raises:
        ValueError: If the output has no features.
    """
    features = output.features
    if features is None:
        raise ValueError(
            'output must have features, of which the prototypes are means, '
            'but has None; set needs_features = True in the objective that '
            'reads them')
    return torch.stack([
        mean_pair_cosine(*prototypes(output, features[i], labels[i],
                                     region[i], classes[i]))
        if len(classes[i]) > 1 else 0 * features[i].sum()
        for i in range(len(labels))
    ])


def prototypes(output: SegOutput, features: Tensor, labels: Tensor,
               region: Tensor, classes: Tensor) -> Tuple[Tensor, Tensor]:
    """Return the prototypes (K, D) of one image, Eq. 5, and which exist.

    Shape:
        features (D, h, w); labels (H, W); region (H, W) bool; classes (K,).
    """
    size = features.shape[1:]
    features = features.flatten(1)  # (D, hw)
    sums, counts = [], []
    for group in classes.split(CLASSES_AT_ONCE):
        masks = (labels == group.view(-1, 1, 1)) & region
        masks = masks.to(features.dtype)
        counts.append(masks.sum((1, 2)))
        weights = downsample_masks(masks[None], output, size)
        sums.append(weights[0].flatten(1) @ features.t())
    count = torch.cat(counts)
    return torch.cat(sums) / count.clamp_min(1)[:, None], count > 0


def downsample_masks(masks: Tensor, output: SegOutput,
                     size: torch.Size) -> Tensor:
    """Apply the adjoint of the upsampling: (1, K, H, W) -> (1, K, h, w)."""
    coarse = masks.new_zeros(masks.shape[:2] + size, requires_grad=True)
    if output.upsample is not None:
        fine = output.upsample(coarse)
        check_upsampled(fine, masks)
    else:
        fine = F.interpolate(
            coarse,
            size=masks.shape[2:],
            mode='bilinear',
            align_corners=output.align_corners)
    return torch.autograd.grad(fine, coarse, masks)[0]


def check_upsampled(fine: Tensor, masks: Tensor) -> None:
    """Check what ``upsample`` of a SegOutput made of a map of zeros."""
    if fine.shape != masks.shape or not fine.requires_grad:
        graph = '' if fine.requires_grad else ' without a gradient'
        raise ValueError(
            'upsample of the SegOutput must be a differentiable linear map '
            f'to the size of the labels, {tuple(masks.shape)} here, but it '
            f'gave {tuple(fine.shape)}{graph}')


def mean_pair_cosine(vectors: Tensor, exists: Tensor) -> Tensor:
    """Return Eq. 6: cosines over ordered pairs, divided by C(N_P, 2).

    Args:
        vectors (Tensor): (K, D) prototypes.
        exists (Tensor): (K,) bool, the N_P of them that count.
    """
    length = vectors.norm(dim=1, keepdim=True)
    # A zero vector has no direction: its cosines, and their gradient, are 0.
    usable = exists[:, None] & (length > 0)
    units = torch.where(usable, vectors / torch.where(usable, length, 1), 0)
    cosines = units @ units.t()
    pair_sum = cosines.sum() - cosines.diagonal().sum()
    num = exists.sum()
    return pair_sum / (num * (num - 1) / 2).clamp_min(1)
