"""The tiny segmentor, for every test of this folder."""
from tiny_segmentor import run_tool, tiny  # noqa: F401
