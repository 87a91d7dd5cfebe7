"""Experiments of a few numbers."""
from mmseg_rppgd.reproduce import Cell, Experiment, System, Trial

PSP, DEEPLAB = 'PSPNet', 'DeepLabv3'


def cell(system, *trial, model=PSP, data='VOC'):
    """A number of a strategy under a trial."""
    return Cell(system, str(trial), System(model, system, data),
                Trial(*trial), 50.)


def strategies():
    """Clean and attacked numbers of two strategies."""
    return Experiment('strategies', 'Strategies', tuple(
        cell(strategy, *trial) for strategy in ('RP-PGD3-AT', 'Standard')
        for trial in ((), ('PGD', 100), ('RPPGD', 3))))


def transfer():
    """A number under adversaries of another network."""
    surrogate = System(PSP, 'PGD3-AT', 'VOC')
    return Experiment('transfer', 'Transfer', (
        cell('CosPGD3-AT', 'PGD', 100, surrogate, model=DEEPLAB), ))
