"""Metrics: by hand, and against mmseg's own."""
import math

import numpy as np
import pytest
import torch

from mmseg_rppgd.metrics import (compute_metrics, count_classes, pack_counts,
                                 unpack_counts)

CLASSES = ('a', 'b', 'c')


def images(seed, count=6, num_classes=3):
    generator = torch.Generator().manual_seed(seed)

    def draw(high):
        return torch.randint(high, (count, 7, 9), generator=generator)

    labels = draw(num_classes)
    labels[draw(5) == 0] = 255
    return draw(num_classes), labels


def metrics_of(predictions, labels, classes=CLASSES):
    counts = [count_classes(p, y, len(classes))
              for p, y in zip(predictions, labels)]
    return compute_metrics(np.stack(counts), classes)


def test_hand_computed():
    first = torch.tensor([[0, 0, 1], [1, 1, 255]])
    second = torch.tensor([[1, 255], [1, 1]])
    result = metrics_of(
        [torch.tensor([[0, 1, 1], [1, 0, 2]]),
         torch.tensor([[1, 0], [0, 1]])], [first, second])
    # First: a 1 of (1+2), b 2 of 4 -> 1/3, 1/2. Second: a 0 of 1, b 2 of 3.
    assert result['per_class']['a'] == pytest.approx(100 * 1 / 4)
    assert result['per_class']['b'] == pytest.approx(100 * 4 / 7)
    assert result['per_class']['c'] is None  # predicted on void alone
    assert result['mIoU'] == pytest.approx(100 * (1 / 4 + 4 / 7) / 2)
    assert result['aAcc'] == pytest.approx(100 * 5 / 8)
    assert result['mAcc'] == pytest.approx(100 * (1 / 2 + 4 / 6) / 2)
    assert result['MisRatio'] == pytest.approx(100 * 3 / 8)
    per_image = ((1 / 3 + 1 / 2) / 2, (0 + 2 / 3) / 2)
    assert result['NmIoU'] == pytest.approx(100 * sum(per_image) / 2)
    per_class = ((1 / 3 + 0) / 2, (1 / 2 + 2 / 3) / 2)
    assert result['CmIoU'] == pytest.approx(100 * sum(per_class) / 2)


@pytest.mark.parametrize('seed', range(3))
def test_equals_mmseg(seed):
    from mmseg.evaluation import IoUMetric
    predictions, labels = images(seed)
    labels[labels == 2] = 1  # a class that is only predicted
    metric = IoUMetric(ignore_index=255, iou_metrics=['mIoU'])
    metric.dataset_meta = dict(classes=CLASSES)
    theirs = metric.compute_metrics([
        metric.intersect_and_union(p, y, 3, 255)
        for p, y in zip(predictions, labels)])
    ours = metrics_of(predictions, labels)
    for key in ('mIoU', 'aAcc', 'mAcc'):
        assert ours[key] == pytest.approx(theirs[key], abs=0.006)


def test_void_pixels_are_in_no_metric():
    predictions, labels = images(0)
    changed = predictions.clone()
    changed[labels == 255] = 1
    assert metrics_of(predictions, labels) == metrics_of(changed, labels)


def test_an_image_without_labels_changes_nothing_but_is_allowed():
    predictions, labels = images(0)
    more = torch.cat([labels, torch.full((1, 7, 9), 255)])
    again = torch.cat([predictions, predictions[:1]])
    assert metrics_of(again, more) == metrics_of(predictions, labels)


def test_undefined_metrics_are_none():
    result = metrics_of([torch.zeros(2, 2)], [torch.full((2, 2), 255)])
    assert result.pop('per_class') == dict.fromkeys(CLASSES)
    assert set(result.values()) == {None}


def test_prediction_outside_the_classes_is_wrong():
    result = metrics_of([torch.tensor([[0, 7]])], [torch.tensor([[0, 0]])])
    assert result['aAcc'] == 50
    assert result['per_class']['a'] == 50


def test_percentages_are_not_rounded():
    result = metrics_of([torch.tensor([[0, 1, 1]])],
                        [torch.tensor([[0, 0, 0]])])
    assert math.isclose(result['aAcc'], 100 / 3, rel_tol=1e-12)


def test_labels_outside_the_classes_are_refused():
    with pytest.raises(ValueError, match=r'\[0, 3\).*255.*but got 7'):
        count_classes(torch.zeros(1, 2), torch.tensor([[0, 7]]), 3)


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r'same size.*\(2, 2\) and \(2, 3\)'):
        count_classes(torch.zeros(2, 2), torch.zeros(2, 3), 3)


def test_counts_survive_storage():
    predictions, labels = images(4, num_classes=9)
    counts = count_classes(predictions[0], labels[0], 20)
    packed = pack_counts(counts)
    assert len(packed['class']) <= 9
    assert (unpack_counts(packed, 20) == counts).all()
