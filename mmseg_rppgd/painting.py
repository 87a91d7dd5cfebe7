"""Classes and perturbations as pictures, and pictures side by side."""
import os.path as osp
from typing import List, NamedTuple, Optional, Sequence, Tuple

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Of a tile, in pixels.
NARROWEST, WIDEST = 200, 640
FONT_SIZE, TITLE, GAP = 12, 18, 6
FONT = osp.join('fonts', 'ttf', 'DejaVuSans.ttf')  # matplotlib brings it


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
    given = [] if palette is None else list(palette)  # it may be an array
    for i, colour in enumerate(given[:num_classes]):
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


def magnify(delta: np.ndarray) -> Tuple[np.ndarray, float]:
    """Show a perturbation around grey, its largest value at full contrast.

    Returns:
        tuple: The picture (h, w, 3) uint8, and the factor.
    """
    delta = np.nan_to_num(delta.astype(np.float32))
    largest = float(np.abs(delta).max())
    factor = 0.5 / largest if largest else 1.
    picture = np.clip((0.5 + delta * factor) * 255, 0, 255)
    return picture.round().astype(np.uint8), factor


class Tile(NamedTuple):
    """One of several pictures.

    Args:
        picture (np.ndarray): (h, w, 3) uint8.
        title (str): What is written above it.
        smooth (bool): Whether it may be blurred where it is enlarged or
            reduced, as a photograph. Defaults to False, as a map.
    """
    picture: np.ndarray
    title: str
    smooth: bool = False


def tile(tiles: Sequence[Tile], columns: int) -> np.ndarray:
    """Put pictures of one scene side by side, each below its title.

    Small ones are enlarged by a whole number, so that titles can be read;
    large ones are reduced.

    Args:
        tiles (Sequence[Tile]): The pictures, row by row; all get the size of
            the first.
        columns (int): How many stand in a row.

    Returns:
        np.ndarray: (H, W, 3) uint8.
    """
    height, width = tiles[0].picture.shape[:2]
    scale = -(-NARROWEST // width) if width < NARROWEST else min(
        1, WIDEST / width)
    size = round(width * scale), max(1, round(height * scale))
    font = ImageFont.truetype(
        osp.join(matplotlib.get_data_path(), FONT), FONT_SIZE)
    rows = -(-len(tiles) // columns)
    step = size[0] + GAP, size[1] + TITLE + GAP
    sheet = Image.new(
        'RGB', (columns * step[0] + GAP, rows * step[1] + GAP), 'white')
    draw = ImageDraw.Draw(sheet)
    for i, each in enumerate(tiles):
        left, top = (GAP + place * length for place, length in zip(
            (i % columns, i // columns), step))
        draw.text((left, top), each.title, 'black', font)
        picture = Image.fromarray(each.picture).resize(
            size, Image.Resampling.BILINEAR if each.smooth
            else Image.Resampling.NEAREST)
        sheet.paste(picture, (left, top + TITLE))
    return np.asarray(sheet)
