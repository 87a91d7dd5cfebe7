"""The files of a report, the visualizer."""
import json
import re
import sys
import types

import pytest
from small_reports import report_of
from test_tables import small_matrix, small_minimal
from tiny_results import (CLASSES, HOSTILE, Examples, check, clean_result,
                          draw_records, matrix_records, results_of,
                          row_results, rows_of)

from mmseg_rppgd.evaluation.plan.rows import make_rows
from mmseg_rppgd.evaluation.report.report import Report
from mmseg_rppgd.evaluation.results.searches import build_minimal
from mmseg_rppgd.evaluation.results.transfer import build_matrix

FILES = {'results.json', 'intervals.json', 'results.csv', 'table.md',
         'curves.png', 'panels', 'report.html'}


# ------------------------------------------------------------------ the files
def test_files_hold_what_they_are_named_for(tmp_path):
    report = report_of('PGD', 'BIM', notes=['A note.'])
    report.write(str(tmp_path / 'new' / 'folder'))
    folder = tmp_path / 'new' / 'folder'
    assert {path.name for path in folder.iterdir()} == FILES
    assert json.loads((folder / 'results.json').read_text()) == report.results
    assert (folder / 'results.csv').read_text().startswith('name,norm,eps,')
    table = (folder / 'table.md').read_text()
    assert table.startswith('tiny keeps ')
    assert table.split('\n\n')[1].startswith(
        '| attack | norm | eps | steps | mIoU |')
    for words in ('| worst case |', '\nA note.\n',
                  '| passed | 0 pixel values are odd. |',
                  'Model `configs/tiny.py`, checkpoint `tiny.pth`; 3 images '
                  'of TinyDataset', 'command `robust_test.py config'):
        assert words in table
    assert 'IoU of each class' not in table


def test_what_is_no_colour_is_replaced():
    report = report_of('PGD', palette=[[1, 2], [3], [4, 5, 6]])
    assert report.palette[2] == [4, 5, 6]
    assert all(len(colour) == 3 for colour in report.palette)


