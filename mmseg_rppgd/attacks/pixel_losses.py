"""Losses of single pixels, which grow as a pixel turns wrong.

Shapes: logits (B, C, H, W); labels and losses (B, H, W).
"""
import math
from typing import Callable, Dict

import torch
import torch.nn.functional as F
from torch import Tensor

from .threat_model import Number, parse_number

# Of logits as a vector: bounds the gradient of a pixel whose logits are all 0,
# as torch.nn.functional.cosine_similarity does.
SHORTEST = 1e-8
Q_START, Q_END = -2., 1.  # of the Tsallis cross-entropy

PixelLoss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return -log softmax(z)_y."""
    return F.cross_entropy(logits, labels, reduction='none')


def jensen_shannon(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence to one-hot, in [0, ln 2].

    Paper: Croce et al., SEA, ECCV 2024. With p the probability of the label
    it is (ln 2 (1 - p) + p ln(2p / (1 + p)) + ln(2 / (1 + p))) / 2.
    """
    log_p = pick(logits.log_softmax(1), labels)
    p = log_p.exp()
    log_mean = torch.log1p(p) - math.log(2)
    return (math.log(2) * (1 - p) + p * (log_p - log_mean) - log_mean) / 2


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the largest other logit minus that of the label."""
    others = logits.scatter(1, labels[:, None], -math.inf)
    return others.amax(1) - pick(logits, labels)


def spherical(logits: Tensor, labels: Tensor) -> Tensor:
    """Return -z_y / ||z||, the spherical loss of Croce et al., 2024."""
    length = logits.norm(dim=1)
    return -pick(logits, labels) / length.clamp_min(SHORTEST)


def cosine(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - cos(z, one-hot), the loss of PAdam-Cos."""
    return 1 + spherical(logits, labels)


def tsallis(logits: Tensor, labels: Tensor, q: float = 1.) -> Tensor:
    """Return (1 - p_y^(1-q)) / (1 - q), for q = 1 the cross-entropy.

    Paper: TsallisPGD, arXiv 2605.03405, 2026; it is -ln_q(p_y) with the
    logarithm of Tsallis, J. Stat. Phys. 1988. Its gradient is that of the
    cross-entropy times p_y^(1-q): q < 1 leaves alone the pixels that are
    surely wrong, and the smaller q, the surer a pixel must be to be climbed.
    """
    log_p = -cross_entropy(logits, labels)
    if q == 1:
        return -log_p
    return -torch.expm1((1 - q) * log_p) / (1 - q)


def check_q(name: str, value: Number) -> float:
    """Return a q of the Tsallis cross-entropy."""
    q = parse_number(name, value)
    if q > 1:
        raise ValueError(
            f'{name} must be <= 1 (1 is the cross-entropy; beyond it the '
            'gradient of a pixel grows without bound as it turns wrong), but '
            f'got {value!r}')
    return q


def pick(values: Tensor, labels: Tensor) -> Tensor:
    """Return values[b, labels[b, h, w], h, w]."""
    return values.gather(1, labels[:, None])[:, 0]


PIXEL_LOSSES: Dict[str, PixelLoss] = {
    'ce': cross_entropy,
    'js': jensen_shannon,
    'margin': margin,
    'spherical': spherical,
    'cosine': cosine,
    'tsallis': tsallis,
}
