"""Reports side by side, and which are refused or left out."""
from pathlib import Path

import numpy as np
import pytest
from tiny_results import (CLASSES, IMAGES, INFO, random_counts, rows_of,
                          write_report)

from mmseg_rppgd.evaluation.results.comparison import compare_tests
from mmseg_rppgd.evaluation.results.finished import FinishedTest
from mmseg_rppgd.evaluation.results.intervals import difference, draw_images
from mmseg_rppgd.evaluation.results.results import RowResult
from mmseg_rppgd.evaluation.results.worst_case import worst_counts
from mmseg_rppgd.metrics import pack_counts

CLEAN = ('clean', None, None, None)
PGD = ('PGD', 'linf', 8 / 255, 10)
WORST = ('worst case', 'linf', 8 / 255, None)


def counts_of(seed, members):
    """Counts (members, images, 3, classes) of the same labelled images."""
    labels = random_counts(0, 1, IMAGES, len(CLASSES))[0, :, 2]
    rng = np.random.default_rng(seed)
    counts = np.zeros((members, IMAGES, 3, len(CLASSES)), np.int64)
    counts[:, :, 2] = labels
    counts[:, :, 0] = rng.integers(labels + 1, size=counts[:, :, 0].shape)
    wrong = (labels - counts[:, :, 0]).sum(-1)
    counts[:, :, 1] = counts[:, :, 0]
    counts[:, :, 1, 0] += wrong
    return counts


@pytest.fixture
def report(tmp_path):
    """Write a report of attacks with random counts; give it read back."""

    def write(name, attacks=('PGD', 'BIM'), seed=0, counts=None, **kwargs):
        settings = {k: kwargs.pop(k) for k in ('eps', 'steps')
                    if k in kwargs}
        rows = rows_of(*attacks, **settings)
        if counts is None:
            counts = counts_of(seed, 1 + len(rows))
        results = []
        for row, images in zip([None, *rows], counts):
            rms = row and (row.eps if row.norm == 'linf' else row.rms)
            results.append(RowResult(row, [
                dict(index=i, image=f'{i}.png', eps=rms, rms=rms, norm=rms,
                     nan=0, min=0., max=1., seconds=1., **pack_counts(c))
                for i, c in enumerate(images)], len(CLASSES)))
        write_report(tmp_path / name, results[1:], results[0], **kwargs)
        return FinishedTest(str(tmp_path / name))

    return write


def compare(*tests, metric='mIoU'):
    return compare_tests('abc'[:len(tests)], tests, metric)


def test_rows_worst_case_and_paired_differences(report):
    a, b = report('a'), report('b', seed=1)
    found = compare(a, b)
    assert list(found.values) == [CLEAN, PGD, ('BIM', *PGD[1:]), WORST]
    assert found.values[PGD] == [t.results['attacks'][0]['mIoU']
                                 for t in (a, b)]
    assert found.notes == []
    weights = draw_images(IMAGES)
    ours, others = counts_of(0, 3), counts_of(1, 3)
    assert found.differences[PGD] == [
        difference(ours[1], others[1], 'mIoU', weights)]
    chosen = [worst_counts(counts, 0)['mIoU_greedy'][1]
              for counts in (ours, others)]
    assert found.differences[WORST] == [
        difference(*chosen, 'mIoU', weights)]
    for key, (one,) in found.differences.items():
        values = found.values[key]
        assert one['value'] == pytest.approx(values[1] - values[0])


def test_a_report_and_itself_do_not_differ(report):
    a = report('a')
    for one, in compare(a, a).differences.values():
        assert one == dict(value=0, interval=[0, 0], differs=False)


def test_every_report_is_compared_with_the_first(report):
    found = compare(report('a'), report('b', seed=1), report('c', seed=2))
    assert len(found.values[PGD]) == 3 and len(found.differences[PGD]) == 2


def test_a_metric_without_a_worst_case_has_no_such_row(report):
    found = compare(report('a'), report('b', seed=1), metric='NmIoU')
    assert WORST not in found.values and PGD in found.differences


