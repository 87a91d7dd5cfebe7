"""Data sets: one that needs no files, and CamVid; and a transform."""
from ..compat import require_mmseg

require_mmseg()  # before what needs it is imported

from .camvid import CamVid  # noqa: E402
from .synthetic_shapes import SyntheticShapes  # noqa: E402
from .transforms import RandomGaussianBlur  # noqa: E402

__all__ = ['CamVid', 'RandomGaussianBlur', 'SyntheticShapes']
