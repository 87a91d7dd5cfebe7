"""Experiments as a script: for one machine with GPUs, or for Slurm."""
import os.path as osp
import shlex
import textwrap
from typing import List, Optional, Sequence, Tuple

from ..words import counted
from .commands import Commands
from .experiments import Experiment
from .hours import expected_hours, hours_lines
from .scales import STANDARD, System
from .work import Work

INDENT = '    '
STOCK_NOTE = (
    "The data sets lie in data/, as MMSegmentation's guide to data sets says.",
    'MMEngine fetches the ImageNet weights of the backbone when a training',
    'first starts, which needs a network.')


def single_machine(experiments: Sequence[Experiment], work: Work,
                   gpus: Optional[int] = None) -> str:
    """Return a bash script that trains, measures and makes the tables.

    Trainings use all GPUs, one after the other; what is trained is skipped,
    what was stopped goes on. Then each GPU measures its share of the
    systems.

    Args:
        experiments (sequence[Experiment]): What is to be reproduced.
        work (Work): Where, at which size, and with which seeds, settings and
            systems.
        gpus (int, optional): Number of GPUs. Defaults to None, the number
            of the configs.

    Raises:
        ValueError: As :class:`Commands`.
    """
    commands = Commands(experiments, work, gpus)
    number = most_gpus(commands)
    lines = head(commands, f'on one machine with {counted(number, "GPU")}')
    for system in commands.systems:
        lines += ['', f'# {system}']
        for seed in work.seeds:
            lines += unless(commands.finished(system, seed),
                            commands.training_here(system, seed))
    lines += ['', '# Measure.', *shared_out(
        [commands.measuring(system) for system in commands.measured()],
        number)]
    if work.systems is None:
        lines += ['', '# Make the tables.', broken(commands.tables())]
    return '\n'.join(lines) + '\n'


def shared_out(commands: List[List[str]], number: int) -> List[str]:
    """Return lines that run commands on several GPUs at once."""
    if number == 1:
        return [broken(command) for command in commands]
    used = range(min(number, len(commands)))
    lines = []
    for gpu in used:
        lines += [f'measure_{gpu}() {{',
                  f'{INDENT}export CUDA_VISIBLE_DEVICES={gpu}',
                  *(INDENT + broken(command, INDENT)
                    for command in commands[gpu::number]), '}']
    return [*lines, 'processes=()', *(
        f'measure_{gpu} & processes+=("$!")' for gpu in used),
        'failed=0', 'for process in "${processes[@]}"; do',
        f'{INDENT}wait "$process" || failed=1', 'done', '[ "$failed" = 0 ]']


def slurm(experiments: Sequence[Experiment], work: Work,
          gpus: Optional[int] = None, options: Sequence[str] = ()) -> str:
    """Return a bash script that hands everything to Slurm.

    There is a job array of the trainings, one of the measurements, a task
    for each system, once all trainings have succeeded, and a job that then
    makes the tables. Where adversarial training starts from the standard
    models, these are an array that comes first. A training has one node.

    Args:
        experiments (sequence[Experiment]): What is to be reproduced.
        work (Work): Where, at which size, and with which seeds, settings and
            systems. All nodes see the folder.
        gpus (int, optional): GPUs of a training. Defaults to None, the
            number of the configs.
        options (sequence[str]): Further options of each ``sbatch``, such as
            ``'--partition=gpu'`` or ``'--time=2-0'``. Defaults to none.

    Raises:
        ValueError: As :class:`Commands`.
    """
    commands = Commands(experiments, work, gpus)
    number = most_gpus(commands)
    lines = head(commands, f'on Slurm, {counted(number, "GPU")} a training')
    lines += ['', f'mkdir -p {shlex.quote(osp.join(work.out, "slurm"))}']
    submit = Submission(work.out, options)
    for name, systems in stages(commands):
        lines += submit.array(name, [
            '\n'.join(unless(
                commands.finished(system, seed),
                ['srun', '--kill-on-bad-exit=1', 'python', '-u',
                 *commands.training(system, seed, 'slurm')]))
            for system in systems for seed in work.seeds], number)
    lines += submit.array('measure', [
        broken(commands.measuring(system))
        for system in commands.measured()], 1)
    if work.systems is None:
        lines += submit.array('tables', [broken(commands.tables())], 0)
    return '\n'.join(lines) + '\n'


