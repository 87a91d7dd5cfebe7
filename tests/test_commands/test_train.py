"""Training by command, by tools/train.py and by tools/launch.sh."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import HOOKS
from mmengine.runner import CheckpointLoader
from torch import nn

import mmseg_rppgd
from mmseg_rppgd.attacks import BIM, DeepFool
from mmseg_rppgd.commands import train
from mmseg_rppgd.config import load_config

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
    # With nothing there to go on from, it begins.
    first = run_tool(sys.executable, TRAIN, config, '--resume', cwd=tmp_path)
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
    record = json.loads((work_dir / 'training.json').read_text())
    assert [entry['resumed'] for entry in record] == [False, True]
    assert record[0]['seed'] == before['meta']['seed']
    assert record[0]['config'] == str(config)
    assert record[1]['command'].endswith(
        '--resume --cfg-options train_cfg.max_iters=4')


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
    (('CONFIG', '--cfg-options',
      'default_hooks.checkpoint.save_best=robust/mIoU'),
     "save_best='robust/mIoU' needs the hook that measures it"),
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
    monkeypatch.setattr(train.Runner, 'from_cfg',
                        lambda cfg: built.append(cfg) or Mock())
    name = 'pspnet_rppgd3-at_r50-d8_4xb4-40k_voc12aug-512x512'
    train.build_runner(parse(f'mmseg_rppgd::rppgd3_at/{name}.py',
                             '--launcher', 'slurm'))
    assert built[0].work_dir == os.path.join('work_dirs', name)
    assert built[0].launcher == 'slurm'


class TestAttackOfATraining:
    """One line at the start says which attack there is, or that none is."""

    def told(self, config, *lines, name='tiny_pgd3-at.py', options=()):
        file = config.parent / name
        file.write_text('\n'.join([f"_base_ = {str(config)!r}", *lines]))
        heard = []

        class Logger:
            info = warning = heard.append

        cfg = load_config(str(file), dict(options))
        hooks = [HOOKS.build(hook) for hook in cfg.get('custom_hooks', [])]
        train.describe_attack(SimpleNamespace(
            cfg=cfg, hooks=hooks, logger=Logger, model=nn.Module()),
            str(file))
        return heard

    def test_a_hook(self, config):
        said, = self.told(config, "custom_hooks = [dict("
                          "type='mmseg_rppgd.PGDHook', steps=3, eps='8/255')]")
        assert said == (
            'Adversarial training by PGDHook: PGD (3 steps, eps 0.0313725 '
            'linf) attacks 1 of each batch of 2 images (adv_ratio 0.5)')

    def test_a_wrapper(self, config):
        heard = []
        model = nn.Module()
        model.attacks_in_training, model.adv_ratio = True, 1
        model.attack = DeepFool()
        train.describe_attack(SimpleNamespace(
            cfg=Config(), hooks=[], model=model,
            logger=SimpleNamespace(info=heard.append)), 'x.py')
        assert heard == ['Adversarial training by Module: DeepFool (50 '
                         'steps, eps 0.03 linf) attacks a share of 1 of each '
                         'batch']

    def test_a_strategy_that_attacks_what_it_trains_clean(self):
        heard = []
        model = nn.Module()
        model.attacks_in_training = model.attacks_clean_part = True
        model.attack, model.adv_ratio = BIM(steps=3), 0.5
        train.describe_attack(SimpleNamespace(
            cfg=Config(dict(train_dataloader=dict(batch_size=6))), hooks=[],
            model=model, logger=SimpleNamespace(info=heard.append)), 'x.py')
        assert heard[0].endswith(
            'attacks every image, of which it trains 3 of each batch of 6 '
            'images (adv_ratio 0.5) as attacked')

    def test_a_share_that_rounds_to_no_image(self, config):
        with pytest.raises(ValueError, match='adv_ratio=0.2 of a batch of 2'):
            self.told(config, "custom_hooks = [dict(type='mmseg_rppgd."
                      "PGDHook', adv_ratio=0.2)]")

    @pytest.mark.parametrize('name, warned', [
        ('pspnet_pgd3-at_r18.py', True), ('pspnet_pgd3-at-full_r18.py', True),
        ('x-at.py', True), ('pspnet_r18.py', False),
        ('pspnet-attention.py', False)])
    def test_none_although_the_name_says_so(self, config, name, warned):
        said = self.told(config, name=name)
        assert len(said) == warned and all(
            f'no attack, although the name of its config says -at ({name})'
            in text for text in said)

    def test_an_attack_of_tests_is_none_of_the_training(self, config):
        said, = self.told(config, "custom_hooks = [dict(type='mmseg_rppgd."
                          "PGDHook', stages='test')]")
        assert 'says -at' in said

    def test_an_inherited_hook_that_a_later_list_replaced(self, config):
        hooked = config.parent / 'hooked.py'
        hooked.write_text(
            f"_base_ = {str(config)!r}\n# 'mmseg_rppgd.FGSMHook'\n"
            "custom_hooks = [dict(type='mmseg_rppgd.PGDHook', steps=3)]")
        said, = self.told(hooked, "custom_hooks = [dict(type='EMAHook')]")
        assert 'no attack, although PGDHook is in the config or' in said

    def test_an_inherited_hook_that_is_kept(self, config):
        hooked = config.parent / 'kept.py'
        hooked.write_text(
            f"_base_ = {str(config)!r}\n"
            "custom_hooks = [dict(type='mmseg_rppgd.PGDHook', steps=3)]")
        said, = self.told(hooked)
        assert said.startswith('Adversarial training by PGDHook')


@pytest.mark.parametrize('wanted', ['robust/mIoU', ['mIoU', 'robust/aAcc']])
def test_the_best_of_what_nothing_measures(wanted):
    checkpoint = dict(type='CheckpointHook', save_best=wanted)
    cfg = Config(dict(default_hooks=dict(checkpoint=checkpoint)))
    with pytest.raises(ValueError, match="save_best='robust/.* needs the hook"
                       ".*RobustValHook"):
        train.check_save_best(cfg)
    cfg.custom_hooks = [dict(type='mmseg_rppgd.RobustValHook')]
    train.check_save_best(cfg)
    checkpoint['save_best'] = 'mIoU'
    train.check_save_best(Config(dict(custom_hooks=[checkpoint])))


def test_an_interrupt_says_how_to_go_on(config, tmp_path, monkeypatch,
                                        capsys):
    class Interrupted:
        work_dir = str(tmp_path)

        def register_hook(self, hook, priority):
            pass

        def train(self):
            raise KeyboardInterrupt

    monkeypatch.setattr(train, 'build_runner', lambda args: Interrupted())
    for name in ('describe_attack', 'record_training'):
        monkeypatch.setattr(train, name, lambda runner, config: None)

    def said():
        with pytest.raises(SystemExit) as end:
            train.main([str(config)], 'mmseg_rppgd train')
        assert end.value.code == 130
        return capsys.readouterr().err

    assert 'mmseg_rppgd train: stopped by Ctrl-C; there is no checkpoint to ' \
        'go on from yet; start the same command again' in said()
    (tmp_path / 'last_checkpoint').write_text('work/iter_2.pth')
    assert 'the latest checkpoint is work/iter_2.pth; the same command with ' \
        '--resume goes on from there' in said()


def test_a_training_that_is_terminated(config, tmp_path):
    """No traceback of mmengine or autograd, and the usual exit code."""
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    process = subprocess.Popen(
        [sys.executable, TRAIN, config, '--work-dir', tmp_path,
         '--cfg-options', 'train_cfg.max_iters=100000'], text=True,
        env={**os.environ, 'PYTHONPATH': path}, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while not (tmp_path / 'last_checkpoint').is_file():
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.1)
    process.terminate()
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert said.rstrip().endswith('--resume goes on from there')
    assert 'train.py: stopped by SIGTERM; the latest checkpoint is' in said
    assert 'Traceback' not in said


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
