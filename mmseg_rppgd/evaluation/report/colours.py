"""Colours of classes, and of the lines of charts."""
from typing import List, Optional, Sequence

import numpy as np

# Of lines, on white and on a dark page: 3 to 1 against it at least. The first
# four are told apart by the colour-blind; the others have markers as well.
LINES = (('#2f6fd0', '#6ea8ff'), ('#c9560a', '#ff9d4d'),
         ('#0b7f6b', '#2fc4a8'), ('#7d1f6e', '#e9a3e4'),
         ('#7a5cf0', '#a58bff'), ('#6b0f22', '#ff7d8c'),
         ('#1b93a8', '#8fe3f5'), ('#857100', '#d6d65c'))


def default_palette(num_classes: int) -> np.ndarray:
    """Colours that differ, for a data set without a palette."""
    hues = (np.arange(num_classes) * 0.618) % 1  # golden ratio: far apart
    channels = [np.clip(np.abs((hues * 6 + k) % 6 - 3) - 1, 0, 1)
                for k in (0, 4, 2)]
    return (np.stack(channels, 1) * 175 + 60).astype(np.uint8)


def full_palette(palette: Optional[Sequence[Sequence[int]]],
                 num_classes: int) -> List[List[int]]:
    """Colours of all classes: the given ones, and others where it has none.

    Args:
        palette (sequence, optional): Colour of each class.
        num_classes (int): Number of classes.
    """
    colours = default_palette(num_classes).tolist()
    for i, colour in enumerate(list(palette or ())[:num_classes]):
        if np.shape(colour) == (3, ):  # others are no colours
            colours[i] = list(colour)
    return colours


def colour_classes(classes: np.ndarray,
                   palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Paint a map of classes; what is no class, such as void, is black.

    Shape:
        classes (H, W); returns (H, W, 3) uint8.
    """
    table = np.zeros((len(palette) + 1, 3), np.uint8)
    table[:-1] = palette
    known = (classes >= 0) & (classes < len(palette))
    return table[np.where(known, classes, len(palette)).astype(np.int64)]
