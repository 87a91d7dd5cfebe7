"""What a run makes before its work begins, and takes back if it is refused.

MMEngine makes work dir, log and copies of the config before it looks at the
model and the data, which may then turn out to be none.
"""
import logging
import os
import os.path as osp
import shutil
from contextlib import contextmanager, suppress
from glob import escape, glob
from typing import Any, Callable, Iterator, List, Optional, Set

from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.utils import ManagerMixin

from ...cli import is_for_the_user
from ...evaluation.run.folder import RECORDS, FolderInUse, FolderLock


class Traces:
    """The folders of a run as they are before it.

    Args:
        work_dir (str): That of the config. It gets logs.
        results (str, optional): Folders of results: of a report, or of
            adversarial images.
    """

    def __init__(self, work_dir: str, *results: Optional[str]) -> None:
        self.work_dir = osp.abspath(work_dir)
        self.results = [osp.abspath(each) for each in results if each]
        self.new = {folder for each in (self.work_dir, *self.results)
                    for folder in missing_folders(each)}
        self.before = set(inside(self.work_dir))
        self.begun = False

    def keep(self) -> None:
        """Say that the work has begun: everything stays."""
        self.begun = True

    def take_back(self) -> None:
        """Remove what the run has made, and nothing that was there."""
        for each in self.new.intersection(self.results):
            remove_without_results(each)
        for folder in own_logs(self.work_dir) - self.before:
            shutil.rmtree(folder, ignore_errors=True)
        for path in set(inside(self.work_dir)) - self.before:
            remove_made(path)
        for folder in sorted(self.new, key=len, reverse=True):
            remove_if_empty(folder)


@contextmanager
def taken_back_if_refused(work_dir: str,
                          *results: Optional[str]) -> Iterator[Traces]:
    """Leave no folder of a run whose input is refused before it begins.

    Args:
        work_dir (str): That of the config.
        results (str, optional): Folders of results, see :class:`Traces`.

    Yields:
        Traces: Its ``keep`` is called when the work begins.
    """
    traces = Traces(work_dir, *results)
    try:
        yield traces
    except Exception as error:
        if not traces.begun and is_for_the_user(error):
            traces.take_back()
        raise


class WorkBegins(Hook):
    """Calls a function when a run can no longer be refused.

    That is when a training has all it needs, or a test its first image done.

    Args:
        action (callable): Is given the runner.
    """

    def __init__(self, action: Callable[[Any], Any]) -> None:
        self.action = action

    def before_train(self, runner: Any) -> None:
        """Call it before the first step."""
        self.action(runner)

    def after_test_iter(self, runner: Any, *args: Any,
                        **kwargs: Any) -> None:
        """Call it after an image."""
        self.action(runner)


def missing_folders(path: str) -> List[str]:
    """A folder and those above it, as far as they do not exist."""
    found = []
    while not osp.lexists(path):
        found.append(path)
        path = osp.dirname(path)
    return found


def inside(folder: str) -> List[str]:
    """Paths of what is in a folder, if there is one."""
    if not osp.isdir(folder):
        return []
    return [osp.join(folder, name) for name in os.listdir(folder)]


def own_logs(work_dir: str) -> Set[str]:
    """Folders of the logs that this process writes to, closed.

    What MMEngine keeps by the name of their run is forgotten, or the next
    run of this process would go on writing there.
    """
    found = set()
    for name, logger in list(MMLogger._instance_dict.items()):
        for handler in list(logger.handlers):
            if isinstance(handler, logging.FileHandler):
                folder = osp.dirname(handler.baseFilename)
                if osp.dirname(folder) == work_dir:
                    logger.removeHandler(handler)
                    handler.close()
                    forget_run(name)
                    found.add(folder)
    return found


def forget_run(name: str) -> None:
    """Forget the logger, visualizer and the like of a run."""
    kinds = [ManagerMixin]
    for kind in kinds:
        kinds += kind.__subclasses__()
        kind._instance_dict.pop(name, None)


def remove_made(path: str) -> None:
    """Remove a copy of the config, or a folder with nothing in it."""
    if osp.isdir(path):
        remove_if_empty(path)
    elif path.endswith(('.py', '.json', '.yml', '.yaml')):
        os.remove(path)


def remove_without_results(folder: str) -> None:
    """Remove a folder of results that has none of any image."""
    if not osp.isdir(folder) or any(
            glob(osp.join(escape(folder), *pattern), recursive=True)
            for pattern in [(RECORDS, '*.jsonl'), ('**', '*.npy')]):
        return
    lock = FolderLock(folder)
    try:
        lock.acquire()
    except FolderInUse:  # of another test
        return
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()


def remove_if_empty(folder: str) -> None:
    """Remove a folder with nothing in it, if it is still there."""
    with suppress(OSError):
        os.rmdir(folder)
