"""Adversarial images that a test saves for other programs."""
import json
import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_project import numbers
from toy_networks import CLASSES, Failing, ToyNetwork, toy_data, toy_model

from mmseg_rppgd.evaluation import TestedModel, evaluate, load_model
from mmseg_rppgd.evaluation.run.folder import FolderLock
from mmseg_rppgd.evaluation.run.models import Sample
from mmseg_rppgd.evaluation.run.saved import SavedAdversaries, in_bytes
from mmseg_rppgd.metrics import compute_metrics, count_classes

WORDS = dict(
    attacks=['PGD', 'CosPGD(restarts=2)', 'BIM(norm=l2)',
             "EnsembleAttack(attacks=[{'type': 'PGD', 'steps': 2}, "
             "{'type': 'CosPGD', 'steps': 2}])"],
    eps=['8/255'], steps=[2, 4], minimal=['DeepFool(threshold=0.3, steps=9)'],
    quiet=True, probes=0, panels=1)


def manifest(folder):
    return json.loads((folder / 'manifest.json').read_text())


def contents(folder):
    """Every saved file of a folder by its name, but the manifest."""
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob('*') if path.suffix in ('.npy', '.png')}


def predicted(folder, files, data, network=None):
    """Class counts (N, 3, C) of saved images."""
    network = network or ToyNetwork().eval()
    return np.stack([count_classes(
        network(torch.from_numpy(np.load(folder / file))[None])[0].argmax(0),
        labels, 4) for file, (_, labels) in zip(files, data)])


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp('saved')
    results = evaluate(toy_model(), toy_data(), save_adv=str(folder), **WORDS)
    return folder, results


def test_they_give_the_numbers_of_their_row(saved):
    folder, results = saved
    rows = manifest(folder)['rows']
    assert len(results['attacks']) == len(rows) - 1 == 7
    for row, attack in zip(rows, results['attacks']):
        assert (row['name'], row['norm']) == (
            attack['name'], attack['threat']['norm'])
        counts = predicted(folder, [i['file'] for i in row['images']],
                           toy_data())
        expected = compute_metrics(counts, CLASSES)
        assert {key: attack[key] for key in expected} == expected
        for image, one in zip(row['images'], counts):
            assert image['aAcc'] == compute_metrics(
                one[None], CLASSES)['aAcc']
            assert image['eps'] == pytest.approx(attack['threat']['eps'])
        assert max(image['distance'] for image in row['images']) == (
            attack['max_norm'])


def test_the_worst_of_each_image_is_the_worst_case(saved):
    folder, results = saved
    data, network = toy_data(), ToyNetwork().eval()
    rows = [row for row in manifest(folder)['rows'][:-1]
            if row['norm'] == 'linf']
    worst = []
    for index, (image, labels) in enumerate(data):
        clean = count_classes(network(image[None])[0].argmax(0), labels, 4)
        entries = [row['images'][index] for row in rows]
        least = min(entries, key=lambda entry: entry['aAcc'])
        worst.append(min(
            clean, predicted(folder, [least['file']], data[index:])[0],
            key=lambda counts: counts[0].sum()))
    ball = results['worst_case']['by_ball'][0]
    assert compute_metrics(np.stack(worst), CLASSES)['aAcc'] == ball['aAcc']


def test_a_search_saves_what_it_found(saved):
    folder, _ = saved
    row = manifest(folder)['rows'][-1]
    assert row['folder'].startswith('minimal-DeepFool') and 'eps' not in row
    for (clean, _), image in zip(toy_data(), row['images']):
        found = torch.from_numpy(np.load(folder / image['file']))
        assert image['distance'] == pytest.approx(
            float((found - clean).abs().max()))


def test_they_are_exact_and_the_pictures_are_rounded_in_the_ball(saved):
    folder, _ = saved
    row = manifest(folder)['rows'][0]
    for (clean, _), image in zip(toy_data(), row['images']):
        exact = np.load(folder / image['file'])
        assert exact.dtype == np.float32 and exact.shape == clean.shape
        assert (np.round(exact * 255) != exact * 255).any()
        picture = Image.open((folder / image['file']).with_suffix('.png'))
        levels = np.asarray(picture).transpose(2, 0, 1) / 255.
        assert np.abs(levels - exact).max() < 1 / 255
        assert np.abs(levels - clean.numpy()).max() < 8 / 255 + 1e-5


