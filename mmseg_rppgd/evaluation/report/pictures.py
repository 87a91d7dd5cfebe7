"""Pictures of attacked images and their predictions.

A panel shows, from left to right, the image, the perturbation magnified, the
clean prediction, the attacked prediction and the ground truth.
"""
import os
import os.path as osp
from typing import List, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..run.images import Example

TITLES = ('image', 'perturbation x {}', 'clean prediction',
          'attacked prediction', 'ground truth')
MARGIN, TITLE_HEIGHT = 4, 18
MAX_WIDTH = 480  # of one picture of a panel


def default_palette(num_classes: int) -> np.ndarray:
    """Colours that differ, for a data set without a palette."""
    hues = (np.arange(num_classes) * 0.618) % 1  # golden ratio: far apart
    channels = [np.clip(np.abs((hues * 6 + k) % 6 - 3) - 1, 0, 1)
                for k in (0, 4, 2)]
    return (np.stack(channels, 1) * 175 + 60).astype(np.uint8)


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


def fit(picture: np.ndarray, size: Tuple[int, int],
        smooth: bool = False) -> Image.Image:
    """Scale a picture to (width, height)."""
    mode = Image.BILINEAR if smooth else Image.NEAREST
    return Image.fromarray(picture).resize(size, mode)


def picture_size(height: int, width: int) -> Tuple[int, int]:
    """(width, height) of one picture of a panel."""
    scale = min(1., MAX_WIDTH / width)
    if width < 160:  # pictures of toy size are hard to see
        scale = 160 // width
    return max(1, round(width * scale)), max(1, round(height * scale))


def draw_panel(clean: Example, attacked: Example,
               palette: Sequence[Sequence[int]],
               caption: str = '') -> Image.Image:
    """Draw the panel of one image and attack.

    Args:
        clean (Example): The clean image, with its labels.
        attacked (Example): The attacked image.
        palette (sequence): Colour of each class.
        caption (str): A line below. Defaults to none.
    """
    noise, factor = magnify(attacked.delta)
    size = picture_size(*clean.label.shape)
    pictures = [fit(clean.image, size, True), fit(noise, size)]
    pictures += [fit(colour_classes(x, palette), size) for x in (
        clean.prediction, attacked.prediction, clean.label)]
    titles = [title.format(f'{factor:.3g}') for title in TITLES]
    return _row(pictures, titles, caption)


def _row(pictures: List[Image.Image], titles: Sequence[str],
         caption: str) -> Image.Image:
    font = ImageFont.load_default()
    width, height = pictures[0].size
    lines = TITLE_HEIGHT * (2 if caption else 1)
    sheet = Image.new(
        'RGB', ((width + MARGIN) * len(pictures) + MARGIN,
                height + lines + 2 * MARGIN), 'white')
    draw = ImageDraw.Draw(sheet)
    for i, (picture, title) in enumerate(zip(pictures, titles)):
        left = MARGIN + i * (width + MARGIN)
        draw.text((left, 3), title, 'black', font)
        sheet.paste(picture, (left, TITLE_HEIGHT))
    if caption:
        draw.text((MARGIN, TITLE_HEIGHT + height + 4), caption, 'black', font)
    return sheet


def save_panel(folder: str, name: str, panel: Image.Image) -> None:
    """Write ``NAME.png`` into a folder."""
    os.makedirs(folder, exist_ok=True)
    panel.save(osp.join(folder, f'{name}.png'))
