"""Experiments of a few numbers, and where they are worked on."""
from mmseg_rppgd.reproduce import SCALES, Cell, Experiment, System, Trial
from mmseg_rppgd.reproduce.work import Work

PSP, DEEPLAB = 'PSPNet', 'DeepLabv3'


def cell(strategy, *trial, model=PSP, data='VOC'):
    """A number of a strategy under a trial."""
    return Cell(strategy, str(trial), System(model, strategy, data),
                Trial(*trial), 50.)


def strategies():
    """Clean and attacked numbers of two strategies."""
    return Experiment('strategies', 'Strategies', tuple(
        cell(strategy, *trial) for strategy in ('RP-PGD3-AT', 'Standard')
        for trial in ((), ('SegPGD', 100), ('RPPGD', 3))))


def transfer():
    """A number under adversaries of another network."""
    surrogate = System(PSP, 'PGD3-AT', 'VOC')
    return Experiment('transfer', 'Transfer', (
        cell('CosPGD3-AT', 'SegPGD', 100, surrogate, model=DEEPLAB), ))


def work(scale='full', seeds=1, out='out', **kwargs):
    """Work at a scale, of which nothing is done yet."""
    return Work(SCALES[scale], str(out), range(seeds), **kwargs)
