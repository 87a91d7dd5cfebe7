"""Which pixels count, decided in one place."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from tiny_segmentors import head_cfg, tiny_segmentor

from mmseg_rppgd.attacks import PGD, EnsembleAttack
from mmseg_rppgd.pixel_model import CountedPixels, PixelModel
from mmseg_rppgd.pixel_model.counted import class_names, void_label


def metrics():
    init_default_scope('mmseg')
    import mmseg.evaluation  # noqa: F401
    from mmseg.evaluation import IoUMetric
    from mmseg.registry import METRICS

    @METRICS.register_module(force=True)
    class HiddenVoid(IoUMetric):

        def __init__(self, **kwargs):
            super().__init__(ignore_index=7, **kwargs)

    return IoUMetric, HiddenVoid


@pytest.mark.parametrize('evaluator, label', [
    (dict(type='IoUMetric'), 255),
    (dict(type='IoUMetric', ignore_index=7), 7),
    (dict(type='IoUMetric', ignore_index=None), None),
    ([dict(type='A'), dict(type='B', ignore_index=3)], 3),
    (dict(metrics=[dict(type='IoUMetric', ignore_index=4)]), 4),
    (dict(type='HiddenVoid'), 7), (None, 9), ([], 9),
])
def test_void_is_what_the_evaluator_leaves_out(evaluator, label):
    metrics()
    assert void_label(evaluator, 9) == label


def test_a_built_evaluator_says_the_same():
    iou, hidden = metrics()
    assert void_label(iou(ignore_index=5)) == 5
    assert void_label(hidden()) == 7
    assert void_label(Evaluator([iou(), iou(iou_metrics=['mDice'])])) == 255


def test_metrics_that_count_other_pixels_are_refused():
    iou, _ = metrics()
    configs = [dict(type='IoUMetric'), dict(type='IoUMetric', ignore_index=0)]
    for evaluator in (configs, Evaluator([iou(), iou(ignore_index=0)])):
        with pytest.raises(ValueError, match='count different pixels: '
                           'IoUMetric leaves out 255, IoUMetric leaves out 0'):
            void_label(evaluator)


def test_a_loop_counts_what_its_evaluator_does():
    model = PixelModel(tiny_segmentor(head=head_cfg(ignore_index=3)))
    iou, _ = metrics()
    evaluator = Evaluator([iou(ignore_index=1)])
    evaluator.dataset_meta = dict(classes=('a', 'b'))
    assert CountedPixels.of_loop(
        SimpleNamespace(evaluator=evaluator), model) == CountedPixels(1, 2)
    assert CountedPixels.of_loop(SimpleNamespace(),
                                 model) == CountedPixels(3, 4)
    assert CountedPixels.of_loss(model) == CountedPixels(3, 4)


def test_an_attack_follows():
    attack = PGD()
    followed = CountedPixels(0, 4).attacked(attack)
    assert followed.ignore_index == 0 and attack.ignore_index is None
    own = PGD(ignore_index=0)
    assert CountedPixels(0, 4).attacked(own) is own
    assert CountedPixels(None, 4).attacked(attack).ignore_index == -1


@pytest.mark.parametrize('kind', [
    PGD(ignore_index=0), EnsembleAttack([dict(type='PGD')], ignore_index=0)])
def test_an_attack_on_other_pixels_is_refused(kind):
    with pytest.raises(ValueError, match=f'{kind.name} has ignore_index=0, '
                       'but what is measured leaves out 255'):
        CountedPixels(255, 4).attacked(kind)


def test_labels_are_those_of_the_data_set_and_of_the_head():
    labels = torch.tensor([[0, 1, 2, 255]])
    CountedPixels(255, 3).check(labels, 4, 'a.png')
    for counted, limit in ((CountedPixels(255, 2), 4),
                           (CountedPixels(255, 3), 2)):
        with pytest.raises(ValueError, match=r'\[0, 2\) .*a.png has 2'):
            counted.check(labels, limit, 'a.png')
    with pytest.raises(ValueError, match='be None .*a.png has 255'):
        CountedPixels(None, 3).check(labels, 4, 'a.png')


def test_the_one_class_of_a_binary_head_has_a_background():
    CountedPixels(255, 1).check(torch.tensor([[0, 1, 255]]), 2, 'a.png')
    with pytest.raises(ValueError, match='a.png has 2'):
        CountedPixels(255, 1).check(torch.tensor([[2]]), 2, 'a.png')


@pytest.mark.parametrize('num_classes', [1, 2, 4])
@pytest.mark.parametrize('void', [255, 0, None])
def test_it_counts_as_mmseg_does(num_classes, void):
    iou, _ = metrics()
    generator = torch.Generator().manual_seed(1)
    labels, prediction = torch.randint(
        max(2, num_classes), (2, 9, 9), generator=generator)
    if void == 255:
        labels[:2] = 255
    areas = iou.intersect_and_union(
        prediction, labels, num_classes, -1 if void is None else void)
    counts = CountedPixels(void, num_classes).count(prediction, labels)
    right, _, predicted, labelled = areas
    assert counts.tolist() == torch.stack(
        [right, predicted, labelled]).tolist()


def test_ignored_pixels_are_those_of_the_void_label():
    labels = torch.tensor([[0, 255], [1, 0]])
    assert CountedPixels(255, 2).ignored(labels).tolist() == [
        [False, True], [False, False]]
    assert CountedPixels(0, 2).ignored(labels).sum() == 2
    assert not CountedPixels(None, 2).ignored(labels).any()


def test_classes_in_capitals_are_named():
    assert class_names(dict(classes=('a', ))) == ('a', )
    with pytest.raises(ValueError, match='metainfo has CLASSES, .*lower case'
                       '.*classes='):
        class_names(dict(CLASSES=('a', )))
    with pytest.raises(ValueError, match='names no classes; write'):
        class_names(dict(classes=()))
