"""The files of a report, the page in a real browser, the visualizer."""
import html
import json
import re
import shutil
import subprocess
import sys
import types

import pytest
from PIL import Image
from test_tables import small_matrix, small_minimal
from tiny_results import (CLASSES, HOSTILE, Examples, check, clean_result,
                          draw_records, matrix_records, results_of,
                          row_results, rows_of)

from mmseg_rppgd.evaluation.plan.rows import make_rows
from mmseg_rppgd.evaluation.report import report as report_module
from mmseg_rppgd.evaluation.report.report import Report
from mmseg_rppgd.evaluation.results.searches import build_minimal
from mmseg_rppgd.evaluation.results.transfer import build_matrix

BROWSER = next((path for name in (
    'chromium', 'chromium-browser', 'google-chrome', 'chrome')
    for path in [shutil.which(name)] if path), None)
FILES = {'results.json', 'intervals.json', 'results.csv', 'table.md',
         'curves.png', 'panels', 'report.html'}


def report_of(*attacks, indices=(0, 2), eps=('8/255', ), steps=(10, ),
              results=None, **kwargs):
    """The report of a small test, and its results."""
    clean = clean_result()
    rows = row_results(rows_of(*attacks, eps=eps, steps=steps))
    results = results or results_of(rows, clean)
    return Report(results, clean, rows, Examples(*indices), **kwargs)


# ------------------------------------------------------------------ the files
def test_files_hold_what_they_are_named_for(tmp_path):
    report = report_of('PGD', 'BIM', notes=['A note.'])
    report.write(str(tmp_path / 'new' / 'folder'))
    folder = tmp_path / 'new' / 'folder'
    assert {path.name for path in folder.iterdir()} == FILES
    assert json.loads((folder / 'results.json').read_text()) == report.results
    assert (folder / 'results.csv').read_text().startswith('name,norm,eps,')
    table = (folder / 'table.md').read_text()
    assert table.startswith('| attack | norm | eps | steps | mIoU |')
    for words in ('| worst case |', '\nA note.\n',
                  '| passed | 0 pixel values are odd. |',
                  'Model `configs/tiny.py`, checkpoint `tiny.pth`; 3 images '
                  'of TinyDataset', 'command `robust_test.py config'):
        assert words in table
    assert 'IoU of each class' not in table


def test_pictures_that_would_make_the_page_too_large_are_beside_it(
        tmp_path, monkeypatch):
    monkeypatch.setattr(report_module, 'MAX_EMBEDDED', 1)
    report = report_of('PGD', indices=(0, 1, 2))
    report.write(str(tmp_path))
    page = (tmp_path / 'report.html').read_text()
    assert 'pictures of 2 more images would' in ' '.join(page.split())
    assert len(re.findall(r'data:image/png', page)) < 10
    assert len(list((tmp_path / 'panels').glob('*.png'))) == 3


def test_a_page_of_four_images_holds_them_all(tmp_path):
    report_of('PGD').write(str(tmp_path))
    assert 'would make this file too large' not in (
        tmp_path / 'report.html').read_text()


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
    assert 'id="browser"' not in (tmp_path / 'report.html').read_text()


def test_searches_alone_make_a_report(tmp_path):
    report_of(indices=(), minimal=small_minimal(0.1)).write(str(tmp_path))
    assert '0.10000' in (tmp_path / 'report.html').read_text()


def test_a_palette_that_is_too_short_is_filled_up():
    report = report_of('PGD', palette=[[1, 2, 3]])
    assert len(report.palette) == len(CLASSES)
    assert report.palette[0] == [1, 2, 3]


# ------------------------------------------------------------------- the page
def test_page_is_one_file_that_needs_no_other(tmp_path):
    report = report_of('PGD', 'SegPGD', matrix=small_matrix(),
                       minimal=small_minimal(0.1), notes=['A note.'])
    report.write(str(tmp_path))
    text = (tmp_path / 'report.html').read_text()
    addresses = re.findall(r'(?:src|href)\s*=\s*["\']([^"\']+)', text)
    assert addresses and all(a.startswith('data:') for a in addresses)
    assert 'http' not in re.sub(r'data:[^"]+', '', text)
    for table in report.tables:
        for line in [*table.rows, *table.summary]:
            for value in line:
                text.index(f'{value:.2f}' if isinstance(value, float)
                           else html.escape(str(value or '-'), quote=False))
    assert '<p class="small">A note.</p>' in text
    assert 'id="alarm"' not in text


