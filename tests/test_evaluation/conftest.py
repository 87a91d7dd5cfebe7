"""The tiny project, for every test of this folder."""
from malicious import site, trap  # noqa: F401
from tiny_project import run_tool, tiny  # noqa: F401
