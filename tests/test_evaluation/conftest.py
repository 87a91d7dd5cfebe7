"""The tiny project, for every test of this folder."""
from tiny_project import run_tool, tiny  # noqa: F401
