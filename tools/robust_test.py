"""Test how robust a segmentor is; takes what mmseg's tools/test.py takes.

    python tools/robust_test.py CONFIG CHECKPOINT
    python tools/robust_test.py CONFIG CHECKPOINT --suite paper
    python tools/robust_test.py CONFIG CHECKPOINT --attacks PGD RPPGD \
        'BIM(norm=l2)' --eps 4/255 8/255 --steps 10 100 --limit 50

The report is in --out: results.json, results.csv, table.md.
"""
import argparse
import os
import os.path as osp
from datetime import timedelta

import torch
import torch.distributed as dist
from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from mmseg_rppgd.cli import errors_in_a_sentence
from mmseg_rppgd.compat import (distribute_without_gpu, leave_processes,
                                require_mmseg)

DAY = 24 * 60 * 60


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Test a segmentor on clean images and under attacks')
    parser.add_argument(
        'config',
        help='a config file, or the name of a packaged one: mmseg::... or '
        'mmseg_rppgd::...')
    parser.add_argument('checkpoint', help='a checkpoint file')
    rows = parser.add_argument_group('what is tested: attacks x eps x steps')
    rows.add_argument(
        '--suite', metavar='NAME',
        help='a named list of attacks, or a file with one (default: quick, '
        'if no --attacks are given)')
    rows.add_argument(
        '--attacks', nargs='+', default=[], metavar='NAME',
        help="attacks, with options if need be: PGD 'RPPGD(beta=1)' "
        "'BIM(norm=l2, eps=2)'")
    rows.add_argument(
        '--eps', nargs='+', default=[], metavar='EPS',
        help='radii in units of the [0, 1] pixel range, such as 0.03 or '
        '8/255 (default: those of the suite, or of the attack)')
    rows.add_argument(
        '--steps', nargs='+', type=int, default=[], metavar='N',
        help='numbers of steps (default: those of the suite or attack)')
    rows.add_argument(
        '--minimal', nargs='+', default=[], metavar='NAME',
        help='search for the smallest perturbation that makes nearly all '
        'pixels wrong: DeepFool, DAG, ALMAProx')
    rows.add_argument(
        '--surrogate', nargs=2, metavar=('CONFIG', 'CHECKPOINT'),
        help='black box: make the adversarial images on this model')
    rows.add_argument(
        '--matrix', nargs=2, action='append', default=[],
        metavar=('CONFIG', 'CHECKPOINT'),
        help='transfer matrix: attack and test this model too; give it '
        'once for every further model')
    rows.add_argument(
        '--cache', metavar='DIR',
        help='where adversarial images made on other models are kept, to '
        'be used again (default: OUT/adversaries)')
    rows.add_argument(
        '--surface', choices=['whole', 'slide', 'crop'],
        help='what is attacked: the whole image, all windows of slide '
        'inference jointly, or each window by itself, which gives no '
        'adversarial image (default: as the model infers)')
    rows.add_argument(
        '--limit', type=int, metavar='N',
        help='test on the first N images only')
    rows.add_argument(
        '--seed', type=int, default=0,
        help='seed of all noise (default: 0)')
    report = parser.add_argument_group('the report')
    report.add_argument(
        '--out', metavar='DIR',
        help='folder of the report (default: WORK_DIR/robust)')
    report.add_argument(
        '--resume', action='store_true',
        help='continue an interrupted test in the same folder')
    report.add_argument(
        '--check-images', type=int, default=4, metavar='N',
        help='attack this many images for the self-checks that need attacks '
        'of their own (default: 4; 0 leaves them out)')
    report.add_argument(
        '--panels', type=int, default=4, metavar='N',
        help='draw this many images, spread over the data set (default: 4)')
    same = parser.add_argument_group("as in mmseg's tools/test.py")
    same.add_argument(
        '--work-dir',
        help='where logs go (default: work_dir of the config, or '
        'work_dirs/NAME)')
    same.add_argument(
        '--show', action='store_true',
        help='show the predictions of clean images')
    same.add_argument(
        '--show-dir', metavar='DIR',
        help='save painted predictions of clean images')
    same.add_argument(
        '--wait-time', type=float, default=2,
        help='seconds that --show shows an image (default: 2)')
    same.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='override settings of the config')
    same.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='how the processes of this run were started')
    same.add_argument(
        '--tta', action='store_true',
        help='refused: averaged views cannot be attacked')
    same.add_argument('--local_rank', '--local-rank', type=int, default=0,
                      help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.tta:
        parser.error('--tta cannot be attacked: test-time augmentation '
                     'averages predictions over several views of an image; '
                     'leave it out')
    if args.limit is not None and args.limit < 1:
        parser.error(f'--limit must be at least 1 image, but got '
                     f'{args.limit}')
    if args.check_images < 0:
        parser.error('--check-images must be >= 0, but got '
                     f'{args.check_images}')
    if args.panels < 0:
        parser.error(f'--panels must be >= 0, but got {args.panels}')
    if args.seed < 0:
        parser.error(f'--seed must be >= 0, but got {args.seed}')
    return args


def set_paths(cfg: Config, args: argparse.Namespace) -> None:
    """Decide on work directory and report folder as mmseg does."""
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.basename(args.config.rpartition('::')[2])
        cfg.work_dir = osp.join('work_dirs', osp.splitext(name)[0])
    if args.out is None:
        args.out = osp.join(cfg.work_dir, 'robust')


def set_visualization(cfg: Config, args: argparse.Namespace) -> None:
    """Switch on the painting of clean predictions, as mmseg's test does."""
    if not (args.show or args.show_dir):
        return
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise ValueError(
            '--show and --show-dir need the visualization hook: set '
            "default_hooks.visualization=dict(type='SegVisualizationHook')")
    hook['draw'] = True
    if args.show:
        hook['show'] = True
        hook['wait_time'] = args.wait_time
    if args.show_dir:
        cfg.visualizer['save_dir'] = args.show_dir


def start_processes(cfg: Config, launcher: str) -> None:
    """Prepare for several processes that may wait long for each other."""
    cfg.launcher = launcher
    dist_cfg = cfg.setdefault('env_cfg', {}).setdefault(
        'dist_cfg', dict(backend='nccl'))
    dist_cfg.setdefault('timeout', DAY)
    if launcher == 'pytorch' and not torch.cuda.is_available():
        dist.init_process_group('gloo', timeout=timedelta(seconds=DAY))
    distribute_without_gpu(cfg)


def build(args: argparse.Namespace) -> Runner:
    """Turn the command line into a runner with the robust test loop."""
    from mmseg_rppgd.evaluation import OtherModel, RobustTestLoop
    from mmseg_rppgd.evaluation.configs import (CheckpointFits,
                                                build_segmentor,
                                                config_settings,
                                                describe_model,
                                                load_test_config, void_label)
    cfg = load_test_config(args.config, args.checkpoint, args.cfg_options)
    set_paths(cfg, args)
    plan = plan_rows(cfg, args)
    set_visualization(cfg, args)
    start_processes(cfg, args.launcher)
    cfg.setdefault('randomness', dict(seed=args.seed))
    cfg.log_level = 'WARNING'  # the screen belongs to the table
    runner = Runner.from_cfg(cfg)
    runner.register_hook(CheckpointFits(), priority='VERY_HIGH')
    device = next(runner.model.parameters()).device

    def other(config: str, checkpoint: str) -> OtherModel:
        return OtherModel(build_segmentor(config, checkpoint, device),
                          describe_model(config, checkpoint))

    # The loop holds objects that a config cannot: rows and other models.
    runner._test_loop = RobustTestLoop(
        runner, cfg.test_dataloader, plan=plan, out_dir=args.out,
        model_info=describe_model(args.config, args.checkpoint),
        settings=config_settings(cfg), seed=args.seed, limit=args.limit,
        resume=args.resume, surface=args.surface,
        surrogate=other(*args.surrogate) if args.surrogate else None,
        others=[other(*model) for model in args.matrix], cache=args.cache,
        ignore_index=void_label(cfg), panels=args.panels,
        probes=args.check_images, fp16=cfg.test_cfg.get('fp16', False))
    return runner


def plan_rows(cfg: Config, args: argparse.Namespace):
    """The attacks that the command line asks for."""
    from mmseg_rppgd.evaluation import make_plan
    from mmseg_rppgd.evaluation.class_counts import count_training_labels
    from mmseg_rppgd.evaluation.configs import num_classes, void_label

    def counts():
        counted = count_training_labels(
            cfg, num_classes(cfg), void_label(cfg), args.out)
        if counted is None:
            print('The training set is not there to be counted: balanced '
                  'losses weigh by the classes of each image instead.')
        return counted

    return make_plan(args.suite, args.attacks, args.eps, args.steps,
                     args.minimal, counts)


def main() -> None:
    args = parse_args()
    with errors_in_a_sentence(__file__):
        require_mmseg()
        build(args).test()
        leave_processes()


if __name__ == '__main__':
    main()
