"""The files of an experiment, and what a terminal shows of it."""
import io
import re

import pytest
from rich.console import Console
from tiny_experiments import (FULL, MINI, STRATEGIES, Measurement, attacks,
                              defences, likely, measured, steps)

from mmseg_rppgd.evaluation.files import CannotWrite
from mmseg_rppgd.evaluation.report.writers import Table
from mmseg_rppgd.reproduce.experiments import Cell, Experiment, Trial
from mmseg_rppgd.reproduce.scales import System
from mmseg_rppgd.reproduce.tables import show, write

COMMAND = 'python -m mmseg_rppgd reproduce table4 --seeds 3'


def by_seed(cell, seed):
    """10, 11, 12... for the clean images, a tenth of it for attacks."""
    return (10 + seed) * (0.1 if cell.trial.attack else 1)


def read(folder, name):
    with open(folder / name, encoding='utf-8') as file:
        return file.read()


def cells(line):
    return [cell.strip() for cell in line.strip('| ').split(' | ')]


def rows_of(page, row):
    return [cells(line) for line in page.splitlines()
            if line.startswith(f'| {row} |')]


def on_screen(shown, width):
    console = Console(file=io.StringIO(), width=width)
    show(shown, console)
    return console.file.getvalue()


def test_one_data_set_stands_once_beside_all_of_the_paper(tmp_path):
    experiment = defences()
    write(experiment, MINI, measured(experiment, MINI, by_seed, 3),
          str(tmp_path), COMMAND)
    page = read(tmp_path, 'defences.md')
    assert page.startswith('# Table 4: PSPNet under attack\n')
    first, second = rows_of(page, 'PGD3-AT')
    assert first[1:] == ['11.0 ± 1.0', '74.51', '71.28',
                         '1.1 ± 0.1', '20.04', '28.79']
    assert second[1:] == ['1.1 ± 0.1', '13.89', '3.95']
    heads = [cells(line) for line in page.splitlines()
             if line.startswith('|  |')]
    assert heads[1][-3:] == ['PGD100', 'paper VOC', 'paper Cityscapes']
    assert 'sample standard deviation over 3 seeds' in page


def tables_of(experiment, scale, values, folder):
    return [item for item in write(experiment, scale, values, str(folder),
                                   COMMAND) if isinstance(item, Table)]


def test_each_data_set_of_its_own_has_a_table_of_its_own(tmp_path):
    experiment = defences()
    values = measured(
        experiment, FULL,
        lambda cell, _: 1. if cell.system.data == 'VOC' else 2.)
    tables = tables_of(experiment, FULL, values, tmp_path)
    assert [table.title for table in tables] == ['VOC', 'Cityscapes']
    assert tables[0].header == ['', 'Clean', 'paper\nVOC', 'PGD10',
                                'paper\nVOC', 'PGD100', 'paper\nVOC']
    assert tables[0].rows[0] == ['Standard', 1., 76.64, 1., 5.21, 1., 3.37]
    assert tables[1].rows[3] == ['RP-PGD3-AT', 2., 71.58, 2., 35.19, 2.,
                                 18.57]
    assert tables[0].notes == ['mIoU in percent of one seed.']


def test_what_is_not_measured_is_a_dash(tmp_path):
    experiment = defences()
    values = {cell: found for cell, found in measured(
        experiment, MINI, by_seed).items() if cell.row == 'PGD3-AT'}
    table, = tables_of(experiment, MINI, values, tmp_path)
    assert table.rows[0][:3] == ['Standard', None, 76.64]
    assert 'A dash: not measured.' in table.notes[0]
    page = read(tmp_path, 'defences.md')
    assert rows_of(page, 'Standard')[0][1:4] == ['-', '76.64', '73.98']
    assert rows_of(page, 'PGD3-AT')[0][1:4] == ['10.00', '74.51', '71.28']
    assert 'There is no order to compare' in page


def test_nothing_measured_is_a_page_too(tmp_path):
    write(defences(), MINI, {}, str(tmp_path), COMMAND)
    page = read(tmp_path, 'defences.md')
    assert rows_of(page, 'PGD3-AT')[0][1] == '-'
    assert 'Nothing is measured yet.' in page


def test_undefined_and_fewer_seeds_are_told(tmp_path):
    experiment = defences()
    values = measured(experiment, MINI, by_seed, 3)
    for cell in experiment.cells:
        if cell.row == 'Standard':
            values[cell] = [Measurement(None, 0, values[cell][0].source)]
    table, = tables_of(experiment, MINI, values, tmp_path)
    assert table.rows[0][1] is None
    assert table.notes == [
        'mIoU in percent: mean and sample standard deviation over 1 to 3 '
        'seeds. A dash where there are measurements: undefined.']


