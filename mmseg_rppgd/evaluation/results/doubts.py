"""Why the numbers of a test may not be what they seem, in words."""
from typing import Any, Dict, List, Sequence

from .radii import radius_notes
from .results import RowResult

RISE = 0.5  # points of mIoU; by less it moves anyway


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
    clean = results['clean']['mIoU']
    higher = [] if clean is None else [
        (entry['mIoU'], result.row.label)
        for entry, result in zip(results['attacks'], attacks)
        if entry['mIoU'] is not None and entry['mIoU'] > clean + RISE]
    if not higher:
        return []
    left, label = max(higher)
    return [f'{len(higher)} of {len(attacks)} rows leave more mIoU than the '
            f'clean images have, {label} most: {left:.1f} against '
            f'{clean:.1f}. So it is where a model hardly predicts some '
            'classes, and, if aAcc rises too, where an attack goes the wrong '
            'way; the share of mIoU that is kept then says nothing of '
            'robustness. Read aAcc, and look at the classes of the clean row: '
            'train further, or check that config and checkpoint belong '
            'together.']
