"""How a command line becomes a training, and what is said of its attack."""
import os
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.registry import HOOKS
from tiny_training import config  # noqa: F401
from torch import nn

from mmseg_rppgd.attacks import BIM, DeepFool
from mmseg_rppgd.commands.train import parser
from mmseg_rppgd.commands.work import train
from mmseg_rppgd.config import load_config


def build(*argv):
    return train.build_config(parser().parse_args([*map(str, argv)]))


def test_work_dir_of_the_command_line_wins(config, tmp_path):
    cfg = build(config, '--work-dir', tmp_path / 'here',
                '--cfg-options', 'work_dir=elsewhere')
    assert cfg.work_dir == str(tmp_path / 'here')


def test_work_dir_of_the_config_is_the_default(config, tmp_path):
    cfg = build(config, '--cfg-options', f'work_dir={tmp_path}')
    assert cfg.work_dir == str(tmp_path)


def test_packaged_name_gives_its_own_work_dir():
    name = 'pspnet_rppgd3-at_r50-d8_4xb4-40k_voc12aug-512x512'
    cfg = build(f'mmseg_rppgd::rppgd3_at/{name}.py', '--launcher', 'slurm')
    assert cfg.work_dir == os.path.join('work_dirs', name)
    assert cfg.launcher == 'slurm'


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

    @pytest.mark.parametrize('leaf, start', [
        ("custom_hooks = [dict(type='EMAHook')]",
         'This training uses no attack, although PGDHook is in the config'),
        ('', 'Adversarial training by PGDHook')])
    def test_an_inherited_hook_is_kept_or_replaced(self, config, leaf,
                                                   start):
        hooked = config.parent / 'hooked.py'
        hooked.write_text(
            f"_base_ = {str(config)!r}\n# 'mmseg_rppgd.FGSMHook'\n"
            "custom_hooks = [dict(type='mmseg_rppgd.PGDHook', steps=3)]")
        said, = self.told(hooked, leaf)
        assert said.startswith(start)


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
