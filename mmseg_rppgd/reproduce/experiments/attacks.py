"""Attacks compared: Figures 2 and 3, Appendices B, C and E."""
from typing import List, Sequence, Tuple

from ..scales import STANDARD, System
from .experiment import (ATTACKERS, MODELS, PAPER_DATA, VICTIMS, Cell,
                         Experiment, Trial)

STEPS = (3, 5, 7, 10, 20, 40, 100)  # Attack Effectiveness
EARLY_STEPS = (1, 2, 3, 5, 7, 10, 20, 40, 100)
PROXIMAL_STEPS = (10, 20, 40, 100, 500)
A_RUN_EACH = ('Each number of steps is an attack of that length, which '
              'SegPGD and RP-PGD plan with.')


def effectiveness(data: Sequence[str]) -> Tuple[Cell, ...]:
    """Lines of each attack over its steps, on four models per data set."""
    return tuple(
        Cell(row, str(steps), System(*victim, name), Trial(attack, steps))
        for name in data for victim in VICTIMS.values()
        for row, attack in ATTACKERS.items() for steps in STEPS)


def convergence() -> Tuple[Cell, ...]:
    """Lines of the share of wrong pixels over the steps of each attack."""
    lines: List[Tuple[str, str, Tuple[int, ...]]] = [
        (row, attack, EARLY_STEPS) for row, attack in ATTACKERS.items()]
    lines.append(('Proximal', 'ALMAProx', PROXIMAL_STEPS))
    return tuple(
        Cell(row, str(number), System(model, STANDARD, data),
             Trial(attack, number), metric='MisRatio')
        for data in PAPER_DATA for model in MODELS
        for row, attack, steps in lines for number in steps)


def transfer() -> Tuple[Cell, ...]:
    """What adversaries of one standard model do to the other."""
    surrogates = [System(model, STANDARD, 'VOC') for model in MODELS]
    return tuple(
        Cell(row, f'{surrogate.model} -> {system.model}', system,
             Trial(attack, 100, surrogate))
        for row, attack in ATTACKERS.items()
        for surrogate, system in (surrogates, surrogates[::-1]))


FIGURE2 = Experiment(
    'figure2', 'Figure 2: mIoU over the steps of an attack',
    effectiveness(PAPER_DATA),
    weaker_is_better=True,
    curves=True,
    notes=('The paper draws its numbers and does not print them.',
           A_RUN_EACH))

SHOWN = tuple(
    Cell(f'{row}100', 'mIoU', System('PSPNet', STANDARD, 'VOC'),
         Trial(ATTACKERS[row], 100)) for row in ('SegPGD', 'RP-PGD'))
FIGURE3 = Experiment(
    'figure3', 'Figure 3: adversaries and predictions',
    SHOWN,
    weaker_is_better=True,
    pictures=SHOWN,
    notes=('The paper names neither the model nor the data set of its '
           'figure; the standard PSPNet on Pascal VOC is our choice.', ))

CONVERGENCE = Experiment(
    'convergence', 'Appendix B: MisRatio over the steps of an attack',
    convergence(),
    curves=True,
    notes=('The text lacks the appendix: which models it attacked is not '
           'known, and the standard ones are our choice.',
           A_RUN_EACH,
           'Proximal (ALMAProx) searches the smallest perturbation; here the '
           'best of its iterates within eps counts.'))

ADE20K = Experiment(
    'ade20k', 'Appendix C: mIoU over the steps of an attack, on ADE20K',
    effectiveness(['ADE20K']),
    weaker_is_better=True,
    curves=True,
    notes=('The text lacks the appendix; the models and steps are those of '
           'Figure 2.', A_RUN_EACH))

TRANSFER = Experiment(
    'transfer', 'Appendix E: adversaries of one model on another',
    transfer(),
    weaker_is_better=True,
    notes=('The text lacks the appendix: surrogates, steps (100) and data '
           'set are our choice.', ))
