"""The branches of DDC-AT beside the classifier of a head."""
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..pixel_model.mmseg_types import DecodeHead, Segmentor


class DDCATHead(BaseModule):
    """What DDC-AT has beside the main branch; training alone runs it.

    Args:
        classifier (nn.Conv2d): The main branch. The auxiliary one is like
            it; the mask, like it, gives two classes.
    """

    def __init__(self, classifier: nn.Conv2d) -> None:
        # As MMSeg initialises its classifiers.
        super().__init__(dict(type='Normal', std=0.01, layer='Conv2d'))
        self.auxiliary = alike(classifier, classifier.out_channels)
        self.mask = alike(classifier, 2)

    @contextmanager
    def mixed_in(self, head: DecodeHead, size: tuple,
                 auxiliary: Optional[Tensor] = None
                 ) -> Iterator[List[Tensor]]:
        """Let the classifier of a head give the mix of both branches.

        At the size of the labels, so that it is mixed after upsampling;
        everything behind the classifier is the head's own.

        Args:
            head (nn.Module): The head whose ``conv_seg`` is the main branch.
            size (tuple[int]): Height and width of the labels.
            auxiliary (Tensor, optional): Bool (B, H, W), where the auxiliary
                branch classifies. Defaults to None, where the mask says so.

        Yields:
            list[Tensor]: The logits of the mask (B, 2, H, W) of each pass,
            float32 at least.
        """
        masks: List[Tensor] = []

        def mix(classifier: nn.Module, args: tuple, main: Tensor) -> Tensor:
            main, other, mask = (
                F.interpolate(maps, tuple(size), mode='bilinear',
                              align_corners=head.align_corners)
                for maps in (main, self.auxiliary(*args), self.mask(*args)))
            masks.append(mask if mask.dtype == torch.float64
                         else mask.float())
            where = selected(mask) if auxiliary is None else auxiliary
            return torch.where(where[:, None], other, main)

        handle = classifier_of(head).register_forward_hook(mix)
        try:
            yield masks
        finally:
            handle.remove()


def selected(mask: Tensor) -> Tensor:
    """Return where (B, H, W) a mask (B, 2, H, W) selects the second class."""
    return mask[:, 1] > mask[:, 0]


def alike(classifier: nn.Conv2d, out_channels: int) -> nn.Conv2d:
    """Return a new classifier of the same shape, for so many classes."""
    # A layer takes what it has, of which its types say too little.
    shape: Dict[str, Any] = {
        name: getattr(classifier, name)
        for name in ('kernel_size', 'stride', 'padding', 'dilation')}
    return nn.Conv2d(classifier.in_channels, out_channels,
                     **shape).to(classifier.weight)


def classifier_of(head: nn.Module) -> nn.Conv2d:
    """Return the classifier layer of a head, or refuse the head."""
    classifier = getattr(head, 'conv_seg', None)
    if not isinstance(classifier, nn.Conv2d):
        raise ValueError(
            'DDC-AT needs a decode head with the classifier layer conv_seg '
            f'(nn.Conv2d), which {type(head).__name__} has not; use such a '
            'head (PSPHead, ASPPHead, FCNHead, ...), or AdversarialSegmentor, '
            'which trains any')
    return classifier


def classifier_path(segmentor: Segmentor) -> str:
    """Return the name of the main branch in the weights."""
    heads = segmentor.decode_head
    inner = f'.{len(heads) - 1}' if isinstance(heads, nn.ModuleList) else ''
    return f'decode_head{inner}.conv_seg'
