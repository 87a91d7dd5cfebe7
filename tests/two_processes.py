"""What test_two_processes.py runs in each of two processes.

Usage: python two_processes.py WORK_DIR, with the environment of torchrun.
"""
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from tiny_runner import runner_cfg, wrapped
from tiny_segmentors import segmentor_cfg

from mmseg_rppgd.attacks import RPPGD
from mmseg_rppgd.compat import distribute_without_gpu, leave_processes
from mmseg_rppgd.registry import ATTACKS

# How it is attacked, and find_unused_parameters.
CASES = ['hook-False', 'hook-True', 'wrapper-False', 'wrapper-True',
         'ddcat-False']


class Reductions:
    """Counts gradient buckets that DDP reduces."""

    def __init__(self):
        self.count = 0
        self.inside_attacks = 0
        self.attacks = 0

    def reduce(self, state, bucket):
        self.count += 1
        future = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
        return future.then(lambda f: f.value()[0] / dist.get_world_size())


class CountingRPPGD(RPPGD):
    """Notes what is reduced while it runs."""

    reductions = None

    def run(self, *args, **kwargs):
        before = self.reductions.count
        result = super().run(*args, **kwargs)
        self.reductions.inside_attacks += self.reductions.count - before
        self.reductions.attacks += 1
        return result


def train(work_dir, kind, find_unused_parameters):
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner
    attack = dict(type='CountingRPPGD', steps=2)
    segmentor = segmentor_cfg(auxiliary=True)
    robust = dict(type='mmseg_rppgd.RobustValHook',
                  attack=dict(type='PGD', steps=1), num_images=3)
    if kind == 'hook':
        model, hooks = segmentor, [
            dict(type='mmseg_rppgd.AttackHook', attack=attack)]
    else:
        model, hooks = wrapped(attack, segmentor), []
    if kind == 'ddcat':
        model['type'] = 'mmseg_rppgd.DDCATSegmentor'
    cfg = runner_cfg(
        work_dir, model, max_iters=3, val_interval=3, train=dict(length=8),
        hooks=[*hooks, robust], launcher='pytorch', checkpoint=dict(
            save_best='robust/mIoU'),
        find_unused_parameters=find_unused_parameters)
    distribute_without_gpu(cfg)
    init_default_scope('mmseg')
    import mmseg.evaluation  # noqa: F401
    runner = Runner.from_cfg(cfg)
    reductions = CountingRPPGD.reductions = Reductions()
    runner.model.register_comm_hook(None, reductions.reduce)
    runner.train()
    scalars = runner.message_hub.log_scalars
    return dict(
        state=runner.model.module.state_dict(),
        robust=scalars['val/robust/mIoU'].data[0].tolist(),
        best=runner.message_hub.get_info('best_score'),
        mis_ratio=scalars['train/attack_mis_ratio'].data[0].tolist(),
        reductions=vars(reductions),
        training=runner.model.module.training)


def main():
    work_dir = Path(sys.argv[1])
    dist.init_process_group('gloo')
    results = {}
    for name in CASES:
        kind, _, find_unused = name.partition('-')
        results[name] = train(work_dir / name, kind, find_unused == 'True')
    torch.save(results, work_dir / f'rank{dist.get_rank()}.pt')
    leave_processes()


if __name__ == '__main__':
    # Not where a test imports this file: others look at what is registered.
    ATTACKS.register_module(module=CountingRPPGD)
    main()
