"""Small experiments, with measurements that no model had to be run for."""
import numpy as np

from mmseg_rppgd.reproduce.done import Measurement
from mmseg_rppgd.reproduce.experiments import Cell, Experiment, Trial
from mmseg_rppgd.reproduce.scales import SCALES, System

MINI = SCALES['mini']
FULL = SCALES['full']
STRATEGIES = ('Standard', 'PGD3-AT', 'SegPGD3-AT', 'RP-PGD3-AT')
# Strategy -> (clean, PGD10, PGD100) of VOC and of Cityscapes.
PAPER = {
    'Standard': ((76.64, 5.21, 3.37), (73.98, 0.96, 0.27)),
    'PGD3-AT': ((74.51, 20.04, 13.89), (71.28, 28.79, 3.95)),
    'SegPGD3-AT': ((75.38, 26.60, 14.49), (71.01, 33.52, 13.04)),
    'RP-PGD3-AT': ((75.17, 30.25, 18.69), (71.58, 35.19, 18.57)),
}
COLUMNS = {'Clean': Trial(), 'PGD10': Trial('PGD', 10),
           'PGD100': Trial('PGD', 100)}


def defences():
    """Strategies against attacks, on two data sets of the paper."""
    return Experiment('defences', 'Table 4: PSPNet under attack', tuple(
        Cell(strategy, column, System('PSPNet', strategy, data), trial,
             paper=PAPER[strategy][d][c])
        for strategy in STRATEGIES
        for d, data in enumerate(('VOC', 'Cityscapes'))
        for c, (column, trial) in enumerate(COLUMNS.items())),
        notes=('CW and DF are not here.', ))


def attacks():
    """Attacks on several systems of one data set; lower is better."""
    systems = {'PSPNet': System('PSPNet', 'Standard', 'VOC'),
               'PSPNet-AT': System('PSPNet', 'PGD3-AT', 'VOC')}
    paper = {'T': (2.65, 13.37), 'T+B': (0.65, 10.06), 'all': (0.48, 7.69)}
    return Experiment('attacks', 'Table 1: regions', tuple(
        Cell(row, column, system, Trial(f'RPPGD(regions={row})', 100),
             paper=paper[row][c])
        for row in paper for c, (column, system) in enumerate(
            systems.items())), weaker_is_better=True)


def steps(paper=False):
    """Attacks at several numbers of steps: a figure."""
    return Experiment('steps', 'Figure 2: effectiveness of attacks', tuple(
        Cell(attack, str(number), System(model, strategy, data),
             Trial(attack, number), paper=60 / number if paper else None)
        for model in ('PSPNet', 'DeepLabv3')
        for strategy in ('Standard', 'PGD3-AT')
        for data in ('VOC', 'Cityscapes')
        for attack in ('PGD', 'SegPGD', 'CosPGD', 'RPPGD')
        for number in (3, 5, 7, 10, 20, 40, 100)),
        weaker_is_better=True, curves=True)


def source_of(cell, scale, seed):
    """What a measurement comes from."""
    system = scale.resolve(cell.system)
    stem = scale.stem(system)
    versions = dict(torch='2.13.0', mmengine='0.10.7', mmcv='2.1.0',
                    mmseg='1.2.2', mmseg_rppgd='0.1.0', device='cpu',
                    seed=seed)
    return dict(
        folder=f'measured/{stem}/seed{seed}/{cell.trial.attack or "PGD-10"}-'
        f'{cell.trial.steps}',
        model=dict(config=scale.config(system), checkpoint='iter_300.pth',
                   sha256=f'{seed}' * 64),
        dataset=dict(type=system.data, num_images=scale.images or 500,
                     classes=['a', 'b']),
        environment=dict(versions, commit='b' * 40, command='reproduce'),
        training=dict(versions, commit='a' * 40,
                      command=f'python -m mmseg_rppgd train {stem}.py '
                      f'--cfg-options randomness.seed={seed}'),
        command=f'python -m mmseg_rppgd robust-test {stem}.py')


def measured(experiment, scale, value, seeds=1):
    """Measurements of every cell.

    Args:
        value (callable): Gives that of a cell and a seed.
    """
    return {cell: [Measurement(value(cell, seed), seed,
                               source_of(cell, scale, seed))
                   for seed in range(seeds)] for cell in experiment.cells}


def likely(cell, seed):
    """A number somewhat like those of small models, of a seed."""
    rng = np.random.default_rng(
        [seed, *f'{cell.row} {cell.column} {cell.system.model} '
         f'{cell.system.strategy}'.encode()])
    hard = {'Standard': 0.1, 'PGD3-AT': 0.6}.get(cell.system.strategy, 0.7)
    steps = cell.trial.steps or 0
    strength = {'SegPGD': 1.2, 'CosPGD': 1.8, 'RPPGD': 1.5}.get(
        cell.trial.attack, 1.)
    return abs(58 * (1 if not steps else hard * (0.3 + 0.7 / (
        1 + strength * steps / 10))) + rng.normal(0, 0.8))
