"""The windows of slide inference."""
from typing import List, NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .pixel_space import Size


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


def stitch(pieces: Sequence[Tensor], boxes: Sequence[Box],
           size: Size) -> Tensor:
    """Average overlapping windows (B, C, h, w) into one map, as mmseg does."""
    # In full precision also where autocast gives halves.
    dtype = torch.promote_types(pieces[0].dtype, torch.float32)
    total = pieces[0].new_zeros((*pieces[0].shape[:2], *size), dtype=dtype)
    count = pieces[0].new_zeros((1, 1, *size), dtype=dtype)
    for piece, box in zip(pieces, boxes):
        total += F.pad(piece, (box.left, size[1] - box.right, box.top,
                               size[0] - box.bottom))
        box.crop(count).add_(1)
    return total / count


def check_windows(test_cfg: dict) -> None:
    """Check that a segmentor knows the windows of slide inference."""
    if not ('crop_size' in test_cfg and 'stride' in test_cfg):
        raise ValueError(
            "surface 'slide' or 'crop' needs crop_size and stride, in "
            "pixels, in the segmentor's test_cfg, but it is "
            f'{dict(test_cfg)}')
