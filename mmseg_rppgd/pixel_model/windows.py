"""The windows of slide inference."""
from typing import (Any, Callable, Iterable, Iterator, List, NamedTuple,
                    Optional, Sequence, Tuple)

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..attacks.base import autocasts
from .space import Size, size_of

Outputs = Tuple[Tensor, Optional[Tensor]]


class Box(NamedTuple):
    """A window: rows top to bottom, columns left to right."""
    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> Size:
        """tuple: Height and width."""
        return self.bottom - self.top, self.right - self.left

    def crop(self, tensor: Tensor) -> Tensor:
        """Return the window of (..., H, W), without a copy."""
        return tensor[..., self.top:self.bottom, self.left:self.right]


def window_boxes(size: Size, crop_size: Size, stride: Size) -> List[Box]:
    """Return the windows of mmseg's slide inference, row by row."""

    def spans(length: int, crop: int, step: int) -> List[Tuple[int, int]]:
        count = max(length - crop + step - 1, 0) // step + 1
        ends = [min(i * step + crop, length) for i in range(count)]
        return [(max(end - crop, 0), end) for end in ends]

    rows = spans(size[0], crop_size[0], stride[0])
    columns = spans(size[1], crop_size[1], stride[1])
    return [Box(*row, *column) for row in rows for column in columns]


def stitch(pieces: Iterable[Tensor], boxes: Sequence[Box],
           size: Size) -> Tensor:
    """Average overlapping windows (B, C, h, w) into one map, as mmseg does.

    Each piece is asked for when the one before has been added.
    """
    total: Optional[Tensor] = None
    for piece, box in zip(pieces, boxes):
        if total is None:
            # In full precision also where autocast gives halves.
            total = piece.new_zeros(
                (*piece.shape[:2], *size),
                dtype=torch.promote_types(piece.dtype, torch.float32))
        box.crop(total).add_(piece)
    assert total is not None  # there is a window
    return total.div_(_count(boxes, total))


def run_windows(run: Callable[[Tensor], Outputs], inputs: Tensor,
                boxes: Sequence[Box]) -> Outputs:
    """Return the logits of all windows stitched, their features stacked.

    Args:
        run (callable): Takes a window (B, 3, h, w) to its logits and its
            features or None.
        inputs (Tensor): (B, 3, H, W).
        boxes (list[Box]): The windows.
    """
    features: List[Optional[Tensor]] = []

    def pieces() -> Iterator[Tensor]:
        for box in boxes:
            logits, feature = run(box.crop(inputs))
            features.append(feature)
            yield logits

    total = stitch(pieces(), boxes, size_of(inputs))
    maps = [feature for feature in features if feature is not None]
    return total, torch.cat(maps, 2) if maps else None


def run_windows_twice(run: Callable[[Tensor], Outputs], inputs: Tensor,
                      boxes: Sequence[Box]) -> Outputs:
    """Do as :func:`run_windows`, in the memory of one window.

    The forward pass keeps no graph; the backward pass runs each window again
    and goes back through it before the next. The stacked features alone grow
    with the number of windows. Only ``inputs`` get a gradient: parameters
    must be frozen. There is no second derivative.
    """
    return _RunTwice.apply(inputs, run, boxes)


class _RunTwice(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, run: Callable[[Tensor], Outputs],
                boxes: Sequence[Box]) -> Outputs:
        depends: List[bool] = []

        def run_without_graph(crop: Tensor) -> Outputs:
            # The first window has one, to tell what depends on the inputs.
            with torch.set_grad_enabled(not depends):
                logits, features = run(crop.detach().requires_grad_())
            if not depends:
                depends.extend(x is not None and x.requires_grad
                               for x in (logits, features))
            return (logits.detach(),
                    None if features is None else features.detach())

        outputs = run_windows(run_without_graph, inputs, boxes)
        ctx.save_for_backward(inputs)
        ctx.run, ctx.boxes = run, boxes
        ctx.autocast = _autocast_of_now(inputs.device.type)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*[
            x for x, depend in zip(outputs, depends)
            if x is not None and not depend
        ])
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, logits_grad: Optional[Tensor],
                 features_grad: Optional[Tensor]) -> tuple:
        inputs, = ctx.saved_tensors
        inputs_grad = torch.zeros_like(inputs)
        count = feature_grads = None
        if logits_grad is not None:
            count = _count(ctx.boxes, logits_grad)
        if features_grad is not None:
            feature_grads = features_grad.chunk(len(ctx.boxes), 2)
        for i, box in enumerate(ctx.boxes):
            crop = box.crop(inputs).detach().requires_grad_()
            with torch.enable_grad(), ctx.autocast:
                logits, features = ctx.run(crop)
            outputs, grads = [], []
            if logits_grad is not None:
                outputs.append(logits)
                grads.append(box.crop(logits_grad) / box.crop(count))
            if feature_grads is not None:
                outputs.append(features)
                grads.append(feature_grads[i])
            grad, = torch.autograd.grad(
                outputs, crop,
                [grad.to(x.dtype) for x, grad in zip(outputs, grads)])
            box.crop(inputs_grad).add_(grad)
        return inputs_grad, None, None


def _count(boxes: Sequence[Box], maps: Tensor) -> Tensor:
    """Return how many windows each pixel of maps is in, (1, 1, H, W)."""
    count = maps.new_zeros((1, 1, *maps.shape[-2:]))
    for box in boxes:
        box.crop(count).add_(1)
    return count


def _autocast_of_now(device_type: str) -> torch.autocast:
    """Return the surrounding autocast, to enter it again elsewhere."""
    # Without a dtype it takes the one that is set.
    return torch.autocast(device_type, enabled=autocasts(device_type))


def check_windows(test_cfg: dict) -> None:
    """Check that a segmentor knows the windows of slide inference."""
    if not ('crop_size' in test_cfg and 'stride' in test_cfg):
        raise ValueError(
            "surface 'slide' or 'crop' needs crop_size and stride, in "
            "pixels, in the segmentor's test_cfg, but it is "
            f'{dict(test_cfg)}')
    for side in (0, 1):
        crop, stride = (test_cfg[key][side] for key in ('crop_size', 'stride'))
        if not 1 <= stride <= crop:
            raise ValueError(
                "stride of the segmentor's test_cfg must be from 1 to "
                'crop_size, in pixels, so that every pixel is in a window, '
                f'but crop_size is {tuple(test_cfg["crop_size"])} and stride '
                f'{tuple(test_cfg["stride"])}')
