"""What the README shows works as it is written."""
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
import torch

from mmseg_rppgd.config import load_config
from mmseg_rppgd.registry import ATTACKS, HOOKS

ROOT = Path(__file__).parents[1]
README = (ROOT / 'README.md').read_text(encoding='utf-8')
PYTHON = [
    re.sub('^   ', '', block, flags=re.M) if block.startswith('   ') else block
    for block in re.findall(r'```python\n(.*?)\n *```', README, re.S)
]


def block_with(text):
    matches = [block for block in PYTHON if text in block]
    assert len(matches) == 1, f'{text!r} is in {len(matches)} blocks'
    return matches[0]


def test_first_config_adds_one_hook_to_the_stock_model(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(block_with('my_pspnet_rppgd3_at.py'))
    cfg = load_config(str(path))
    stock = load_config(
        'mmseg::pspnet/pspnet_r50-d8_4xb2-80k_cityscapes-512x1024.py')
    cfg.model.pop('_scope_')  # mmengine notes where a base came from
    assert cfg.model == stock.model
    assert HOOKS.build(cfg.custom_hooks[0]).attack.steps == 3


def test_wrapped_config_holds_the_stock_model(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(block_with('_delete_=True'))
    cfg = load_config(str(path))
    assert cfg.model.type == 'mmseg_rppgd.AdversarialSegmentor'
    assert cfg.model.segmentor.type == 'EncoderDecoder'


@pytest.mark.parametrize('text', ['SegPGDHook', 'RobustValHook'])
def test_hook_lines_build(text):
    settings = {}
    exec(block_with(text), settings)
    for hook in settings['custom_hooks']:
        HOOKS.build(hook)


def test_own_attack_is_built_by_name_and_has_a_hook():
    exec(block_with('class JensenPGD'), {})
    try:
        attack = ATTACKS.build(dict(type='JensenPGD', steps=2))
        images = torch.rand(1, 3, 4, 4)
        adv_images = attack(
            lambda x: x, images, torch.zeros(1, 4, 4, dtype=torch.int64))
        assert not torch.equal(adv_images, images)
        assert HOOKS.build(
            dict(type='mmseg_rppgd.JensenPGDHook', steps=3)).attack.steps == 3
    finally:
        ATTACKS.module_dict.pop('JensenPGD')
        HOOKS.module_dict.pop('JensenPGDHook')


def test_every_attack_is_in_the_table():
    ATTACKS.import_from_location()
    table = README[README.index('## Attacks'):README.index('### Add your own')]
    for name in ATTACKS.module_dict:
        assert f'`{name}`' in table


@pytest.mark.parametrize(
    'path', sorted(set(re.findall(r'(?:configs/|mmseg_rppgd::)\S+?\.py',
                                  README))))
def test_named_configs_exist(path):
    if '::' not in path:
        path = str(ROOT / path)
    load_config(path)


@pytest.mark.parametrize(
    'path', sorted(set(re.findall(r'\]\(((?!http)[^)#]+)', README))))
def test_links_lead_to_files(path):
    assert (ROOT / path).exists()


def test_commands_lead_to_scripts():
    ours = re.sub(r"mmseg's (own )?`tools/\w+\.py`", '', README)
    for path in set(re.findall(r'tools/\w+\.(?:sh|py)', ours)):
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize('line', sorted({
    line for file in ('README.md', 'docs/protocol.md') for line in re.findall(
        r'^python -m mmseg_rppgd .*|(?<=`)python -m mmseg_rppgd [^`]+',
        (ROOT / file).read_text(encoding='utf-8'), re.M)}))
def test_commands_take_the_arguments_that_are_shown(line):
    name, *words = shlex.split(line, comments=True)[3:]
    module = import_module(f'mmseg_rppgd.commands.{name.replace("-", "_")}')
    if words:  # without any it is the name of a command
        module.parser().parse_args(words)
