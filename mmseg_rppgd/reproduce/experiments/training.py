"""Training strategies compared: Tables 4 to 6, Appendices C and E, claims."""
from typing import Dict, Iterable, Sequence, Tuple

from .. import paper
from ..scales import STANDARD, System
from .experiment import MODELS, PAPER_DATA, Cell, Experiment, Trial

STRATEGIES = tuple(paper.TABLE4['VOC'])
HARDENED = tuple(name for name in STRATEGIES if name != STANDARD)
# The columns of Tables 4 and 5.
WHITE_BOX = {
    'Clean': Trial(),
    'CW': Trial('CW'),
    'DF': Trial('DeepFool'),
    'BIM': Trial('BIM(norm=l2)', 10),
    'PGD10': Trial('PGD', 10),
    'PGD20': Trial('PGD', 20),
    'PGD40': Trial('PGD', 40),
    'PGD100': Trial('PGD', 100),
}
PGD100 = {'PGD100': WHITE_BOX['PGD100']}
STRONG_ATTACKS = {
    'SegPGD100': Trial('SegPGD', 100),
    'RP-PGD100': Trial('RPPGD', 100),
}
COSPGD100 = {'CosPGD100': Trial('CosPGD', 100)}
SETTINGS = ('The paper and its code leave open the dense forms and the '
            'settings of CW, DeepFool (DF) and l2-BIM; those here are in '
            'docs/attacks.md. l2-BIM has 10 steps and a radius of root mean '
            'square 0.03.')


def white_box(model: str,
              numbers: Dict[str, paper.Numbers]) -> Tuple[Cell, ...]:
    """Cells of Table 4 or 5: strategies by attacks, per data set."""
    return tuple(
        Cell(strategy, column, System(model, strategy, data), trial,
             row[column])
        for data, table in numbers.items() for strategy, row in table.items()
        for column, trial in WHITE_BOX.items())


def black_box(numbers: Dict[str, paper.Numbers]) -> Tuple[Cell, ...]:
    """Cells of Table 6: adversaries of the PGD3-AT PSPNet on DeepLabv3."""
    return tuple(
        Cell(strategy, column, System('DeepLabv3', strategy, data),
             Trial(STRONG_ATTACKS[column].attack, 100,
                   System('PSPNet', 'PGD3-AT', data)), number)
        for data, table in numbers.items() for strategy, row in table.items()
        for column, number in row.items())


def both_models(strategies: Iterable[str], trials: Dict[str, Trial],
                data: Sequence[str]) -> Tuple[Cell, ...]:
    """Strategies by attacks, the columns of both models side by side."""
    printed = {'PSPNet': paper.TABLE4, 'DeepLabv3': paper.TABLE5}
    return tuple(
        Cell(strategy, f'{model} {column}', System(model, strategy, name),
             trial,
             printed[model].get(name, {}).get(strategy, {}).get(column))
        for name in data for strategy in strategies for model in MODELS
        for column, trial in trials.items())


def recovered() -> Cell:
    """How many of the pixels that are wrong at first PGD makes right."""
    return Cell('PGD100', 'Recovered', System('PSPNet', STANDARD, 'VOC'),
                Trial('PGD', 100), metric='Recovered')


def early() -> Tuple[Cell, ...]:
    """Two steps of RP-PGD beside ten of PGD."""
    trials = {'RP-PGD2': Trial('RPPGD', 2), 'PGD10': WHITE_BOX['PGD10']}
    return tuple(
        Cell(row, f'{model} MisRatio', System(model, STANDARD, data), trial,
             metric='MisRatio')
        for data in PAPER_DATA for row, trial in trials.items()
        for model in MODELS)


TABLE4 = Experiment(
    'table4', 'Table 4: training strategies, PSPNet, white-box attacks',
    white_box('PSPNet', paper.TABLE4),
    notes=(SETTINGS,
           'The paper prints CosPGD7-AT on Pascal VOC with less under PGD40 '
           '(18.52) than under PGD100 (19.74).'))

TABLE5 = Experiment(
    'table5', 'Table 5: training strategies, DeepLabv3, white-box attacks',
    white_box('DeepLabv3', paper.TABLE5),
    notes=(SETTINGS, ))

TABLE6 = Experiment(
    'table6', 'Table 6: training strategies, DeepLabv3, adversaries of the '
    'PGD3-AT PSPNet',
    black_box(paper.TABLE6))

STRONG = Experiment(
    'strong', 'Appendix E: training strategies under SegPGD100 and RP-PGD100',
    both_models(HARDENED, STRONG_ATTACKS, PAPER_DATA),
    notes=('The text lacks the appendix; the steps are our choice.', ))

ADE20K_TRAINING = Experiment(
    'ade20k-training', 'Appendix C: training strategies on ADE20K',
    both_models(STRATEGIES, WHITE_BOX, ['ADE20K']),
    notes=('The text lacks the appendix, and may not have this table: its '
           'columns are those of Tables 4 and 5.', SETTINGS))

CLAIMS = Experiment(
    'claims', 'Claims of the text',
    (recovered(), ) + early() + both_models(
        ['RP-PGD3-AT', 'SegPGD7-AT'],
        {**PGD100, **STRONG_ATTACKS, **COSPGD100}, PAPER_DATA),
    notes=('Region-Based Attack: of the pixels that are wrong on the clean '
           'image, less than 1 % are right again within 100 steps of PGD '
           '(Recovered, percent of those pixels; PSPNet, Pascal VOC).',
           'Convergence Analysis: MisRatio of RP-PGD at step 2 nearly equals '
           'that of PGD at step 10. Here RP-PGD2 is an attack of two steps; '
           'the text lacks the numbers and the models.',
           'Adversarial Training: RP-PGD3-AT is comparable or superior to '
           'SegPGD7-AT. CosPGD100 is our addition.'))
