"""A job on all images: in batches, by several processes, resumed."""
from collections import defaultdict
from typing import (Any, Callable, Dict, Iterable, Iterator, List, Optional,
                    Sequence, Tuple)

import torch
from mmengine.dist import all_gather_object

from ...attacks.base import own_chance
from ...loaded import LoadedSamples
from ..report.screen import Screen
from .bad_data import BadSample
from .jobs import Job
from .models import Sample, TestedModel
from .processes import on_first
from .screening import Screening
from .store import ImageStore, Record


class Worker:
    """Does jobs on the images of a data set.

    Args:
        model (TestedModel): Loads the samples.
        loader (DataLoader | Dataset): Has the data set.
        indices (Sequence[int]): The images of the test.
        store (ImageStore): Keeps the records.
        screen (Screen): Is told how far it is.
        seed (int): Seed of the evaluation.
        batch_size (int): Most images that are attacked together.
        rank (int): Number of this process.
        world_size (int): Number of processes.
    """

    def __init__(self, model: TestedModel, loader: Any,
                 indices: Sequence[int], store: ImageStore, screen: Screen,
                 seed: int, batch_size: int, rank: int,
                 world_size: int) -> None:
        self.model = model
        self.loader = loader
        self.indices = indices
        self.store = store
        self.screen = screen
        self.seed = seed
        self.batch_size = batch_size
        self.rank = rank
        self.world_size = world_size
        self.stamp: Optional[str] = None  # of the settings, in each record
        self._loaded = LoadedSamples()

    def screen_out(self, job: Job, skip: bool
                   ) -> Tuple[List[Record], List[BadSample]]:
        """Do a job on every image, and find those that cannot be tested.

        Args:
            job (Job): The clean row, the first of all.
            skip (bool): Whether to leave such images out of the test.

        Returns:
            tuple: The records, and what was left out, both in the order of
            the data set.

        Raises:
            BadSample: At the first, if none is to be left out.
            ValueError: If none is left.
        """
        known = on_first(lambda: len(self._stored(job)[0]))
        screening = Screening(skip, known > 0)
        records, = self.do(job, screening=screening)
        bad = {found.index: found for rank in all_gather_object(
            list(screening.bad.values())) for found in rank}
        self.indices = [i for i in self.indices if i not in bad]
        if not self.indices:
            raise ValueError('none of the images can be tested: '
                             f'{bad[min(bad)].sentence}')
        return records, [bad[i] for i in sorted(bad)]

    def do(self, job: Job, indices: Optional[Sequence[int]] = None,
           screening: Optional[Screening] = None) -> List[List[Record]]:
        """Do a job on every image, and return the records of each key."""
        indices = self.indices if indices is None else indices
        stored = on_first(lambda: self._stored(job))
        todo = _missing(stored, indices)
        mine = todo[self.rank::self.world_size]
        self.screen.begin(job.name, len(mine), self.batch_size)
        fresh: List[Dict[int, Record]] = [{} for _ in job.keys]
        batches = self._batches(
            mine, None if screening is None else screening.leave_out)
        for sample, records in self._results(job, batches, screening):
            for key, column in zip(job.keys, fresh):
                column[sample.index] = dict(
                    records[key], test=self.stamp,
                    sample=self._loaded.digests[sample.index])
                self.store.append(key, column[sample.index])
            self.screen.advance(job.cost)
        self.screen.end()
        for ranks, digests in all_gather_object(
                (fresh, self._loaded.digests)):
            for index, digest in digests.items():
                self._loaded.see(index, digest)
            for column, records in zip(stored, ranks):
                column.update(records)
        on_first(lambda: self._merge(job, stored))
        return [[column[i] for i in indices if i in column]
                for column in stored]

    def left(self, job: Job, indices: Sequence[int]) -> int:
        """Number of images that a job is still to be done on."""
        return on_first(lambda: len(_missing(self._stored(job), indices)))

    def _merge(self, job: Job, stored: List[Dict[int, Record]]) -> None:
        for key, records in zip(job.keys, stored):
            self.store.merge(key, records)

    def _stored(self, job: Job) -> List[Dict[int, Record]]:
        """Records by key; those of other settings do not count."""
        return [{i: record for i, record in self.store.load(key).items()
                 if record.get('test') == self.stamp} for key in job.keys]

    def changed(self) -> List[str]:
        """Forget what is stored of samples that are others by now.

        Loading all of them again costs little beside one attack.

        Returns:
            list[str]: Their files.
        """
        seen = on_first(self._samples_seen)
        mine = list(seen)[self.rank::self.world_size]
        other: Dict[int, str] = {}

        def gone(bad: BadSample) -> None:
            other[bad.index] = bad.where

        self.screen.begin('looking for changed images', len(mine))
        for sample in self.model.samples(self.loader, mine, gone):
            self._loaded.see(sample.index, sample.digest, sample.path)
            if seen[sample.index] != {sample.digest}:
                other[sample.index] = sample.path
            self.screen.advance(0)
        self.screen.end()
        found = {index: path for rank in all_gather_object(other)
                 for index, path in rank.items()}
        on_first(lambda: self.store.drop(found))
        return [found[index] for index in sorted(found)]

    def _samples_seen(self) -> Dict[int, set]:
        """Digests that the records of each image have of its sample."""
        seen: Dict[int, set] = defaultdict(set)
        for key in self.store.keys():
            for index, record in self.store.load(key).items():
                if index in self.indices:
                    seen[index].add(record.get('sample'))
        return dict(seen)

    def _batches(self, indices: Sequence[int],
                 leave_out: Optional[Callable]) -> Iterator[List[Sample]]:
        """Yield samples of one size together, as soon as a batch is full.

        No more than four batches wait for samples of their size.
        """
        waiting: Dict[tuple, List[Sample]] = defaultdict(list)
        for sample in self.model.samples(self.loader, indices, leave_out):
            self._loaded.see(sample.index, sample.digest, sample.path)
            batch = waiting[sample.sizes]
            batch.append(sample)
            if len(batch) >= self.batch_size:
                yield waiting.pop(sample.sizes)
            elif sum(map(len, waiting.values())) >= 4 * self.batch_size:
                yield waiting.pop(max(waiting, key=lambda k: len(waiting[k])))
        yield from waiting.values()

    def _results(self, job: Job, batches: Iterable[List[Sample]],
                 screening: Optional[Screening]
                 ) -> Iterator[Tuple[Sample, Dict[str, Record]]]:
        """Yield samples with what a job gives of them."""
        if screening is not None:
            yield from screening.results(
                batches, lambda batch: self._run(job, batch))
            return
        for batch in batches:
            yield from zip(batch, self._run(job, batch))

    def _run(self, job: Job,
             samples: Sequence[Sample]) -> Iterator[Dict[str, Record]]:
        """Do a job on a batch, in parts where the memory does not suffice.

        A part that succeeded is given before the next is begun.
        """
        waiting = list(samples)
        while waiting:
            batch = waiting[:self.batch_size]
            # For models that draw numbers as they predict.
            chance = torch.Generator().manual_seed(
                self.seed + batch[0].index)
            try:
                with own_chance(chance, self.model.device):
                    records = job(batch)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or len(batch) == 1:
                    raise
                self.batch_size = (len(batch) + 1) // 2
                self.screen.say(
                    f'{len(batch)} images at once do not fit into the memory '
                    f'of {self.model.device}: going on with '
                    f'{self.batch_size}. No number depends on it.', 'yellow')
            else:
                waiting = waiting[len(batch):]
                yield from records
                continue
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def _missing(stored: Sequence[Dict[int, Record]],
             indices: Sequence[int]) -> List[int]:
    """Images that not all records are there of."""
    return [i for i in indices
            if not all(i in records for records in stored)]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a device is used up."""
    kinds = tuple(kind for kind in (
        MemoryError, getattr(torch, 'OutOfMemoryError', None),
        torch.cuda.OutOfMemoryError) if kind is not None)
    return isinstance(error, kinds) or "can't allocate memory" in str(error)
