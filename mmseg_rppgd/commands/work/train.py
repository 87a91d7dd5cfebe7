"""Train a segmentor; takes what mmseg's own tools/train.py takes."""
import argparse
import json
import os.path as osp
import re
from typing import Any, List, Optional

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner

from ...checkpoints import StartFits
from ...cli import set_work_dir, start_processes
from ...config import load_config, refuse_functions, require_checkpoint
from ...evaluation.files import write_json
from ...evaluation.results.environment import (describe_environment,
                                               mask_address)
from ...evaluation.run.processes import on_first
from ..words import read_settings
from .process import prepared
from .traces import WorkBegins, taken_back_if_refused

RECORD = 'training.json'  # in the work dir


def enable_amp(cfg: Config) -> None:
    """Switch the optimizer wrapper to automatic mixed precision."""
    if get_device() == 'cpu':
        raise ValueError('--amp needs a GPU, and none is visible here; leave '
                         'it out')
    kind = cfg.optim_wrapper.type
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise ValueError('--amp works with optim_wrapper.type OptimWrapper, '
                         f'but the config has {kind}')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def check_parts(cfg: Config) -> None:
    """Refuse a config that lacks what a training is made of."""
    for name, example in (
            ('model', "dict(type='EncoderDecoder', ...)"),
            ('train_dataloader', 'dict(batch_size=4, dataset=...)'),
            ('train_cfg', "dict(type='IterBasedTrainLoop', max_iters=...)"),
            ('optim_wrapper', "dict(type='OptimWrapper', optimizer=...)")):
        if not cfg.get(name):
            raise ValueError(
                f'a config to train by must set {name}, such as {name} = '
                f'{example}, but {cfg.filename} has {cfg.get(name)!r}; a '
                "config that begins with _base_ = ['mmseg::...'] inherits "
                'all of it')


def check_save_best(cfg: Config) -> None:
    """Refuse to look for the best of a metric that nothing measures."""
    hooks = [*(cfg.get('default_hooks') or {}).values(),
             *(cfg.get('custom_hooks') or [])]
    hooks = [hook for hook in hooks if isinstance(hook, dict)]
    if any(type_name(hook) == 'RobustValHook' for hook in hooks):
        return
    for hook in hooks:
        wanted = hook.get('save_best')
        for metric in [wanted] if isinstance(wanted, str) else wanted or []:
            if metric.startswith('robust/'):
                raise ValueError(
                    f'save_best={metric!r} needs the hook that measures it: '
                    "add dict(type='mmseg_rppgd.RobustValHook', "
                    "attack=dict(type='PGD', steps=10)) to custom_hooks")


def type_name(cfg: dict) -> str:
    """Return the type of a config, without the package."""
    kind = cfg.get('type')
    return str(getattr(kind, '__name__', kind)).rpartition('.')[2]


def build_config(args: argparse.Namespace) -> Config:
    """Turn the command line into a config, and refuse what cannot be."""
    cfg = load_config(args.config, read_settings(args.cfg_options))
    refuse_functions(cfg)
    check_parts(cfg)
    if cfg.get('load_from'):
        require_checkpoint(cfg.load_from, 'load_from')
    check_save_best(cfg)
    set_work_dir(cfg, args)
    if args.amp:
        enable_amp(cfg)
    cfg.resume = args.resume
    start_processes(cfg, args)
    return cfg


def build_runner(cfg: Config) -> Runner:
    """Make the runner, which refuses weights that are not the model's."""
    if 'runner_type' in cfg:
        from mmseg.registry import RUNNERS
        runner = RUNNERS.build(cfg)
    else:
        runner = Runner.from_cfg(cfg)
    runner.register_hook(StartFits(), priority='VERY_HIGH')
    return runner


