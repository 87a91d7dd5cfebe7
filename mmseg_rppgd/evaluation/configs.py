"""Turn any training or test config into one for a robustness test."""
from typing import Any, Dict, Optional

import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.runner.checkpoint import (_load_checkpoint,
                                        _load_checkpoint_to_model)
from torch import nn

from ..config import load_config, require_checkpoint
from ..pixel_model import unwrap_segmentor
from ..registry import HOOKS, SCOPE
from .files import digest, file_sha256


def prepare_config(cfg: Config) -> None:
    """Make a config test the plain segmentor, in place.

    Hooks of this package are dropped: they would attack the clean images.
    A wrapped segmentor is unwrapped; its checkpoints are stock ones.

    Raises:
        ValueError: If the config has no test data.
    """
    missing = [key for key in ('test_dataloader', 'test_evaluator', 'test_cfg')
               if cfg.get(key) is None]
    if missing:
        raise ValueError('the config has nothing to test with: '
                         f'{", ".join(missing)} must be set')
    cfg.model = unwrapped(cfg.model)
    hooks = cfg.get('custom_hooks') or []
    cfg.custom_hooks = [hook for hook in hooks if not is_own_hook(hook)]
    cfg.resume = False


def unwrapped(model: ConfigDict) -> ConfigDict:
    """The config of the segmentor inside those that wrap it."""
    while isinstance(model.get('segmentor'), dict):
        inner = model['segmentor']
        for key in ('test_cfg', 'data_preprocessor'):
            if model.get(key) is not None and (
                    key == 'test_cfg' or inner.get(key) is None):
                inner[key] = model[key]
        model = inner
    return model


def model_config(cfg: Config) -> ConfigDict:
    """The config of the plain segmentor, with its data preprocessor."""
    model = unwrapped(cfg.model)
    if cfg.get('data_preprocessor') is not None:
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    return model


def is_own_hook(hook: Any) -> bool:
    """Whether a hook, or the config of one, belongs to this package."""
    kind = hook.get('type') if isinstance(hook, dict) else type(hook)
    if isinstance(kind, str):
        scope, _, name = kind.rpartition('.')
        if scope:
            return scope == SCOPE
        HOOKS.import_from_location()
        return name in HOOKS.module_dict
    return kind.__module__.split('.')[0] == SCOPE


def load_test_config(name: str, checkpoint: str,
                     cfg_options: Optional[dict] = None) -> Config:
    """Read a config and point it at a checkpoint.

    Raises:
        FileNotFoundError: If the config or the checkpoint is not there.
        ValueError: If the config cannot be tested.
    """
    cfg = load_config(name, cfg_options)
    require_checkpoint(checkpoint)
    prepare_config(cfg)
    cfg.load_from = checkpoint
    return cfg


def build_segmentor(name: str, checkpoint: str,
                    device: torch.device) -> nn.Module:
    """Build a second segmentor for transfer, loaded and in eval mode.

    Raises:
        FileNotFoundError: If the config or the checkpoint is not there.
        ValueError: If the checkpoint does not fit the model.
    """
    from mmseg.registry import MODELS
    cfg = load_config(name)
    require_checkpoint(checkpoint)
    model_cfg = model_config(cfg)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = revert_sync_batchnorm(MODELS.build(model_cfg))
    weights = _load_checkpoint(checkpoint, map_location='cpu')
    check_weights(model, weights, checkpoint)
    _load_checkpoint_to_model(model, weights)
    model.cfg = cfg  # as mmseg's init_model leaves it
    return model.to(device).eval()


def describe_model(name: str, checkpoint: str) -> Dict[str, Any]:
    """What identifies a model in a report."""
    return {'config': name, 'checkpoint': checkpoint,
            'sha256': file_sha256(checkpoint)}


def config_settings(cfg: Config) -> Dict[str, str]:
    """What of a config decides the numbers, to be compared on resume."""
    return {f'config.{key}': digest(cfg[key])[:16]
            for key in ('model', 'test_dataloader', 'test_cfg')}


def void_label(cfg: Config) -> Optional[int]:
    """The label that the evaluator ignores."""
    evaluators = cfg.test_evaluator
    if isinstance(evaluators, dict):
        evaluators = [evaluators]
    for evaluator in evaluators:
        if 'ignore_index' in evaluator:
            return evaluator['ignore_index']
    return 255


def num_classes(cfg: Config) -> int:
    """Number of classes of the head that predicts."""
    head = cfg.model['decode_head']
    return (head[-1] if isinstance(head, (list, tuple)) else
            head)['num_classes']


class CheckpointFits(Hook):
    """Refuse weights that are not the model's.

    mmengine loads what fits and leaves the rest at random, with a warning
    that is easily missed; the numbers would then mean nothing.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes."""
        check_weights(unwrap_segmentor(runner.model), checkpoint,
                      runner._load_from)


def check_weights(model: nn.Module, checkpoint: dict, path: str) -> None:
    """Raise a ValueError if weights lack a parameter or have another shape.

    Training needs the auxiliary heads, a test does not.
    """
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f'checkpoint {path!r} must hold a dict of weights, but holds '
            f'{type(checkpoint).__name__}')
    given = {k[len('module.'):] if k.startswith('module.') else k: v
             for k, v in checkpoint.get('state_dict', checkpoint).items()}
    wrong = {
        name: 'is missing' if name not in given else
        f'has the shape {tuple(given[name].shape)} and not '
        f'{tuple(value.shape)}'
        for name, value in model.state_dict().items()
        if name not in given or given[name].shape != value.shape}
    wrong = {name: what for name, what in wrong.items()
             if not name.startswith('auxiliary_head')
             and not name.endswith('num_batches_tracked')}
    if wrong:
        name, what = next(iter(wrong.items()))
        more = f' (and {len(wrong) - 1} more)' if len(wrong) > 1 else ''
        raise ValueError(f'checkpoint {path!r} does not fit the model of '
                         f'the config: {name} {what}{more}')
