"""Whether a network under test gives the logits that are asked of it."""
from typing import Any, Sequence, Tuple

from torch import Tensor

from ...attacks.base import AttackedModel, found_keys, output_advice


def check_logits(logits: Any, images: Tensor, samples: Sequence[Any],
                 num_classes: int, model: AttackedModel) -> None:
    """Refuse what is not a logit of each class for each label.

    Args:
        logits (Tensor): What the network gave, expected to be (B, C, H, W).
        images (Tensor): For what (B, 3, h, w).
        samples (Sequence[Sample]): Whose images they are, with labels (H, W).
        num_classes (int): How many classes are named, C.
        model (AttackedModel): Knows how to give logits another size.

    Raises:
        ValueError: If it is anything else; the message says what to do.
    """
    expected = (len(samples), num_classes, *samples[0].labels.shape)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != expected:
        raise ValueError(
            'the network must give logits (B, C, H, W) for the '
            f'{num_classes} classes at the size of the labels, {expected}, '
            f'but gives {found_keys(logits)} for sample {samples[0].path}'
            f'{_advice(logits, images, expected, model)}')
    if logits.device != images.device:
        raise ValueError(
            'the network must give logits on the device of its images, '
            f'{images.device}, but gives them on {logits.device}; leave them '
            'where they are made')


def _advice(logits: Any, images: Tensor, expected: Tuple[int, ...],
            model: AttackedModel) -> str:
    if not isinstance(logits, Tensor):
        return output_advice(logits, images, expected[2:])
    if logits.dim() != 4 or len(logits) != expected[0]:
        return ''
    if logits.shape[1] != expected[1]:
        return f'; name its {logits.shape[1]} classes in classes=[...]'
    return f'; {model.resize_advice(images, expected[2:])}'