def describe_attack(runner: Runner, config: str) -> None:
    """Log which attack a training uses, or that it seems to lack one.

    Args:
        runner (Runner): About to train.
        config (str): File or name of its config.
    """
    # Knows mmseg, which is imported by now.
    from ...hooks import AttackHook
    from ...hooks.attack_hook import unwrap_model
    model = unwrap_model(runner.model)
    found = [hook for hook in runner.hooks
             if isinstance(hook, AttackHook) and 'train' in hook.stages]
    if getattr(model, 'attacks_in_training', False):
        found.append(model)
    loader = runner.cfg.get('train_dataloader')
    batch_size = loader.get('batch_size') if isinstance(loader, dict) else None
    for source in found:
        runner.logger.info(
            f'Adversarial training by {type(source).__name__}: '
            f'{attack_words(source.attack)} attacks '
            f'{share_words(source, batch_size)}')
    if found:
        return
    dropped = dropped_hooks(runner.cfg)
    if dropped:
        runner.logger.warning(
            f'This training uses no attack, although {" and ".join(dropped)} '
            'is in the config or in a file that it inherits from: '
            'custom_hooks of a later file replaces the whole list. Repeat '
            'the entry there if an attack is meant.')
    elif re.search(r'-at(?![a-z0-9])', osp.basename(config)):
        runner.logger.warning(
            'This training uses no attack, although the name of its config '
            f'says -at ({osp.basename(config)}): custom_hooks has no attack '
            'hook for training, and the model is no AdversarialSegmentor.')


def attack_words(attack: Any) -> str:
    """Say in short what an attack is."""
    steps = getattr(attack, 'steps', None)
    words = [] if steps is None else [f'{steps} steps']
    eps = 'of its default' if attack.eps is None else f'{attack.eps:g}'
    return f'{attack.name} ({", ".join([*words, f"eps {eps} {attack.norm}"])})'


def share_words(source: Any, batch_size: Optional[int]) -> str:
    """Say how many images of a batch are attacked."""
    from ...pixel_model.batches import refuse_no_image, share_of
    ratio = source.adv_ratio
    if batch_size is None:
        return f'a share of {ratio:g} of each batch'
    refuse_no_image(batch_size, ratio)
    trained = (f'{share_of(batch_size, ratio)} of each batch of {batch_size} '
               f'images (adv_ratio {ratio:g})')
    if getattr(source, 'attacks_clean_part', False):
        return f'every image, of which it trains {trained} as attacked'
    return trained


def record_training(runner: Runner, config: str) -> None:
    """Write what a reader needs to repeat a training, beside its weights.

    ``training.json`` in the work dir has one entry for each start, the last
    one last: versions, device, seed, commit, command, config, the weights it
    starts from, and whether it went on from a checkpoint.

    Args:
        runner (Runner): About to train.
        config (str): File or name of its config.
    """
    path = osp.join(runner.work_dir, RECORD)
    entry = describe_environment(runner.seed, get_device_of(runner))
    start = runner.cfg.get('load_from')
    entry.update(config=mask_address(config),
                 load_from=start and mask_address(start),
                 resumed=goes_on(runner))

    def write() -> None:
        earlier = []
        if osp.isfile(path):
            with open(path, encoding='utf-8') as file:
                earlier = json.load(file)
        write_json(path, [*earlier, entry])

    on_first(write)


def goes_on(runner: Runner) -> bool:
    """Whether a training goes on, which takes a checkpoint besides the wish.

    MMEngine goes on from ``load_from`` or else from the latest in the work
    dir, and begins anew where there is none.
    """
    return bool(runner.cfg.get('resume')) and (
        bool(runner.cfg.get('load_from'))
        or osp.isfile(osp.join(runner.work_dir, 'last_checkpoint')))


def get_device_of(runner: Runner) -> torch.device:
    """Where the model of a runner is."""
    return next(runner.model.parameters()).device


def dropped_hooks(cfg: Config) -> List[str]:
    """Return the attack hooks that the files of a config name in vain."""
    from ...registry import ATTACKS, HOOK_SUFFIX
    ATTACKS.import_from_location()
    known = {'AttackHook', *(name + HOOK_SUFFIX
                             for name in ATTACKS.module_dict)}
    kept = {type_name(hook) for hook in cfg.get('custom_hooks') or []}
    code = re.sub('#.*', '', cfg.text)
    named = re.findall(r'[\'"]mmseg_rppgd\.(\w+)[\'"]', code)
    return sorted((known & set(named)) - kept)


def run(args: argparse.Namespace) -> None:
    """Train."""
    with prepared(args):
        cfg = build_config(args)
        with taken_back_if_refused(cfg.work_dir) as traces:

            def begin(runner: Runner) -> None:
                record_training(runner, args.config)
                traces.keep()

            runner = build_runner(cfg)
            describe_attack(runner, args.config)
            runner.register_hook(WorkBegins(begin), priority='LOWEST')
            runner.train()
