"""Names as people type them, and those of a test that have one home here.

Nothing is imported here that takes long: a command line is read with it.
"""
import difflib
import re
from typing import Iterable, Optional

# The metrics that are one number, in the order of every file and table;
# ``metrics`` says what they are.
SCALARS = ('mIoU', 'aAcc', 'mAcc', 'MisRatio', 'NmIoU', 'CmIoU')


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a hint for a message: what was meant by a name, if it shows."""
    names = {plain(other): other for other in names}
    close = difflib.get_close_matches(plain(name), names, n=1)
    return f' (did you mean {names[close[0]]}?)' if close else ''


def find_name(name: str, names: Iterable[str]) -> Optional[str]:
    """Return the one of the names that is meant, or None.

    Case, hyphens and underscores do not matter where one name alone is left:
    ``'rp-pgd'`` is RPPGD.
    """
    names = list(names)
    if name in names:
        return name
    found = [other for other in names if plain(other) == plain(name)]
    return found[0] if len(found) == 1 else None


def plain(name: str) -> str:
    """Return a name without what people type in several ways."""
    return re.sub('[-_ ]', '', name).lower()
