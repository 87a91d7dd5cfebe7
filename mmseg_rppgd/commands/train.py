"""Train a segmentor; takes what mmseg's own tools/train.py takes."""
import argparse
from typing import Optional, Sequence

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner

from ..checkpoints import StartFits, restricted_loading
from ..cli import (add_config, add_run_options, errors_in_a_sentence,
                   set_work_dir, start_processes)
from ..compat import leave_processes, require_mmseg
from ..config import load_config, refuse_functions, require_checkpoint


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = argparse.ArgumentParser(
        prog, description='Train a segmentor, adversarially if its config '
        'says so')
    add_config(result)
    result.add_argument(
        '--resume', action='store_true',
        help='go on from the latest checkpoint in the work dir')
    result.add_argument(
        '--amp', action='store_true',
        help='train in automatic mixed precision (needs a GPU)')
    add_run_options(result, work_dir='logs and checkpoints')
    return result


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


def build_runner(args: argparse.Namespace) -> Runner:
    """Turn the command line into a runner."""
    cfg = load_config(args.config, args.cfg_options)
    refuse_functions(cfg)
    if cfg.get('load_from'):
        require_checkpoint(cfg.load_from, 'load_from')
    set_work_dir(cfg, args)
    if args.amp:
        enable_amp(cfg)
    cfg.resume = args.resume
    start_processes(cfg, args)
    if 'runner_type' in cfg:
        from mmseg.registry import RUNNERS
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Train."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    with errors_in_a_sentence(command_line.prog), restricted_loading(
            args.trust_checkpoint):
        require_mmseg()
        runner = build_runner(args)
        runner.register_hook(StartFits(), priority='VERY_HIGH')
        runner.train()
        leave_processes()
