"""The content of results.json, from records of single images."""
import json

import numpy as np
import pytest
from tiny_results import (CLASSES, clean_result, draw_records, results_of,
                          row_results, rows_of)

from mmseg_rppgd import metrics
from mmseg_rppgd.evaluation.results.balls import worst_balls
from mmseg_rppgd.evaluation.results.results import (CleanResult, RowResult,
                                                    success_over_eps)
from mmseg_rppgd.metrics import SCALARS


def test_rows_have_threat_metrics_and_self_check_numbers():
    surrogate = dict(config='other.py', checkpoint='o.pth', sha256=None)
    attack, = results_of(row_results(rows_of('PGD')), surface='slide',
                         surrogate=surrogate)['attacks']
    assert attack['threat'] == dict(norm='linf', eps=8 / 255, rms=8 / 255,
                                    surface='slide', surrogate=surrogate)
    assert attack['config']['steps'] == 10
    assert attack['aAcc'] == pytest.approx(60, abs=3)
    assert set(attack['per_class']) == set(CLASSES)
    assert (attack['seconds'], attack['max_norm'], attack['nan_count'],
            attack['min'], attack['max']) == (4.5, 8 / 255, 0, 0, 1)
    assert 'curve' not in attack and 'rounded' not in attack


def test_all_of_it_is_json():
    attacks = row_results(rows_of('PGD'), rounded=True, steps=2)
    results = results_of(attacks)
    assert json.loads(json.dumps(results, allow_nan=False)) == results


def test_a_radius_that_differs_from_image_to_image_is_none():
    attack, = row_results(rows_of('PGD'))
    attack.records[1].update(eps=0.5)
    threat = results_of([attack])['attacks'][0]['threat']
    assert threat['eps'] is None and threat['rms'] == 8 / 255


def test_intervals_lie_beside_the_results():
    attacks = row_results(rows_of('PGD', 'BIM', eps=(0.01, 0.02)))
    results = results_of(attacks)
    found = results.intervals
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found == results_of(attacks).intervals  # exact on repetition
    assert (found['level'], found['num_images'], found['seed']) == (95, 3, 0)
    assert [row['name'] for row in found['attacks']] == [
        row['name'] for row in results['attacks']]
    for row, ends in [(results['clean'], found['clean']),
                      *zip(results['attacks'], found['attacks'])]:
        for key in SCALARS:
            assert ends[key][0] <= row[key] <= ends[key][1]
        assert set(ends['per_class']) == set(CLASSES)
    for ball, ends in [
            (results['worst_case'], found['worst_case']),
            *zip(results['worst_case']['by_ball'],
                 found['worst_case']['by_ball'])]:
        assert ball.get('eps') == ends.get('eps')
        for key in ('aAcc', 'mIoU_greedy'):
            assert ends[key][0] <= ball[key] <= ends[key][1]


def test_interval_of_a_worst_case_of_one_attack_is_that_attacks():
    results = results_of(row_results(rows_of('PGD')))
    attack, = results.intervals['attacks']
    assert results.intervals['worst_case'] == dict(
        aAcc=attack['aAcc'], mIoU_greedy=attack['mIoU'])


def test_curve_holds_every_metric_after_every_step():
    attacks = row_results(rows_of('PGD', 'SegPGD', trace=True), steps=3)
    for attack, name in zip(results_of(attacks)['attacks'],
                            ('PGD', 'SegPGD')):
        assert [p['step'] for p in attack['curve']] == [1, 2, 3]
        assert set(attack['curve'][0]) == {'step', *SCALARS}
        # SegPGD plans its steps ahead, and tells nothing of shorter runs.
        assert attack['curve_is_of_shorter_runs'] == (name == 'PGD')


def test_rounded_images_have_metrics_of_their_own():
    attack, = results_of(row_results(rows_of('PGD'), rounded=True))['attacks']
    assert set(attack['rounded']) == set(SCALARS)
    assert attack['rounded']['aAcc'] != attack['aAcc']


def test_a_smaller_ball_lies_in_the_larger_of_its_norm():
    rows = rows_of('PGD', dict(type='BIM', norm='l2'), eps=(0.01, 0.02))
    results = results_of(row_results(rows))
    balls = worst_balls(results)
    assert [(b['norm'], b['eps'], b['rms']) for b in balls] == [
        ('linf', 0.01, None), ('linf', 0.02, None),
        ('l2', None, 0.01), ('l2', None, 0.02)]
    # The clean image is a member everywhere.
    assert [len(b['members']) for b in balls] == [2, 3, 2, 3]
    assert [m.get('rms') for m in balls[3]['members']] == [None, 0.01, 0.02]
    for ball in balls:
        assert ball['aAcc'] <= results['clean']['aAcc']


def test_one_ball_is_the_worst_case_itself():
    results = results_of(row_results(rows_of('PGD', 'BIM')))
    assert 'by_ball' not in results['worst_case']
    ball, = worst_balls(results)
    assert ball['norm'] == 'linf' and ball['eps'] == 8 / 255
    assert ball['aAcc'] == results['worst_case']['aAcc']


def test_without_attacks_there_is_no_worst_case():
    results = results_of([])
    assert worst_balls(results) == []
    assert results['worst_case']['aAcc'] == results['clean']['aAcc']


def test_rows_without_images_are_undefined():
    row, = rows_of('PGD')
    empty = RowResult(row, [], len(CLASSES))
    attack, = results_of([empty], CleanResult([], len(CLASSES)))[
        'attacks']
    assert attack['mIoU'] is None and attack['max_norm'] is None


def test_success_counts_images_that_are_wrong_nearly_everywhere():
    rows = rows_of('PGD', eps=('0.01', '0.02'))
    results = [RowResult(row, [
        {'class': [0], 'tp': [right], 'pred': [100], 'label': [labelled],
         'eps': row.eps, 'rms': row.eps}
        for right, labelled in zip(rights, (100, 100, 0))], 1)
        for row, rights in zip(rows, ([1, 2, 0], [0, 1, 0]))]
    shares = success_over_eps(results)
    assert [(s['eps'], s['percent']) for s in shares] == [(0.01, 50),
                                                          (0.02, 100)]


def test_counts_are_stacked_by_image():
    records = draw_records(0.9)
    counts = clean_result().counts
    assert counts.shape == (3, 3, len(CLASSES))
    assert counts[1, 2].sum() == sum(records[1]['label'])


def test_metrics_are_one_entry_each():
    counts = clean_result().counts
    values = metrics.compute_metrics(counts, CLASSES)
    assert set(values) == set(metrics.METRICS) | {'per_class'}
    for name, metric in metrics.METRICS.items():
        assert values[name] == np.float64(metric(counts))
