"""The command that repeats the experiments of the paper."""
import json

import pytest
from tiny_project import forget_runs
from tiny_reproduction import pretend_training, shortened, tiny_scale

from mmseg_rppgd.commands import reproduce
from mmseg_rppgd.reproduce import EXPERIMENTS, Experiment
from mmseg_rppgd.reproduce.work import Work


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Table 4 with few steps at a tiny scale; its systems are trained."""
    forget_runs()
    scale = tiny_scale(tmp_path)
    cells = tuple(
        shortened(cell) for cell in EXPERIMENTS['table4'].cells
        if cell.row in ('Standard', 'PGD3-AT', 'RP-PGD3-AT')
        and cell.column in ('Clean', 'PGD10', 'PGD100'))
    cells = tuple({(cell.row, cell.column, cell.system): cell
                   for cell in cells}.values())
    monkeypatch.setitem(EXPERIMENTS, 'table4', Experiment(
        'table4', 'Table 4', cells))
    monkeypatch.setitem(reproduce.SCALES, 'mini', scale)
    out = tmp_path / 'out'
    pretend_training(Work(scale, str(out), [0]), cells)
    return out


def run(*words):
    reproduce.main([*map(str, words)], 'mmseg_rppgd reproduce')


def test_a_table_beside_the_papers(small, capsys):
    run('table4', '--out', small, '--jobs', 1)
    screen = capsys.readouterr().out
    assert 'RP-PGD3-AT' in screen and '18.69' in screen
    page = (small / 'table4.md').read_text()
    assert 'sizes do not compare' in page
    record = json.loads((small / 'table4.json').read_text())
    assert record['name'] == 'table4'
    assert (small / 'table4.csv').exists()


def test_systems_one_by_one_and_then_the_table(small, capsys):
    run('table4', '--out', small, '--systems', 'PSPNet/Standard')
    assert not (small / 'table4.md').exists()
    assert 'without --systems makes the tables' in capsys.readouterr().out
    run('table4', '--out', small, '--jobs', 1)
    assert 'PSPNet/Standard/SyntheticShapes seed 0: PGD' not in \
        capsys.readouterr().out


def test_tables_of_what_is_there(small, capsys):
    run('table4', '--out', small, '--systems', 'PSPNet/PGD3-AT')
    run('table4', '--out', small, '--collect')
    record = json.loads((small / 'table4.json').read_text())
    there = {cell['row'] for cell in record['cells']
             if cell['mean'] is not None}
    assert there == {'PGD3-AT'}
    assert 'A dash: not measured' in capsys.readouterr().out


@pytest.mark.parametrize('words, message', [
    (['table9'], "invalid choice: 'table9'"),
    (['table4', '--seeds', '0'], '--seeds must be >= 1, but got 0'),
    (['table4', '--jobs', '-1'], '--jobs must be >= 1, but got -1'),
    (['table4', '--images', '0'], '--images must be >= 1, but got 0'),
])
def test_wrong_words(words, message, capsys):
    with pytest.raises(SystemExit):
        run(*words)
    assert message in capsys.readouterr().err


def test_an_unknown_system_is_named(small):
    with pytest.raises(SystemExit, match="but got 'PSPNet/Standart' .did"):
        run('table4', '--out', small, '--systems', 'PSPNet/Standart')


def test_help_lists_the_experiments(capsys):
    with pytest.raises(SystemExit):
        run('--help')
    shown = capsys.readouterr().out
    assert all(f'\n  {name} ' in shown for name in EXPERIMENTS)


def test_the_scale_may_be_changed_in_images(small, capsys):
    run('table4', '--out', small, '--images', 1, '--jobs', 1)
    record = json.loads((small / 'table4.json').read_text())
    assert {source['dataset']['num_images']
            for source in record['sources']} == {1}


@pytest.mark.parametrize('words, part', [
    (['--script', 'slurm'], 'sbatch'),
    (['--script', 'one-machine'], 'mmseg_rppgd train'),
    (['--scale', 'full'], 'torchrun --standalone --nproc_per_node=4')])
def test_scripts_are_printed_and_nothing_is_done(words, part, tmp_path,
                                                 capsys):
    run('table1', '--out', tmp_path, *words)
    assert part in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_full_scale_trains_on_gpus_alone(tmp_path):
    with pytest.raises(SystemExit, match='must be trained on a GPU at full'):
        run('table1', '--scale', 'full', '--run', '--out', tmp_path)
    with pytest.raises(SystemExit, match='must be trained first'):
        run('table1', '--scale', 'full', '--run', '--out', tmp_path,
            '--systems', 'PSPNet/Standard')
