"""Train a segmentor; takes what mmseg's own tools/train.py takes.

    python tools/train.py CONFIG [--work-dir DIR] [--resume] [--amp] ...

CONFIG is a file, or a name such as ``mmseg_rppgd::rppgd3_at/...py``.
"""
import argparse
import os
import os.path as osp

from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.runner import Runner

from mmseg_rppgd.cli import errors_in_a_sentence
from mmseg_rppgd.compat import (distribute_without_gpu, leave_processes,
                                require_mmseg)
from mmseg_rppgd.config import load_config, require_checkpoint


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train a segmentor, adversarially if its config says so')
    parser.add_argument(
        'config',
        help='a config file, or the name of a packaged one: mmseg::... for '
        'a stock config, mmseg_rppgd::... for one of this package')
    parser.add_argument(
        '--work-dir',
        help='where logs and checkpoints go; default: work_dir of the '
        'config, or work_dirs/NAME')
    parser.add_argument(
        '--resume', action='store_true',
        help='go on from the latest checkpoint in the work dir')
    parser.add_argument(
        '--amp', action='store_true',
        help='train in automatic mixed precision (needs a GPU)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='override settings of the config, such as '
        'train_dataloader.batch_size=2 or key="[(a,b),(c,d)]"')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='how the processes of this run were started; '
        'tools/launch.sh gives pytorch')
    # torch.distributed.launch passes either spelling.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


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
    if cfg.get('load_from'):
        require_checkpoint(cfg.load_from, 'load_from')
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.basename(args.config.rpartition('::')[2])
        cfg.work_dir = osp.join('work_dirs', osp.splitext(name)[0])
    if args.amp:
        enable_amp(cfg)
    cfg.resume = args.resume
    distribute_without_gpu(cfg)
    if 'runner_type' in cfg:
        from mmseg.registry import RUNNERS
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)


def main() -> None:
    args = parse_args()
    with errors_in_a_sentence(__file__):
        require_mmseg()
        build_runner(args).train()
        leave_processes()


if __name__ == '__main__':
    main()
