"""GPU hours that experiments may take."""
import pytest
from small_work import DEEPLAB, PSP, cell, strategies, transfer, work

from mmseg_rppgd.reproduce import Experiment, System
from mmseg_rppgd.reproduce.commands import Commands
from mmseg_rppgd.reproduce.hours import (expected_hours, hours_lines,
                                         plain_iteration, run_hours,
                                         training_hours)
from mmseg_rppgd.reproduce.runs import Run

CITY = System(PSP, 'Standard', 'Cityscapes')


def commands(*cells, scale='full', seeds=1, **kwargs):
    return Commands([Experiment('one', 'One', cells)],
                    work(scale, seeds), **kwargs)


def attacked(strategy='Standard', data='Cityscapes', model=PSP):
    return cell(strategy, 'SegPGD', 10, data=data, model=model)


@pytest.mark.parametrize('gpus', [None, 2])
def test_plain_iteration_is_scaled_from_the_published_one(gpus):
    # 0.83 s with ResNet-101 at the same crop and batch, whose test images
    # take 4.07 / 2.68 times as long.
    seconds = plain_iteration(commands(attacked(), gpus=gpus), CITY)
    factor = 2 if gpus == 2 else 1  # twice the images on half of the GPUs
    assert seconds == pytest.approx(factor * 0.83 * 2.68 / 4.07)


def test_plain_iteration_follows_batch_and_crop():
    # VOC: 4 images of 512x512, tested at 512x683 with 23.59 a second.
    system = System(PSP, 'Standard', 'VOC')
    per_image = 0.83 / (2 / 4 / 2.68)  # over the seconds of a test image
    assert plain_iteration(
        commands(attacked(data='VOC')), system) == pytest.approx(
            per_image * 4 * 512 / 683 / 23.59)


@pytest.mark.parametrize('gpus', [None, 1])
@pytest.mark.parametrize('strategy, factor', [
    ('Standard', 1), ('PGD3-AT', 2), ('RP-PGD3-AT', 13 / 6),
    ('RP-PGD7-AT', 3.5), ('SegPGD7-AT', 10 / 3), ('DDC-AT', 10 / 3)])
def test_training_hours_are_those_of_all_gpus(strategy, factor, gpus):
    hours = training_hours(commands(attacked(strategy), gpus=gpus),
                           System(PSP, strategy, 'Cityscapes'))
    assert hours == pytest.approx(
        factor * 80_000 * 4 * 0.83 * 2.68 / 4.07 / 3600)


@pytest.mark.parametrize('run, seconds', [
    (Run(CITY, 0, 'SegPGD', (100, )), 202 / 4.07),  # predicted twice
    (Run(CITY, 0, 'RPPGD(beta=1)', (3, )), 9 / 4.07),
    (Run(CITY, 0, 'CW'), (81 + 2) / 4.07),
    # One run gives all numbers of steps.
    (Run(CITY, 0, 'PGD', (5, 10, 20)), (40 + 4) / 4.07),
    (Run(CITY, 0, 'PGD', (10, ), recovered=True), (20 + 11) / 4.07),
    (Run(CITY, 0, 'PGD', (10, ), System(DEEPLAB, 'PGD3-AT', 'Cityscapes')),
     20 / 2.57 + 2 / 4.07),
])
def test_hours_of_a_report(run, seconds):
    assert run_hours(run) == pytest.approx(500 * seconds / 3600)
    assert run_hours(run, 7) == pytest.approx(7 * seconds / 3600)


def test_hours_are_those_of_all_seeds_and_of_reports_counted_once():
    chosen = Commands([strategies(), strategies()], work(seeds=3))
    standard = System(PSP, 'Standard', 'VOC')
    hours = {one.system: one for one in expected_hours(chosen)}[standard]
    assert hours.training == pytest.approx(
        3 * training_hours(chosen, standard))
    assert hours.reports == 3 * 2  # clean images are part of either
    assert hours.measuring == pytest.approx(
        3 * 1449 * (202 + 9) / 23.59 / 3600)


def test_a_surrogate_is_trained_for_others():
    hours = expected_hours(Commands([transfer()], work()))
    assert [(str(one.system), one.reports) for one in hours] == [
        ('PSPNet/PGD3-AT/VOC', 0), ('DeepLabv3/CosPGD3-AT/VOC', 1)]
    assert [one.measuring for one in hours] == pytest.approx(
        [0, 1449 * (200 / 23.59 + 2 / 13.88) / 3600])


def test_lines_have_the_sums_and_the_formula():
    hours = expected_hours(Commands([strategies()], work(seeds=2)))
    table, _, note = '\n'.join(hours_lines(hours)).partition('\n\n')
    head, *rows, last = table.splitlines()
    assert head.split() == ['GPU', 'hours', 'passes', 'training', 'reports',
                            'measuring']
    assert rows[0].split() == [
        'PSPNet/RP-PGD3-AT/VOC', '6.5', f'{hours[0].training:.1f}', '4',
        f'{hours[0].measuring:.1f}']
    assert last.split() == [
        'all', f'{sum(one.training for one in hours):.1f}',
        f'{sum(one.measuring for one in hours):.1f}']
    assert note.startswith('An estimate, not a measurement')
    assert 'V100' in note and 'training  = iterations x GPUs x s' in note
    assert max(map(len, note.splitlines())) <= 77  # in a comment


def test_no_hours_without_a_published_speed():
    hours = expected_hours(commands(attacked('RP-PGD3-AT'), scale='camvid'))
    assert [(one.passes, one.training, one.measuring) for one in hours] == [
        (3, None, 0), (6.5, None, None)]
    text = '\n'.join(hours_lines(hours))
    assert text.endswith('publishes no speed.') and 'V100' not in text
    assert f'{hours[1].system}     6.5         -        1          -' in text
