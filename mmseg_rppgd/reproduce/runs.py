"""Reports that the numbers are read off."""
import re
import shlex
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from ..evaluation.files import short_name
from ..evaluation.plan.typed import parse_attack
from ..registry import ATTACKS
from .experiments import Cell, Trial
from .scales import EPS, Scale, System

# Attacks that do not plan with their number of steps are run once, and every
# number of steps that an experiment asks for is read off that run.
SHARED = ('PGD', 'CosPGD')
SHARED_STEPS = (1, 2, 3, 5, 7, 10, 20, 40, 100)
RECOVERED = 'Recovered'  # a measure that has a report of its own
LONGEST_NAME = 100


@dataclass(frozen=True)
class Run:
    """One report: an attack on a system, at one or more numbers of steps.

    Args:
        system (System): What is measured, of the scale.
        seed (int): Of its training and of the attack.
        attack (str): As a command line has it.
        steps (tuple[int]): Numbers of steps; empty leaves the attack's own.
        surrogate (System, optional): What the adversaries are made on, of
            the scale and of the same seed.
        recovered (bool): Whether initially wrong pixels are followed rather
            than the usual measures taken. Defaults to False.
        images (int, optional): Of the data set, the first. None takes all.
    """
    system: System
    seed: int
    attack: str
    steps: Tuple[int, ...] = ()
    surrogate: Optional[System] = None
    recovered: bool = False
    images: Optional[int] = None

    def __str__(self) -> str:
        words = [self.attack]
        if self.steps:
            words.append(f'{"/".join(map(str, self.steps))} steps')
        if self.surrogate:
            words.append(f'made on {self.surrogate}')
        if self.recovered:
            words.append('following the wrong pixels')
        return f'{self.system} seed {self.seed}: {", ".join(words)}'

    @property
    def name(self) -> str:
        """str: What the folder of the report is called."""
        words = [self.attack, *map(str, self.steps)]
        if self.surrogate:
            words += ['from', self.surrogate.model, self.surrogate.strategy]
        if self.recovered:
            words.append(RECOVERED)
        if self.images is not None:
            words.append(f'{self.images} images')
        slug = re.sub('[^A-Za-z0-9.]+', '-', ' '.join(words)).strip('-')
        return short_name(slug, LONGEST_NAME)

    @property
    def most_steps(self) -> int:
        """int: Steps of the attack that is run."""
        if self.steps:
            return max(self.steps)
        return getattr(ATTACKS.build(parse_attack(self.attack)), 'steps', 1)


def run_of(cell: Cell, seed: int, scale: Scale) -> Run:
    """The report that a number under attack is read off."""
    trial = cell.trial
    assert trial.attack is not None  # clean numbers are in any report
    recovered = cell.metric == RECOVERED
    steps: Tuple[int, ...] = () if trial.steps is None else (trial.steps,)
    if shares_steps(trial) and not recovered:
        steps = SHARED_STEPS
    surrogate = trial.surrogate and scale.resolve(trial.surrogate)
    return Run(scale.resolve(cell.system), seed, trial.attack, steps,
               surrogate, recovered, scale.images)


def shares_steps(trial: Trial) -> bool:
    """Whether a trial is read off one run of all numbers of steps."""
    return trial.attack in SHARED and trial.steps in SHARED_STEPS


def command_of(run: Run, config: str, checkpoint: str, scale: Scale,
               surrogate: Sequence[str] = (),
               settings: Sequence[str] = ()) -> str:
    """The command that gives the same numbers as a report.

    Args:
        run (Run): The report; not of recovered pixels.
        config (str): Config of the system.
        checkpoint (str): Its weights.
        scale (Scale): Says how many images.
        surrogate (Sequence[str]): Config and weights of the surrogate, if
            there is one.
        settings (Sequence[str]): Of the configs, as KEY=VALUE.
    """
    words = ['python', '-m', 'mmseg_rppgd', 'robust-test', config, checkpoint,
             '--attacks', run.attack, '--eps', str(EPS)]
    if run.steps:
        words += ['--steps', *map(str, run.steps)]
    if scale.images is not None:
        words += ['--limit', str(scale.images)]
    if scale.batch_size is not None:
        words += ['--batch-size', str(scale.batch_size)]
    words += ['--seed', str(run.seed), '--check-images', '0']
    if surrogate:
        words += ['--surrogate', *surrogate]
    if settings:
        words += ['--cfg-options', *settings]
    return ' '.join(map(shlex.quote, words))
