"""The balls of results.json, and the rows inside them."""
from typing import Any, Dict, List, Optional


def lies_in(norm: str, eps: Optional[float], rms: Optional[float],
            ball: Dict[str, Any]) -> bool:
    """Whether a radius, as a length or a root mean square, is in a ball."""
    if norm != ball['norm']:
        return False
    if ball['eps'] is not None and eps is not None:
        return eps <= ball['eps']
    # A root mean square that was read off images is rounded.
    if rms is None or ball['rms'] is None:
        return False
    return rms <= ball['rms'] * (1 + 1e-9)


def worst_balls(results: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The worst case in each ball, smaller balls of the norm included.

    A worst case over different threats is nobody's number: where there are
    several, it is in results.json alone.
    """
    if not results['attacks']:
        return []
    threat = results['attacks'][0]['threat']
    only = {key: threat[key] for key in ('norm', 'eps', 'rms')}
    worst = results['worst_case']
    return worst.get('by_ball') or [{**only, **worst}]


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
