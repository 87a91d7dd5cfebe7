"""Which feature map of a segmentor an attack reads."""
import weakref
from contextlib import contextmanager
from typing import Any, Iterator, List, NamedTuple, Optional

from mmengine.logging import print_log
from torch import Tensor, nn

from ..attacks.base.model import capture, feature_map, find_layer

CLASSIFIER = 'conv_seg'
OTHER_CLASSIFIERS = ('cls_seg', 'fc_seg')
_told: 'weakref.WeakSet[nn.Module]' = weakref.WeakSet()


class Tap(NamedTuple):
    """Where features are taken from.

    Args:
        layer (nn.Module): The module that is watched.
        what (str): What is taken, for messages.
        path (str, optional): The ``feature_layer`` that a user named; then
            the output of ``layer`` is taken.
        head (nn.Module, optional): The head that reads the output of
            ``layer``; then what it makes of it is taken. With neither, the
            input of ``layer`` is.
    """
    layer: nn.Module
    what: str
    path: Optional[str] = None
    head: Optional[nn.Module] = None

    @contextmanager
    def collecting(self) -> Iterator[List[Any]]:
        """Collect what there is to take whenever the layer runs."""
        if self.head is None:
            with capture(self.layer, reads=self.path is None) as captured:
                yield captured
            return
        captured = []
        # At once, as the head may write over what it reads.
        handle = self.layer.register_forward_hook(
            lambda layer, args, output: captured.append(
                self._read_by_head(output)))
        try:
            yield captured
        finally:
            handle.remove()

    def features(self, captured: List[Any],
                 head: nn.Module) -> Optional[Tensor]:
        """Return the map that was taken last; None if there is none.

        Args:
            captured (list): What was collected.
            head (nn.Module): The head that made the prediction, for errors.
        """
        if self.path is not None:
            return feature_map(captured, self.path, head)
        found = captured[-1] if captured else None
        return found if is_map(found) else None

    def tell(self, head: nn.Module) -> None:
        """Log once for each head what stands in for ``conv_seg``."""
        if self.path is None and head not in _told and (
                self.layer is not getattr(head, CLASSIFIER, None)):
            _told.add(head)
            print_log(
                f'{type(head).__name__} has no classifier layer '
                f'{CLASSIFIER}, so the features that an attack reads are '
                f'{self.what}; feature_layer takes another', 'current')

    def _read_by_head(self, output: Any) -> Optional[Tensor]:
        select = getattr(self.head, '_transform_inputs', None)
        maps = output if select is None else select(output)
        if isinstance(maps, (list, tuple)):
            # Of several levels the deepest, which means most.
            maps = maps[-1] if maps else None
        return maps.clone() if is_map(maps) else None


def is_map(value: Any) -> bool:
    """Whether a value is a feature map (B, D, h, w)."""
    return isinstance(value, Tensor) and value.dim() == 4


def find_tap(segmentor: nn.Module, head: nn.Module,
             feature_layer: Optional[str]) -> Optional[Tap]:
    """Return where the features of a segmentor are taken from.

    The first of these that there is:

    1. the output of the module ``feature_layer``, if it is given;
    2. the input of ``conv_seg`` of the head;
    3. the input of its ``cls_seg`` or ``fc_seg``, if that is a convolution
       over maps;
    4. the input of the last ``conv_seg`` inside the head (K-Net, whose
       kernels are multiplied with that map);
    5. what the head reads: the output of the neck, or else the backbone, as
       its ``in_index`` and ``input_transform`` select it, of several levels
       the last (PointRend, Segmenter, MaskFormer).

    Args:
        segmentor (nn.Module): The segmentor.
        head (nn.Module): The head that makes the prediction.
        feature_layer (str, optional): Path of a module of the segmentor.

    Raises:
        ValueError: If there is no module ``feature_layer``.
    """
    if feature_layer is not None:
        return Tap(find_layer(segmentor, feature_layer),
                   f'the output of {feature_layer}', path=feature_layer)
    own = getattr(head, CLASSIFIER, None)
    if isinstance(own, nn.Module):
        return Tap(own, f'the input of its {CLASSIFIER}')
    for name in OTHER_CLASSIFIERS:
        layer = getattr(head, name, None)
        if isinstance(layer, nn.Conv2d):
            return Tap(layer, f'the input of its {name}')
    inner = [name for name, _ in head.named_modules()
             if name.endswith('.' + CLASSIFIER)]
    if inner:
        return Tap(head.get_submodule(inner[-1]),
                   f'the input of its {inner[-1]}')
    for name in ('neck', 'backbone'):
        layer = getattr(segmentor, name, None)
        if isinstance(layer, nn.Module):
            return Tap(layer, f'what it reads of the {name}', head=head)
    return None
