"""Parts of RP-PGD: Tables 1 to 3 and Appendix D, 100 steps on Pascal VOC."""
from typing import Dict, Tuple

from .. import paper
from ..scales import System
from .experiment import VICTIMS, Cell, Experiment, Trial

STEPS = 100
# Every schedule of attacks/region_weights.py, Eq. 4 first.
WEIGHTS = ('linear', 'constant', 'square', 'sqrt', 'cosine', 'swap')


def ablation(rows: Dict[str, str],
             numbers: paper.Numbers) -> Tuple[Cell, ...]:
    """Cells of a table whose rows are attacks, one on each of four models.

    Args:
        rows (dict): Name of the row -> the attack as a command line has it.
        numbers (dict): What the paper reports; a row may be missing.
    """
    return tuple(
        Cell(row, column, System(*victim, 'VOC'), Trial(attack, STEPS),
             numbers.get(row, {}).get(column))
        for row, attack in rows.items()
        for column, victim in VICTIMS.items())


TABLE1 = Experiment(
    'table1', 'Table 1: regions and prototypes combined',
    ablation({
        'T': 'RPPGD(beta=1, regions=T)',
        'T+B': 'RPPGD(beta=1, regions=TB)',
        'T+F': 'RPPGD(beta=1, regions=TF)',
        'T+B+F': 'RPPGD(beta=1)',
        'Proto': 'RPPGD(beta=0)',
        'T+B+F+Proto': 'RPPGD',
    }, paper.TABLE1),
    weaker_is_better=True,
    notes=('A region that is left out weighs 0; the others keep Eq. 4.', ))

TABLE2 = Experiment(
    'table2', 'Table 2: fixed weights of the regions against Eq. 4',
    ablation({
        '0.4, 0.3, 0.3': 'RPPGD(beta=1, region_weights=[0.4, 0.3, 0.3])',
        '0.4, 0.4, 0.2': 'RPPGD(beta=1, region_weights=[0.4, 0.4, 0.2])',
        '0.6, 0.2, 0.2': 'RPPGD(beta=1, region_weights=[0.6, 0.2, 0.2])',
        '0.2, 0.6, 0.2': 'RPPGD(beta=1, region_weights=[0.2, 0.6, 0.2])',
        'Eq. 4': 'RPPGD(beta=1)',
    }, paper.TABLE2),
    weaker_is_better=True,
    notes=('The region term alone: its row of Eq. 4 is the row T+B+F of '
           'Table 1.', ))

TABLE3 = Experiment(
    'table3', 'Table 3: regions that make the prototypes',
    ablation({
        'T': 'RPPGD(beta=0)',
        'T+B': 'RPPGD(beta=0, prototype_regions=TB)',
        'T+F': 'RPPGD(beta=0, prototype_regions=TF)',
        'T+B+F': 'RPPGD(beta=0, prototype_regions=TBF)',
    }, paper.TABLE3),
    weaker_is_better=True,
    notes=('The prototype term alone: its row T is the row Proto of '
           'Table 1.', ))

BETA = Experiment(
    'beta', 'Appendix D: the balance beta of region and prototype term',
    ablation({
        '0': 'RPPGD(beta=0)',
        '0.25': 'RPPGD(beta=0.25)',
        '0.5': 'RPPGD(beta=0.5)',
        '0.75': 'RPPGD',
        '1': 'RPPGD(beta=1)',
    }, {
        '0': paper.TABLE1['Proto'],
        '0.75': paper.TABLE1['T+B+F+Proto'],
        '1': paper.TABLE1['T+B+F'],
    }),
    weaker_is_better=True,
    notes=('The paper finds 0.75 best. Its text lacks the appendix: the '
           'numbers of 0, 0.75 and 1 are those of Table 1, and the values '
           'between are ours.', ))

SCHEDULES = Experiment(
    'schedules', 'Appendix D: dynamic weights of the regions',
    ablation({
        name: ('RPPGD(beta=1)' if name == 'linear' else
               f'RPPGD(beta=1, region_weights={name})')
        for name in WEIGHTS
    }, {'linear': paper.TABLE2['Eq. 4']}),
    weaker_is_better=True,
    notes=('The paper finds Eq. 4 (linear) best. Its text lacks the '
           'appendix: the other schedules are ours, with their formulas in '
           'docs/attacks.md.',
           'The region term alone, as in Table 2.'))