def test_worst_cases_of_several_balls_are_recomputed(report):
    l2 = dict(type='BIM', norm='l2')
    settings = dict(attacks=('PGD', l2), eps=(0.01, 0.02))
    found = compare(report('a', **settings), report('b', seed=1, **settings))
    worst = [key for key in found.differences if key[0] == 'worst case']
    assert [key[1:3] for key in worst] == [
        ('linf', 0.01), ('linf', 0.02), ('l2', 'rms 0.01'),
        ('l2', 'rms 0.02')]
    for key in worst:
        values = found.values[key]
        assert found.differences[key][0]['value'] == pytest.approx(
            values[1] - values[0])


def test_without_stored_counts_there_are_values_alone(report):
    a, b = report('a'), report('b', seed=1)
    Path(b.settings_file).unlink()
    found = compare(a, b)
    assert found.values and not found.differences
    assert found.notes == [
        'No intervals: b has no counts of single images (the folder '
        'per_image of its report).']


@pytest.mark.parametrize('kwargs, message', [
    (dict(surrogate=INFO), 'a and b do not compare: attacked white-box in a, '
     'black-box on the surrogate configs/tiny.py tiny.pth .* in b; attack '
     'both white-box'),
    (dict(surface='slide'), 'attacked surface whole in a, slide in b; repeat '
     'one test with the --surface'),
])
def test_other_attackers_and_surfaces_are_refused(report, kwargs, message):
    with pytest.raises(ValueError, match=message):
        compare(report('a'), report('b', **kwargs))


def test_one_surrogate_for_both_compares_and_two_do_not(report):
    surrogate = dict(surrogate=INFO)
    a, b = report('a', **surrogate), report('b', seed=1, **surrogate)
    assert PGD in compare(a, b).values
    other = report('c', surrogate=dict(INFO, sha256='1' * 64))
    with pytest.raises(ValueError, match='black-box on .*00000000.* in a, '
                       'black-box on .*11111111.* in b'):
        compare(a, other)


def test_other_classes_are_refused(report):
    a, b = report('a'), report('b', seed=1)
    b.results['dataset']['classes'] = ['x', 'y', 'z']
    with pytest.raises(ValueError, match=r'do not compare: classes '
                       r".*'ground'.* in a, \['x', 'y', 'z'\] in b"):
        compare(a, b)


def test_other_images_are_refused_by_their_labels(report):
    moved = counts_of(1, 3)
    moved[:, 1, 2, 0] += 1
    with pytest.raises(ValueError, match='1 of 3 images have other labels, '
                       'first image 1; test both models on the same images'):
        compare(report('a'), report('b', counts=moved))


def test_another_data_set_is_refused_where_labels_are_unknown(report):
    a, b = report('a'), report('b')
    b.results['dataset']['type'] = 'OtherDataset'
    assert compare(a, b).values  # the stored labels are the same
    Path(b.settings_file).unlink()
    with pytest.raises(ValueError, match='data set TinyDataset in a, '
                       'OtherDataset in b'):
        compare(a, b)


def test_rows_of_other_settings_are_left_out_by_name(report):
    slow = dict(type='PGD', alpha=0.001)
    found = compare(report('a'), report('b', attacks=(slow, 'BIM')))
    assert PGD not in found.values and ('BIM', *PGD[1:]) in found.values
    assert found.notes[0] == (
        f'Left out: PGD linf {8 / 255} 10, which has alpha 0.01 in a and '
        '0.001 in b.')


def test_worst_cases_over_other_attacks_are_left_out(report):
    found = compare(report('a'), report('b', attacks=('PGD', )))
    assert list(found.values) == [CLEAN, PGD]
    assert found.notes == [
        f'Left out: worst case linf {8 / 255}, which is over other attacks '
        'in b than in a; run the same suite for both.']


def test_settings_that_another_version_does_not_know_are_passed_over(report):
    a, b = report('a'), report('b', seed=1)
    for attack in b.results['attacks']:
        del attack['config']['restarts']
    assert PGD in compare(a, b).values


def test_counts_that_do_not_give_the_report_are_refused(report):
    a, b = report('a'), report('b', seed=1)
    b.results['worst_case']['mIoU_greedy'] += 1
    with pytest.raises(ValueError, match='must hold the counts of its worst '
                       'case mIoU_greedy'):
        compare(a, b)
