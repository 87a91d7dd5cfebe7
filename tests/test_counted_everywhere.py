"""An attack of eps 0 gives mmseg's own numbers, whatever counts.

Arrangements of evaluator, data set and head; in the robust test, in
RobustValHook and in a hook on the test loop.
"""
import pytest
import torch
from mmengine.registry import DATASETS
from tiny_runner import TinyDataset, loader, make_runner
from tiny_segmentors import calibrate, head_cfg, segmentor_cfg

from mmseg_rppgd.attacks import BIM

NOTHING = dict(type='BIM', eps=0, alpha=0, steps=1)


@DATASETS.register_module(force=True)
class ArrangedData(TinyDataset):
    """Labels up to ``classes``, the void ones ``void``."""

    def __init__(self, classes=4, void=255, names=None, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.void = void
        names = names or classes
        self.metainfo = dict(classes=tuple('abcdef'[:names]),
                             palette=[[i] * 3 for i in range(names)])

    def full_init(self):
        pass

    def get_data_info(self, index):
        return {}

    def __getitem__(self, index):
        data = super().__getitem__(index)
        labels = data['data_samples'].gt_sem_seg.data
        void = labels == 255
        labels %= self.classes
        labels[void] = self.void
        return data


def arranged(**dataset):
    outer = dataset.pop('outer', None)
    cfg = dict(type='mmengine.ArrangedData', **dataset)
    if outer == 'ConcatDataset':
        cfg = dict(type=outer, datasets=[cfg, cfg])
    elif outer:
        cfg = dict(type=outer, times=2, dataset=cfg)
    return dict(loader(1), dataset=cfg)


def binary(**head):
    return segmentor_cfg(head=head_cfg(loss_decode=dict(
        type='CrossEntropyLoss', use_sigmoid=True), **head))


IOU = dict(type='IoUMetric')
VOID_0 = dict(type='IoUMetric', ignore_index=0)
ARRANGEMENTS = {
    'plain': (segmentor_cfg(), IOU, dict()),
    'evaluator': (segmentor_cfg(), VOID_0, dict(void=0)),
    'evaluator and head': (
        segmentor_cfg(head=head_cfg(ignore_index=0)), VOID_0, dict(void=0)),
    'head alone': (
        segmentor_cfg(head=head_cfg(ignore_index=0)), IOU, dict()),
    'every pixel': (
        segmentor_cfg(), dict(IOU, ignore_index=-1), dict(void=1)),
    'two metrics': (
        segmentor_cfg(), [VOID_0, dict(VOID_0, prefix='b')],
        dict(void=0)),
    'concatenated': (
        segmentor_cfg(), VOID_0, dict(void=0, outer='ConcatDataset')),
    'repeated': (
        segmentor_cfg(), VOID_0, dict(void=0, outer='RepeatDataset')),
    'fewer classes': (segmentor_cfg(), IOU, dict(classes=3)),
    'fewer classes, one void': (
        segmentor_cfg(), VOID_0, dict(classes=3, void=0)),
    'one logit': (
        binary(num_classes=2, out_channels=1), IOU, dict(classes=2)),
    'one class, two names': (binary(num_classes=1), IOU, dict(classes=2)),
    'one class, one name': (
        binary(num_classes=1, threshold=.6), IOU, dict(classes=2, names=1)),
}


def runner_of(tmp_path, arrangement, hooks=(), **kwargs):
    model, evaluator, dataset = ARRANGEMENTS[arrangement]
    data = arranged(**dataset)
    torch.manual_seed(3)
    runner = make_runner(
        tmp_path, model, hooks=hooks, val_dataloader=data,
        test_dataloader=data, val_evaluator=evaluator,
        test_evaluator=evaluator, **kwargs)
    calibrate(runner.model.eval())
    return runner


def robust_val(tmp_path, arrangement, attack):
    hook = dict(type='mmseg_rppgd.RobustValHook', attack=attack)
    metrics = runner_of(tmp_path, arrangement, [hook]).val()
    return [metrics[f'robust/{key}'] for key in ('aAcc', 'mIoU')]


def hook_on_the_test(tmp_path, arrangement, attack):
    hook = dict(type='mmseg_rppgd.AttackHook', attack=attack, stages='test')
    metrics = runner_of(tmp_path, arrangement, [hook]).test()
    return [metrics[key] for key in ('aAcc', 'mIoU')]


def robust_test(tmp_path, arrangement, attack):
    results = runner_of(tmp_path, arrangement, test_cfg=dict(
        type='mmseg_rppgd.RobustTestLoop', attacks=[attack], panels=0,
        probes=0)).test()
    row, = results['attacks']
    for key in ('aAcc', 'mIoU'):
        assert row[key] == results['clean'][key]
    return [row[key] for key in ('aAcc', 'mIoU')]


PLACES = [robust_test, robust_val, hook_on_the_test]


@pytest.mark.parametrize('place', PLACES, ids=lambda x: x.__name__)
@pytest.mark.parametrize('arrangement', ARRANGEMENTS)
def test_without_a_radius_the_numbers_are_mmsegs(tmp_path, arrangement,
                                                 place):
    stock = runner_of(tmp_path / 'stock', arrangement).test()
    found = place(tmp_path / 'own', arrangement, NOTHING)
    # IoUMetric rounds to two digits.
    assert found == pytest.approx([stock['aAcc'], stock['mIoU']], abs=.00501)


class Seen(BIM):
    """Keeps which labels it attacks."""

    labelled = []

    def run(self, model, images, labels, *args, **kwargs):
        void = self.resolved_ignore_index(model)
        self.labelled.append(labels[labels != void])
        return super().run(model, images, labels, *args, **kwargs)


@pytest.mark.parametrize('place', PLACES, ids=lambda x: x.__name__)
@pytest.mark.parametrize('arrangement, classes', [
    ('evaluator', [1, 2, 3]), ('head alone', [0, 1, 2, 3]),
    ('fewer classes, one void', [1, 2]), ('every pixel', [0, 1, 2, 3]),
    ('one class, one name', [0, 1])])
def test_what_is_attacked_is_what_is_measured(tmp_path, arrangement, classes,
                                              place):
    from mmseg_rppgd.registry import ATTACKS
    ATTACKS.register_module(module=Seen, force=True)
    Seen.labelled = []
    try:
        place(tmp_path, arrangement, dict(NOTHING, type='Seen'))
    finally:
        ATTACKS._module_dict.pop('Seen')
    assert torch.cat(Seen.labelled).unique().tolist() == classes


@pytest.mark.parametrize('place', PLACES, ids=lambda x: x.__name__)
def test_metrics_that_disagree_are_refused(tmp_path, place, monkeypatch):
    monkeypatch.setitem(ARRANGEMENTS, 'disagree', (
        segmentor_cfg(), [IOU, dict(VOID_0, prefix='b')], dict(void=0)))
    with pytest.raises(ValueError, match='count different pixels: IoUMetric'):
        place(tmp_path, 'disagree', NOTHING)


@pytest.mark.parametrize('place', PLACES, ids=lambda x: x.__name__)
def test_an_attack_on_other_pixels_is_refused(tmp_path, place):
    with pytest.raises(ValueError, match='BIM has ignore_index=0, but what '
                       'is measured leaves out 255'):
        place(tmp_path, 'plain', dict(NOTHING, ignore_index=0))
