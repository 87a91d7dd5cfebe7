"""robust/mIoU among the validation metrics."""
import copy
import os.path as osp

import pytest
import torch
from mmengine.hooks import Hook
from tiny_runner import make_runner, scalars, wrapped

from mmseg_rppgd.hooks import RobustValHook
from mmseg_rppgd.hooks.robust_val_hook import class_counts, summary

PGD = dict(type='PGD', steps=2)
KEY = 'robust/mIoU'


class Collect(Hook):
    priority = 'LOWEST'

    def __init__(self):
        self.metrics = []

    def after_val_epoch(self, runner, metrics=None):
        self.metrics.append(dict(metrics))


def train(tmp_path, hook=(), **kwargs):
    hook = dict(type='mmseg_rppgd.RobustValHook', attack=PGD, **dict(hook))
    collect = Collect()
    runner = make_runner(tmp_path, hooks=[hook, *kwargs.pop('hooks', [])],
                         **dict(dict(val_interval=1, max_iters=3), **kwargs))
    runner.register_hook(collect)
    runner.train()
    return runner, collect.metrics


def test_metrics_are_added_and_logged(tmp_path):
    runner, metrics = train(tmp_path)
    assert len(metrics) == 3 and all(
        0 <= m[KEY] <= 100 and 'mIoU' in m for m in metrics)
    assert scalars(runner, f'val/{KEY}') == [m[KEY] for m in metrics]


def test_it_saves_the_best(tmp_path):
    runner, metrics = train(
        tmp_path, checkpoint=dict(save_best=KEY))
    best = runner.message_hub.get_info('best_score')
    assert best == max(m[KEY] for m in metrics)
    assert osp.exists(runner.message_hub.get_info('best_ckpt'))


def test_values_depend_on_the_model_alone(tmp_path):
    runner, _ = train(tmp_path)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    metrics = [dict(), dict()]
    hook = RobustValHook(PGD, num_images=2)
    runner.model.eval()
    for m in metrics:
        hook.after_val_epoch(runner, m)
    assert metrics[0] == metrics[1]
    assert torch.equal(state, torch.get_rng_state())


def test_between_intervals_the_last_value_stays(tmp_path, monkeypatch):
    values = iter([1., 2.])
    monkeypatch.setattr('mmseg_rppgd.hooks.robust_val_hook.summary',
                        lambda counts: {KEY: next(values)})
    _, metrics = train(tmp_path, dict(interval=2),
                       checkpoint=dict(save_best=KEY))
    assert [m[KEY] for m in metrics] == [1., 1., 2.]


def test_it_measures_the_averaged_weights(tmp_path):
    seen = []

    class Probe(RobustValHook):

        def counts(self, runner, *args):
            seen.append(copy.deepcopy(runner.model.state_dict()))
            return super().counts(runner, *args)

    runner = make_runner(tmp_path, val_interval=2, hooks=[
        dict(type='EMAHook', momentum=0.5)])
    runner.register_hook(Probe(PGD))
    runner.train()
    weight = 'decode_head.conv_seg.weight'
    ema = next(h for h in runner.hooks if hasattr(h, 'ema_model'))
    assert torch.equal(seen[0][weight],
                       ema.ema_model.module.state_dict()[weight])
    assert not torch.equal(seen[0][weight], runner.model.state_dict()[weight])


def test_wrapped_model_and_plain_validation(tmp_path):
    _, metrics = train(tmp_path, model=wrapped())
    assert KEY in metrics[0]


def test_counts_follow_the_stock_metric():
    from mmseg.evaluation import IoUMetric
    prediction = torch.randint(4, (1, 20, 20))
    labels = torch.randint(4, (1, 20, 20))
    labels[:, :5] = 255
    inter, union, _, _ = IoUMetric.intersect_and_union(
        prediction.clone(), labels.clone(), 4, 255)
    counts = class_counts(prediction, labels, 4, 255).double()
    assert summary(counts)[KEY] == pytest.approx(
        100 * (inter / union).mean().item())


def test_absent_classes_do_not_count():
    counts = torch.tensor([[3., 0], [3, 0], [4, 0]]).double()
    assert summary(counts) == {KEY: 75., 'robust/aAcc': 75.}


@pytest.mark.parametrize('name', ['num_images', 'interval'])
def test_numbers_are_checked(name):
    with pytest.raises(ValueError, match=f'{name} must be an int >= 1'):
        RobustValHook(PGD, **{name: 0})
