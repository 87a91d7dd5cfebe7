"""The rows of results.json inside a ball."""
from typing import Any, Dict, List, Optional

from .results import lies_in


def inside(results: Dict[str, Any],
           ball: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The rows that lie in a ball: those of smaller radii too."""
    return [a for a in results['attacks'] if lies_in(
        a['threat']['norm'], a['threat']['eps'], a['threat']['rms'], ball)]


def same_radius(attack: Dict[str, Any], ball: Dict[str, Any]) -> bool:
    """Whether a row that lies in a ball has its radius, not a smaller one."""
    return lies_in(ball['norm'], ball['eps'], ball['rms'], attack['threat'])


def strongest(results: Dict[str, Any],
              ball: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The row in a ball that leaves the lowest mIoU; None if undefined."""
    rows = [a for a in inside(results, ball) if a['mIoU'] is not None]
    return min(rows, key=lambda a: a['mIoU'], default=None)
