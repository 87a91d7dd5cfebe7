"""Pictures side by side as a paper prints them: a bitmap and a vector file.

.. code:: text

 name, where it differs from that of the row above
 picture  picture  picture      a row for each image
   note     note     note
    (a)      (b)      (c)       what each column is
 legend: the classes that occur
 caption
"""
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from ...painting import colour_classes
from .sheet import DARK, LIGHT, Printed, Sheet

VOID = 'not counted'
KINDS = 'png', 'pdf'


class Photo(NamedTuple):
    """A photograph.

    Args:
        image (np.ndarray): (h, w, 3) uint8.
        note (str): A line below it. Defaults to none.
    """
    image: np.ndarray
    note: str = ''


class ClassMap(NamedTuple):
    """Labels or predictions.

    Args:
        classes (np.ndarray): (H, W) whole numbers.
        ignored (np.ndarray, optional): (H, W) bool, pixels that do not
            count: they are striped. Defaults to None, none.
        note (str): A line below it. Defaults to none.
    """
    classes: np.ndarray
    ignored: Optional[np.ndarray] = None
    note: str = ''


Picture = Union[Photo, ClassMap]
Palette = Sequence[Sequence[int]]


def draw_panels(rows: Sequence[Sequence[Picture]], columns: Sequence[str],
                palette: Palette, classes: Sequence[str], path: str, *,
                names: Sequence[str] = (), caption: str = '',
                kinds: Sequence[str] = KINDS) -> None:
    """Draw rows of pictures with captions and a legend.

    Args:
        rows (sequence): The pictures of each row, one for each column; those
            of a row show one scene, each at a size of its own.
        columns (sequence[str]): What each column is.
        palette (sequence): Colour of each class, three numbers up to 255.
        classes (sequence[str]): Name of each class.
        path (str): The files, without their ending.
        names (sequence[str]): A name for each row, written above it unless
            the row above has the same. Defaults to none.
        caption (str): What else is to be said. Defaults to none.
        kinds (sequence[str]): ``'png'`` (300 dpi) and ``'pdf'``, where text
            and legend are vectors. Defaults to both.

    Raises:
        ValueError: If there is no row, a row has not one picture for each
            column, or not every row has a name.
        OSError: If a file cannot be written; names it.
    """
    if not rows or any(len(row) != len(columns) for row in rows):
        raise ValueError(
            f'rows must have one picture for each of {len(columns)} columns, '
            f'but have {[len(row) for row in rows]}')
    if names and len(names) != len(rows):
        raise ValueError(f'names must be one for each of {len(rows)} rows, '
                         f'but are {len(names)}')
    sheet = Sheet(len(columns))
    for i, row in enumerate(rows):
        if names and names[i] != (names[i - 1] if i else None):
            sheet.add_lines(names[i])
        sheet.add_row([_printed(picture, palette) for picture in row],
                      _shape(row))
    sheet.add_columns(columns)
    sheet.add_legend(*_legend(rows, palette, classes))
    sheet.add_lines(caption)
    sheet.save(path, kinds)


def percent_right(prediction: np.ndarray, label: np.ndarray,
                  ignored: Optional[np.ndarray] = None) -> str:
    """Write what share of the pixels that count is right.

    Shape:
        prediction, label and ignored (H, W).
    """
    right = prediction == label
    if ignored is not None:
        right = right[~ignored]
    return f'{100 * right.mean():.1f} %' if right.size else 'no labels'


def _shape(row: Sequence[Picture]) -> Tuple[int, int]:
    """(height, width) of the labels, or else of the first photograph."""
    return next((picture.classes.shape for picture in row
                 if isinstance(picture, ClassMap)), row[0][0].shape[:2])


def _printed(picture: Picture, palette: Palette) -> Printed:
    if isinstance(picture, Photo):
        return Printed(picture.image, True, picture.note)
    return Printed(paint(picture, palette), False, picture.note)


def paint(picture: ClassMap, palette: Palette) -> np.ndarray:
    """Colour classes, and stripe what does not count; (H, W, 3) uint8."""
    painted = colour_classes(picture.classes, palette)
    if picture.ignored is not None:
        stripe(painted, picture.ignored)
    return painted


def stripe(painted: np.ndarray, ignored: np.ndarray) -> None:
    """Stripe, in place, the pixels of a picture that do not count.

    Shape:
        painted (H, W, 3) uint8; ignored (H, W) bool.
    """
    rows, columns = np.indices(ignored.shape)
    period = max(4, ignored.shape[1] // 40)
    dark = (rows + columns) % period < period / 3
    stripes = np.where(dark, DARK, LIGHT).astype(np.uint8)
    painted[ignored] = stripes[ignored, None]


def _legend(rows: Sequence[Sequence[Picture]], palette: Palette,
            classes: Sequence[str]
            ) -> Tuple[List[Tuple[str, Sequence[int]]], str]:
    """Names and colours of the classes that are seen; name of the stripes."""
    seen, stripes = set(), ''
    for picture in (picture for row in rows for picture in row):
        if isinstance(picture, ClassMap):
            shown = picture.classes
            if picture.ignored is not None and picture.ignored.any():
                shown, stripes = shown[~picture.ignored], VOID
            seen.update(np.unique(shown).tolist())
    return [(name, palette[i]) for i, name in enumerate(classes)
            if i in seen], stripes
