from malicious import site, trap  # noqa: F401
from tiny_project import tiny  # noqa: F401
