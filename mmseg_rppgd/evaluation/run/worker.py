"""A job on all images: in batches, by several processes, resumed."""
from collections import defaultdict
from typing import Any, Dict, Iterator, List, Optional, Sequence

import torch
from mmengine.dist import all_gather_object, broadcast_object_list

from ...attacks.base import own_chance
from ...loaded import LoadedSamples
from ..report.screen import Screen
from .jobs import Job
from .models import Sample, TestedModel
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
        self._loaded = LoadedSamples()

    def do(self, job: Job,
           indices: Optional[Sequence[int]] = None) -> List[List[Record]]:
        """Do a job on every image, and return the records of each key."""
        indices = self.indices if indices is None else indices
        stored: List[Any] = [None]
        if self.rank == 0:
            stored = [[self.store.load(key) for key in job.keys]]
        broadcast_object_list(stored)
        todo = [i for i in indices
                if not all(i in records for records in stored[0])]
        mine = todo[self.rank::self.world_size]
        self.screen.begin(job.name, len(mine))
        self.screen.skip(
            job.cost * (len(indices) - len(todo)) / self.world_size)
        fresh: List[Dict[int, Record]] = [{} for _ in job.keys]
        for batch in self._batches(mine):
            for sample, records in zip(batch, self._run(job, batch)):
                for key, column in zip(job.keys, fresh):
                    column[sample.index] = records[key]
                    self.store.append(key, records[key])
                self.screen.advance(job.cost)
        self.screen.end()
        for ranks, digests in all_gather_object(
                (fresh, self._loaded.digests)):
            for index, digest in digests.items():
                self._loaded.see(index, digest)
            for column, records in zip(stored[0], ranks):
                column.update(records)
        if self.rank == 0:
            for key, column in zip(job.keys, stored[0]):
                self.store.merge(key, column)
        return [[column[i] for i in indices] for column in stored[0]]

    def _batches(self, indices: Sequence[int]) -> Iterator[List[Sample]]:
        """Yield samples of one size together, as soon as a batch is full.

        No more than four batches wait for samples of their size.
        """
        waiting: Dict[tuple, List[Sample]] = defaultdict(list)
        for sample in self.model.samples(self.loader, indices):
            self._loaded.see(sample.index, sample.digest, sample.path)
            batch = waiting[sample.sizes]
            batch.append(sample)
            if len(batch) >= self.batch_size:
                yield waiting.pop(sample.sizes)
            elif sum(map(len, waiting.values())) >= 4 * self.batch_size:
                yield waiting.pop(max(waiting, key=lambda k: len(waiting[k])))
        yield from waiting.values()

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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a device is used up."""
    kinds = tuple(kind for kind in (
        MemoryError, getattr(torch, 'OutOfMemoryError', None),
        torch.cuda.OutOfMemoryError) if kind is not None)
    return isinstance(error, kinds) or "can't allocate memory" in str(error)
