"""Why the numbers of a test may not be what they seem, in words."""
from typing import Any, Dict, List, Sequence

from .radii import radius_notes
from .results import RowResult

RISE = 0.5  # points of mIoU; by less it moves anyway
MEANING = (
    'So it is where a model hardly predicts some classes, and, if aAcc rises '
    'too, where an attack goes the wrong way; the share of mIoU that is kept '
    'then says nothing of robustness.')
REMEDY = (
    'Read aAcc, and look at the classes of the clean row: train further, or '
    'check that config and checkpoint belong together.')


def doubts(results: Dict[str, Any],
           attacks: Sequence[RowResult]) -> List[str]:
    """Say what a reader has to know before the headline.

    Args:
        results (dict): The content of results.json.
        attacks (Sequence[RowResult]): Its rows, in their order.

    Returns:
        list[str]: The sentences of :func:`radius_notes` and
        :func:`rise_notes`.
    """
    return radius_notes(attacks) + rise_notes(results, attacks)


def rise_notes(results: Dict[str, Any],
               attacks: Sequence[RowResult]) -> List[str]:
    """Say that attacks leave more mIoU than there was, and what that means.

    A model that hardly predicts some classes has a low mean over classes on
    clean images. An attack on the right pixels makes it predict those
    classes, in the wrong places and in right ones.

    Args:
        results (dict): The content of results.json.
        attacks (Sequence[RowResult]): Its rows, in their order.

    Returns:
        list[str]: One sentence or more about all such rows, or nothing.
    """
    higher = risen(results)
    if not higher:
        return []
    most = max(higher, key=lambda place: results['attacks'][place]['mIoU'])
    left, clean = results['attacks'][most]['mIoU'], results['clean']['mIoU']
    return [f'{len(higher)} of {len(attacks)} rows leave more mIoU than the '
            f'clean images have, {attacks[most].row.label} most: {left:.1f} '
            f'against {clean:.1f}. {MEANING} {REMEDY}']


def risen(results: Dict[str, Any]) -> List[int]:
    """Return the places of the attacks that leave more mIoU than there was.

    Args:
        results (dict): The content of results.json.
    """
    clean = results['clean']['mIoU']
    return [] if clean is None else [
        place for place, entry in enumerate(results['attacks'])
        if entry['mIoU'] is not None and entry['mIoU'] > clean + RISE]
