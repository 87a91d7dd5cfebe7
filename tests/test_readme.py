"""What the README says is so; test_documented runs what it shows."""
import re
from pathlib import Path

import pytest

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


def test_every_attack_is_in_the_table():
    ATTACKS.import_from_location()
    table = README[README.index('## Attacks'):README.index('### Add your own')]
    for name in ATTACKS.module_dict:
        assert f'`{name}`' in table


@pytest.mark.parametrize(
    'path', sorted(set(re.findall(r'\]\(((?!http)[^)#]+)', README))))
def test_links_lead_to_files(path):
    assert (ROOT / path).exists()


def test_commands_lead_to_scripts():
    ours = re.sub(r"mmseg's (own )?`tools/\w+\.py`", '', README)
    for path in set(re.findall(r'tools/\w+\.(?:sh|py)', ours)):
        assert (ROOT / path).is_file(), path
