"""What is read off a config of MMSeg: tested model, checkpoint, labels."""
import json
import logging
import os
import os.path as osp
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from mmengine.runner.checkpoint import (_load_checkpoint,
                                        _load_checkpoint_to_model)
from torch import nn
from torch.utils.data import DataLoader

from ..checkpoints import (check_weights, checkpoint_sha256, drop_branches,
                           restricted_loading)
from ..config import load_config, require_checkpoint
from ..label_files import check_label_file
from ..pixel_model import last_head, unwrap_segmentor
from ..pixel_model.counted import class_names, void_label
from ..registry import HOOKS, SCOPE
from .files import digest, write_json
from .results.environment import mask_address
from .run.bad_data import data_set_faults
from .run.segmentor import TestedSegmentor


def prepare_config(cfg: Config) -> None:
    """Make a config test the plain segmentor, in place.

    Hooks of this package are dropped: they would attack the clean images.
    A wrapped segmentor is unwrapped; its checkpoints are stock ones.

    Raises:
        ValueError: If the config has no test data or no model.
    """
    missing = [key for key in ('test_dataloader', 'test_evaluator', 'test_cfg')
               if cfg.get(key) is None]
    if missing:
        raise ValueError('the config has nothing to test with: '
                         f'{", ".join(missing)} must be set')
    if not isinstance(cfg.get('model'), dict):
        raise ValueError(
            "model of the config must be a dict(type='EncoderDecoder', ...), "
            f'but is {cfg.get("model")!r}')
    cfg.model = unwrapped(cfg.model)
    if model_config(cfg).get('data_preprocessor') is None:
        raise ValueError(
            'the model has no data_preprocessor, so that nothing turns '
            'images into its inputs: set model.data_preprocessor=dict(type='
            "'SegDataPreProcessor', mean=[...], std=[...], ...)")
    names = ((cfg.test_dataloader.get('dataset') or {}).get(
        'metainfo') or {}).get('classes', ())
    if not isinstance(names, (list, tuple, str)):
        raise ValueError('metainfo.classes of test_dataloader.dataset must '
                         f'be a list of names, but is {names!r}')
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
        return HOOKS.own(name) is not None
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


def load_model(config: str,
               checkpoint: str,
               *,
               surface: Optional[str] = None,
               fp16: bool = False,
               device: Optional[str] = None,
               cfg_options: Optional[dict] = None,
               pixel_range: Optional[float] = None,
               trust: bool = False) -> Tuple[TestedSegmentor, DataLoader]:
    """Load a segmentor of MMSeg and its test images, for :func:`evaluate`.

    Args:
        config (str): A config file, or the name of a packaged one:
            ``mmseg::...`` or ``mmseg_rppgd::...``.
        checkpoint (str): A checkpoint file, or an address that mmengine
            knows (``https://...``).
        surface (str, optional): ``'whole'``, ``'slide'`` or ``'crop'``.
            Defaults to None, the mode in which the model infers.
        fp16 (bool): Whether to test under autocast. Defaults to False.
        device (str, optional): Where to. Defaults to None, a GPU if there is
            one.
        cfg_options (dict, optional): Settings of the config to override.
        pixel_range (float, optional): Value of white in what the pipeline
            gives: 255, or 1 where it scales images to [0, 1]. Defaults to
            None, what is certain from the first image.
        trust (bool): Whether to run the code that the checkpoint may hold.
            Defaults to False: what holds more than weights is refused.

    Returns:
        tuple: The model under test, and the loader of its test images.

    Raises:
        FileNotFoundError: If the config or the checkpoint is not there.
        UnpicklingError: If the checkpoint holds more than weights.
        ValueError: If the config cannot be tested, or the checkpoint does
            not fit the model.

    Example:
        >>> model, loader = load_model('pspnet.py', 'iter_40000.pth')
        >>> results = evaluate(model, loader, suite='reliable')
    """
    cfg = load_test_config(config, checkpoint, cfg_options)
    with DefaultScope.overwrite_default_scope('mmseg'):
        with data_set_faults():
            loader = Runner.build_dataloader(cfg.test_dataloader)
    with restricted_loading(trust):
        segmentor = load_segmentor(config, checkpoint,
                                   device or get_device(), cfg)
        info = describe_model(config, checkpoint)
    model = tested_segmentor(
        segmentor, cfg, loader.dataset.metainfo, cfg.test_evaluator,
        surface=surface, fp16=fp16, pixel_range=pixel_range, info=info)
    return model, loader


def load_segmentor(name: str, checkpoint: str,
                   device: Union[str, torch.device],
                   cfg: Optional[Config] = None) -> nn.Module:
    """Build a segmentor, loaded and in eval mode.

    Raises:
        FileNotFoundError: If the config or the checkpoint is not there.
        UnpicklingError: If the checkpoint holds more than weights.
        ValueError: If the checkpoint does not fit the model.
    """
    from mmseg.registry import MODELS
    cfg = load_config(name) if cfg is None else cfg
    require_checkpoint(checkpoint)
    model_cfg = model_config(cfg)
    # Some backbones load weights while they are built.
    with restricted_loading():
        with DefaultScope.overwrite_default_scope('mmseg'):
            model = revert_sync_batchnorm(MODELS.build(model_cfg))
        weights = _load_checkpoint(checkpoint, map_location='cpu',
                                   logger='current')
    check_weights(model, weights, checkpoint)
    drop_branches(weights, checkpoint)
    _load_checkpoint_to_model(model, weights)
    model.cfg = cfg  # as mmseg's init_model leaves it
    return model.to(device).eval()


