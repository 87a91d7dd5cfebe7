"""The pictures of a page: images, predictions, what flipped.

Worst images first. Where all pictures would make the file too large, every
image has those of its strongest attacks, and the others are in ``panels``.
"""
import math
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ....metrics import accuracy, number
from ...results.results import RowResult
from ...run.images import Example
from ..panels import ClassMap, paint
from ..pictures import magnify
from .encode import flat_picture, photo
from .flips import flips

MAX_EMBEDDED = 8 * 2**20  # bytes of all pictures
NOISE = 480  # pixels from side to side of a perturbation


class Gallery:
    """The pictures of a page.

    Args:
        report (Report): What is shown.

    Attributes:
        images (list[dict]): The images, the worst first: names, pictures,
            accuracies, classes that are seen, and the same of each attack.
        others (int): Images whose pictures are in ``panels`` alone.
        beside (int): Attacks on the images above of which that is so.
    """

    def __init__(self, report: Any) -> None:
        self.report = report
        self.images: List[Dict[str, Any]] = []
        self.others = self.beside = self._size = 0
        rows = [report.clean, *report.attacks]
        # By row and image; the images of all rows are the same.
        self._accuracies = [dict(zip(
            (record['index'] for record in row.records),
            map(number, accuracy(row.counts)))) for row in rows]
        strength = [_last(number(accuracy(row.counts.sum(axis=0))))
                    for row in rows]
        self._order = sorted(range(1, len(rows)), key=strength.__getitem__)
        self._choose(sorted(report.examples.indices, key=self._lowest))

    def _choose(self, indices: Sequence[int]) -> None:
        """Take every image with its strongest attack, then other attacks."""
        loaded = {}
        for index in indices:
            clean = self.report.examples.load('clean', index)
            if clean is None:
                continue
            shown = self._clean(index, clean)
            if self.images and self._full(shown):
                self.others += 1
                continue
            loaded[index] = clean, shown
            self._size += _size(shown)
            self.images.append(shown)
            self._attack(index, clean, shown, self._order[:1], True)
        for place in self._order[1:]:
            for index, (clean, shown) in loaded.items():
                self._attack(index, clean, shown, [place], False)

    def _full(self, more: Optional[Dict[str, Any]] = None) -> bool:
        return self._size + (_size(more) if more else 0) > MAX_EMBEDDED

    def _attack(self, index: int, clean: Example, image: Dict[str, Any],
                places: Sequence[int], needed: bool) -> None:
        """Add what attacks did to an image, while there is room."""
        for place in places:
            result = self.report.attacks[place - 1]
            attacked = self.report.examples.load(result.row.key, index)
            if attacked is None:
                continue
            if not needed and self._full():
                self.beside += 1
                continue
            shown = _attacked(self.report, result, clean, attacked)
            shown['aAcc'] = self._accuracies[place][index]
            self._size += _size(shown)
            image['attacks'].append(shown)

    def _lowest(self, index: int) -> float:
        """The lowest accuracy of an image."""
        return min(_last(row.get(index)) for row in self._accuracies)

    def _clean(self, index: int, example: Example) -> Dict[str, Any]:
        record = next(r for r in self.report.clean.records
                      if r['index'] == index)
        seen = {*_seen(example.label, example),
                *_seen(example.prediction, example)}
        return {
            'name': f'{index}: {_file_name(record["image"])}',
            'image': photo(example.image),
            'prediction': _painted(self.report, example, example),
            'label': flat_picture(paint(
                ClassMap(example.label, example.ignored),
                self.report.palette)),
            'aAcc': self._accuracies[0][index],
            'seen': sorted(seen),
            'void': bool(_ignored(example).any()),
            'attacks': [],
        }


def _file_name(path: Any) -> str:
    return str(path).replace('\\', '/').rsplit('/', 1)[-1]


def _last(value: Optional[float]) -> float:
    """A key that puts what is undefined last."""
    return math.inf if value is None else value


def _attacked(report: Any, result: RowResult, clean: Example,
              attacked: Example) -> Dict[str, Any]:
    found = flips(clean.prediction, attacked.prediction, clean.label,
                  _ignored(clean))
    noise, factor = magnify(attacked.delta)
    return {
        'name': result.row.label,
        'image': photo(attacked.image),
        'prediction': _painted(report, attacked, clean),
        'flips': flat_picture(found.picture),
        'percent': found.percent,
        'perturbation': photo(noise, NOISE),
        'factor': f'{factor:.3g}',
        'seen': _seen(attacked.prediction, clean),
    }


def _painted(report: Any, shown: Example, clean: Example) -> str:
    """A prediction in the colours of the classes."""
    return flat_picture(paint(
        ClassMap(shown.prediction, clean.ignored), report.palette))


def _seen(classes: np.ndarray, clean: Example) -> List[int]:
    """Classes of pixels that count."""
    return np.unique(classes[~_ignored(clean)]).tolist()


def _ignored(clean: Example) -> np.ndarray:
    if clean.ignored is None:
        return np.zeros(clean.label.shape, bool)
    return clean.ignored


def _size(shown: Dict[str, Any]) -> int:
    """Bytes of the pictures of an image."""
    return sum(len(value) for value in shown.values()
               if isinstance(value, str))
