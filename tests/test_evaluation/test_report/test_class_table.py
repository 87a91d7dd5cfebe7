"""IoU of each class, clean and at its lowest."""
from tiny_results import CLASSES, results_of, row_results, rows_of

from mmseg_rppgd.evaluation.report.class_table import class_table

L2 = dict(type='BIM', norm='l2')


def test_a_class_has_a_row_with_the_lowest_that_is_left_of_it():
    results = results_of(row_results(rows_of('PGD', 'SegPGD')))
    table = class_table(results)
    assert table.header == ['class', 'clean', 'lowest under attack']
    assert {row[0] for row in table.rows} == {*CLASSES}
    for name, clean, left in table.rows:
        whole = results['clean']['per_class'][name]
        assert clean == f'{whole:.1f}' and left.whole == whole
        assert left == min(a['per_class'][name] for a in results['attacks'])
    lost = [left.whole - left for _, _, left in table.rows]
    assert lost == sorted(lost, reverse=True)
    assert table.notes and not table.folded


def test_every_ball_has_a_column():
    results = results_of(row_results(rows_of('PGD', L2, eps=(0.01, 0.02))))
    table = class_table(results)
    assert table.header[2:] == [
        'lowest at linf 0.01', 'lowest at linf 0.02', 'lowest at l2 rms 0.01',
        'lowest at l2 rms 0.02']
    for row in table.rows:
        assert row[3] <= row[2] and row[5] <= row[4]  # of smaller balls too


def test_the_class_that_loses_most_in_any_ball_is_first():
    results = results_of(row_results(rows_of('PGD', eps=(0.02, 0.01))))
    for metrics, values in zip((results['clean'], *results['attacks']), (
            (90., 50., None), (10., 40., 0.), (80., 20., 0.))):
        metrics['per_class'].update(zip(CLASSES, values))
    rows = class_table(results).rows
    assert [row[0] for row in rows] == ['ground', 'wall', 'sky']
    assert rows[0][2:] == [10., 80.]


def test_classes_that_are_never_found_are_folded():
    results = results_of(row_results(rows_of('PGD')))
    for metrics in (results['clean'], *results['attacks']):
        metrics['per_class'].update(wall=0., sky=None)
    table = class_table(results)
    assert table.rows[0][0] == 'ground'
    assert {table.rows[i][0] for i in table.folded} == {'wall', 'sky'}
    assert table.rows[[row[0] for row in table.rows].index('sky')][1:] == [
        '-', None]


def test_without_an_attack_there_is_the_clean_iou_alone():
    table = class_table(results_of([]))
    assert table.header == ['class', 'clean'] and not table.notes
    assert [len(row) for row in table.rows] == [2, 2, 2]