def tested_segmentor(segmentor: nn.Module, cfg: Config,
                     metainfo: Dict[str, Any], evaluator: Any,
                     **kwargs: Any) -> TestedSegmentor:
    """A segmentor under test, with what its config says of it.

    Args:
        segmentor (nn.Module): The segmentor.
        cfg (Config): What it was built from.
        metainfo (dict): That of the test set: ``classes``, ``palette``.
        evaluator (Evaluator | dict | list, optional): That of the test, or
            its config: says which label is void; otherwise the head does.
        kwargs: Further arguments of :class:`TestedSegmentor`.
    """
    classes = class_names(metainfo)
    ignore_index = void_label(evaluator, getattr(
        last_head(unwrap_segmentor(segmentor)), 'ignore_index', 255))
    if not hasattr(segmentor, 'cfg'):
        segmentor.cfg = cfg  # as mmseg's init_model leaves it
    return TestedSegmentor(
        segmentor, classes, ignore_index, config=model_config(cfg),
        palette=metainfo.get('palette'), resume_settings=config_settings(cfg),
        class_counts=lambda num_classes, folder: count_training_labels(
            cfg, num_classes, ignore_index, folder), **kwargs)


def describe_model(name: str, checkpoint: Optional[str]) -> Dict[str, Any]:
    """What identifies a model in a report."""
    return {'config': mask_address(name),
            'checkpoint': checkpoint and mask_address(checkpoint),
            'sha256': checkpoint and checkpoint_sha256(checkpoint)}


def config_settings(cfg: Config) -> Dict[str, str]:
    """What of a config decides the numbers, to be compared on resume."""
    return {f'config.{key}': digest(cfg.get(key))[:16]
            for key in ('model', 'test_dataloader')}


class CheckpointFits(Hook):
    """Refuse weights that are not the model's."""

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check every tensor by its name."""
        check_weights(unwrap_segmentor(runner.model), checkpoint,
                      runner.cfg.get('load_from'))


def count_training_labels(cfg: Config, num_classes: int,
                          ignore_index: Optional[int],
                          folder: Optional[str]) -> Optional[List[int]]:
    """Count the labelled pixels of each class in the training set.

    Args:
        cfg (Config): Has the training set in ``train_dataloader.dataset``.
        num_classes (int): Number of classes that the model tells apart.
        ignore_index (int, optional): The void label.
        folder (str, optional): Where the result is kept, so that it is
            counted once. None keeps nothing.

    Returns:
        list[int]: None if the training set is not there, or is one whose
        labels cannot be told from here; the log says why.
    """
    dataset_cfg = (cfg.get('train_dataloader') or {}).get('dataset')
    if dataset_cfg is None:
        return None
    name = digest([dataset_cfg, num_classes, ignore_index])[:12]
    path = None
    if folder:
        path = osp.join(folder, f'class_counts-{name}.json')
        kept = read_counts(path, num_classes)
        if kept:
            return kept
    counts = np.zeros(num_classes, dtype=np.int64)
    try:
        with DefaultScope.overwrite_default_scope('mmseg'):
            dataset = DATASETS.build(dataset_cfg)
        for label in training_labels(dataset):
            valid = label[(label != ignore_index) & (label < num_classes)]
            counts += np.bincount(valid.ravel(), minlength=num_classes)
    # A data set may be of any class and end in any way; a test needs none.
    except Exception as error:
        reason = str(error) or type(error).__name__
        print_log(f'The training labels cannot be counted: {reason}',
                  'current', logging.WARNING)
        return None
    if folder and path:
        os.makedirs(folder, exist_ok=True)
        write_json(path, counts.tolist())
    return counts.tolist()


def read_counts(path: str, num_classes: int) -> Optional[List[int]]:
    """Read class counts; None if there are none, or none that are whole."""
    if not osp.exists(path):
        return None
    try:
        with open(path, encoding='utf-8') as file:
            counts = json.load(file)
    except ValueError:  # of JSON or of UTF-8
        return None
    whole = isinstance(counts, list) and len(counts) == num_classes and all(
        isinstance(count, int) and count >= 0 for count in counts)
    return counts if whole else None


def training_labels(dataset: Any) -> Iterator[np.ndarray]:
    """Labels of every image of a data set, before any augmentation.

    Data sets that repeat or mix others are looked through.

    Raises:
        ValueError: If a data set does not say how it reads its labels.
    """
    inner = getattr(dataset, 'datasets', None) or [
        getattr(dataset, 'dataset', None)]
    if inner != [None]:
        for part in inner:
            yield from training_labels(part)
        return
    transforms = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    load = [t for t in transforms
            if type(t).__name__.startswith('LoadAnnotations')]
    if not load:
        raise ValueError(
            f'{type(dataset).__name__} has no transform named '
            'LoadAnnotations... in its pipeline')
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        check_label_file(info.get('seg_map_path'))
        yield load[0](info)['gt_seg_map']
