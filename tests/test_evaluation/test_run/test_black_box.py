"""Black-box attacks, their cache and the matrix, by the whole tool."""
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_project import numbers

from mmseg_rppgd.evaluation import TestedSegmentor

SHORT = ('--attacks', 'PGD', '--steps', 3, '--check-images', 2)


@pytest.fixture(scope='module')
def other(tiny):
    """Another checkpoint for the same config."""
    weights = torch.load(tiny / 'checkpoint.pth')
    generator = torch.Generator().manual_seed(1)
    for name, value in weights['state_dict'].items():
        if value.dim() == 4:
            noise = torch.randn(value.shape, generator=generator)
            value.add_(0.3 * value.std() * noise)
    torch.save(weights, tiny / 'other.pth')
    return tiny / 'config.py', tiny / 'other.pth'


def test_surrogate_rows_say_so(run_tool, other):
    results = run_tool(*SHORT, '--surrogate', *other)
    attack, = results['attacks']
    assert attack['threat']['surrogate']['checkpoint'] == str(other[1])
    assert set(attack['threat']['surrogate']) == {'config', 'checkpoint',
                                                  'sha256'}
    names = [c['name'] for c in results['checks']]
    assert 'transfer is not stronger than white-box' in names


def test_the_model_as_its_own_surrogate_is_white_box(run_tool, tiny,
                                                     tmp_path):
    same = tiny / 'config.py', tiny / 'checkpoint.pth'
    black = run_tool(*SHORT, '--surrogate', *same)['attacks'][0]
    white = run_tool(*SHORT, out=tmp_path / 'white')['attacks'][0]
    for key in ('mIoU', 'aAcc', 'max_norm'):
        assert black[key] == white[key]


def test_adversaries_are_cached_as_floats_and_pictures(run_tool, other,
                                                       tmp_path):
    cache = tmp_path / 'cache'
    words = (*SHORT, '--surrogate', *other, '--cache', cache)
    first = run_tool(*words)
    floats = sorted(cache.rglob('*.npz'))
    assert len(floats) == len(sorted(cache.rglob('*.png'))) == 5
    exact = np.load(floats[0])['image'].transpose(1, 2, 0) * 255
    picture = np.asarray(Image.open(floats[0].with_suffix('.png')))
    assert np.abs(exact - picture).max() < 1
    # A changed file changes the numbers: it is read, not made again.
    for path in floats:
        with np.load(path) as arrays:
            np.savez(path, image=arrays['image'] * 0 + 0.5,
                     seconds=arrays['seconds'])
    again = run_tool(*words, out=tmp_path / 'again')
    assert numbers(again)['attacks'] != numbers(first)['attacks']


@pytest.mark.parametrize('changed', ['labels', 'config'])
def test_adversaries_of_another_test_are_not_reused(run_tool, tiny, other,
                                                    tmp_path, changed):
    config, labels = other[0], 'labels'
    cache = '--cache', tmp_path / 'cache', '--check-images', 0
    run_tool(*SHORT, '--surrogate', *other, *cache)
    if changed == 'labels':
        labels = tmp_path / 'labels'
        labels.mkdir()
        for path in (tiny / 'labels').iterdir():
            label = np.asarray(Image.open(path))
            Image.fromarray(np.where(label < 3, (label + 1) % 3, label)
                            .astype(np.uint8)).save(labels / path.name)
    else:
        config = tmp_path / 'config.py'
        config.write_text(other[0].read_text().replace(
            'align_corners=False', 'align_corners=True'))
    words = (*SHORT, '--surrogate', config, other[1], '--cfg-options',
             f'test_dataloader.dataset.data_prefix.seg_map_path={labels}')
    again = run_tool(*words, *cache, out=tmp_path / 'again')
    fresh = run_tool(*words, '--check-images', 0, out=tmp_path / 'fresh')
    assert again['attacks'][0]['aAcc'] == fresh['attacks'][0]['aAcc']
    assert len(sorted((tmp_path / 'cache').rglob('*.npz'))) == 10


