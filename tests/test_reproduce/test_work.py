"""Trainings and measurements: each once, kept, and taken up again."""
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_project import forget_runs
from tiny_reproduction import (ITERATIONS, pretend_training, shortened,
                               tiny_work)

from mmseg_rppgd.commands import robust_test
from mmseg_rppgd.evaluation import evaluate, load_model
from mmseg_rppgd.reproduce import EXPERIMENTS, Cell, System, Trial
from mmseg_rppgd.reproduce.training import TrainingFailed

STANDARD = System('PSPNet', 'Standard', 'VOC')
HARDENED = System('PSPNet', 'PGD3-AT', 'VOC')
DEEPLAB = System('DeepLabv3', 'PGD3-AT', 'VOC')
CELLS = (
    Cell('Standard', 'Clean', STANDARD, Trial()),
    Cell('Standard', 'PGD2', STANDARD, Trial('PGD', 2)),
    Cell('Standard', 'PGD3', STANDARD, Trial('PGD', 3)),
    Cell('Standard', 'RP-PGD2', STANDARD, Trial('RPPGD', 2)),
)


@pytest.fixture(autouse=True)
def _forget():
    forget_runs()


@pytest.fixture
def ready(tmp_path):
    """Work whose systems need no training."""
    work = tiny_work(tmp_path)
    pretend_training(work, CELLS)
    return work


def reports(work):
    return sorted(Path(work.out, 'measured').rglob('results.json'))


def test_the_numbers_are_those_of_evaluate(ready):
    values = ready.do(CELLS)
    model, loader = load_model(
        ready.scale.config(ready.scale.resolve(STANDARD)),
        ready.checkpoint(ready.scale.resolve(STANDARD), 0))
    results = evaluate(model, loader, attacks=['PGD', 'RPPGD'], steps=[2, 3],
                       eps=[0.03], limit=2, batch_size=2, quiet=True)
    rows = {(row['name'], row['config']['steps']): row['mIoU']
            for row in results['attacks']}
    assert [values[cell][0].value for cell in CELLS] == pytest.approx([
        results['clean']['mIoU'], rows['PGD', 2], rows['PGD', 3],
        rows['RPPGD', 2]])


def test_steps_of_one_run_are_measured_once(ready):
    ready.do(CELLS)
    assert len(reports(ready)) == 2  # PGD at all steps, RP-PGD at two


def test_what_is_there_is_not_done_again(ready):
    first = ready.do(CELLS)
    times = [path.stat().st_mtime_ns for path in reports(ready)]
    again = tiny_work(Path(ready.out).parent)
    assert again.do(CELLS) == first
    assert [path.stat().st_mtime_ns for path in reports(ready)] == times
    assert not any('PGD' in line for line in again.said)


def test_a_measurement_that_was_stopped_goes_on(ready):
    values = ready.do(CELLS)
    kept = {}
    for path in reports(ready):
        records = sorted((path.parent / 'per_image').glob('RPPGD*.jsonl'))
        if records:
            first, second = records[0].read_text().splitlines()
            records[0].write_text(first + '\n' + second[:20])  # torn
            path.unlink()
            kept[records[0]] = first
    assert kept
    assert tiny_work(Path(ready.out).parent).do(CELLS)[
        CELLS[3]][0].value == values[CELLS[3]][0].value
    for path, first in kept.items():
        assert path.read_text().splitlines()[0] == first


def test_a_measurement_of_other_settings_is_made_again(ready, tmp_path):
    ready.do(CELLS[3:])
    path, = reports(ready)
    settings = path.parent / 'per_image' / 'settings.json'
    settings.write_text(json.dumps(dict(
        json.loads(settings.read_text()), torch='0.4')))
    path.unlink()
    again = tiny_work(tmp_path)
    assert again.do(CELLS[3:])[CELLS[3]]
    assert any("torch was '0.4'" in line for line in again.said)


def test_a_report_of_other_weights_is_refused(ready, tmp_path):
    ready.do(CELLS[3:])
    checkpoint = Path(ready.checkpoint(ready.scale.resolve(STANDARD), 0))
    checkpoint.write_bytes(checkpoint.read_bytes() + b'x')
    with pytest.raises(ValueError, match='is of other weights: remove'):
        tiny_work(tmp_path).do(CELLS[3:])


def test_the_source_of_a_number_repeats_it(ready, tmp_path):
    measurement, = ready.do(CELLS)[CELLS[2]]
    source = measurement.source
    assert source['training']['command'] == 'train'
    assert source['dataset']['num_images'] == 2
    words = shlex.split(source['command'])
    assert words[:4] == ['python', '-m', 'mmseg_rppgd', 'robust-test']
    forget_runs()
    robust_test.main([*words[4:], '--out', str(tmp_path / 'again'),
                      '--work-dir', str(tmp_path / 'work'), '--panels', '0'])
    results = json.loads((tmp_path / 'again' / 'results.json').read_text())
    row, = [row for row in results['attacks'] if row['config']['steps'] == 3]
    assert row['mIoU'] == measurement.value


