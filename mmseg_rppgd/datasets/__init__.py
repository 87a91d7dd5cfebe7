"""Data sets: one that needs no files, and CamVid."""
from .camvid import CamVid
from .synthetic_shapes import SyntheticShapes

__all__ = ['CamVid', 'SyntheticShapes']
