"""The writers that draw any table."""
import csv
import io

import pytest
from rich.console import Console
from tiny_results import HOSTILE, results_of, row_results, rows_of

from mmseg_rppgd.evaluation.report.tables import attack_table, number_table
from mmseg_rppgd.evaluation.report.writers import (Table, brackets, cell,
                                                   code, estimate, to_csv,
                                                   to_markdown, to_screen)
from mmseg_rppgd.metrics import SCALARS


def draw(table, width=200, narrow=False):
    """What a terminal shows."""
    file = io.StringIO()
    Console(file=file, width=width).print(to_screen(table, narrow))
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
    assert [cells(line) for line in markdown[2:7]] == [
        cells(line) for line in screen]
    numbers = list(csv.DictReader(io.StringIO(to_csv(number_table(results)))))
    assert [row['name'] for row in numbers] == ['clean', 'PGD', 'BIM']
    for number, attack in zip(numbers[1:], results['attacks']):
        for key in SCALARS:
            assert float(number[key]) == attack[key]  # unrounded
        assert float(number['IoU.sky']) == attack['per_class']['sky']
        assert number['rms'] == str(attack['threat']['rms'])
    assert numbers[0]['eps'] == numbers[0]['surrogate'] == ''


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
