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
BASES = [file for file in FILES if file.startswith('_base_')]
FRAGMENTS = [file for file in BASES if file.startswith('_base_/attacks')]
STOCK = 'mmseg::pspnet/pspnet_r50-d8_4xb4-40k_voc12aug-512x512.py'
RUNTIME = 'mmseg::_base_/default_runtime.py'
SHAPES = [f'mmseg_rppgd::_base_/{file}' for file in (
    'models/pspnet_r18-d8_synthetic-shapes-64x64.py',
    'datasets/synthetic_shapes.py', 'schedules/adamw_800.py',
    'attacks/rppgd3_at.py')]

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


def check_data(cfg):
    """Build what reads and measures; the files of the data are not there."""
    from mmengine.registry import DATA_SAMPLERS, DATASETS, METRICS, TRANSFORMS
    assert METRICS.build(cfg.test_evaluator) is not None
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        outer = loader.dataset
        assert DATA_SAMPLERS.build(
            loader.sampler, default_args=dict(dataset=[0]))
        scope = outer.get('_scope_')
        with DATASETS.switch_scope_and_registry(scope) as registry:
            assert registry.get(outer.type) is not None
        with TRANSFORMS.switch_scope_and_registry(scope) as registry:
            for dataset in outer.get('datasets', [outer]):
                for transform in dataset.pipeline:
                    assert registry.build(transform) is not None


def check_schedule(cfg):
    """Build what a schedule sets up, as a Runner does."""
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import HOOKS, LOOPS, PARAM_SCHEDULERS
    wrapper = build_optim_wrapper(torch.nn.Linear(1, 1), cfg.optim_wrapper)
    for scheduler in cfg.param_scheduler:
        assert PARAM_SCHEDULERS.build(
            scheduler, default_args=dict(
                optimizer=wrapper.optimizer)) is not None
    for loop in (cfg.train_cfg, cfg.val_cfg, cfg.test_cfg):
        with LOOPS.switch_scope_and_registry(
                loop.get('_scope_')) as registry:
            assert registry.get(loop.type) is not None
    for hook in cfg.default_hooks.values():
        with HOOKS.switch_scope_and_registry(
                hook.get('_scope_')) as registry:
            assert registry.get(hook.type) is not None


def check_settings(cfg):
    """Build the model, the data and the schedule of a training."""
    build_model(cfg)
    check_data(cfg)
    check_schedule(cfg)


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
    cfg = load_config(
        write_user_config(tmp_path, f'mmseg_rppgd::{file}'))
    build_model(cfg)
    build_hooks(cfg)
    check_data(cfg)


@pytest.mark.parametrize('file', BASES)
def test_base_is_inherited_by_name(file, tmp_path):
    """Alone, before and after a base of mmseg."""
    from mmseg_rppgd.evaluation import make_plan
    name = f'mmseg_rppgd::{file}'
    together = [[name], [name, RUNTIME], [RUNTIME, name]]
    # Settings bring their own runtime.
    for bases in together[:1] if 'settings' in file else together:
        path = write_user_config(tmp_path, *bases)
        cfg = load_config(path)
        check = {
            'attacks': build_hooks, 'models': build_model,
            'datasets': check_data, 'schedules': check_schedule,
            'settings': check_settings,
            'suites': lambda cfg: make_plan(path),
        }[file.split('/')[1]]
        check(cfg)


@pytest.mark.parametrize('bases', [
    [*SHAPES, RUNTIME], [RUNTIME, *reversed(SHAPES)], SHAPES])
def test_bases_by_name_train(bases, tmp_path, monkeypatch):
    from mmengine.runner import Runner
    from mmengine.visualization import Visualizer
    for kind in (Visualizer, *Visualizer.__subclasses__()):
        monkeypatch.setattr(kind, '_instance_dict', {})
    cfg = load_config(write_user_config(tmp_path, *bases), dict(
        work_dir=str(tmp_path), experiment_name=f'named_{len(bases)}',
        log_level='ERROR', train_cfg=dict(max_iters=1, val_interval=1),
        train_dataloader=dict(
            batch_size=2, num_workers=0, persistent_workers=False,
            dataset=dict(num_images=2)),
        val_dataloader=dict(dataset=dict(num_images=2))))
    if 'visualizer' not in cfg:
        cfg.default_hooks.pop('visualization')
    runner = Runner.from_cfg(cfg)
    before = copy.deepcopy(runner.model.state_dict())
    runner.train()
    after = runner.model.state_dict()
    assert runner.iter == 1
    assert not all(torch.equal(before[name], after[name]) for name in after)


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
