"""Tables of several reports."""
from mmseg_rppgd.evaluation.report.glossary import meaning
from mmseg_rppgd.evaluation.report.side_by_side.tables import (
    class_tables, difference_tables, report_table, standing_tables,
    value_table, with_clean)


def test_values_by_row_and_the_worst_case_below(side_by_side):
    compared = side_by_side(0.6, 0.5)
    table = value_table(compared.found, 3)
    assert table.section == 'mIoU in percent, 3 images'
    assert [row[:4] for row in table.rows] == [
        ['clean', None, None, None], ['PGD', 'linf', '8/255', 10],
        ['BIM', 'linf', '8/255', 10]]
    assert table.rows[1][4:] == [test.results['attacks'][0]['mIoU']
                                 for test in compared.tests]
    assert table.summary == [['worst case', 'linf', '8/255', None, *(
        test.results['worst_case']['mIoU_greedy']
        for test in compared.tests)]]


def test_differences_say_where_there_is_none(side_by_side):
    table, = difference_tables(side_by_side(0.6, 0.5).found)
    assert table.header[4:] == ['two'] and table.notes
    assert table.rows[0][4] == '+0.00 [+0.00, +0.00] no difference'
    assert table.summary[0][4].startswith('-')


def test_one_report_differs_from_none(side_by_side):
    assert difference_tables(side_by_side(0.6).found) == []


def test_classes_at_their_lowest_beside_their_clean_iou(side_by_side):
    compared = side_by_side(0.6, 0.5)
    table, = class_tables(compared.found)
    assert table.header == ['class', 'one', 'two']
    for name, *lefts in table.rows:
        for left, test in zip(lefts, compared.tests):
            results = test.results
            assert left == min(a['per_class'][name]
                               for a in results['attacks'])
            assert left.whole == results['clean']['per_class'][name]
    lost = [sum(left.whole - left for left in row[1:]) for row in table.rows]
    assert lost == sorted(lost, reverse=True)
    wide = with_clean(table)
    assert wide.header == ['class', 'one, clean', 'one, lowest',
                           'two, clean', 'two, lowest']
    assert wide.rows[0][1:3] == [table.rows[0][1].whole, table.rows[0][1]]


def test_a_class_that_is_predicted_under_attack_alone(side_by_side):
    found = side_by_side(0.6, 0.5).found
    for key, entries in found.rows.items():
        for entry in entries:
            entry.per_class.update(sky=None if key[0] == 'clean' else 0.)
    table, = class_tables(found)
    assert table.rows[-1] == ['sky', 0., 0.] and table.folded == [2]
    assert with_clean(table).rows[-1] == ['sky', None, 0., None, 0.]


def test_classes_of_every_ball(side_by_side):
    found = side_by_side(0.6, 0.5, eps=('4/255', '8/255')).found
    assert [table.title for table in class_tables(found)] == [
        'linf 4/255', 'linf 8/255']


def test_classes_that_no_model_finds_are_folded(side_by_side):
    found = side_by_side(0.6, 0.5).found
    for entries in found.rows.values():
        for entry in entries:
            if entry.per_class:
                entry.per_class['wall'] = 0.
            if 'sky' in entry.per_class:
                entry.per_class['sky'] = None
    table, = class_tables(found)
    assert {table.rows[i][0] for i in table.folded} == {'wall', 'sky'}


def test_standings_have_intervals_and_shares(side_by_side):
    compared = side_by_side(0.3, 0.6)
    table, = standing_tables(compared.found, compared.verdicts)
    assert table.header == ['model', 'mIoU, clean', 'worst case', 'kept']
    name, clean, left, kept = table.rows[0]
    assert name == 'two' and left.interval[0] <= left <= left.interval[1]
    assert kept == f'{100 * left / clean:.0f} %'


def test_headings_of_the_page_have_a_meaning(side_by_side):
    compared = side_by_side(0.6, 0.5)
    tables = [*compared.tables, *class_tables(compared.found)]
    headings = {name for table in tables for name in table.header}
    assert all(map(meaning, headings - {'one', 'two'}))


def test_reports_are_named(side_by_side):
    compared = side_by_side(0.6, 0.5)
    table = report_table(compared.found.names, compared.tests)
    assert table.rows[0] == ['one', 'configs/tiny.py', 'tiny.pth', 0, None,
                             compared.tests[0].folder]
