"""What a model may return, and advice where it returns something else."""
import math
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from .tensors import describe

# Where a map of logits is looked for in a dict, before the other keys.
USUAL_KEYS = ('out', 'logits')

Size = Tuple[int, ...]


class SegOutput(NamedTuple):
    """What a model may return instead of bare logits.

    Args:
        logits (Tensor): (B, C, H, W) at the size of the labels.
        features (Tensor, optional): (B, D, h, w), what the classifier layer
            reads. Defaults to None.
        align_corners (bool): How ``features`` are upsampled where
            ``upsample`` is None. Defaults to False.
        upsample (callable, optional): The linear map (B, K, h, w) ->
            (B, K, H, W) from feature size to label size; it treats every
            channel alike, whatever their number. Defaults to None, bilinear
            interpolation.
    """
    logits: Tensor
    features: Optional[Tensor] = None
    align_corners: bool = False
    upsample: Optional[Callable[[Tensor], Tensor]] = None


def two_logits(logits: Any, threshold: float = 0.5) -> Any:
    """Turn the logit of a binary model into those of its two classes.

    Of one logit a softmax is constant, and its gradient zero.

    Args:
        logits (Tensor): (B, 1, H, W); anything else comes back as it is.
        threshold (float): Probability over which the class is 1. Defaults
            to 0.5.
    """
    if not isinstance(logits, Tensor) or logits.dim() != 4 or (
            logits.shape[1] != 1):
        return logits
    # sigmoid(z) > threshold is z - logit(threshold) > 0
    threshold = min(max(threshold, 1e-6), 1 - 1e-6)
    foreground = logits - math.log(threshold / (1 - threshold))
    return torch.cat([torch.zeros_like(foreground), foreground], 1)


def output_advice(output: Any, images: Tensor, size: Size) -> str:
    """Return what to do about an output that is not bare logits.

    Networks of torchvision give a dict, those of Hugging Face an object, and
    others a tuple with outputs for training: the logits are inside.

    Args:
        output (Any): What the network gave.
        images (Tensor): For what (B, 3, h, w).
        size (tuple[int]): Height and width that the logits must have.

    Returns:
        str: The end of a message, empty if no logits are found inside.
    """
    where, logits = _find_logits(output)
    if logits is None:
        return ''
    line = f'network(images){where}'
    if tuple(logits.shape[-2:]) != tuple(size):
        line = resized(line, images, size)
    return ('; the logits are inside: give a function that takes them out, '
            f'lambda images: {line}')


def resize_advice(images: Tensor, size: Size) -> str:
    """Return how logits get the height and width ``size`` of the labels."""
    return ('upsample them in the network or in a function around it, '
            f'lambda images: {resized("network(images)", images, size)}')


def resized(line: str, images: Tensor, size: Size) -> str:
    """Return the code that upsamples the logits that ``line`` gives."""
    size = tuple(size)
    shown = ('images.shape[-2:]' if size == tuple(images.shape[-2:])
             else str(size))
    return f"F.interpolate({line}, size={shown}, mode='bilinear')"


def found_keys(output: Any) -> str:
    """Return what an output is, with the keys of a dict, for messages."""
    if isinstance(output, Mapping):
        return f'{describe(output)} of {", ".join(map(str, output))}'
    return describe(output)


def _find_logits(output: Any) -> Tuple[str, Optional[Tensor]]:
    """Return how the logits are taken out of an output, and the logits."""
    if _is_map(getattr(output, 'logits', None)):
        return '.logits', output.logits
    if isinstance(output, Mapping):
        keys = [key for key in USUAL_KEYS if key in output]
        inside = [(key, output[key]) for key in (*keys, *output)]
    elif isinstance(output, (list, tuple)):
        inside = list(enumerate(output))
    else:
        return '', None
    for key, value in inside:
        if _is_map(value):
            return f'[{key!r}]', value
    return '', None


def _is_map(value: Any) -> bool:
    return (isinstance(value, Tensor) and value.dim() == 4
            and value.is_floating_point())
