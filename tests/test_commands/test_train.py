"""Training by command, by tools/train.py and by tools/launch.sh."""
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import CheckpointLoader

import mmseg_rppgd
from mmseg_rppgd.commands import train

ROOT = Path(mmseg_rppgd.__file__).parents[1]
TRAIN = ROOT / 'tools' / 'train.py'

CONFIG = """
crop_size = (32, 32)
norm_cfg = dict(type='SyncBN')
default_scope = 'mmseg'
log_level = 'WARNING'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[127.5] * 3, std=[64.] * 3,
        bgr_to_rgb=True, size=crop_size, seg_pad_val=255),
    backbone=dict(
        type='ResNetV1c', depth=18, base_channels=4, norm_cfg=norm_cfg),
    decode_head=dict(
        type='PSPHead', in_channels=32, in_index=3, channels=4,
        pool_scales=(1, 2), num_classes=2, norm_cfg=norm_cfg,
        loss_decode=dict(type='CrossEntropyLoss')),
    test_cfg=dict(mode='whole'))
train_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='BaseSegDataset', data_root={data!r},
        data_prefix=dict(img_path='img', seg_map_path='ann'),
        img_suffix='.png', metainfo=dict(classes=('a', 'b')),
        pipeline=[dict(type='LoadImageFromFile'),
                  dict(type='LoadAnnotations'),
                  dict(type='RandomCrop', crop_size=crop_size),
                  dict(type='PackSegInputs')]))
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
param_scheduler = [dict(type='PolyLR', by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
"""


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """A tiny PSPNet on four images of noise, and the file that says so."""
    folder = tmp_path_factory.mktemp('project')
    rng = np.random.default_rng(0)
    for name in ('img', 'ann'):
        (folder / name).mkdir()
    for i in range(4):
        image = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        label = rng.integers(0, 2, (40, 48), dtype=np.uint8)
        cv2.imwrite(str(folder / 'img' / f'{i}.png'), image)
        cv2.imwrite(str(folder / 'ann' / f'{i}.png'), label)
    file = folder / 'tiny.py'
    file.write_text(CONFIG.replace('{data!r}', repr(str(folder))))
    return file


def run_tool(*command, cwd):
    path = os.pathsep.join(filter(None, [str(ROOT),
                                         os.environ.get('PYTHONPATH')]))
    # The scripts say `python`: let that be the one the tests run on.
    folders = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, text=True,
        env={**os.environ, 'PYTHONPATH': path, 'PATH': folders},
        capture_output=True)


def load(file):
    return CheckpointLoader.load_checkpoint(str(file), 'cpu')


def parse(*argv):
    return train.parser().parse_args([str(word) for word in argv])