def test_the_manifest_says_what_they_are_of(tmp_path):
    model = toy_model(info=dict(config='c.py', checkpoint='w.pth',
                                sha256='ab12'))
    evaluate(model, toy_data(2), attacks=['FGSM'], surrogate=toy_model(),
             save_adv=str(tmp_path), quiet=True, probes=0, seed=3)
    found = manifest(tmp_path)
    assert found['model'] == dict(config='c.py', checkpoint='w.pth',
                                  sha256='ab12')
    assert found['surrogate']['config'] == 'ToyNetwork'
    assert found['complete'] and found['seed'] == 3
    assert found['classes'] == CLASSES and found['dataset'] == 'list'
    row, = found['rows']
    assert row['config']['alpha'] == row['eps'] == 0.03
    assert [image['index'] for image in row['images']] == [0, 1]


def test_batches_save_the_same(saved, tmp_path):
    folder, _ = saved
    evaluate(toy_model(), toy_data(), save_adv=str(tmp_path), batch_size=3,
             **WORDS)
    files = contents(tmp_path)
    assert files.keys() == contents(folder).keys()
    for name in files:
        if name.endswith('.npy'):
            assert np.abs(np.load(folder / name) - np.load(tmp_path / name)
                          ).max() < 0.02  # one step of a sign that flips


@pytest.mark.parametrize('calls', [12, 60])
def test_a_resumed_test_saves_all(saved, tmp_path, calls):
    folder, results = saved
    failing = Failing().eval()
    failing.calls = calls
    words = dict(WORDS, out_dir=str(tmp_path / 'out'),
                 save_adv=str(tmp_path / 'adv'))
    with pytest.raises(KeyboardInterrupt):
        evaluate(TestedModel(failing, CLASSES), toy_data(), **words)
    assert not manifest(tmp_path / 'adv')['complete']
    failing.calls = 10**9
    resumed = evaluate(TestedModel(failing, CLASSES), toy_data(), resume=True,
                       **words)
    assert numbers(resumed) == numbers(results)
    found = manifest(tmp_path / 'adv')
    assert found['complete']
    assert found['rows'] == manifest(folder)['rows']
    assert contents(tmp_path / 'adv') == contents(folder)


def test_what_is_missing_or_damaged_is_made_again(tmp_path, capsys):
    adv = tmp_path / 'adv'
    words = dict(attacks=['PGD'], steps=[2, 4], minimal=['DeepFool(steps=2)'],
                 out_dir=str(tmp_path / 'out'), probes=0, panels=1)
    evaluate(toy_model(), toy_data(2), **words)
    capsys.readouterr()
    evaluate(toy_model(), toy_data(2), resume=True, save_adv=str(adv),
             **words)
    assert '6 results are made again: their adversarial' in (
        capsys.readouterr().out)
    whole = contents(adv)
    assert len(whole) == 2 * 6
    files = sorted(adv.rglob('*.npy'))
    files[0].unlink()
    files[-1].write_bytes(files[-1].read_bytes()[:-7])
    leftover = files[0].with_name('00000.npy.999999999.tmp')
    leftover.write_bytes(b'half')
    evaluate(toy_model(), toy_data(2), resume=True, save_adv=str(adv),
             **words)
    assert '2 results are made again' in capsys.readouterr().out
    assert contents(adv) == whole
    assert not leftover.exists()


@pytest.mark.parametrize('spoil, of', [
    (lambda file: None, 'another model, other data or other settings'),
    (lambda file: file.write_text('{}'), 'something else'),
    (lambda file: file.write_text('not JSON'), 'something else')])
def test_images_of_another_test_are_refused(saved, tmp_path, spoil, of):
    shutil.copytree(saved[0], tmp_path / 'adv')
    spoil(tmp_path / 'adv' / 'manifest.json')
    out = tmp_path / 'out'
    evaluate(toy_model(), toy_data(2), attacks=['FGSM'], out_dir=str(out),
             quiet=True)
    with pytest.raises(ValueError, match='save_adv must be a folder without '
                       f'adversarial images of another test.* is of {of}'):
        evaluate(toy_model(), toy_data(2), attacks=['FGSM'],
                 out_dir=str(out), save_adv=str(tmp_path / 'adv'))
    assert not (out / 'previous').exists(), 'before anything is done'


