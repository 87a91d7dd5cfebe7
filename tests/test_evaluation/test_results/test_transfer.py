"""The matrix of models on each other's adversarial images."""
import pytest
from tiny_results import CLASSES, INFO, draw_records, matrix_records, rows_of

from mmseg_rppgd.evaluation.results.transfer import (build_matrix,
                                                     matrix_check, model_names)

NAMES = ('one', 'two')


def matrix_of(rows=None, records=None):
    rows = rows or rows_of('PGD', 'BIM')
    return build_matrix(
        {name: INFO for name in NAMES}, rows,
        {name: draw_records(0.9) for name in NAMES},
        records or matrix_records(rows, NAMES), CLASSES)


def test_every_model_is_source_and_target():
    matrix = matrix_of()
    assert [a['name'] for a in matrix['attacks']] == ['PGD', 'BIM']
    for attack in matrix['attacks']:
        for source in NAMES:
            for target in NAMES:
                cells = attack['matrix'][source][target]
                assert set(cells) == {'float', 'png'}
                assert cells['float']['aAcc'] == pytest.approx(
                    50 if source == target else 70, abs=4)
    assert matrix['clean']['one'] == matrix['clean']['two']


def test_white_box_that_is_strongest_passes():
    check = matrix_check(matrix_of())
    assert check['passed'] and 'No model is left' in check['detail']


def test_a_model_that_is_attacked_better_by_way_of_another_is_named():
    rows = rows_of('PGD')
    records = matrix_records(rows, NAMES)
    key = rows[0].key
    for image in records[key, 'two']:  # 'one' hides its own gradients
        image['targets']['one'] = records[key, 'two'][0]['targets']['two']
    for image in records[key, 'one']:
        image['targets']['one'] = dict(float=draw_records(0.8)[0],
                                       png=draw_records(0.8)[0])
    check = matrix_check(matrix_of(rows, records))
    assert not check['passed']
    assert check['detail'].count('leaves') == 1
    assert 'leaves one ' in check['detail']
    assert 'made on two ' in check['detail']


def test_models_of_one_config_get_different_names():
    infos = [{'config': c} for c in ('a/x.py', 'mmseg::b/x.py', 'y.py')]
    assert model_names(infos) == ['x', 'x#2', 'y']
