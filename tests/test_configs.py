"""Every config parses from everywhere a user may name it, and builds."""
import copy
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from mmengine.config import utils as config_utils
from mmengine.registry import DefaultScope

from mmseg_rppgd.compat import require_mmseg
from mmseg_rppgd.config import load_config

ROOT = Path(__file__).parents[1] / 'configs'
FILES = sorted(str(file.relative_to(ROOT)) for file in ROOT.rglob('*.py'))
LEAVES = [file for file in FILES if not file.startswith('_base_')]
FRAGMENTS = [file for file in FILES if file.startswith('_base_/attacks')]
STOCK = 'mmseg::pspnet/pspnet_r50-d8_4xb4-40k_voc12aug-512x512.py'

# mmengine reads mmseg's fifty metafiles again for every `mmseg::` base.
read_metafile = lru_cache(maxsize=None)(config_utils.load)


@pytest.fixture(autouse=True)
def _mmseg_scope(monkeypatch):
    monkeypatch.setattr(config_utils, 'load', read_metafile)
    require_mmseg()
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


@lru_cache(maxsize=None)
def load_file(file):
    return load_config(str(ROOT / file))


def build_model(cfg):
    from mmengine.registry import MODELS
    with torch.device('meta'):  # without weights it is quick
        return MODELS.build(copy.deepcopy(cfg.model))


def build_hooks(cfg):
    from mmengine.registry import HOOKS
    return [HOOKS.build(hook) for hook in cfg.get('custom_hooks', [])]


def write_user_config(folder, *bases, rest=''):
    """A config as a user writes it in a project of theirs."""
    file = folder / 'my_project.py'
    file.write_text(f'_base_ = {list(bases)!r}\n{rest}')
    return str(file)


def test_there_are_configs():
    assert LEAVES and FRAGMENTS


@pytest.mark.parametrize('file', FILES)
def test_file_parses(file):
    assert len(load_file(file)) > 0


@pytest.mark.parametrize('file', LEAVES)
def test_model_and_hooks_build(file):
    cfg = load_file(file)
    assert cfg.default_scope == 'mmseg'
    assert build_model(cfg) is not None
    assert len(build_hooks(cfg)) == len(cfg.get('custom_hooks', []))


@pytest.mark.parametrize('file', LEAVES)
def test_packaged_name_gives_the_same_config(file):
    named = load_config(f'mmseg_rppgd::{file}')
    assert named.to_dict() == load_file(file).to_dict()


@pytest.mark.parametrize('file', LEAVES)
def test_builds_on_as_base_of_a_users_config(file, tmp_path):
    # mmengine then builds every part in our scope unless the part says
    # otherwise, where stock names such as PackSegInputs do not exist.
    from mmengine.registry import METRICS, TRANSFORMS
    cfg = load_config(
        write_user_config(tmp_path, f'mmseg_rppgd::{file}'))
    build_model(cfg)
    build_hooks(cfg)
    assert METRICS.build(cfg.test_evaluator) is not None
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        outer = loader.dataset
        scope = outer.get('_scope_')
        with TRANSFORMS.switch_scope_and_registry(scope) as registry:
            for dataset in outer.get('datasets', [outer]):
                for transform in dataset.pipeline:
                    assert registry.build(transform) is not None


@pytest.mark.parametrize('file', FRAGMENTS)
def test_fragment_joins_a_stock_config(file, tmp_path):
    cfg = load_config(
        write_user_config(tmp_path, STOCK, f'mmseg_rppgd::{file}'))
    assert cfg.model.type == 'EncoderDecoder'
    assert len(build_hooks(cfg)) == 1


def test_wrapping_lines_work_in_a_users_config(tmp_path):
    file = write_user_config(tmp_path, STOCK, rest=(
        "model = dict(_delete_=True, type='mmseg_rppgd.AdversarialSegmentor',"
        " segmentor=_base_.model, attack=dict(type='RPPGD', steps=3))"))
    model = build_model(load_config(file))
    assert type(model).__name__ == 'AdversarialSegmentor'


@pytest.mark.parametrize('name', [
    'mmseg_rppgd::rppgd3_at/pspnet_rppgd3-at_r50-d8_4xb4-40k_voc12aug-512x512',
    STOCK[:-len('.py')],
])
def test_ending_may_be_left_out(name):
    assert load_config(name).to_dict() == load_config(
        name + '.py').to_dict()


def test_options_override_settings():
    cfg = load_config(STOCK, {'train_dataloader.batch_size': 1})
    assert cfg.train_dataloader.batch_size == 1


@pytest.mark.parametrize('name', [
    'pspnet_rppgd3-at_r50-d8_voc12aug.py',
    'mmseg_rppgd::rppgd3_at/pspnet_rppgd3-at_r50-d8_4xb4-20k_voc12aug.py',
])
def test_missing_config_names_similar_ones(name):
    with pytest.raises(
            FileNotFoundError,
            match=r'(?s)does not exist.*mmseg_rppgd::rppgd3_at/pspnet_'):
        load_config(name)


def test_unknown_package_is_named():
    with pytest.raises(ValueError, match="before ::.*but got 'mmsge'"):
        load_config('mmsge::pspnet/x.py')