class Submission:
    """Writes job arrays, each of which waits for the one before.

    Args:
        out (str): Folder of the experiments, where the jobs write too.
        options (sequence[str]): Of each ``sbatch``.
    """

    def __init__(self, out: str, options: Sequence[str]) -> None:
        self.out = out
        self.options = options
        self.last: Optional[str] = None

    def array(self, name: str, tasks: Sequence[str], gpus: int) -> List[str]:
        """Return the lines that submit an array.

        Args:
            name (str): What the jobs are called.
            tasks (sequence[str]): Lines of bash, of one task each.
            gpus (int): GPUs, and processes, of a task; 0 for a process
                without one.
        """
        words = ['sbatch', '--parsable', f'--job-name={name}',
                 f'--array=0-{len(tasks) - 1}', '--nodes=1',
                 f'--ntasks-per-node={max(gpus, 1)}', '--cpus-per-task=4',
                 *([f'--gres=gpu:{gpus}'] if gpus else []),
                 '--output=' + osp.join(self.out, 'slurm',
                                        f'{name}-%A_%a.txt')]
        command = broken([*words, *self.options], INDENT)
        if self.last is not None:
            command += f' \\\n{2 * INDENT}--dependency="afterok:${self.last}"'
        body = ['#!/usr/bin/env bash', 'set -euo pipefail',
                '# Jobs of one node must not meet at one port.',
                'export MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))',
                'case "$SLURM_ARRAY_TASK_ID" in']
        for number, task in enumerate(tasks):
            body += [f'({number})', task, ';;']
        self.last = name
        return ['', f'{name}=$(', f"{INDENT}{command} <<'END'", *body, 'esac',
                'END', ')', f'echo "{name}: job ${name}"']


def most_gpus(commands: Commands) -> int:
    """Return how many GPUs a training takes at most."""
    return max(map(commands.gpus, commands.systems))


def stages(commands: Commands) -> List[Tuple[str, List[System]]]:
    """Return names and systems of the trainings that need no other."""
    systems = commands.systems
    if not commands.work.scale.warm:
        return [('train', systems)]
    standard = [one for one in systems if one.strategy == STANDARD]
    rest = [one for one in systems if one.strategy != STANDARD]
    return [(name, group) for name, group in (
        ('train_standard', standard), ('train', rest)) if group]


def head(commands: Commands, where: str) -> List[str]:
    """Return the first lines: what the script does, and what it costs."""
    work, systems = commands.work, len(commands.systems)
    seeds = len(work.seeds)
    comments = [
        f'{", ".join(commands.cells)} at scale {work.scale.name}, '
        f'{counted(seeds, "seed")}, {where}:',
        f'{counted(systems, "system")}, '
        f'{counted(systems * seeds, "training")}.',
        'What is done is not done again: start the script again after a '
        'stop.', *(STOCK_NOTE if work.scale.stock else ()), '',
        *hours_lines(expected_hours(commands))]
    return ['#!/usr/bin/env bash',
            *(f'# {line}'.rstrip() for comment in comments
              for line in textwrap.wrap(comment, 77, subsequent_indent='  ')
              or ['']), 'set -euo pipefail']


def unless(finished: Sequence[str], command: Sequence[str]) -> List[str]:
    """Return lines that run a command unless another one succeeds."""
    return [f'{broken(finished)} ||', INDENT + broken(command, INDENT)]


def broken(words: Sequence[str], indent: str = '') -> str:
    """Return a command in lines of at most 79 characters where it can be."""
    lines = ['']
    for word in map(shlex.quote, words):
        room = 77 - len(indent) - (len(INDENT) if len(lines) > 1 else 0)
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append('')
        lines[-1] += f' {word}' if lines[-1] else word
    return f' \\\n{indent}{INDENT}'.join(lines)
