"""Several systems at a time, each in a process of its own."""
import os
import os.path as osp
import subprocess
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Dict, List, Optional, Sequence

from .experiments import Cell
from .progress import Progress
from .scales import System
from .training import DEFAULTS, LAST_LINES, start
from .work import Work


class WorkFailed(RuntimeError):
    """The work on a system has ended with an error; says where its log is."""


def work_apart(names: Sequence[str], work: Work, cells: Sequence[Cell],
               jobs: int) -> None:
    """Train and measure what is missing, system by system, several at once.

    Each process is this command for one system. What a system needs of
    another one, it waits for.

    Args:
        names (Sequence[str]): The experiments.
        work (Work): Where and at which size.
        cells (Sequence[Cell]): Numbers of the experiments.
        jobs (int): Processes at a time.

    Raises:
        WorkFailed: If a process ends with an error; the others are ended.
    """
    costs = work.missing(cells)
    progress = Progress(work.say)
    for cost in costs.values():
        progress.expect(cost)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    env = {'OMP_NUM_THREADS': str(threads), **DEFAULTS, **os.environ}
    running: Dict[System, subprocess.Popen] = {}

    def do(system: System) -> None:
        progress.begin(f'{system}: log in {log_of(work, system)}')
        with open(log_of(work, system), 'a', encoding='utf-8') as log:
            running[system] = start(
                *words_of(names, work, system), env=env, stdout=log,
                stderr=subprocess.STDOUT)
        code = running[system].wait()
        if code:
            with open(log_of(work, system), encoding='utf-8',
                      errors='replace') as log:
                end = ''.join(log.readlines()[-LAST_LINES:])
            raise WorkFailed(
                f'the work on {system} has failed; its log is '
                f'{log_of(work, system)} and ends in:\n{end}')
        progress.done(costs[system])

    os.makedirs(osp.join(work.out, 'logs'), exist_ok=True)
    pool = ThreadPoolExecutor(jobs)
    try:
        for future in as_completed([pool.submit(do, each) for each in costs]):
            future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running.values():
            if process.poll() is None:
                process.terminate()


def words_of(names: Sequence[str], work: Work,
             system: Optional[System] = None) -> List[str]:
    """The command for one system, or for the tables of all."""
    words = ['reproduce', *names, '--scale', work.scale.name, '--seeds',
             str(len(work.seeds)), '--out', work.out, '--run']
    if system is not None:
        words += ['--systems', str(system)]
    if work.scale.images is not None:
        words += ['--images', str(work.scale.images)]
    if work.settings:
        words += ['--cfg-options', *work.words()]
    return words


def log_of(work: Work, system: System) -> str:
    """The log of the process of a system."""
    return osp.join(work.out, 'logs', f'{work.scale.stem(system)}.log')
