"""A printed sheet of pictures, laid out in inches from the top left."""
import atexit
import string
from functools import lru_cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from textwrap import wrap
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import matplotlib
import numpy as np
from fontTools.ttLib import TTFont
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from matplotlib.patches import Rectangle
from PIL import Image

from ..files import replacing

WIDTH = 7.  # inches of the text of a page of two columns
WIDEST = 2.2  # inches of a picture, where there are few
DPI = 300
FINEST = 600  # dots per inch of a picture in the vector file
FONT = 7  # points
LINE = 0.13  # inches from one line of text to the next
BASE = 0.1  # inches from the top of a line to the foot of its letters
CHARACTER = 0.56 * FONT / 72  # inches that a character takes, at most mostly
GAP, MARGIN = 0.05, 0.04
SWATCH = 0.15, 0.09  # inches of a colour in the legend
DARK, LIGHT = 140, 225  # greys of the stripes where nothing counts


class Printed(NamedTuple):
    """A picture to be printed.

    Args:
        pixels (np.ndarray): (h, w, 3) uint8.
        smooth (bool): Whether its colours may be mixed, as those of a
            photograph.
        note (str): A line below it.
    """
    pixels: np.ndarray
    smooth: bool
    note: str


class Sheet:
    """A sheet of paper that grows as things are added below.

    Args:
        columns (int): Number of pictures in a row.
    """

    def __init__(self, columns: int) -> None:
        self.figure = Figure()
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        gaps = 2 * MARGIN + (columns - 1) * GAP
        # Inches from side to side of a picture, and of the sheet.
        self.size = min(WIDEST, (WIDTH - gaps) / columns)
        self.width = gaps + columns * self.size
        self.bottom = MARGIN
        self._shown: List[Tuple[Any, bool]] = []

    def add_row(self, pictures: Sequence[Printed],
                shape: Tuple[int, int]) -> None:
        """Show pictures side by side, all in the shape (height, width)."""
        height = self.size * shape[0] / shape[1]
        for place, picture in enumerate(pictures):
            self._paste(picture, self._left(place), height)
        self.bottom += height
        if any(picture.note for picture in pictures):
            self._add_centred([[picture.note] for picture in pictures])
        self.bottom += GAP

    def add_columns(self, captions: Sequence[str]) -> None:
        """Write a letter and a caption below each column."""
        self._add_centred([_wrapped(f'({letter(i)}) {text}', self.size)
                           for i, text in enumerate(captions)])
        self.bottom += GAP

    def add_legend(self, colours: Sequence[Tuple[str, Sequence[int]]],
                   stripes: str = '') -> None:
        """Show what colours, and stripes, stand for.

        Args:
            colours (sequence): Names and colours.
            stripes (str): Name of the stripes. Defaults to none.
        """
        entries: List[Tuple[str, Dict[str, Any]]] = [
            (name, dict(facecolor=np.array(colour) / 255))
            for name, colour in colours]
        if stripes:
            entries.append((stripes, dict(facecolor=[LIGHT / 255] * 3,
                                          hatch='/' * 6)))
        left, lowest = MARGIN, 0
        for name, style in entries:
            lines = _wrapped(name, self.width - 2 * MARGIN - SWATCH[0] - GAP)
            width = SWATCH[0] + GAP + CHARACTER * max(map(len, lines))
            if left > MARGIN and left + width > self.width - MARGIN:
                self.bottom += lowest * LINE
                left, lowest = MARGIN, 0
            self._add_entry(left, lines, style)
            left += width + 2 * GAP
            lowest = max(lowest, len(lines))
        self.bottom += lowest * LINE + GAP

    def add_lines(self, text: str) -> None:
        """Write sentences across the sheet."""
        for line in _wrapped(text, self.width - 2 * MARGIN) if text else ():
            self._write(line, MARGIN, self.bottom + BASE)
            self.bottom += LINE

    def save(self, path: str, kinds: Sequence[str]) -> None:
        """Write ``PATH.KIND`` for each kind of file, 'png' or 'pdf'.

        Raises:
            OSError: If a file cannot be written; names it.
        """
        height = self.bottom + MARGIN
        self.figure.set_size_inches(self.width, height)
        self.axes.set(xlim=(0, self.width), ylim=(height, 0))
        for kind in kinds:
            vector = kind == 'pdf'  # which holds the pictures as they are
            for shown, smooth in self._shown:
                shown.set_interpolation(
                    'none' if vector else 'auto' if smooth else 'nearest')
            with replacing(f'{path}.{kind}') as temporary:
                # Journals refuse fonts of type 3, which matplotlib takes by
                # itself.
                with matplotlib.rc_context(
                        {'pdf.fonttype': 42, 'hatch.linewidth': 0.8}):
                    (self._save_pdf if vector else self._save_png)(temporary)

    def _save_pdf(self, path: str) -> None:
        # Without a date, the same pictures are the same file.
        self.figure.savefig(path, format='pdf', dpi=DPI,
                            metadata={'CreationDate': None})

    def _save_png(self, path: str) -> None:
        self.figure.set_dpi(DPI)
        self.canvas.draw()
        pixels = np.asarray(self.canvas.buffer_rgba())
        # Nothing shines through: three channels are enough.
        Image.fromarray(np.ascontiguousarray(pixels[..., :3])).save(
            path, 'png', dpi=(DPI, DPI))

    def _left(self, place: int) -> float:
        return MARGIN + place * (self.size + GAP)

    def _paste(self, picture: Printed, left: float, height: float) -> None:
        pixels, most = picture.pixels, int(self.size * FINEST)
        if pixels.shape[1] > most:
            lines = max(1, round(most * pixels.shape[0] / pixels.shape[1]))
            pixels = np.asarray(Image.fromarray(pixels).resize(
                (most, lines), Image.Resampling.BOX if picture.smooth else
                Image.Resampling.NEAREST))
        shown = self.axes.imshow(pixels, aspect='auto', extent=(
            left, left + self.size, self.bottom + height, self.bottom))
        self._shown.append((shown, picture.smooth))

    def _add_entry(self, left: float, lines: Sequence[str],
                   style: dict) -> None:
        self.axes.add_patch(Rectangle(
            (left, self.bottom + 0.02), *SWATCH, linewidth=0.4,
            edgecolor=[DARK / 255] * 3, **style))
        for i, line in enumerate(lines):
            self._write(line, left + SWATCH[0] + GAP,
                        self.bottom + i * LINE + BASE)

    def _add_centred(self, columns: Sequence[Sequence[str]]) -> None:
        """Write the lines of each column below its pictures."""
        for place, lines in enumerate(columns):
            for i, line in enumerate(lines):
                self._write(line, self._left(place) + self.size / 2,
                            self.bottom + i * LINE + BASE, ha='center')
        self.bottom += max(map(len, columns)) * LINE

    def _write(self, text: str, x: float, y: float, **style: Any) -> None:
        if text.isascii():
            style['font'] = quick_font()
        # A class may be called $x_1$: nothing is a formula.
        self.axes.text(x, y, text, fontsize=FONT, parse_math=False, **style)


@lru_cache(maxsize=None)
def quick_font() -> Path:
    """The file of a font that a PDF takes little time to embed.

    Every PDF holds the glyphs that it shows. To find those, the tables by
    which letters change beside others are read, which takes longer than all
    the rest; English has no need of them.
    """
    font = TTFont(findfont('DejaVu Sans'))  # comes with matplotlib
    for table in ('GDEF', 'GPOS', 'GSUB'):
        if table in font:
            del font[table]
    folder = mkdtemp(prefix='mmseg_rppgd-')
    atexit.register(rmtree, folder, ignore_errors=True)
    path = Path(folder, 'DejaVuSans.ttf')
    font.save(path)
    return path


def letter(place: int) -> str:
    """Letter of a column: a, b ... z, aa, ab ..."""
    more, rest = divmod(place, 26)
    return (letter(more - 1) if more else '') + string.ascii_lowercase[rest]


def _wrapped(text: str, width: float) -> List[str]:
    """Lines of a text, one at least, no wider than so many inches."""
    most = max(1, int(width / CHARACTER))
    return wrap(' '.join(text.split()), most,
                break_on_hyphens=False) or ['']
