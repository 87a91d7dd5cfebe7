"""The pictures of a page: images, predictions, what flipped.

Worst images first. Where all pictures would make the file too large, every
image has those of its strongest attacks, and the others are in ``panels``.
"""
import math
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ....metrics import accuracy, number
from ....painting import magnify
from ...results.results import RowResult
from ...run.images import Example
from ..panels import ClassMap, paint
from .encode import flat_picture, photo
from .flips import flips

MAX_EMBEDDED = 8 * 2**20  # bytes of all pictures
NOISE = 480  # pixels from side to side of a perturbation


class Gallery:
    """The pictures of a page.

    Args:
        report (Report): What is shown.

    Attributes:
        images (list[dict]): The images, first that of which the strongest
            attack leaves least: names, pictures, accuracies, classes that
            are seen, and the same of each attack.
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
        # The strongest attack of the page's first sentence comes first.
        self._order = sorted(range(1, len(rows)), key=lambda place: _last(
            report.results['attacks'][place - 1]['mIoU']))
        shown = self._accuracies[self._order[0] if self._order else 0]
        self._choose(sorted(report.examples.indices,
                            key=lambda index: _last(shown.get(index))))

    def _choose(self, indices: Sequence[int]) -> None:
        """Take every image with its strongest attack, then other attacks."""
        loaded = []
        for index in indices:
            clean = self.report.examples.load('clean', index)
            if clean is None:
                continue
            shown = self._clean(index, clean)
            if self.images and self._size + _size(shown) > MAX_EMBEDDED:
                self.others += 1
                continue
            self._size += _size(shown)
            self.images.append(shown)
            loaded.append((index, clean, shown))
            for place in self._order[:1]:
                self._attack(place, index, clean, shown)
        for place in self._order[1:]:
            for index, clean, shown in loaded:
                self._attack(place, index, clean, shown)

    def _attack(self, place: int, index: int, clean: Example,
                image: Dict[str, Any]) -> None:
        """Add what a row did to an image, if it is the first or has room."""
        result = self.report.attacks[place - 1]
        attacked = self.report.examples.load(result.row.key, index)
        if attacked is None:
            return
        if image['attacks'] and self._size > MAX_EMBEDDED:
            self.beside += 1
            return
        shown = _attacked(self.report, result, clean, attacked)
        shown['aAcc'] = self._accuracies[place][index]
        self._size += _size(shown)
        image['attacks'].append(shown)

    def _clean(self, index: int, example: Example) -> Dict[str, Any]:
        record = next(r for r in self.report.clean.records
                      if r['index'] == index)
        return {
            'name': f'{index}: {_file_name(record["image"])}',
            'image': photo(example.image),
            'prediction': _painted(self.report, example, example),
            'label': flat_picture(paint(
                ClassMap(_label(example), example.ignored),
                self.report.palette)),
            'aAcc': self._accuracies[0][index],
            'seen': _seen(example, _label(example), example.prediction),
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
    found = flips(clean.prediction, attacked.prediction, _label(clean),
                  _ignored(clean))
    assert attacked.delta is not None  # the clean image alone has none
    noise, factor = magnify(attacked.delta)
    return {
        'name': result.row.label,
        'image': photo(attacked.image),
        'prediction': _painted(report, attacked, clean),
        'flips': flat_picture(found.picture),
        'percent': found.percent,
        'perturbation': photo(noise, NOISE),
        'factor': f'{factor:.3g}',
        'seen': _seen(clean, attacked.prediction),
    }


def _painted(report: Any, shown: Example, clean: Example) -> str:
    """A prediction in the colours of the classes."""
    return flat_picture(paint(
        ClassMap(shown.prediction, clean.ignored), report.palette))


def _seen(clean: Example, *maps: np.ndarray) -> List[int]:
    """Classes of pixels that count, those of most pixels first."""
    counted = np.concatenate([classes[~_ignored(clean)] for classes in maps])
    classes, pixels = np.unique(counted, return_counts=True)
    return classes[np.argsort(-pixels, kind='stable')].tolist()


def _label(clean: Example) -> np.ndarray:
    assert clean.label is not None  # attacked images alone have none
    return clean.label


def _ignored(clean: Example) -> np.ndarray:
    if clean.ignored is None:
        return np.zeros(_label(clean).shape, bool)
    return clean.ignored


def _size(shown: Dict[str, Any]) -> int:
    """Bytes of the pictures of an image."""
    return sum(len(value) for value in shown.values()
               if isinstance(value, str))
