"""Experiments as a script: for one machine with GPUs, or for Slurm."""
import os.path as osp
import shlex
from typing import List, Optional, Sequence, Tuple

from ..attacks.base import check_int
from .commands import (last_checkpoint, measures, reproduce_command,
                       systems_of, training_command, training_words)
from .experiments import Experiment
from .hours import expected_hours, gpus_of, hours_lines
from .scales import STANDARD, Scale, System

INDENT = '    '
STOCK_NOTE = (
    "The data sets lie in data/, as MMSegmentation's guide to data sets says.",
    'MMEngine fetches the ImageNet weights of the backbone when a training',
    'first starts, which needs a network.')


def single_machine(experiments: Sequence[Experiment], scale: Scale,
                   seeds: int, out: str, gpus: Optional[int] = None) -> str:
    """Return a bash script that trains, measures and makes the tables.

    Trainings use all GPUs one after the other; what is trained is skipped,
    what was stopped goes on. Then each GPU measures its share of the
    systems.

    Args:
        experiments (sequence[Experiment]): What is to be reproduced.
        scale (Scale): At which size.
        seeds (int): Number of seeds, from 0 on.
        out (str): Folder of the experiments.
        gpus (int, optional): Number of GPUs. Defaults to None, the number
            of the configs.

    Raises:
        ValueError: If a number is not positive, or the batch of a config
            cannot be shared out among the GPUs.
    """
    systems, number = plan(experiments, scale, seeds, gpus)
    lines = head(experiments, scale, seeds, systems,
                 f'on one machine with {number} GPU{"s"[:number != 1]}')
    for system in systems:
        lines += ['', f'# {system}']
        for seed in range(seeds):
            lines += training_lines(
                training_command(scale, system, seed, out, gpus),
                last_checkpoint(scale, system, seed, out))
    commands = [reproduce_command(experiments, scale, seeds, out, system)
                for system in measured_of(experiments, scale, systems)]
    lines += ['', '# Measure.', *shared_out(commands, number)]
    lines += ['', '# Make the tables.',
              broken(reproduce_command(experiments, scale, seeds, out))]
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


def slurm(experiments: Sequence[Experiment], scale: Scale, seeds: int,
          out: str, gpus: Optional[int] = None,
          options: Sequence[str] = ()) -> str:
    """Return a bash script that hands everything to Slurm.

    There is a job array of the trainings, one of the measurements, a task
    for each system, once all trainings have succeeded, and a job that then
    makes the tables. Where adversarial training starts from the standard
    models, these are an array that comes first. A training has one node.

    Args:
        experiments (sequence[Experiment]): What is to be reproduced.
        scale (Scale): At which size.
        seeds (int): Number of seeds, from 0 on.
        out (str): Folder of the experiments, which all nodes see.
        gpus (int, optional): GPUs of a training. Defaults to None, the
            number of the configs.
        options (sequence[str]): Further options of each ``sbatch``, such as
            ``'--partition=gpu'`` or ``'--time=2-0'``. Defaults to none.

    Raises:
        ValueError: As :func:`single_machine`.
    """
    systems, number = plan(experiments, scale, seeds, gpus)
    lines = head(experiments, scale, seeds, systems,
                 f'on Slurm, {number} GPU{"s"[:number != 1]} a training')
    lines += ['', f'mkdir -p {shlex.quote(osp.join(out, "slurm"))}']
    submit = Submission(out, options)
    for name, group in stages(scale, systems):
        tasks = []
        for system in group:
            for seed in range(seeds):
                words = training_words(scale, system, seed, out, gpus,
                                       'slurm')
                tasks.append('\n'.join(training_lines(
                    ['srun', '--kill-on-bad-exit=1', 'python', '-u', *words],
                    last_checkpoint(scale, system, seed, out))))
        lines += submit.array(name, tasks, number)
    measured = measured_of(experiments, scale, systems)
    lines += submit.array('measure', [
        broken(reproduce_command(experiments, scale, seeds, out, system))
        for system in measured], 1)
    lines += submit.array('tables', [
        broken(reproduce_command(experiments, scale, seeds, out))], 0)
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


def plan(experiments: Sequence[Experiment], scale: Scale, seeds: int,
         gpus: Optional[int]) -> Tuple[List[System], int]:
    """Return the systems, and the number of GPUs of a training."""
    check_int('seeds', seeds, least=1)
    if gpus is not None:
        check_int('gpus', gpus, least=1)
    systems = systems_of(experiments, scale)
    if not systems:
        raise ValueError('experiments must have numbers to measure, but got '
                         f'{[experiment.name for experiment in experiments]}')
    own = max(gpus_of(scale.config(system)) for system in systems)
    return systems, gpus or own


def stages(scale: Scale,
           systems: List[System]) -> List[Tuple[str, List[System]]]:
    """Return names and systems of the trainings that need no other."""
    if not scale.warm:
        return [('train', systems)]
    standard = [one for one in systems if one.strategy == STANDARD]
    rest = [one for one in systems if one.strategy != STANDARD]
    return [('train_standard', standard), *([('train', rest)] if rest else [])]


def measured_of(experiments: Sequence[Experiment], scale: Scale,
                systems: Sequence[System]) -> List[System]:
    """Return the systems of which an experiment has a number."""
    return [system for system in systems
            if any(measures(experiment, scale, system)
                   for experiment in experiments)]


def head(experiments: Sequence[Experiment], scale: Scale, seeds: int,
         systems: Sequence[System], where: str) -> List[str]:
    """Return the first lines: what the script does, and what it costs."""
    names = ', '.join(experiment.name for experiment in experiments)
    comments = [
        f'{names} at scale {scale.name}, {seeds} '
        f'seed{"s"[:seeds != 1]}, {where}:',
        f'{len(systems)} systems, {len(systems) * seeds} trainings. What is '
        'done is not done again:', 'start the script again after a stop.',
        *(STOCK_NOTE if scale.stock else ()), '',
        *hours_lines(expected_hours(experiments, scale, systems), seeds)]
    return ['#!/usr/bin/env bash',
            *(f'# {line}'.rstrip() for line in comments),
            'set -euo pipefail']


def training_lines(command: Sequence[str], checkpoint: str) -> List[str]:
    """Return lines that train unless that is done."""
    return [f'[ -f {shlex.quote(checkpoint)} ] ||',
            INDENT + broken(command, INDENT)]


def broken(words: Sequence[str], indent: str = '') -> str:
    """Return a command in lines of at most 79 characters where it can be."""
    lines = ['']
    for word in map(shlex.quote, words):
        room = 77 - len(indent) - (len(INDENT) if len(lines) > 1 else 0)
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append('')
        lines[-1] += f' {word}' if lines[-1] else word
    return f' \\\n{indent}{INDENT}'.join(lines)
