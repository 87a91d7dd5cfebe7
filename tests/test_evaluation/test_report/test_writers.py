"""The writers that draw any table."""
import csv
import io

import pytest
from rich.console import Console
from tiny_results import HOSTILE, results_of, row_results, rows_of

from mmseg_rppgd.evaluation.report.tables import attack_table, number_table
from mmseg_rppgd.evaluation.report.writers import (Spread, Table, brackets,
                                                   cell, code, estimate,
                                                   in_parts, to_csv,
                                                   to_markdown, to_screen)
from mmseg_rppgd.metrics import SCALARS


def draw(table, width=200, narrow=False, **kwargs):
    """What a terminal shows."""
    file = io.StringIO()
    Console(file=file, width=width, **kwargs).print(to_screen(table, narrow))
    return file.getvalue()


def cells(line):
    return [cell.strip() for cell in line.strip('|│ ').replace(
        '│', '|').split('|')]


def test_markdown_screen_and_csv_show_the_same_rows():
    results = results_of(row_results(rows_of(
        'PGD', dict(type='BIM', norm='l2'))))
    table = attack_table(results)
    markdown = to_markdown(table).splitlines()
    screen = [line for line in draw(table).splitlines() if '│' in line]
    assert markdown[1] == '|---|---|---|' + '---:|' * 8
    assert [cells(line.replace('*', '')) for line in markdown[2:7]] == [
        cells(line) for line in screen]
    numbers = list(csv.DictReader(io.StringIO(to_csv(number_table(results)))))
    assert [row['name'] for row in numbers] == ['clean', 'PGD', 'BIM']
    for number, attack in zip(numbers[1:], results['attacks']):
        for key in SCALARS:
            assert float(number[key]) == attack[key]  # unrounded
        assert float(number['IoU.sky']) == attack['per_class']['sky']
        assert number['rms'] == str(attack['threat']['rms'])
    assert numbers[0]['eps'] == numbers[0]['surrogate'] == ''


def test_the_strongest_attack_is_bold():
    table = Table('S', ['name', 'mIoU'], [['clean', 5.], ['PGD', 1.]],
                  words=1, marks=['', 'strongest'])
    assert to_markdown(table).splitlines()[2:] == [
        '| clean | 5.00 |', '| **PGD** | **1.00** |']
    assert '\x1b[1m' in draw(table, force_terminal=True)
    assert '\x1b[1m' not in draw(table)


def test_markdown_is_escaped():
    table = Table('S', ['name', HOSTILE], [[HOSTILE, 1.5]], title=HOSTILE,
                  notes=[HOSTILE], words=1)
    text = to_markdown(table)
    assert '<' not in text and '&amp;lt;' in text
    assert len(text.splitlines()) == 7
    head, line = text.splitlines()[2], text.splitlines()[4]
    # Every stroke that is not a border has an odd number of backslashes.
    assert line.startswith(r'| a\|b \\\| &lt;img') and line.endswith(
        '| 1.50 |')
    assert head.count('|') == line.count('|') == 5


@pytest.mark.parametrize('value, written', [
    ('=1+1', "'=1+1"), ('+cmd', "'+cmd"), ('@SUM(A1)', "'@SUM(A1)"),
    ('-x', "'-x"), ('\t=1', "'\t=1"), ('-1.5', '-1.5'), ('+2e3', '+2e3'),
    ('a=1', 'a=1'), (-0.5, '-0.5'), (None, ''), ('a,b', 'a,b')])
def test_spreadsheets_find_no_formula(value, written):
    text = to_csv(Table('S', ['name', '=x'], [[value, 1]]))
    assert list(csv.reader(io.StringIO(text))) == [
        ['name', "'=x"], [written, '1']]


def test_screen_takes_nothing_for_markup():
    text = draw(Table('S', ['[bold]h'], [['[red]x :smile:']], title='[b]t',
                      words=0))
    for words in ('S: [b]t', '[bold]h', '[red]x :smile:'):
        assert words in text


def test_narrow_screen_spares_columns_but_cuts_no_number():
    table = attack_table(results_of(row_results(rows_of('PGD'))))
    text = draw(table, 70, narrow=True)
    assert 'MisRatio' in text and 'NmIoU' not in text
    assert '…' not in text
    assert len(cells(to_markdown(table).splitlines()[0])) == 11


def test_intervals_are_brackets_behind_a_number():
    value = estimate(50.126, [47.94, 52.16])
    assert value == 50.126 and cell(value) == '50.13 [47.9, 52.2]'
    assert brackets(value) == '[47.9, 52.2]' and brackets(50.126) == ''
    assert estimate(None, [1, 2]) is None
    assert type(estimate(1.5, None)) is float
    table = Table('S', ['a', 'b', 'c'], [['x', value, value]], words=1,
                  spare_intervals=['c'])
    assert cells(to_markdown(table).splitlines()[2]) == [
        'x', '50.13 [47.9, 52.2]', '50.13 [47.9, 52.2]']
    assert to_csv(table).splitlines()[1] == 'x,50.126,50.126'
    assert draw(table).count('[47.9') == 2
    assert draw(table, narrow=True).count('[47.9') == 1


def test_code_holds_whatever_was_typed():
    assert code('a|<b>') == '`a|<b>`'
    assert code('echo `x`\ny') == '`` echo `x` y ``'


@pytest.mark.parametrize('deviation, shown', [
    (0.44, '31.2 ± 0.4'), (0.1, '31.2 ± 0.1'), (0.02, '31.23 ± 0.02'),
    (0., '31.23 ± 0.00')])
def test_a_mean_has_digits_as_far_as_its_spread_allows(deviation, shown):
    value = Spread(31.234, deviation)
    assert value == 31.234 and cell(value) == shown
    table = Table('S', ['a', 'b'], [['x', value]], words=1)
    assert to_csv(table) == 'a,b\nx,31.234\n'
    assert shown in to_markdown(table) and shown in draw(table)


def wide():
    return Table('S', ['row', 'aa', 'a1', 'bb', 'b1', 'cc'],
                 [['x', 11., 1., 22., 2., 33.]], words=1, notes=['end'],
                 summary=[['y', 44., 4., 55., 5., 66.]], blocks=[2, 2, 1])


def test_a_wide_table_breaks_between_blocks_and_repeats_its_words():
    parts = in_parts(wide(), 25)
    assert [part.header for part in parts] == [
        ['row', 'aa', 'a1'], ['row', 'bb', 'b1'], ['row', 'cc']]
    assert [part.rows for part in parts] == [
        [['x', 11., 1.]], [['x', 22., 2.]], [['x', 33.]]]
    assert parts[1].summary == [['y', 55., 5.]]
    assert [list(part.notes) for part in parts] == [[], [], ['end']]
    for part in parts:
        assert all(len(line) <= 25 for line in draw(part).splitlines())


def test_a_table_that_fits_or_has_no_blocks_is_one_part():
    part, = in_parts(wide(), 80)
    assert part.header == wide().header and part.notes == ['end']
    table = Table('S', ['row', 'aa'], [['x', 'y' * 90]], words=1)
    assert in_parts(table, 20) == [table]


def test_a_block_wider_than_the_line_is_a_part_all_the_same():
    parts = in_parts(wide(), 5)
    assert [len(part.header) for part in parts] == [3, 3, 2]
