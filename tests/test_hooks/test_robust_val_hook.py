"""robust/mIoU among the validation metrics."""
import copy
import os.path as osp

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import DATASETS
from tiny_runner import TinyDataset, loader, make_runner, scalars, wrapped
from tiny_segmentors import calibrate

from mmseg_rppgd.attacks import PGD as PGDAttack
from mmseg_rppgd.hooks import RobustValHook

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
    right = iter([1, 2])  # of four pixels of the one class
    monkeypatch.setattr(
        RobustValHook, 'counts', lambda self, runner, *args: torch.tensor(
            [[next(right)], [4], [4]]))
    _, metrics = train(tmp_path, dict(interval=2),
                       checkpoint=dict(save_best=KEY))
    assert [m['robust/aAcc'] for m in metrics] == [25., 25., 50.]


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


@DATASETS.register_module(force=True)
class OddData(TinyDataset):
    """Has one class less than the head; the first may be left out."""

    metainfo = dict(classes=('a', 'b', 'c'), palette=[[0] * 3] * 3)

    def __init__(self, void=255):
        super().__init__()
        self.void = void

    def __getitem__(self, index):
        data = super().__getitem__(index)
        labels = data['data_samples'].gt_sem_seg.data
        labels[(labels == 3) | (labels == 255)] = self.void
        return data


@pytest.mark.parametrize('settings', [
    dict(),
    dict(val_dataloader=dict(loader(1), dataset=dict(
        type='mmengine.OddData'))),
    dict(val_evaluator=dict(type='IoUMetric', ignore_index=0),
         val_dataloader=dict(loader(1), dataset=dict(
             type='mmengine.OddData', void=0)))])
def test_without_a_radius_it_is_the_stock_metric(tmp_path, settings):
    runner = make_runner(tmp_path, hooks=[
        dict(type='mmseg_rppgd.RobustValHook',
             attack=dict(type='BIM', eps=0, steps=1))], **settings)
    calibrate(runner.model.eval())
    metrics = runner.val()
    # IoUMetric rounds to two digits.
    for name in ('mIoU', 'aAcc'):
        assert metrics[f'robust/{name}'] == pytest.approx(
            metrics[name], abs=.00501)


def test_noise_is_the_same_on_every_device(tmp_path):
    devices = []

    class Probe(PGDAttack):

        def run(self, model, images, labels, mask=None, callback=None,
                generator=None):
            devices.extend(g.device.type for g in generator)
            return super().run(model, images, labels, mask, callback,
                               generator)

    runner = make_runner(tmp_path)
    runner.model.eval()
    RobustValHook(Probe(steps=1), num_images=2).after_val_epoch(runner, {})
    assert devices == ['cpu', 'cpu']


def test_targets_are_refused():
    with pytest.raises(ValueError, match='RobustValHook takes no targeted '
                       'attack, but got PGD with targeted=True'):
        RobustValHook(dict(type='PGD', targeted=True))


@pytest.mark.parametrize('name', ['num_images', 'interval'])
def test_numbers_are_checked(name):
    with pytest.raises(ValueError, match=f'{name} must be an int >= 1'):
        RobustValHook(PGD, **{name: 0})


@DATASETS.register_module(force=True)
class ShiftedData(TinyDataset):
    """Gives another image each time."""

    def __getitem__(self, index):
        data = super().__getitem__(index)
        data['inputs'] = data['inputs'].roll(
            int(torch.randint(1, 9, ())), -1)
        return data


def test_images_that_change_by_chance_are_refused(tmp_path):
    torch.manual_seed(0)
    runner = make_runner(tmp_path, hooks=[
        dict(type='mmseg_rppgd.RobustValHook', attack=PGD)],
        val_dataloader=dict(loader(1), dataset=dict(
            type='mmengine.ShiftedData')))
    with pytest.raises(ValueError, match='image_0.png is another image'):
        runner.val()