def test_failed_check_is_loud(tmp_path):
    results = results_of([], checks=[check('a huge eps', False, 'why')])
    report_of(results=results).write(str(tmp_path))
    text = (tmp_path / 'report.html').read_text()
    assert 'self-check failed' in text and 'id="alarm"' in text
    assert 'class="failed">FAILED</td>' in text
    assert '<li>why</li>' in text
    table = (tmp_path / 'table.md').read_text()
    assert '| FAILED | why |' in table
    # A name says what should hold: told of a failure, it misleads.
    assert 'a huge eps' not in table + text


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


def browse(page, profile, *options):
    """Open a page in a real browser, offline and in a profile of its own."""
    done = subprocess.run(
        [BROWSER, '--headless', '--no-sandbox', '--disable-gpu',
         '--disable-quic', '--no-first-run', '--disable-component-update',
         '--disable-background-networking', '--disable-sync',
         '--virtual-time-budget=4000', f'--user-data-dir={profile}',
         *options, page.as_uri()],
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason='no Chromium is installed')
def test_page_works_in_a_browser(tmp_path):
    report_of('PGD', 'SegPGD', eps=('4/255', '8/255'), steps=(1, 3)).write(
        str(tmp_path))
    page = tmp_path / 'report.html'
    # What a person would do, and what is then to be seen, as the title.
    script = '''<script>
      const heads = document.querySelectorAll('#attacks th');
      const column = () => [...document.querySelectorAll(
        '#attacks tbody tr')].map(r => r.cells[4].textContent);
      heads[4].click(); const up = column();
      heads[4].click(); const down = column();
      const eps = heads[2]; eps.click();
      const radii = [...document.querySelectorAll('#attacks tbody tr')]
        .map(r => r.cells[2].textContent);
      const $ = id => document.getElementById(id);
      $('image').selectedIndex = 1;
      $('image').dispatchEvent(new Event('change'));
      $('attack').selectedIndex = 2;
      $('attack').dispatchEvent(new Event('change'));
      $('slider').value = 20;
      $('slider').dispatchEvent(new Event('input'));
      const images = [...document.querySelectorAll('.pictures img')];
      Promise.all(images.map(i => i.decode())).then(() => {
        document.title = JSON.stringify({up, down, radii,
          clip: $('prediction-clean').style.clipPath,
          attack: $('attack').selectedOptions[0].textContent,
          accuracy: $('accuracy').textContent,
          widths: images.map(i => i.naturalWidth)}); });
    </script></body>'''
    acted = tmp_path / 'acted.html'
    acted.write_text(page.read_text().replace('</body>', script))
    dom = browse(acted, tmp_path / 'profile', '--dump-dom')
    seen = json.loads(html.unescape(
        re.search('<title>(.*?)</title>', dom, re.S).group(1)))
    numbers = [float(text) for text in seen['up']]
    assert numbers == sorted(numbers) and len(numbers) == 9
    assert seen['down'] == seen['up'][::-1]
    assert seen['radii'][1:] == ['4/255'] * 4 + ['8/255'] * 4
    assert '80%' in seen['clip']
    assert seen['attack'].startswith('PGD eps=8/255 steps=1')
    assert '% right on the clean image' in seen['accuracy']
    assert len(seen['widths']) == 6 and min(seen['widths']) >= 40
    browse(page, tmp_path / 'profile',
           f'--screenshot={tmp_path / "shot.png"}')
    with Image.open(tmp_path / 'shot.png') as shot:
        assert len(shot.getcolors(1 << 20)) > 20


def test_page_and_cards_show_intervals(tmp_path):
    report = report_of('PGD')
    report.write(str(tmp_path))
    intervals = json.loads((tmp_path / 'intervals.json').read_text())
    assert intervals == report.results.intervals
    page = (tmp_path / 'report.html').read_text()
    for low, high in (intervals['clean']['mIoU'],
                      intervals['worst_case']['aAcc']):
        assert page.count(f'[{low:.1f}, {high:.1f}]') >= 2  # card and table


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
