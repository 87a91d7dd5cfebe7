"""Every table, each made by one function."""
import pytest
from tiny_results import (CLASSES, INFO, check, draw_records, matrix_records,
                          results_of, row_results, rows_of)

from mmseg_rppgd.evaluation.report.names import radius
from mmseg_rppgd.evaluation.report.tables import (attack_table, check_tables,
                                                  interval_table,
                                                  matrix_tables, member_tables,
                                                  minimal_tables,
                                                  report_tables)
from mmseg_rppgd.evaluation.results.searches import build_minimal
from mmseg_rppgd.evaluation.results.transfer import build_matrix
from mmseg_rppgd.metrics import SCALARS

L2 = dict(type='BIM', norm='l2')


def small_matrix(rows=None):
    rows, names = rows or rows_of('PGD', 'BIM'), ('one', 'two')
    return build_matrix({name: INFO for name in names}, rows,
                        {name: draw_records(0.9) for name in names},
                        matrix_records(rows, names), CLASSES)


def small_minimal(*norms):
    rows = rows_of('DeepFool', dict(type='DeepFool', norm='l2'))
    return build_minimal(rows, [[
        dict(norm=norm, labelled=True, seconds=1.) for norm in norms]] * 2)


def test_rows_and_worst_case_of_every_ball():
    results = results_of(row_results(rows_of('PGD', L2, eps=(0.01, 0.02))))
    table = attack_table(results)
    assert table.header == ('attack', 'norm', 'eps', 'steps', *SCALARS,
                            'seconds')
    assert [row[0] for row in table.rows] == ['clean'] + 2 * ['PGD'] + 2 * [
        'BIM']
    assert [row[:4] for row in table.summary] == [
        ['worst case', norm, unit + eps, None]
        for norm, unit in (('linf', ''), ('l2', 'rms '))
        for eps in ('0.01', '0.02')]
    ball = results['worst_case']['by_ball'][0]
    column = table.header.index('mIoU')
    assert table.summary[0][column] == ball['mIoU_greedy']
    assert table.rows[1][column] == results['attacks'][0]['mIoU']
    assert all(len(row) == len(table.header)
               for row in [*table.rows, *table.summary])


def test_the_strongest_attack_of_every_ball_is_marked():
    results = results_of(row_results(rows_of('PGD', 'SegPGD', L2)))
    table = attack_table(results)
    assert table.marks == ['', '', 'strongest', 'strongest']
    assert any(note.startswith('Bold:') for note in table.notes)
    alone = attack_table(results_of(row_results(rows_of('PGD'))))
    assert set(alone.marks) == {''}
    assert not any(note.startswith('Bold:') for note in alone.notes)


def test_headlines_have_intervals_and_a_page_has_all():
    results = results_of(row_results(rows_of('PGD')))
    table = attack_table(results)
    for column, key in enumerate(SCALARS, 4):
        for row, ends in zip(table.rows, [
                results.intervals['clean'], *results.intervals['attacks']]):
            found = getattr(row[column], 'interval', None)
            assert found == (tuple(ends[key]) if key in ('mIoU', 'aAcc')
                             else None)
    worst, = table.summary
    assert worst[4].interval == tuple(
        results.intervals['worst_case']['mIoU_greedy'])
    assert '95 % bootstrap intervals over the 3 images' in table.notes[-1]
    every, = interval_table(results)
    assert every.page_only
    assert [value.interval for value in every.rows[1][4:]] == [
        tuple(results.intervals['attacks'][0][key]) for key in SCALARS]


def test_results_read_from_a_file_have_no_brackets():
    results = dict(results_of(row_results(rows_of('PGD'))))
    table = attack_table(results)
    assert not hasattr(table.rows[1][4], 'interval')
    assert interval_table(results) == [] and len(table.notes) == 1


def test_radius_of_an_l2_ball_is_also_a_root_mean_square():
    row, = rows_of(dict(L2, eps=0.5))
    table = attack_table(results_of(row_results([row])))
    assert table.rows[1][2] == '0.5 (rms 0.00833)'
    assert table.summary[0][2] == '0.5 (rms 0.00833)'
    assert radius(dict(norm='l2', eps=2., rms=8 / 255)) == '2 (rms 8/255)'


