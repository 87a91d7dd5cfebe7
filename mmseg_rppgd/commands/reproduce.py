"""Repeat tables and figures of the RP-PGD paper, at three sizes."""
import argparse
import os
import os.path as osp
import shlex
import subprocess
from dataclasses import replace
from typing import List, Optional, Sequence

import torch
from mmengine.device import get_device

from ..cli import Settings, errors_in_a_sentence, interruptible
from ..compat import require_mmseg
from ..evaluation.results.environment import typed_command
from ..registry import did_you_mean, find_name
from ..reproduce import EXPERIMENTS, SCALES, Cell, Experiment
from ..reproduce.apart import work_apart
from ..reproduce.boards import Values
from ..reproduce.commands import Commands
from ..reproduce.scripts import single_machine, slurm
from ..reproduce.tables import show, write
from ..reproduce.training import TrainingFailed
from ..reproduce.work import Work

ALL = 'all'
MOST_JOBS = 4  # that are chosen; each takes a gigabyte of memory
SCRIPTS = {'one-machine': single_machine, 'slurm': slurm}
GO_ON = ('what is finished is kept; the same command goes on from there')


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    names = '\n'.join(f'  {name:17}{experiment.title}'
                      for name, experiment in EXPERIMENTS.items())
    result = argparse.ArgumentParser(
        prog, description='Repeat tables and figures of the RP-PGD paper: '
        'train and measure what is not there yet, and put the numbers beside '
        "the paper's", epilog=f'tables and figures:\n{names}\n  {ALL:17}all '
        'of them', formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument(
        'names', nargs='+', metavar='TABLE', choices=[*EXPERIMENTS, ALL],
        type=lambda text: find_name(text, [*EXPERIMENTS, ALL]) or text,
        help='one or more of those below')
    result.add_argument(
        '--scale', choices=SCALES, default='mini',
        help='mini: synthetic shapes, minutes on a CPU; camvid: real images '
        "in data/CamVid, hours on a CPU; full: the paper's models and data, "
        'on GPUs (default: %(default)s)')
    result.add_argument(
        '--seeds', type=int, default=1, metavar='N',
        help='train and measure with seeds 0 to N - 1, and average; the '
        'paper has 7 (default: 1)')
    result.add_argument(
        '--images', type=int, metavar='N', help='test on the first N images '
        '(default: 8 at mini, 24 at camvid, all at full scale)')
    result.add_argument(
        '--out', metavar='DIR', help='where everything goes and is found '
        'again (default: work_dirs/reproduce/SCALE)')
    result.add_argument(
        '--systems', nargs='+', metavar='SYSTEM',
        help='work on these alone, such as PSPNet/RP-PGD3-AT; several '
        'commands may work in one folder at a time (default: all)')
    result.add_argument(
        '--jobs', type=int, metavar='N', help='work on N systems at a time, '
        'in processes of their own (default: 1 on a GPU, on a CPU one per '
        f'core, at most {MOST_JOBS})')
    result.add_argument(
        '--cfg-options', nargs='+', action=Settings, metavar='KEY=VALUE',
        help='override settings of every config')
    how = result.add_mutually_exclusive_group()
    how.add_argument(
        '--script', choices=SCRIPTS, help='do nothing, and print the '
        'commands for one machine or for Slurm, with the GPU hours that they '
        'may take (default at full scale: one-machine)')
    how.add_argument(
        '--collect', action='store_true', help='do nothing but make the '
        'tables of what is there, with dashes for what is not')
    how.add_argument(
        '--run', action='store_true',
        help='at full scale, too: do the work here and now')
    return result


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


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Do the work, or print the commands for it."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    for name in ('seeds', 'jobs', 'images'):
        number = getattr(args, name)
        if number is not None and number < 1:
            command_line.error(f'--{name} must be >= 1, but got {number}')
    names = list(EXPERIMENTS) if ALL in args.names else args.names
    with interruptible(command_line.prog, GO_ON), errors_in_a_sentence(
            command_line.prog):
        require_mmseg()
        scale = SCALES[args.scale]
        if args.images is not None:
            scale = replace(scale, images=args.images)
        out = args.out or osp.join('work_dirs', 'reproduce', args.scale)
        work = Work(scale, out, range(args.seeds), args.cfg_options,
                    args.systems, say)
        jobs = args.jobs or (
            min(MOST_JOBS, os.cpu_count() or 1) if get_device() == 'cpu'
            and args.systems is None else 1)
        experiments = [EXPERIMENTS[name] for name in dict.fromkeys(names)]
        check_systems(work, cells_of(experiments))
        script = args.script or ('one-machine' if scale.stock else None)
        if args.collect:
            make_tables(experiments, work,
                        work.collect(cells_of(experiments)))
        elif script is not None and not args.run:
            say(SCRIPTS[script](experiments, work))
        else:
            reproduce(experiments, work, jobs)


def say(text: str) -> None:
    """Show a line at once, also where the output is a file."""
    print(text, flush=True)