def test_a_second_test_in_the_folder_is_refused(tmp_path):
    lock = FolderLock(str(tmp_path))
    assert lock.acquire()
    try:
        with pytest.raises(ValueError, match='another folder by --save-adv'):
            evaluate(toy_model(), toy_data(2), attacks=['FGSM'], quiet=True,
                     save_adv=str(tmp_path))
    finally:
        lock.release()


def test_the_folder_of_the_report_is_refused(tmp_path):
    with pytest.raises(ValueError, match='another folder than out_dir'):
        evaluate(toy_model(), toy_data(2), out_dir=str(tmp_path / 'a'),
                 save_adv=str(tmp_path / 'b' / '..' / 'a'))
    assert not list(tmp_path.iterdir())


def test_windows_of_their_own_are_no_image(run_tool, tiny, tmp_path):
    with pytest.raises(SystemExit, match='makes no adversarial image that '
                       r'could be saved; leave out save_adv \(--save-adv\)'):
        run_tool('--attacks', 'PGD', '--surface', 'crop', '--cfg-options',
                 'model.test_cfg.mode=slide', 'model.test_cfg.crop_size='
                 '[16,16]', 'model.test_cfg.stride=[16,16]',
                 '--save-adv', tmp_path / 'adv')
    assert not (tmp_path / 'adv').exists()


def test_the_command_on_a_segmentor(run_tool, tiny, tmp_path):
    adv = tmp_path / 'adv'
    results = run_tool('--attacks', 'PGD', '--steps', 2, '--save-adv', adv)
    row, = manifest(adv)['rows']
    assert manifest(adv)['model'] == results['model']
    model, loader = load_model(str(tiny / 'config.py'),
                               str(tiny / 'checkpoint.pth'))
    samples = list(model.samples(loader, range(5)))
    assert [image['file'].split('/')[1] for image in row['images']] == [
        f'{i:05d}-{i}.npy' for i in range(5)]
    counts = []
    with model.evaluating():
        for sample, image in zip(samples, row['images']):
            assert image['image'] == sample.path
            exact = torch.from_numpy(np.load(adv / image['file']))
            prediction, = model.predict([sample], [exact])
            counts.append(model.counted.count(prediction, sample.labels))
    expected = compute_metrics(np.stack(counts), model.classes)
    attack, = results['attacks']
    assert {key: attack[key] for key in expected} == expected


@pytest.mark.parametrize('path, name', [
    ('3', '00003'), ('a/b/frankfurt_01.png', '00003-frankfurt_01'),
    ('a/b.c/ü x:y?.jpg', '00003-ü-x-y-'), ('noext', '00003-noext')])
def test_a_file_is_named_as_its_image(tmp_path, path, name):
    image = torch.rand(3, 2, 2)
    saved = SavedAdversaries(str(tmp_path), [], {})
    saved.save('row', Sample(3, image, image[0].long(), path), image, image)
    assert {p.name for p in (tmp_path / 'row').iterdir()} == {
        f'{name}.npy', f'{name}.png'}


def test_long_names_fit_a_file_system(tmp_path):
    image = torch.rand(3, 2, 2)
    saved = SavedAdversaries(str(tmp_path), [], {})
    for ending in 'ab':
        saved.save('row', Sample(3, image, image, 'n' * 300 + ending + '.png'
                                 ), image, image)
    assert len(list((tmp_path / 'row').glob('*.npy'))) == 2


def test_room_is_told_before_the_first(tmp_path, monkeypatch):
    from mmseg_rppgd.evaluation.run import saved
    sample = Sample(0, torch.zeros(3, 100, 200), None, 'a')
    one = SavedAdversaries(str(tmp_path / 'not' / 'there'), [None] * 4, {})
    assert one.size_sentence(sample, 50) == (
        f'4 x 50 adversarial images go to {one.folder}, 60 MB at most if all '
        'are of 100 x 200 pixels.')
    Usage = namedtuple('Usage', 'free')
    monkeypatch.setattr(saved.shutil, 'disk_usage', lambda path: Usage(2e6))
    assert 'only 2 MB are free there, so make room' in one.size_sentence(
        sample, 50)


@pytest.mark.parametrize('size, words', [
    (12, '12 bytes'), (1234, '1.23 kB'), (5.1e8, '510 MB'),
    (3.21e9, '3.21 GB'), (1.5e12, '1,500 GB')])
def test_sizes_in_words(size, words):
    assert in_bytes(size) == words
