"""Which numbers share a report, and the command of a report."""
import shlex

import pytest

from mmseg_rppgd.reproduce import SCALES, Cell, System, Trial
from mmseg_rppgd.reproduce.runs import SHARED_STEPS, command_of, run_of

MINI = SCALES['mini']
SYSTEM = System('PSPNet', 'PGD3-AT', 'VOC')


def run(*trial, metric='mIoU', seed=0, data='VOC'):
    system = System('PSPNet', 'PGD3-AT', data)
    return run_of(Cell('row', 'column', system, Trial(*trial),
                       metric=metric), seed, MINI)


def test_attacks_that_do_not_plan_share_one_run():
    assert run('PGD', 10) == run('PGD', 100)
    assert run('PGD', 10).steps == SHARED_STEPS
    assert run('SegPGD', 10) != run('SegPGD', 100)
    assert run('SegPGD', 10).steps == (10, )
    assert run('CW').steps == ()


def test_data_sets_of_one_scale_share_reports():
    assert run('PGD', 10, data='Cityscapes') == run('PGD', 10)


def test_measures_that_have_a_report_of_their_own():
    assert run('PGD', 100, metric='Recovered') != run('PGD', 100)
    assert run('PGD', 100, metric='Recovered').steps == (100, )
    assert run('PGD', 100, metric='MisRatio') == run('PGD', 100)


@pytest.mark.parametrize('one, other', [
    (run('PGD', 10), run('CosPGD', 10)),
    (run('SegPGD', 10), run('SegPGD', 20)),
    (run('PGD', 10), run('PGD', 10, SYSTEM)),
    (run('PGD', 100), run('PGD', 100, metric='Recovered')),
    (run('RPPGD(beta=0)', 10), run('RPPGD(beta=1)', 10)),
    (run('RPPGD(beta=0.1)', 10), run('RPPGD(beta=1)', 10)),
])
def test_folders_are_of_one_report_alone(one, other):
    assert one.name != other.name
    assert not set('()/ ,') & set(one.name)


@pytest.mark.parametrize('trial, steps', [
    (('PGD', 10), 100), (('SegPGD', 10), 10), (('CW', ), 40),
    (('DeepFool', ), 50)])
def test_steps_of_a_report(trial, steps):
    assert run(*trial).most_steps == steps


def test_the_command_says_everything():
    words = shlex.split(command_of(
        run('RPPGD(beta=1, regions=TB)', 40, seed=3), 'config.py', 'x.pth',
        MINI, ('other.py', 'y.pth'), ['a.b=1']))
    assert words[3:6] == ['robust-test', 'config.py', 'x.pth']
    options = ' '.join(words[6:])
    for part in ('--attacks RPPGD(beta=1, regions=TB)', '--steps 40',
                 '--eps 0.03', '--limit 8', '--seed 3',
                 '--surrogate other.py y.pth', '--cfg-options a.b=1'):
        assert part in options
