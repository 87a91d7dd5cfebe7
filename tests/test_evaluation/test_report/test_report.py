"""Curves, pictures and the HTML file, also in a real browser."""
import html
import json
import re
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image

from mmseg_rppgd.evaluation.run.examples import spread
from mmseg_rppgd.evaluation.report.pictures import (colour_classes, default_palette,
                                             magnify)
from mmseg_rppgd.evaluation.results.results import RowResult, success_over_eps
from mmseg_rppgd.evaluation.plan.suites import collect_rows

BROWSER = next((path for name in (
    'chromium', 'chromium-browser', 'google-chrome', 'chrome')
    for path in [shutil.which(name)] if path), None)
WORDS = ('--attacks', 'PGD', 'SegPGD', '--steps', 1, 3, '--eps', '4/255',
         '8/255', '--check-images', 1, '--panels', 2)


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


def test_report_is_one_file_that_needs_no_other(run_tool, tmp_path):
    results = run_tool(*WORDS)
    text = (tmp_path / 'report' / 'report.html').read_text()
    addresses = re.findall(r'(?:src|href)\s*=\s*["\']([^"\']+)', text)
    assert addresses and all(a.startswith('data:') for a in addresses)
    assert 'http' not in re.sub(r'data:[^"]+', '', text)
    for attack in results['attacks']:
        assert f'>{attack["mIoU"]:.2f}<' in text
    for check in results['checks']:
        assert html.escape(check['detail'], quote=False) in text


def test_failed_check_is_loud(run_tool, tmp_path, monkeypatch, capsys):
    from mmseg_rppgd.evaluation.results import checks
    monkeypatch.setattr(checks, 'HUGE_LEAVES', -1)
    run_tool('--attacks', 'FGSM', '--check-images', 1)
    text = (tmp_path / 'report' / 'report.html').read_text()
    assert 'self-check failed' in text and 'id="alarm"' in text
    assert 'FAILED  a huge eps breaks the model' in capsys.readouterr().out
    assert '| FAILED |' in (tmp_path / 'report' / 'table.md').read_text()


@pytest.mark.skipif(BROWSER is None, reason='no Chromium is installed')
def test_report_works_in_a_browser(run_tool, tmp_path):
    run_tool(*WORDS)
    page = tmp_path / 'report' / 'report.html'
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


def test_curves_are_drawn_from_whatever_the_rows_allow(run_tool, tmp_path):
    sizes = []
    for i, words in enumerate([('--attacks', 'FGSM'), WORDS]):
        run_tool(*words, '--limit', 1, '--check-images', 0,
                 out=tmp_path / str(i))
        with Image.open(tmp_path / str(i) / 'curves.png') as picture:
            sizes.append(picture.width)
    # By steps, by radius, and the success by radius.
    assert sizes[1] == pytest.approx(3 * sizes[0], rel=0.02)


def test_success_counts_images_that_are_wrong_nearly_everywhere():
    rows = collect_rows(attacks=['PGD'], eps=['0.01', '0.02'])
    results = [RowResult(row, [
        {'class': [0], 'tp': [right], 'pred': [100], 'label': [labelled],
         'eps': row.eps, 'rms': row.eps}
        for right, labelled in zip(rights, (100, 100, 0))], 1)
        for row, rights in zip(rows, ([1, 2, 0], [0, 1, 0]))]
    shares = success_over_eps(results)
    assert [(s['eps'], s['percent']) for s in shares] == [(0.01, 50),
                                                         (0.02, 100)]


def test_convergence_measures_every_step(run_tool, tmp_path):
    suite = tmp_path / 'suite.py'
    suite.write_text("robustness = dict(steps=[4], trace=True, attacks=["
                     "dict(attack=dict(type='PGD')),"
                     "dict(attack=dict(type='SegPGD'))])")
    results = run_tool('--suite', suite)
    plain = run_tool('--attacks', 'PGD', 'SegPGD', '--steps', 2, 4,
                     out=tmp_path / 'plain')['attacks']
    for traced, short, full in zip(results['attacks'], plain[::2],
                                   plain[1::2]):
        curve = traced['curve']
        assert [p['step'] for p in curve] == [1, 2, 3, 4]
        assert curve[3]['mIoU'] == traced['mIoU'] == full['mIoU']
        # Only a schedule that does not look ahead tells of shorter runs.
        same = curve[1]['mIoU'] == short['mIoU']
        assert traced['curve_is_of_shorter_runs'] == (
            traced['name'] == 'PGD') and (same or traced['name'] != 'PGD')