def test_adversaries_of_a_surrogate(tmp_path):
    cells = [Cell('PGD3-AT', 'PGD2', DEEPLAB, Trial('PGD', 2, HARDENED))]
    work = tiny_work(tmp_path)
    pretend_training(work, cells)
    assert [str(system) for system in work.systems_of(cells)] == [
        f'{model}/{strategy}/SyntheticShapes'
        for model in ('PSPNet', 'DeepLabv3')
        for strategy in ('Standard', 'PGD3-AT')]
    measurement, = work.do(cells)[cells[0]]
    results = json.loads(reports(work)[0].read_text())
    surrogate = results['attacks'][0]['threat']['surrogate']
    assert surrogate['checkpoint'] == work.checkpoint(
        work.scale.resolve(HARDENED), 0)
    assert '--surrogate' in measurement.source['command']


def test_seeds_are_trained_and_measured_apart(tmp_path):
    work = tiny_work(tmp_path, seeds=(0, 1))
    pretend_training(work, CELLS)
    values = work.do(CELLS[3:])[CELLS[3]]
    assert [value.seed for value in values] == [0, 1]
    assert values[0].value != values[1].value


def test_systems_that_are_not_wanted_are_left_alone(tmp_path):
    cells = [*CELLS[3:], replace(CELLS[3], system=HARDENED)]
    work = tiny_work(tmp_path, systems=['PSPNet/Standard'])
    pretend_training(work, cells)
    values = work.do(cells)
    assert [len(values[cell]) for cell in cells] == [1, 0]
    everything = tiny_work(tmp_path)
    assert [len(found) for found in everything.collect(
        cells).values()] == [1, 0]


def test_trains_what_is_missing(tmp_path):
    cells = [replace(CELLS[3], system=HARDENED)]
    work = tiny_work(tmp_path)
    assert list(work.missing(cells)) == work.systems_of(cells)
    measurement, = work.do(cells)[cells[0]]
    record = measurement.source['training']
    start = work.checkpoint(work.scale.resolve(STANDARD), 0)
    assert record['load_from'] == start
    assert record['seed'] == 0
    assert start.endswith(f'iter_{ITERATIONS}.pth')
    assert any('loss' in line for line in work.said)
    assert work.missing(cells) == {}


def test_a_training_that_was_stopped_goes_on(tmp_path):
    work = tiny_work(tmp_path)
    system = work.scale.resolve(STANDARD)
    folder = Path(work.training_folder(system, 0))
    work.train(system, 0)
    (folder / f'iter_{ITERATIONS}.pth').unlink()
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_1.pth'))
    assert work.checkpoint(system, 0) is None
    work.train(system, 0)
    record = json.loads((folder / 'training.json').read_text())
    assert [entry['resumed'] for entry in record] == [False, True]


def test_a_training_that_fails_shows_its_log(tmp_path):
    work = tiny_work(tmp_path, settings={'optim_wrapper.optimizer.lr': -1.})
    with pytest.raises(TrainingFailed, match='its log is .*training.log'):
        work.train(work.scale.resolve(STANDARD), 0)


def test_a_training_without_its_last_checkpoint_has_failed(tmp_path,
                                                           monkeypatch):
    monkeypatch.setattr('mmseg_rppgd.reproduce.work.train',
                        lambda *args: None)
    work = tiny_work(tmp_path)
    with pytest.raises(TrainingFailed, match=f'iteration {ITERATIONS} in'):
        work.train(work.scale.resolve(STANDARD), 0)


@pytest.mark.parametrize('name', EXPERIMENTS)
def test_every_row_of_every_table(name, tmp_path_factory):
    """With few steps, and the rows of PSPNet; adversaries of any model."""
    folder = tmp_path_factory.getbasetemp() / 'every_row'
    folder.mkdir(exist_ok=True)
    cells = [shortened(cell) for cell in EXPERIMENTS[name].cells
             if cell.system.model == 'PSPNet' or cell.trial.surrogate]
    work = tiny_work(folder)
    missing = [system for system in work.systems_of(cells)
               if work.checkpoint(system, 0) is None]
    pretend_training(work, [cell for cell in cells if any(
        system in missing for system in work.systems_of([cell]))])
    values = work.do(cells)
    assert all(len(values[cell]) == 1 for cell in cells)
    for cell in cells:
        assert 0 <= values[cell][0].value <= 100
