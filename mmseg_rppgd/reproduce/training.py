"""Trainings of the experiments, each in a process of its own."""
import json
import os
import os.path as osp
import re
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Sequence

from ..evaluation.run.folder import FolderInUse, FolderLock

PROGRESS = re.compile(
    r'Iter\(train\) *\[ *(\d+)/(\d+)\] .* eta: ([0-9:]+) .* loss: ([0-9.]+)')
DEFAULTS = {
    # mmseg warns about its own deprecated calls; nobody can act on that here.
    'PYTHONWARNINGS': 'ignore::UserWarning',
}
LAST_LINES = 20  # of the log of a training that failed
WAIT = 2.0  # seconds between two looks at a folder that is in use
Told = Callable[[str], None]


class TrainingFailed(RuntimeError):
    """A training has ended with an error; says where its log is."""


def start(*words: str, **options: Any) -> subprocess.Popen:
    """Start a command of this package in a process of its own."""
    options.setdefault('env', {**DEFAULTS, **os.environ})
    return subprocess.Popen(
        [sys.executable, '-m', 'mmseg_rppgd', *words], **options)


def train(config: str, work_dir: str, settings: Sequence[str],
          load_from: Optional[str], log: str, say: Told) -> None:
    """Train, or go on with a training that was stopped.

    Args:
        config (str): File or name of the config.
        work_dir (str): Where logs and checkpoints go.
        settings (Sequence[str]): Of the config, as KEY=VALUE.
        load_from (str, optional): Weights to start from. None leaves it to
            the config.
        log (str): File that the log is added to.
        say (callable): Gets a line of progress.

    Raises:
        TrainingFailed: If the training ends with an error.
    """
    words = ['train', config, '--work-dir', work_dir]
    if osp.isfile(osp.join(work_dir, 'last_checkpoint')):
        words.append('--resume')
    elif load_from is not None:  # mmengine would go on from there instead
        settings = [*settings, f'load_from={load_from}']
    if settings:
        words += ['--cfg-options', *settings]
    follow(words, log, say)


def follow(words: Sequence[str], log: str, say: Told) -> None:
    """Run a train command: its output goes to a file, its progress is told.

    Args:
        words (Sequence[str]): The command, from 'train' on.
        log (str): File that the output is added to.
        say (callable): Gets a line of progress.

    Raises:
        TrainingFailed: If the training ends with an error.
    """
    with open(log, 'a', encoding='utf-8') as file, start(
            *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding='utf-8', errors='replace') as process:
        for line in process.stdout or ():
            file.write(line)
            found = PROGRESS.search(line)
            if found:
                done, most, left, loss = found.groups()
                say(f'  iteration {done} of {most}, loss {loss}, {left} left')
    if process.returncode:
        with open(log, encoding='utf-8', errors='replace') as file:
            end = ''.join(file.readlines()[-LAST_LINES:])
        raise TrainingFailed(
            f'the training of {words[1]} has failed; its log is {log} and '
            f'ends in:\n{end}')


def finished_checkpoint(work_dir: str, iterations: int) -> Optional[str]:
    """The checkpoint of a training that is done; None if it is not.

    mmengine writes ``last_checkpoint`` when the checkpoint is whole.
    """
    path = osp.join(work_dir, f'iter_{iterations}.pth')
    try:
        with open(osp.join(work_dir, 'last_checkpoint')) as file:
            last = osp.basename(file.read().strip())
    except FileNotFoundError:
        return None
    return path if last == osp.basename(path) and osp.isfile(path) else None


def read_record(work_dir: str) -> Optional[Dict[str, Any]]:
    """Where a training came from, as the train command wrote it down."""
    path = osp.join(work_dir, 'training.json')
    if not osp.isfile(path):
        return None
    with open(path, encoding='utf-8') as file:
        entries: List[Dict[str, Any]] = json.load(file)
    return entries[-1]


def alone_in(folder: str, say: Told, work: Callable[[], Any]) -> Any:
    """Do some work on a folder when no other process is at work there.

    Args:
        folder (str): The folder.
        say (callable): Is told once that somebody else is there.
        work (callable): Called with the folder locked, unless it locks the
            folder itself.
    """
    told = False
    while True:
        try:
            return work()
        except FolderInUse:
            if not told:
                say(f'  waiting for another process at work in {folder}')
                told = True
            time.sleep(WAIT)


def locked(folder: str, work: Callable[[], Any]) -> Any:
    """Do some work with the lock of a folder."""
    lock = FolderLock(folder)
    lock.acquire()
    try:
        return work()
    finally:
        lock.release()