def test_matrix_and_searches_have_files_of_their_own(tmp_path):
    matrix, minimal = small_matrix(), small_minimal(0.01, None)
    report_of('PGD', matrix=matrix, minimal=minimal).write(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == FILES | {
        'transfer.json', 'transfer.md', 'minimal_norm.json',
        'minimal_norm.md'}
    assert json.loads((tmp_path / 'transfer.json').read_text()) == matrix
    assert json.loads((tmp_path / 'minimal_norm.json').read_text()) == minimal
    table = (tmp_path / 'table.md').read_text()
    for name in ('transfer.md', 'minimal_norm.md'):
        text = (tmp_path / name).read_text()
        assert '---:|' in text and text in table


def test_panels_show_the_chosen_images(tmp_path):
    report = report_of('PGD', 'BIM')
    report.write(str(tmp_path))
    names = sorted(path.name for path in (tmp_path / 'panels').iterdir())
    assert names == sorted(
        f'{index:05d}-{result.row.key}.{kind}' for index in (0, 2)
        for result in report.attacks for kind in ('png', 'pdf'))


def test_nothing_that_is_not_a_panel_is_removed(tmp_path):
    folder = tmp_path / 'panels'
    (folder / 'sub').mkdir(parents=True)
    for name in ('notes.txt', 'mine.png', '00000-mine.png',
                 'sub/00000-PGD-01234567.png'):
        (folder / name).write_text('mine')
    report_of('PGD', 'BIM').write(str(tmp_path))
    report_of('PGD', indices=(2, )).write(str(tmp_path))  # stale: three
    names = {path.name for path in folder.iterdir()}
    assert {'notes.txt', 'mine.png', '00000-mine.png', 'sub'} < names
    assert len(names) == 6
    assert (folder / 'sub' / '00000-PGD-01234567.png').exists()


def test_without_examples_there_are_no_panels(tmp_path):
    report_of('PGD', indices=()).write(str(tmp_path))
    assert not (tmp_path / 'panels').exists()
    assert 'id="images"' not in (tmp_path / 'report.html').read_text()


def test_searches_alone_make_a_report(tmp_path):
    report_of(indices=(), minimal=small_minimal(0.1)).write(str(tmp_path))
    assert '0.10000' in (tmp_path / 'report.html').read_text()


def test_a_palette_that_is_too_short_is_filled_up():
    report = report_of('PGD', palette=[[1, 2, 3]])
    assert len(report.palette) == len(CLASSES)
    assert report.palette[0] == [1, 2, 3]


# --------------------------------------------------------------- hostile names
def test_names_are_escaped_everywhere(tmp_path):
    rows = row_results(rows_of('PGD'))
    results = results_of(rows, config=HOSTILE, checkpoint='`' + HOSTILE,
                         checks=[check(HOSTILE, detail=HOSTILE)])
    results['attacks'][0]['name'] = '=1+' + HOSTILE
    results['dataset']['classes'][0] = HOSTILE
    for metrics in (results['clean'], *results['attacks']):
        metrics['per_class'][HOSTILE] = metrics['per_class'].pop('ground')
    report_of('PGD', results=results, notes=[HOSTILE]).write(str(tmp_path))
    page = (tmp_path / 'report.html').read_text()
    assert '<img src=x' not in page and '&lt;img src=x' in page
    table = (tmp_path / 'table.md').read_text()
    assert '<img' not in re.sub('(`+).*?\\1', '', table)
    assert "'=1+a|b" in (tmp_path / 'results.csv').read_text()


def test_names_are_escaped_in_the_files_of_searches_and_matrices(tmp_path):
    names = (HOSTILE, '=two')
    rows = make_rows(dict(type='DeepFool'), name='=1+' + HOSTILE)
    matrix = build_matrix(
        {name: dict(config=name) for name in names}, rows,
        {name: draw_records(0.9) for name in names},
        matrix_records(rows, names), CLASSES)
    minimal = build_minimal(rows, [[dict(norm=.01, labelled=True,
                                         seconds=1.)]])
    attacks = row_results(rows)
    Report(results_of(attacks, config=HOSTILE), clean_result(), attacks,
           Examples(0), minimal=minimal, matrix=matrix).write(str(tmp_path))
    for file in ('transfer.md', 'minimal_norm.md', 'table.md'):
        text = re.sub('(`+).*?\\1', '', (tmp_path / file).read_text())
        assert '<' not in text and '&lt;img' in text, file
        for block in text.split('\n\n'):
            lines = [line for line in block.splitlines()
                     if line.startswith('|')]
            borders = {len(re.findall(r'(?<!\\)(?:\\\\)*\|', line))
                       for line in lines}
            assert len(borders) <= 1, (file, block)
    page = (tmp_path / 'report.html').read_text()
    assert '<img src=x' not in page
    title = re.search('<title>(.*?)</title>', page, re.S).group(1)
    assert '<' not in title and '&lt;img' in title
    assert len(list((tmp_path / 'panels').glob('*.pdf'))) == 1


# ------------------------------------------------------------- the visualizer
def visualized(tmp_path, kind):
    """Write a report to a backend of mmengine's; give its results."""
    from mmengine.visualization import Visualizer
    visualizer = Visualizer(
        vis_backends=[dict(type=kind)], save_dir=str(tmp_path / 'work'))
    report = report_of('FGSM', indices=(0, ))
    report.write(str(tmp_path / 'report'), visualizer)
    visualizer.close()
    return report.results


def test_numbers_and_panels_reach_the_visualizer(tmp_path):
    results = visualized(tmp_path, 'LocalVisBackend')
    scalars, = (tmp_path / 'work').rglob('scalars.json')
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    values = {key: value for line in lines for key, value in line.items()}
    name = 'FGSM eps=8/255 steps=1'
    for key, value in results['attacks'][0].items():
        if key in ('mIoU', 'aAcc', 'mAcc', 'MisRatio', 'NmIoU', 'CmIoU'):
            assert values[f'{name}/{key}'] == pytest.approx(value)
    worst = results['worst_case']
    assert values['worst case linf 8/255/mIoU'] == pytest.approx(
        worst['mIoU_greedy'])
    assert values['clean/mIoU'] == pytest.approx(results['clean']['mIoU'])
    assert values['checks/no NaN'] == 1
    assert len(list((tmp_path / 'work').rglob('vis_image/*.png'))) == 1


def test_curves_reach_the_visualizer(tmp_path):
    calls = []
    visualizer = types.SimpleNamespace(
        add_scalars=lambda values, step=0: calls.append((values, step)),
        add_image=lambda *args, **kwargs: None)
    clean = clean_result()
    rows = row_results(rows_of('PGD', trace=True), steps=2)
    Report(results_of(rows, clean), clean, rows, Examples()).write(
        str(tmp_path), visualizer)
    steps = [(step, values) for values, step in calls if step]
    assert [step for step, _ in steps] == [1, 2]
    assert set(steps[0][1]) == {
        f'PGD eps=8/255 steps=10/after step/{key}' for key in (
            'mIoU', 'aAcc', 'mAcc', 'MisRatio', 'NmIoU', 'CmIoU')}


def test_tensorboard_receives_numbers_and_panels(tmp_path):
    accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator')
    results = visualized(tmp_path, 'TensorboardVisBackend')
    file, = (tmp_path / 'work').rglob('events.out.tfevents.*')
    events = accumulator.EventAccumulator(str(file))
    events.Reload()
    for tag, value in (
            ('clean/mIoU', results['clean']['mIoU']),
            ('FGSM eps=8/255 steps=1/aAcc', results['attacks'][0]['aAcc']),
            ('worst case linf 8/255/aAcc', results['worst_case']['aAcc'])):
        point, = events.Scalars(tag)
        assert point.value == pytest.approx(value)
    assert len(events.Tags()['images']) == 1


def test_wandb_receives_numbers_and_panels(tmp_path, monkeypatch):
    """The package itself is heavy: a stand-in takes what it would be given."""
    logged, images = {}, []
    wandb = types.ModuleType('wandb')
    wandb.init = lambda **kwargs: None
    wandb.config = types.SimpleNamespace(update=lambda *a, **kwargs: None)
    wandb.run = types.SimpleNamespace(log_code=lambda **kwargs: None)
    wandb.Image = lambda image: images.append(image)
    wandb.log = lambda values, **kwargs: logged.update(values)
    wandb.join = lambda: None
    monkeypatch.setitem(sys.modules, 'wandb', wandb)
    results = visualized(tmp_path, 'WandbVisBackend')
    assert logged['clean/mIoU'] == results['clean']['mIoU']
    assert logged['FGSM eps=8/255 steps=1/aAcc'] == (
        results['attacks'][0]['aAcc'])
    assert logged['worst case linf 8/255/aAcc'] == (
        results['worst_case']['aAcc'])
    assert len(images) == 1 and images[0].ndim == 3
