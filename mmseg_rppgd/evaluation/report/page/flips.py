"""What an attack flipped, pixel by pixel."""
from typing import List, NamedTuple

import numpy as np

from ..panels import stripe

# Told apart without colour vision, in print, and on light and dark pages.
KINDS = (
    ('stays right', '#e9edf1'),
    ('flipped to wrong', '#d1432f'),
    ('wrong before and after', '#8b95a1'),
    ('flipped to right', '#2f7fc1'),
)


class Flips(NamedTuple):
    """A map of what an attack flipped, and how much.

    Args:
        picture (np.ndarray): (H, W, 3) uint8, in the colours of KINDS, and
            striped where nothing counts.
        percent (list[float]): Share of the counted pixels of each kind;
            empty where no pixel counts.
    """
    picture: np.ndarray
    percent: List[float]


def flips(clean: np.ndarray, attacked: np.ndarray, label: np.ndarray,
          ignored: np.ndarray) -> Flips:
    """Compare two predictions with the labels.

    Args:
        clean (np.ndarray): Classes predicted on the clean image.
        attacked (np.ndarray): Those on the attacked one.
        label (np.ndarray): Labels.
        ignored (np.ndarray): Pixels that do not count.

    Shape:
        all (H, W).
    """
    before, after = clean == label, attacked == label
    kinds = np.select([before & after, before, ~after], [0, 1, 2], 3)
    counts = np.bincount(kinds[~ignored], minlength=len(KINDS))
    colours = np.array([_colour(colour) for _, colour in KINDS], np.uint8)
    picture = colours[kinds]
    stripe(picture, ignored)
    total = counts.sum()
    return Flips(picture,
                 [float(100 * n / total) for n in counts] if total else [])


def _colour(code: str) -> List[int]:
    return [int(code[i:i + 2], 16) for i in (1, 3, 5)]
