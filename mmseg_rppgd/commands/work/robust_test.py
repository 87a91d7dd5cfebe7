"""Test how robust a segmentor is; takes what mmseg's tools/test.py takes."""
import argparse
import os.path as osp

from mmengine.config import Config
from mmengine.runner import Runner

from ...cli import set_work_dir, start_processes
from ...config import load_config, refuse_functions, require_checkpoint
from ..words import read_settings
from .process import prepared
from .traces import WorkBegins, taken_back_if_refused

DAY = 24 * 60 * 60


def set_visualization(cfg: Config, args: argparse.Namespace) -> None:
    """Switch on the painting of clean predictions, as mmseg's test does."""
    if not (args.show or args.show_dir):
        return
    hook = (cfg.get('default_hooks') or {}).get('visualization')
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


def build_config(args: argparse.Namespace) -> Config:
    """Turn the command line into a config whose test is the robust one."""
    from ...evaluation.configs import describe_model, load_test_config
    cfg = load_test_config(args.config, args.checkpoint,
                           read_settings(args.cfg_options))
    refuse_functions(cfg)
    set_work_dir(cfg, args)
    set_visualization(cfg, args)
    # The others wait while the first process writes the report.
    start_processes(cfg, args, timeout=DAY)
    cfg.setdefault('randomness', dict(seed=args.seed))
    cfg.log_level = 'WARNING'  # the screen belongs to the table
    cfg.test_cfg = dict(
        type='mmseg_rppgd.RobustTestLoop',
        suite=args.suite,
        attacks=args.attacks,
        eps=args.eps,
        steps=args.steps,
        minimal=args.minimal,
        out_dir=args.out,
        surrogate=args.surrogate,
        others=args.matrix,
        cache=args.cache,
        save_adv=args.save_adv,
        surface=args.surface,
        pixel_range=args.pixel_range,
        seed=args.seed,
        limit=args.limit,
        resume=args.resume,
        batch_size=args.batch_size,
        panels=args.panels,
        probes=args.check_images,
        skip_bad=args.skip_bad,
        model_info=describe_model(args.config, args.checkpoint),
        fp16=cfg.test_cfg.get('fp16', False))
    return cfg


def check_plan(args: argparse.Namespace) -> None:
    """Refuse attacks and other models that there are not.

    Raises:
        FileNotFoundError: If a config or checkpoint is not there.
        KeyError: If an attack is unknown.
        TypeError: If an option of an attack is unknown.
        ValueError: If a suite is unknown, or an option is out of range.
    """
    from ...evaluation.plan import make_plan
    make_plan(args.suite, args.attacks, args.eps, args.steps, args.minimal)
    surrogate = [args.surrogate] if args.surrogate else []
    for config, checkpoint in [*surrogate, *args.matrix]:
        load_config(config)
        require_checkpoint(checkpoint)


def run(args: argparse.Namespace) -> None:
    """Test."""
    with prepared(args):
        cfg = build_config(args)
        check_plan(args)
        report = args.out or osp.join(cfg.work_dir, 'robust')
        with taken_back_if_refused(cfg.work_dir, report,
                                   args.save_adv) as traces:
            runner = Runner.from_cfg(cfg)
            runner.register_hook(WorkBegins(lambda runner: traces.keep()))
            runner.test()