def test_a_place_that_the_experiment_has_not_is_empty(tmp_path):
    system = System('PSPNet', 'Standard', 'VOC')
    experiment = Experiment('own', 'Own', tuple(
        Cell(row, str(n), system, Trial(row, n))
        for row, n in (('PGD', 1), ('PGD', 2), ('CW', 2))))
    table, = tables_of(experiment, MINI, {}, tmp_path)
    assert table.rows == [['PGD', None, None], ['CW', '', None]]


def test_a_page_has_order_notes_and_provenance(tmp_path):
    experiment = defences()
    write(experiment, MINI, measured(experiment, MINI, likely, 3),
          str(tmp_path), COMMAND)
    page = read(tmp_path, 'defences.md')
    assert re.findall('(?m)^## (.*)', page) == [
        'SyntheticShapes', 'Order of the rows', 'Notes', 'Provenance']
    assert len(re.findall("(?m)^- .* beside the paper's ", page)) == 6
    assert '- CW and DF are not here.\n' in page
    assert f'- Scale mini: {MINI.note}\n' in page
    assert f'- Command: `{COMMAND}`' in page


def test_curves_have_their_pictures_on_the_page(tmp_path):
    experiment = steps()
    shown = write(experiment, MINI, measured(experiment, MINI, likely),
                  str(tmp_path), COMMAND)
    assert '](steps.png)' in read(tmp_path, 'steps.md')
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f'steps.{ending}' for ending in ('csv', 'json', 'md', 'pdf', 'png')]
    for path in tmp_path.iterdir():
        assert str(path) in shown[-1]
    assert '.png' not in write(attacks(), MINI, {}, str(tmp_path),
                               COMMAND)[-1]


def test_names_are_harmless_in_a_page(tmp_path):
    system = System('PSPNet', 'Standard', 'VOC')
    experiment = Experiment('own', 'A <b> & |', (
        Cell('a|b', '<i>', system, Trial('PGD', 1), paper=1.),
        Cell('c', '<i>', system, Trial('PGD', 2), paper=2.)), notes=('<u>', ))
    write(experiment, MINI, measured(experiment, MINI, likely), str(tmp_path),
          '<s> `x`')
    page = read(tmp_path, 'own.md')
    for tag in ('<b>', '<i>', '<u>'):
        assert tag not in page
    assert r'| a\|b |' in page and '`` <s> `x` ``' in page


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / 'out').write_text('')
    with pytest.raises(CannotWrite, match='out/defences.json'):
        write(defences(), MINI, {}, str(tmp_path / 'out'), COMMAND)


@pytest.mark.parametrize('width', [30, 44, 80, 150, 300])
@pytest.mark.parametrize('seeds', [1, 3])
def test_no_terminal_cuts_a_number(tmp_path, width, seeds):
    experiment = defences()
    shown = write(experiment, MINI, measured(experiment, MINI, likely, seeds),
                  str(tmp_path), COMMAND)
    text = on_screen(shown, width)
    assert '…' not in text
    page = read(tmp_path, 'defences.md')
    numbers = [number for row in STRATEGIES for line in rows_of(page, row)
               for number in line[1:]]
    assert len(numbers) == 36
    for number in numbers:
        assert re.search(rf'(?<![\d.]){re.escape(number)} ', text)
    if width >= 44:
        assert all(len(line) <= width for line in text.splitlines())


def test_the_screen_has_tables_and_sentences(tmp_path):
    experiment = attacks()
    shown = write(experiment, MINI, measured(experiment, MINI, likely),
                  str(tmp_path), COMMAND)
    text = ' '.join(on_screen(shown, 200).split())
    for words in ('Table 1: regions: SyntheticShapes', MINI.note,
                  'mIoU in percent of one seed.', 'In all, ',
                  "PSPNet-AT beside the paper's VOC: ", 'Written: '):
        assert words in text


def test_show_takes_nothing_for_markup():
    table = Table('S [b]', ['', '[red]x'], [['[i]', 1.]], words=1, blocks=[1])
    text = on_screen([table, 'a [bold] :smile:'], 60)
    for words in ('S [b]', '[red]x', '[i]', 'a [bold] :smile:'):
        assert words in text


def test_a_pipe_has_lines_of_its_own_width(tmp_path, capsys):
    experiment = defences()
    show(write(experiment, MINI, measured(experiment, MINI, likely, 3),
               str(tmp_path), COMMAND))
    text = capsys.readouterr().out
    assert text.count('paper') > 6 and '…' not in text
    assert max(map(len, text.splitlines())) > 110
