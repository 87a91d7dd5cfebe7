"""What an experiment is: numbers, each of which is a measurement."""
from dataclasses import dataclass
from typing import Optional, Tuple

from ..scales import STANDARD, System

PAPER_DATA = ('VOC', 'Cityscapes')
MODELS = ('PSPNet', 'DeepLabv3')
# What the paper attacks, by its names: model and training strategy.
VICTIMS = {
    'PSPNet': ('PSPNet', STANDARD),
    'PSPNet-AT': ('PSPNet', 'PGD3-AT'),
    'DeepLabv3': ('DeepLabv3', STANDARD),
    'DeepLabv3-AT': ('DeepLabv3', 'PGD3-AT'),
}
# The attacks that it compares, as it and as a command line call them.
ATTACKERS = {
    'PGD': 'PGD',
    'SegPGD': 'SegPGD',
    'CosPGD': 'CosPGD',
    'RP-PGD': 'RPPGD',
}


@dataclass(frozen=True)
class Trial:
    """What is measured on a system: its images under an attack.

    Args:
        attack (str, optional): The attack as a command line has it, such as
            ``'RPPGD(beta=0)'``. None stands for clean images.
        steps (int, optional): Its steps. None stands for its own.
        surrogate (System, optional): What the adversaries are made on.
            Defaults to None, the system itself.
    """
    attack: Optional[str] = None
    steps: Optional[int] = None
    surrogate: Optional[System] = None


@dataclass(frozen=True)
class Cell:
    """A number of an experiment.

    Args:
        row (str): Row of the table; of a figure, the line.
        column (str): Column of the table; of a figure, the point.
        system (System): What is measured.
        trial (Trial): What is done to it.
        paper (float, optional): What the paper reports, in percent. None
            where it reports none, or none that the text has.
        metric (str): Name of the measure in results.json.
    """
    row: str
    column: str
    system: System
    trial: Trial
    paper: Optional[float] = None
    metric: str = 'mIoU'


@dataclass(frozen=True)
class Experiment:
    """A table or figure.

    Args:
        name (str): As the command line has it.
        title (str): What it is, and where the paper has it.
        cells (tuple[Cell]): Its numbers.
        weaker_is_better (bool): Whether the rows are attacks, of which the
            lowest number is the best; else they are defences. Defaults to
            False.
        curves (bool): Whether columns are numbers of steps, to be drawn.
            Defaults to False.
        pictures (tuple[Cell]): Whose adversaries and predictions are drawn
            side by side. Defaults to none.
        notes (tuple[str]): What a reader must know. Defaults to none.
    """
    name: str
    title: str
    cells: Tuple[Cell, ...]
    weaker_is_better: bool = False
    curves: bool = False
    pictures: Tuple[Cell, ...] = ()
    notes: Tuple[str, ...] = ()