def test_resume_with_another_config_of_the_surrogate_is_refused(
        run_tool, other, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(other[0].read_text())
    words = (*SHORT, '--surrogate', config, other[1])
    run_tool(*words)
    config.write_text(other[0].read_text().replace(
        'align_corners=False', 'align_corners=True'))
    with pytest.raises(SystemExit, match='cannot resume .*surrogate.model'):
        run_tool(*words, '--resume')


def test_cost_of_rounding_is_reported(run_tool, other, tmp_path):
    attack, = run_tool(*SHORT, '--surrogate', *other)['attacks']
    assert set(attack['rounded']) == {'mIoU', 'aAcc', 'mAcc', 'MisRatio',
                                      'NmIoU', 'CmIoU'}
    assert attack['rounded']['aAcc'] == pytest.approx(attack['aAcc'], abs=10)
    said = f'mIoU {attack["rounded"]["mIoU"]:.2f} instead of'
    for name in ('table.md', 'report.html'):
        assert said in (tmp_path / 'report' / name).read_text()


def test_matrix_has_every_model_as_source_and_target(run_tool, other,
                                                     tmp_path):
    results = run_tool(*SHORT, '--matrix', *other)
    matrix = json.loads((tmp_path / 'report' / 'transfer.json').read_text())
    names = list(matrix['models'])
    assert names == ['config', 'config#2']
    cells = matrix['attacks'][0]['matrix']
    assert cells['config']['config']['float']['mIoU'] == pytest.approx(
        results['attacks'][0]['mIoU'])
    assert matrix['clean']['config']['mIoU'] == results['clean']['mIoU']
    for source in names:
        for target in names:
            assert set(cells[source][target]) == {'float', 'png'}
    table = (tmp_path / 'report' / 'transfer.md').read_text()
    assert '| config#2 |' in table and '| (clean) |' in table
    text = (tmp_path / 'report' / 'report.html').read_text()
    assert '>config#2</' in text


def matrix_check_of(results):
    check, = [c for c in results['checks']
              if c['name'] == 'transfer is not stronger than white-box, '
              'matrix']
    return check


def test_matrix_of_sound_models_passes_its_check(run_tool, other):
    results = run_tool('--attacks', 'PGD', '--steps', 10, '--matrix', *other)
    assert matrix_check_of(results)['passed']


def test_matrix_finds_masked_gradients(run_tool, tiny, other, tmp_path):
    from mmseg.models import EncoderDecoder
    from mmseg.registry import MODELS

    class Masked(EncoderDecoder):
        """Predicts the same, and has a gradient of zero."""

        def encode_decode(self, *args):
            logits = super().encode_decode(*args)
            return logits.detach() + 0 * logits

    MODELS.register_module('Masked', force=True, module=Masked)
    config = tmp_path / 'masked.py'
    config.write_text((tiny / 'config.py').read_text().replace(
        "type='EncoderDecoder'", "type='Masked'"))
    try:
        results = run_tool('--attacks', 'PGD', '--steps', 10, '--matrix',
                           *other, config=config)
    finally:
        MODELS.module_dict.pop('Masked')
    check = matrix_check_of(results)
    assert not check['passed']
    # The sound model, the other column, is not accused.
    assert check['detail'].count('leaves') == 1
    assert 'leaves masked ' in check['detail']
    assert 'made on config ' in check['detail']


def test_matrix_takes_what_the_rows_have_found(run_tool, tiny, other,
                                               tmp_path, monkeypatch):
    attacked = []
    whole = TestedSegmentor.attack

    def attack(model, *args):
        attacked.append(model.info['checkpoint'])
        return whole(model, *args)

    monkeypatch.setattr(TestedSegmentor, 'attack', attack)
    # 3 and 5 steps of PGD are read off one run, which an image without a
    # label ends before its first step.
    labels = shutil.copytree(tiny / 'labels', tmp_path / 'labels')
    Image.fromarray(np.full((30, 44), 255, np.uint8)).save(labels / '4.png')
    words = ('--attacks', 'PGD', 'RPPGD', '--steps', 3, 5, '--cfg-options',
             f'test_dataloader.dataset.data_prefix.seg_map_path={labels}')
    results = run_tool(*words, '--check-images', 0, '--matrix', *other)
    assert attacked.count(str(other[1])) == 5 * 3
    assert len(attacked) == 2 * 5 * 3
    matrix = json.loads((tmp_path / 'report' / 'transfer.json').read_text())
    for row, crossed in zip(results['attacks'], matrix['attacks']):
        own = crossed['matrix']['config']['config']['float']
        assert own == {key: row[key] for key in own}
    # And that is what an attack of its own gives.
    same = tiny / 'config.py', tiny / 'checkpoint.pth'
    alone = run_tool(*words, '--surrogate', *same, out=tmp_path / 'alone')
    for row, again in zip(results['attacks'], alone['attacks']):
        assert (row['mIoU'], row['aAcc']) == (again['mIoU'], again['aAcc'])


@pytest.fixture
def sliding(tiny, tmp_path):
    """The same config, with slide inference."""
    config = tmp_path / 'sliding.py'
    config.write_text((tiny / 'config.py').read_text().replace(
        "test_cfg=dict(mode='whole')",
        "test_cfg=dict(mode='slide', crop_size=(16, 16), stride=(12, 12))"))
    return config


@pytest.mark.parametrize('option', ['--surrogate', '--matrix'])
def test_windows_by_themselves_do_not_transfer(run_tool, sliding, other,
                                               tmp_path, option):
    with pytest.raises(SystemExit, match="'crop' cannot go with a surrogate"):
        run_tool(*SHORT, '--surface', 'crop', option, sliding, other[1],
                 config=sliding)
    assert not (tmp_path / 'report' / 'per_image').exists()


def test_crop_without_windows_is_refused_at_once(run_tool, tmp_path):
    with pytest.raises(SystemExit, match='needs crop_size'):
        run_tool(*SHORT, '--surface', 'crop')
    assert not (tmp_path / 'report' / 'per_image').exists()


@pytest.mark.parametrize('tested', ['whole', 'slide'])
def test_matrix_attacks_each_model_as_it_infers(run_tool, sliding, other,
                                                tmp_path, tested):
    whole, weights = other
    configs = ((whole, sliding) if tested == 'whole' else (sliding, whole))
    results = run_tool(*SHORT, '--matrix', configs[1], weights,
                       config=configs[0])
    assert results['attacks'][0]['threat']['surface'] == tested
    matrix = json.loads((tmp_path / 'report' / 'transfer.json').read_text())
    assert {name: model['surface'] for name, model in matrix['models'].items(
    )} == {'config': 'whole', 'sliding': 'slide'}
    # The other model's column is what a test of its own finds.
    alone = run_tool(*SHORT, config=configs[1], checkpoint=weights,
                     out=tmp_path / 'alone')
    name = configs[1].stem
    assert matrix['attacks'][0]['matrix'][name][name]['float']['mIoU'] == (
        alone['attacks'][0]['mIoU'])


def test_matrix_member_without_windows_is_refused_at_once(
        run_tool, sliding, other, tmp_path):
    with pytest.raises(SystemExit, match='config.py: .*needs crop_size'):
        run_tool(*SHORT, '--surface', 'slide', '--matrix', *other,
                 config=sliding)
    assert not (tmp_path / 'report' / 'per_image').exists()


def test_surrogate_of_other_classes_is_refused(run_tool, tiny, tmp_path):
    config = tmp_path / 'four.py'
    config.write_text((tiny / 'config.py').read_text().replace(
        'num_classes=3', 'num_classes=4'))
    weights = torch.load(tiny / 'checkpoint.pth')
    head = weights['state_dict']
    for name in ('decode_head.conv_seg.weight', 'decode_head.conv_seg.bias'):
        head[name] = torch.cat([head[name], head[name][:1]])
    torch.save(weights, tmp_path / 'four.pth')
    with pytest.raises(SystemExit, match='must have the 3 classes.*has 4'):
        run_tool(*SHORT, '--surrogate', config, tmp_path / 'four.pth')


def test_surrogate_with_another_checkpoint_is_refused(run_tool, other,
                                                      tiny):
    with pytest.raises(SystemExit, match="'none.pth' does not exist"):
        run_tool(*SHORT, '--surrogate', other[0], 'none.pth')


def test_crop_surface_has_no_distance(run_tool):
    with pytest.raises(SystemExit, match="'crop' makes no adversarial image"):
        run_tool('--minimal', 'DAG', '--surface', 'crop', '--cfg-options',
                 'model.test_cfg.crop_size=(16,24)',
                 'model.test_cfg.stride=(8,16)')