def test_members_of_l2_balls_have_their_radius():
    rows = rows_of(L2, eps=('4/255', '8/255'))
    _, large = member_tables(results_of(row_results(rows)))
    assert [row[1] for row in large.rows] == [None, 'rms 4/255', 'rms 8/255']


@pytest.mark.parametrize('surface, surrogate, words', [
    ('whole', None, 'attacked: whole.'),
    ('crop', None, 'attacked: crop (each window by itself, which is not one '
     'adversarial image'),
    ('slide', INFO, 'attacked: slide, on the surrogate configs/tiny.py.')])
def test_surface_and_surrogate_are_said(surface, surrogate, words):
    results = results_of(row_results(rows_of('PGD')), surface=surface,
                         surrogate=surrogate)
    assert words in attack_table(results).notes[0]


def test_notes_and_cost_of_rounding_are_sentences():
    results = results_of(row_results(rows_of('PGD'), rounded=True))
    attack, = results['attacks']
    table = attack_table(results, ['Images were attacked 4 at a time.'])
    assert table.notes[1] == 'Images were attacked 4 at a time.'
    assert table.notes[2].startswith(
        'PGD, rounded to the 8 bits of a picture: mIoU '
        f'{attack["rounded"]["mIoU"]:.2f} instead of {attack["mIoU"]:.2f}')


def test_members_say_who_won():
    results = results_of(row_results(rows_of('PGD', 'BIM')))
    table, = member_tables(results)
    assert [row[0] for row in table.rows] == ['clean', 'PGD', 'BIM']
    assert sum(row[3] for row in table.rows) == 3  # one for each image
    assert 0 in table.folded  # clean stands for none
    assert all(table.rows[i][3:] == [0, 0] for i in table.folded)
    assert f'{results["worst_case"]["aAcc"]:.2f}' in table.title
    assert 'never above clean' in table.notes[0]
    assert member_tables(results_of([])) == []


def test_matrix_has_a_table_for_each_attack():
    matrix = small_matrix()
    tables = matrix_tables(matrix)
    assert [t.title for t in tables] == ['PGD eps=8/255 steps=10',
                                         'BIM eps=8/255 steps=10']
    assert list(tables[0].header) == ['attacked \\ tested', 'one', 'two']
    assert [row[0] for row in tables[0].rows] == ['(clean)', 'one', 'two']
    both = matrix['attacks'][0]['matrix']['one']['two']
    assert tables[0].rows[1][2] == (f'{both["float"]["mIoU"]:.2f} / '
                                    f'{both["png"]["mIoU"]:.2f}')
    assert [bool(t.notes) for t in tables] == [False, True]
    assert matrix_tables(None) == []


def test_smallest_perturbations_in_numbers_and_words():
    linf, l2 = minimal_tables(small_minimal(0.01, 0.02, None))[0].rows
    assert linf[:6] == ['DeepFool', 'linf', '0.02000', pytest.approx(5.1), 2,
                        3]
    table, = minimal_tables(small_minimal(0.01, 0.02, None))
    assert table.notes[0] == (
        'DeepFool (linf) makes 99 % of the pixels wrong on 2 of 3 images; '
        'half of them need 0.02000 at most (5.10 of 255).')
    assert table.notes[1].endswith('half of them need 0.02000 at most.')
    table, = minimal_tables(small_minimal(None))
    assert table.rows[0][2:5] == ['-', None, 0]
    assert table.notes[0].endswith('wrong on 0 of 1 images.')
    assert minimal_tables(None) == []


def test_failed_checks_stand_out():
    table, = check_tables(results_of([], checks=[
        check('a'), check('b', False, 'why')]))
    assert table.rows[1] == ['FAILED', 'why']
    assert table.marks == ['passed', 'failed']
    assert check_tables(results_of([], checks=[])) == []


def test_a_report_has_every_table_in_order():
    results = results_of(row_results(rows_of('PGD')))
    tables = report_tables(results, small_minimal(0.1), small_matrix())
    assert list(dict.fromkeys(t.section for t in tables)) == [
        'Attacks', 'Worst case', 'Intervals', 'IoU of each class',
        'Smallest perturbation', 'Transfer', 'Self-checks']
    assert [t.section for t in report_tables(results_of([], checks=[]))] == [
        'Attacks', 'IoU of each class']
