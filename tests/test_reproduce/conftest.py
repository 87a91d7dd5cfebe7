"""The tiny project, for every test of this folder."""
from tiny_project import tiny  # noqa: F401
