"""How a test begins, goes on after an interrupt, and is left by one."""
import os
import os.path as osp
from contextlib import contextmanager
from typing import (Any, Callable, Collection, Dict, Iterator, List, Optional,
                    Sequence)

from mmengine.dist import barrier, get_rank

from ..files import write_json, writing
from ..plan.rows import Row
from ..report.screen import Screen
from .bad_data import BadSample
from .folder import FolderLock, remove_leftovers
from .images import ExampleStore
from .processes import on_first
from .saved import SavedAdversaries
from .store import stamp_of
from .worker import Worker

SKIPPED = 'skipped.json'
MOST_NAMED = 5  # files that one sentence names


@contextmanager
def working_in(folder: Optional[str], screen: Screen,
               option: str = '--out') -> Iterator[None]:
    """Hold a folder, such as that of a report, for this test alone.

    Args:
        folder (str, optional): The folder. None needs no lock.
        screen (Screen): Is told where there are no locks.
        option (str): What names another folder. Defaults to '--out'.

    Raises:
        FolderInUse: If another test is at work there.
    """
    if folder is None:
        yield
        return
    lock = FolderLock(folder, option)

    def begin() -> bool:
        locked = lock.acquire()
        remove_leftovers(folder)
        return locked

    barrier()  # nobody is writing class counts any more
    try:
        if not on_first(begin):
            screen.say(f'The file system of {folder} has no locks: take care '
                       'that no second test is at work there.', 'yellow')
        yield
    finally:
        lock.release()


def start(worker: Worker, examples: ExampleStore,
          settings: Callable[[], Dict[str, Any]], resume: bool,
          saved: Optional[SavedAdversaries] = None) -> None:
    """Prepare the store, and take up what an earlier run has left.

    Args:
        worker (Worker): Has store and screen; gets the stamp of the records.
        examples (ExampleStore): Images kept for pictures.
        settings (callable): Gives what decides the numbers.
        resume (bool): Whether to go on with what is there.
        saved (SavedAdversaries, optional): Images saved for others. Defaults
            to None, none are.
    """
    store = worker.store

    def prepare() -> tuple:
        given = settings()
        stamp = stamp_of(given)
        if saved is not None:
            saved.check(stamp)
        return store.start(given, resume), stamp

    resumed, worker.stamp = on_first(prepare)
    _take_up(worker, examples, resumed)
    if saved is not None:
        _start_saving(saved, worker)


def _start_saving(saved: SavedAdversaries, worker: Worker) -> None:
    stamp = worker.stamp
    assert stamp is not None  # start() has set it
    again = on_first(lambda: saved.start(stamp, worker.store))
    if again:
        worker.screen.say(
            f'{again} results are made again: their adversarial images are '
            f'not in {saved.folder}.', 'yellow')


def _take_up(worker: Worker, examples: ExampleStore, resumed: bool) -> None:
    """Find out what of an earlier run still holds."""
    store, screen = worker.store, worker.screen
    if store.earlier is not None:
        screen.say(f'{store.earlier}.', 'yellow')
    if not resumed:
        return
    screen.say('Going on: images and labels are compared with those that the '
               'finished results are of.')
    changed = worker.changed()
    if changed:
        screen.say(f'{_named(changed)}: not what the finished results are '
                   'of. All rows of them are done again.', 'yellow')
    for key, indices in on_first(
            lambda: _drop_damaged(worker, examples)).items():
        screen.say(f'{examples.folder_of(key)}: what was kept of the '
                   f'image {_named(map(str, indices))} is damaged and is '
                   'made again.', 'yellow')


def say_limits(screen: Screen, rows: Sequence[Row], surface: str,
               transfer: bool) -> None:
    """Say what the numbers of a test cannot be.

    Args:
        screen (Screen): Is told.
        rows (Sequence[Row]): Rows of the report.
        surface (str): Where they attack.
        transfer (bool): Whether they are attacks from a surrogate.
    """
    crop = surface == 'crop'
    if crop:
        screen.say(
            "surface 'crop' attacks every window by itself: overlapping "
            'windows disagree, so this is not one adversarial image, and '
            'the numbers compare with DDC-AT and RP-PGD alone.', 'yellow')
    if any(row.trace for row in rows) and (crop or transfer):
        screen.say('There are no curves over the steps: windows of their '
                   'own, and images of a surrogate, are not measured between '
                   'the steps.', 'yellow')


def say_size(worker: Worker, saved: SavedAdversaries) -> None:
    """Say how much room the saved images take, before the first of them."""

    def look() -> str:
        first, = worker.model.samples(worker.loader, worker.indices[:1])
        return saved.size_sentence(first, len(worker.indices))

    worker.screen.say(on_first(look))


def _drop_damaged(worker: Worker,
                  examples: ExampleStore) -> Dict[str, List[int]]:
    damaged = examples.damaged(worker.store.keys())
    for key, indices in damaged.items():
        worker.store.drop(indices, [key])
    return damaged


def report_skipped(folder: Optional[str],
                   bad: Collection[BadSample]) -> List[str]:
    """List the images that were left out, on disk and in a sentence.

    Args:
        folder (str, optional): That of the results of single images.
        bad (Collection[BadSample]): The images.

    Returns:
        list[str]: A sentence for the report, if there are any.
    """

    def write(folder: str) -> None:
        path = osp.join(folder, SKIPPED)
        if bad:
            write_json(path, [
                dict(index=b.index, image=b.where, reason=b.sentence)
                for b in bad])
        elif osp.exists(path):  # of a run that was interrupted
            with writing(path):
                os.remove(path)

    if folder is not None:
        on_first(lambda: write(folder))
    if not bad:
        return []
    where = '' if folder is None else f' (all in per_image/{SKIPPED})'
    images = ('1 image could not be tested and counts' if len(bad) == 1 else
              f'{len(bad)} images could not be tested and count')
    return [f'{images} in no row{where}: '
            f'{_named([b.sentence for b in bad], "; ")}.']


def say_interrupted(worker: Worker, screen: Screen) -> None:
    """Say what an interrupted test leaves, and how to go on with it."""
    store = worker.store
    if store.folder is None or get_rank():
        return
    count = sum(len(store.load(key)) for key in store.keys())
    screen.say(
        f'Interrupted. {count} results of single images are kept in '
        f'{store.folder}; the same command with --resume (from Python: '
        'resume=True) goes on with them.', 'yellow')


def _named(names: Any, joint: str = ', ') -> str:
    names = list(names)
    more = len(names) - MOST_NAMED
    return joint.join(names[:MOST_NAMED]) + (
        f' and {more} more' if more > 0 else '')