def test_numbers_and_panels_reach_the_visualizer(run_tool, tmp_path):
    run_tool('--attacks', 'FGSM', '--panels', 1)
    scalars, = (tmp_path / 'work').rglob('scalars.json')
    text = scalars.read_text()
    assert 'clean/mIoU' in text and 'FGSM eps=0.03 steps=1/mIoU' in text
    assert 'worst case linf 0.03/mIoU' in text
    assert 'checks/in the ball' in text
    assert list((tmp_path / 'work').rglob('vis_image/*.png'))


def backend(name):
    """Options that replace mmengine's local backend by another."""
    return ('--attacks', 'FGSM', '--panels', 1, '--check-images', 0,
            '--cfg-options', f'visualizer.vis_backends.0.type={name}')


def test_tensorboard_receives_numbers_and_panels(run_tool, tmp_path):
    accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator')
    results = run_tool(*backend('TensorboardVisBackend'))
    file, = (tmp_path / 'work').rglob('events.out.tfevents.*')
    events = accumulator.EventAccumulator(str(file))
    events.Reload()
    for tag, value in (
            ('clean/mIoU', results['clean']['mIoU']),
            ('FGSM eps=0.03 steps=1/aAcc', results['attacks'][0]['aAcc']),
            ('worst case linf 0.03/aAcc', results['worst_case']['aAcc'])):
        point, = events.Scalars(tag)
        assert point.value == pytest.approx(value)
    assert len(events.Tags()['images']) == 1


def test_wandb_receives_numbers_and_panels(run_tool, monkeypatch):
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
    results = run_tool(*backend('WandbVisBackend'))
    assert logged['clean/mIoU'] == results['clean']['mIoU']
    assert logged['FGSM eps=0.03 steps=1/aAcc'] == (
        results['attacks'][0]['aAcc'])
    assert logged['worst case linf 0.03/aAcc'] == (
        results['worst_case']['aAcc'])
    assert len(images) == 1 and images[0].ndim == 3


def test_published_numbers_stand_beside_ours(run_tool, tmp_path, tiny):
    suite = tmp_path / 'suite.py'
    suite.write_text(
        "robustness = dict(attacks=[dict(attack=dict(type='FGSM'))],"
        "published=[dict(source='A paper', metric='mIoU', config='config',"
        "clean=70, FGSM=12.3, setting=dict(eps='8/255', steps=1)),"
        "dict(source='Another', metric='mIoU', config='other', clean=1)])")
    run_tool('--suite', suite)  # at another radius
    table = (tmp_path / 'report' / 'table.md').read_text()
    assert 'clean 70.00' in table and 'FGSM 12.30' not in table
    results = run_tool('--suite', suite, '--eps', '4/255', '8/255')
    table = (tmp_path / 'report' / 'table.md').read_text()
    ours = results['attacks'][1]['mIoU']
    assert 'A paper reports mIoU clean 70.00' in table
    assert f'FGSM 12.30 (here {ours:.2f})' in table
    assert 'Another' not in table


def test_every_class_has_a_colour_and_void_is_black():
    palette = default_palette(30)
    assert len({tuple(colour) for colour in palette}) == 30
    painted = colour_classes(np.array([[0, 29, 255, -1]]), palette)
    assert (painted[0, :2] == palette[[0, 29]]).all()
    assert not painted[0, 2:].any()


def test_magnified_perturbation_is_around_grey():
    picture, factor = magnify(np.array([[[0., 0.03, -0.03]]]))
    assert picture[0, 0].tolist() == [128, 255, 0]
    assert factor == pytest.approx(0.5 / 0.03)


def test_pictures_are_spread_over_the_data_set():
    assert list(spread(range(100), 4)) == [0, 33, 66, 99]
    assert list(spread(range(3), 9)) == [0, 1, 2]
    assert list(spread(range(3), 0)) == []
