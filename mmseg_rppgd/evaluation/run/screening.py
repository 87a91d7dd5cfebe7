"""The clean row, which finds the images that cannot be tested."""
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from .bad_data import BadSample
from .models import Sample
from .store import Record

Run = Callable[[List[Sample]], Iterator[Dict[str, Record]]]
# What predicting an image raises because of the image, such as one pixel
# that a network cannot pool.
OF_IMAGES = (RuntimeError, ValueError, AssertionError, IndexError,
             ZeroDivisionError)
# Images that may fail before the model is to blame: a sentence of this
# package is rarely about the model.
MOST_SUSPECTS, MOST_SENTENCES = 2, 8


class Screening:
    """Tells images that cannot be tested from a model that cannot test.

    Where one image fails and another does not, the image is at fault. Where
    the first ones all fail, it is the model or all of the data, and the
    error stays what it is.

    Args:
        skip (bool): Whether to leave such images out. If not, the first
            of them ends it.
        proved (bool): Whether the model has predicted an image before.
    """

    def __init__(self, skip: bool, proved: bool) -> None:
        self.skip = skip
        self.proved = proved
        self.bad: Dict[int, BadSample] = {}
        self._suspects: List[Tuple[BadSample, Exception]] = []

    def leave_out(self, bad: BadSample,
                  cause: Optional[Exception] = None) -> None:
        """Set an image apart."""
        if not self.skip:
            raise bad from cause
        self.bad[bad.index] = bad

    def results(self, batches: Iterable[List[Sample]], run: Run
                ) -> Iterator[Tuple[Sample, Dict[str, Record]]]:
        """Yield the samples that can be tested, with their records."""
        for batch in batches:
            yield from self._batch(batch, run)
        if self._suspects:
            raise self._suspects[0][1]

    def _batch(self, batch: List[Sample], run: Run
               ) -> Iterator[Tuple[Sample, Dict[str, Record]]]:
        waiting = list(batch)
        try:
            for records in run(batch):
                self._prove()
                yield waiting.pop(0), records
            return
        except BadSample:
            raise
        except OF_IMAGES as error:
            if len(batch) == 1:
                self._blame(batch[0], error)
                return
        for sample in waiting:
            yield from self._batch([sample], run)

    def _prove(self) -> None:
        self.proved = True
        while self._suspects:
            self.leave_out(*self._suspects.pop(0))

    def _blame(self, sample: Sample, error: Exception) -> None:
        bad = self._describe(sample, error)
        if self.proved:
            self.leave_out(bad, error)
            return
        self._suspects.append((bad, error))
        most = MOST_SUSPECTS
        if isinstance(error, ValueError):
            most = len(self._suspects) + 1 if self.skip else MOST_SENTENCES
        if len(self._suspects) >= most:
            raise self._suspects[0][1]

    @staticmethod
    def _describe(sample: Sample, error: Exception) -> BadSample:
        where = sample.path
        if where == str(sample.index):
            where = f'sample {where} of the data set'
        text = str(error)
        if isinstance(error, ValueError):
            prefix = f'{sample.path}: '
            if text.startswith(prefix):
                text = text[len(prefix):]
            return BadSample(sample.index, where, text)
        size = ' x '.join(map(str, sample.image.shape[-2:]))
        text = (text.strip().splitlines() or [''])[0]
        return BadSample(sample.index, where, (
            f'cannot be predicted, as other images can ({size} pixels): '
            f'{type(error).__name__}: {text}'))
