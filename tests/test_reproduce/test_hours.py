"""GPU hours that experiments may take."""
import pytest
from small_experiments import DEEPLAB, PSP, cell, strategies, transfer

from mmseg_rppgd.reproduce import SCALES, Experiment, System, Trial
from mmseg_rppgd.reproduce.hours import (expected_hours, hours_lines,
                                         plain_iteration, read_config,
                                         training_hours, trial_hours,
                                         trials_of)

FULL = SCALES['full']
STANDARD = System(PSP, 'Standard', 'Cityscapes')


def test_plain_iteration_is_scaled_from_the_published_one():
    # 0.83 s with ResNet-101 at the same crop and batch, whose test images
    # take 4.07 / 2.68 times as long.
    seconds = plain_iteration(STANDARD, read_config(FULL.config(STANDARD)))
    assert seconds == pytest.approx(0.83 * 2.68 / 4.07)


def test_plain_iteration_follows_batch_and_crop():
    # VOC: 4 images of 512x512, tested at 512x683 with 23.59 a second.
    system = System(PSP, 'Standard', 'VOC')
    per_image = 0.83 / (2 / 4 / 2.68)  # over the seconds of a test image
    assert plain_iteration(
        system, read_config(FULL.config(system))) == pytest.approx(
            per_image * 4 * 512 / 683 / 23.59)


def test_training_hours_are_those_of_all_gpus():
    plain = 80_000 * 4 * 0.83 * 2.68 / 4.07 / 3600
    assert training_hours(FULL, STANDARD) == pytest.approx(plain)
    for strategy, factor in (('PGD3-AT', 2), ('RP-PGD3-AT', 13 / 6),
                             ('RP-PGD7-AT', 3.5), ('SegPGD7-AT', 10 / 3)):
        assert training_hours(
            FULL, System(PSP, strategy, 'Cityscapes')) == pytest.approx(
                plain * factor)


@pytest.mark.parametrize('trial, seconds', [
    (Trial(), 1 / 4.07),
    (Trial('PGD', 100), 202 / 4.07),  # and a prediction before and after
    (Trial('RPPGD', 3), 9 / 4.07),
    (Trial('PGD', 10, System(DEEPLAB, 'PGD3-AT', 'Cityscapes')),
     20 / 2.57 + 2 / 4.07),
])
def test_hours_of_a_measurement(trial, seconds):
    assert trial_hours(FULL, STANDARD, trial) == pytest.approx(
        500 * seconds / 3600)


def test_what_experiments_share_is_counted_once():
    again = Experiment('again', 'Again', (
        cell('Standard', 'PGD', 100), cell('Standard', 'PGD', 10)))
    trials = trials_of([strategies(), again], FULL)
    assert trials[System(PSP, 'Standard', 'VOC')] == [
        Trial(), Trial('PGD', 100), Trial('RPPGD', 3), Trial('PGD', 10)]


def test_where_all_data_are_one_a_number_is_measured_once():
    both = Experiment('both', 'Both', (
        cell('Standard'), cell('Standard', data='Cityscapes')))
    assert len(trials_of([both], FULL)) == 2
    assert trials_of([both], SCALES['mini']) == {
        System(PSP, 'Standard', 'SyntheticShapes'): [Trial()]}


def test_lines_have_the_sums_of_all_seeds_and_the_formula():
    systems = [System(PSP, strategy, 'VOC')
               for strategy in ('Standard', 'RP-PGD3-AT')]
    hours = expected_hours([strategies()], FULL, systems)
    table, _, note = '\n'.join(hours_lines(hours, 3)).partition('\n\n')
    head, *rows, last = table.splitlines()
    assert head.split() == ['GPU', 'hours', 'passes', 'training', 'trials',
                            'measuring']
    assert rows[1].split() == [
        'PSPNet/RP-PGD3-AT/VOC', '6.5', f'{3 * hours[1].training:.1f}', '3',
        f'{3 * hours[1].measuring:.1f}']
    assert last.split() == [
        'all', f'{3 * sum(one.training for one in hours):.1f}',
        f'{3 * sum(one.measuring for one in hours):.1f}']
    assert note.startswith('An estimate, not a measurement')
    assert 'V100' in note and 'training  = iterations x GPUs x s' in note
    assert max(map(len, note.splitlines())) <= 77  # in a comment


def test_no_hours_without_a_published_speed():
    scale = SCALES['camvid']
    system = System(PSP, 'RP-PGD3-AT', 'CamVid')
    hours, = expected_hours([strategies()], scale, [system])
    assert (hours.passes, hours.training, hours.measuring) == (6.5, None, None)
    text = '\n'.join(hours_lines([hours], 3))
    assert text.endswith('publishes no speed.') and 'V100' not in text
    assert f'{system}     6.5         -       3          -' in text


def test_a_surrogate_is_no_measured_system():
    target = System(DEEPLAB, 'CosPGD3-AT', 'VOC')
    surrogate = System(PSP, 'PGD3-AT', 'VOC')
    hours = expected_hours([transfer()], FULL, [target, surrogate])
    assert [one.trials for one in hours] == [1, 0]
    assert hours[0].measuring == pytest.approx(
        1449 * (200 / 23.59 + 2 / 13.88) / 3600)