def test_trains_and_resumes(config, tmp_path):
    first = run_tool(sys.executable, TRAIN, config, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    work_dir = tmp_path / 'work_dirs' / 'tiny'
    before = load(work_dir / 'iter_2.pth')
    second = run_tool(sys.executable, TRAIN, config, '--resume',
                      '--cfg-options', 'train_cfg.max_iters=4', cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    after = load(work_dir / 'iter_4.pth')
    assert (before['meta']['iter'], after['meta']['iter']) == (2, 4)
    losses = [c['message_hub']['log_scalars']['train/loss'].data[0]
              for c in (before, after)]
    assert len(losses[1]) == 4 and list(losses[1][:2]) == list(losses[0])


def test_two_processes_train_without_a_gpu(config, tmp_path):
    result = run_tool(
        'bash', ROOT / 'tools' / 'launch.sh', 2, TRAIN, config, '--work-dir',
        tmp_path, '--cfg-options', 'log_level=INFO', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert 'GPU number: 2' in result.stdout + result.stderr
    assert load(tmp_path / 'iter_2.pth')['meta']['iter'] == 2


def test_launch_without_a_number_shows_its_usage(tmp_path):
    result = run_tool('bash', ROOT / 'tools' / 'launch.sh', TRAIN, 'x.py',
                      cwd=tmp_path)
    assert result.returncode == 2
    assert 'usage' in result.stderr and 'NPROC' in result.stderr


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit):
        parse('--help')
    shown = capsys.readouterr().out
    for option in ('--work-dir', '--resume', '--amp', '--cfg-options',
                   '--launcher', 'slurm'):
        assert option in shown


@pytest.mark.parametrize('words, message', [
    (('nowhere/pspnet.py', ), "'nowhere/pspnet.py' does not exist"),
    (('HOOK', '--cfg-options', 'custom_hooks.0.eps=8'),
     r'eps must be in \[0, 1\].*8'),
    (('HOOK', '--cfg-options', 'custom_hooks.0.stages=tset'),
     'stages must be'),
    (('HOOK', '--cfg-options', 'custom_hooks.0.type=mmseg_rppgd.PDGHook'),
     'unknown hook mmseg_rppgd.PDGHook.*did you mean PGDHook'),
    (('CONFIG', '--cfg-options', 'load_from=no.pth'),
     "load_from 'no.pth' does not exist"),
    (('CONFIG', '--amp'), '--amp needs a GPU'),
    (('HOOK', '--cfg-options', 'custom_hooks.0.type=PGDHook'),
     "belongs to mmseg_rppgd: write type='mmseg_rppgd.PGDHook'"),
    (('LAMBDA', ), r'custom_hooks\[0\].region_weights .*function <lambda>.*'
     "import path in a string.*'my_module.weights'"),
    (('CONFIG', '--launcher', 'slurm'), 'SLURM_PROCID is not set'),
])
def test_bad_input_gets_one_sentence(words, message, monkeypatch, config,
                                     tmp_path):
    monkeypatch.setattr(train, 'get_device', lambda: 'cpu')
    hooked = tmp_path / 'hooked.py'
    hooked.write_text(f"_base_ = {str(config)!r}\n"
                      "custom_hooks = [dict(type='mmseg_rppgd.PGDHook')]")
    function = tmp_path / 'function.py'
    function.write_text(
        f"_base_ = {str(config)!r}\n"
        "custom_hooks = [dict(type='mmseg_rppgd.RPPGDHook', "
        'region_weights=lambda step, steps: (1, 1, 1))]')
    files = dict(CONFIG=config, HOOK=hooked, LAMBDA=function)
    words = [files.get(word, word) for word in words]
    words = [*map(str, words), '--work-dir', str(tmp_path)]
    with pytest.raises(SystemExit, match=message) as error:
        train.main(words, 'mmseg_rppgd train')
    assert str(error.value).startswith('mmseg_rppgd train: ')


def test_a_file_gives_its_own_name(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tools/train.py', 'nowhere.py'])
    with pytest.raises(SystemExit, match='^train.py: .*nowhere.py'):
        train.main()


def test_a_defect_keeps_its_traceback(monkeypatch, config):
    def broken(args):
        raise ZeroDivisionError

    monkeypatch.setattr(train, 'build_runner', broken)
    with pytest.raises(ZeroDivisionError):
        train.main([str(config)])


def test_work_dir_of_the_command_line_wins(config, tmp_path):
    args = parse(config, '--work-dir', tmp_path / 'here',
                 '--cfg-options', 'work_dir=elsewhere')
    assert train.build_runner(args).work_dir == str(tmp_path / 'here')


def test_work_dir_of_the_config_is_the_default(config, tmp_path):
    args = parse(config, '--cfg-options', f'work_dir={tmp_path}')
    assert train.build_runner(args).work_dir == str(tmp_path)


def test_packaged_name_gives_its_own_work_dir(monkeypatch):
    built = []
    monkeypatch.setattr(train.Runner, 'from_cfg', built.append)
    name = 'pspnet_rppgd3-at_r50-d8_4xb4-40k_voc12aug-512x512'
    train.build_runner(parse(f'mmseg_rppgd::rppgd3_at/{name}.py',
                             '--launcher', 'slurm'))
    assert built[0].work_dir == os.path.join('work_dirs', name)
    assert built[0].launcher == 'slurm'


def test_amp_switches_the_optimizer_wrapper(monkeypatch):
    monkeypatch.setattr(train, 'get_device', lambda: 'cuda')
    cfg = Config(dict(optim_wrapper=dict(type='OptimWrapper')))
    train.enable_amp(cfg)
    assert cfg.optim_wrapper == dict(type='AmpOptimWrapper',
                                     loss_scale='dynamic')


def test_amp_keeps_a_loss_scale_of_the_config(monkeypatch):
    monkeypatch.setattr(train, 'get_device', lambda: 'cuda')
    cfg = Config(dict(optim_wrapper=dict(type='AmpOptimWrapper',
                                         loss_scale=512.)))
    train.enable_amp(cfg)
    assert cfg.optim_wrapper.loss_scale == 512.


def test_amp_refuses_other_wrappers(monkeypatch):
    monkeypatch.setattr(train, 'get_device', lambda: 'cuda')
    cfg = Config(dict(optim_wrapper=dict(type='ApexOptimWrapper')))
    with pytest.raises(ValueError, match='--amp.*has ApexOptimWrapper'):
        train.enable_amp(cfg)


@pytest.mark.gpu
def test_trains_in_mixed_precision(config, tmp_path):
    result = run_tool(sys.executable, TRAIN, config, '--amp', '--work-dir',
                      tmp_path, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / 'iter_2.pth').is_file()
