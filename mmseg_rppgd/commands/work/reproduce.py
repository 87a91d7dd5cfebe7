"""Repeat tables and figures of the RP-PGD paper, at three sizes."""
import argparse
import os
import os.path as osp
import shlex
import subprocess
from dataclasses import replace
from typing import List, Sequence

import torch
from mmengine.device import get_device

from ...compat import require_mmseg
from ...evaluation.results.environment import typed_command
from ...names import did_you_mean
from ...reproduce import EXPERIMENTS, SCALES, Cell, Experiment
from ...reproduce.apart import work_apart
from ...reproduce.boards import Values
from ...reproduce.commands import Commands
from ...reproduce.scripts import single_machine, slurm
from ...reproduce.tables import show, write
from ...reproduce.training import TrainingFailed
from ...reproduce.work import Work
from ..reproduce import ALL, MOST_JOBS
from ..words import read_settings

SCRIPTS = {'one-machine': single_machine, 'slurm': slurm}


def reproduce(experiments: Sequence[Experiment], work: Work,
              jobs: int) -> None:
    """Do the work of some experiments, and write what comes of it.

    Args:
        experiments (Sequence[Experiment]): The experiments.
        work (Work): Where and at which size.
        jobs (int): Systems to work on at a time.
    """
    cells = cells_of(experiments)
    if work.scale.stock and work.systems is None:
        train_on_gpus(experiments, work)
    if jobs > 1:
        work_apart([each.name for each in experiments], work, cells, jobs)
    values = work.do(cells)
    if work.systems is not None:
        work.say('These systems are done. The same command without '
                 '--systems makes the tables, with --collect those of what '
                 'is there.')
        return
    make_tables(experiments, work, values)


def make_tables(experiments: Sequence[Experiment], work: Work,
                values: Values) -> None:
    """Write and show the tables and figures of what was measured."""
    for each in experiments:
        show(write(each, work.scale, values, work.out, typed_command()))


def train_on_gpus(experiments: Sequence[Experiment], work: Work) -> None:
    """Train what is missing, each system on all GPUs of this machine.

    Raises:
        TrainingFailed: If a training ends with an error.
        ValueError: If there is no GPU, or if the batch cannot be shared out.
    """
    commands = Commands(experiments, work, torch.cuda.device_count() or None)
    for seed in work.seeds:
        for system in commands.systems:
            if work.checkpoint(system, seed) is not None:
                continue
            if not torch.cuda.is_available():
                raise ValueError(
                    f'{system} must be trained on a GPU at full scale, and '
                    'none is visible here; --script prints the commands for '
                    'a machine that has some')
            words = commands.training_here(system, seed)
            work.say(f'{system} seed {seed}: {shlex.join(words)}')
            if subprocess.run(words).returncode:
                raise TrainingFailed(f'the training of {system} has failed; '
                                     'the same command goes on with it')


def cells_of(experiments: Sequence[Experiment]) -> List[Cell]:
    """Everything that experiments measure."""
    return [cell for each in experiments
            for cell in (*each.cells, *each.pictures)]


def check_systems(work: Work, cells: Sequence[Cell]) -> None:
    """Refuse names of systems that the experiments do not have.

    Raises:
        ValueError: If there is one.
    """
    known = [str(system) for system in work.systems_of(cells)]
    short = [name.rpartition('/')[0] for name in known]
    for name in work.systems or []:
        if name not in known + short:
            raise ValueError(
                f'--systems must be of {", ".join(known)}, but got {name!r}'
                f'{did_you_mean(name, known)}')


def run(args: argparse.Namespace) -> None:
    """Do the work, or print the commands for it."""
    require_mmseg()
    names = list(EXPERIMENTS) if ALL in args.names else args.names
    scale = SCALES[args.scale]
    if args.images is not None:
        scale = replace(scale, images=args.images)
    out = args.out or osp.join('work_dirs', 'reproduce', args.scale)
    work = Work(scale, out, range(args.seeds),
                read_settings(args.cfg_options), args.systems, say)
    jobs = args.jobs or (
        min(MOST_JOBS, os.cpu_count() or 1) if get_device() == 'cpu'
        and args.systems is None else 1)
    experiments = [EXPERIMENTS[name] for name in dict.fromkeys(names)]
    check_systems(work, cells_of(experiments))
    script = args.script or ('one-machine' if scale.stock else None)
    if args.collect:
        make_tables(experiments, work, work.collect(cells_of(experiments)))
    elif script is not None and not args.run:
        say(SCRIPTS[script](experiments, work))
    else:
        reproduce(experiments, work, jobs)


def say(text: str) -> None:
    """Show a line at once, also where the output is a file."""
    print(text, flush=True)
