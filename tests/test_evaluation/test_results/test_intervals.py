"""Bootstrap intervals over images, from counts alone."""
import numpy as np
import pytest
from tiny_results import random_counts

from mmseg_rppgd.evaluation.results.intervals import (difference, draw_images,
                                                      interval,
                                                      metric_intervals,
                                                      resampled_metrics,
                                                      worst_intervals)
from mmseg_rppgd.metrics import METRICS, SCALARS, class_iou


def one_class(right, pixels=10):
    """Images of one class of which so many pixels are right."""
    counts = np.zeros((len(right), 3, 1), np.int64)
    counts[:, 0, 0] = counts[:, 1, 0] = right
    counts[:, 2, 0] = pixels
    return counts


def names(counts):
    return [str(c) for c in range(counts.shape[-1])]


def test_every_resample_holds_as_many_images_as_there_are():
    weights = draw_images(7, seed=3, resamples=50)
    assert weights.shape == (50, 7)
    assert (weights.sum(1) == 7).all() and (weights >= 0).all()
    assert (weights == weights.round()).all()
    assert np.array_equal(weights, draw_images(7, seed=3, resamples=50))
    assert not np.array_equal(weights, draw_images(7, seed=4, resamples=50))


def test_every_image_is_as_likely():
    weights = draw_images(4, resamples=20_000)
    assert np.allclose(weights.mean(0), 1, atol=.03)
    # The number of times that an image is drawn is binomial.
    assert np.allclose(weights.var(0), 1 - 1 / 4, atol=.03)


@pytest.mark.parametrize('name', SCALARS)
def test_resampled_metric_is_that_of_the_images_drawn(name):
    """Also where classes or all labels are missing in some images."""
    counts, = random_counts(0, members=1, images=9, classes=6)
    counts[:4, :, 2] = 0
    counts[5] = 0
    weights = draw_images(9, resamples=40)
    values = resampled_metrics(counts, weights)[name]
    for drawn, value in zip(weights.astype(int), values):
        expected = METRICS[name](np.repeat(counts, drawn, axis=0))
        assert value == pytest.approx(expected, abs=1e-10)


def test_every_metric_has_an_interval():
    counts, = random_counts(1, members=1)
    values = resampled_metrics(counts, draw_images(len(counts)))
    assert set(values) == {*SCALARS, 'per_class'}
    assert np.allclose(
        values['per_class'][0],
        class_iou((counts * draw_images(len(counts))[0][:, None, None]
                   ).sum(0)))


def test_counted_metrics_are_no_means_over_images():
    """9 of 10 right of one class, 1 of 90 of another: never 45 + ..."""
    counts = np.zeros((2, 3, 2), np.int64)
    counts[0, :, 0] = 9, 9, 10
    counts[1, :, 1] = 45, 45, 90
    both = np.ones((1, 2))
    assert resampled_metrics(counts, both)['aAcc'] == [54.]  # not 70
    assert resampled_metrics(counts, both)['mIoU'] == [70.]
    twice = np.array([[2., 0.]])
    assert resampled_metrics(counts, twice)['mIoU'] == [90.]


def test_interval_by_hand():
    """Of two images a quarter of the resamples holds each one alone."""
    weights = draw_images(2)
    found = metric_intervals(one_class([2, 8]), weights, ['road'])
    assert found['aAcc'] == [20, 80]
    assert found['MisRatio'] == [20, 80]
    assert found['mIoU'] == found['per_class']['road'] == [20, 80]
    values = resampled_metrics(one_class([2, 8]), weights)['aAcc']
    shares = [(values == value).mean() for value in (20, 50, 80)]
    assert shares == pytest.approx([.25, .5, .25], abs=.05)


def test_ends_are_the_quantiles():
    assert interval(np.arange(1001.)) == [25, 975]
    assert interval(np.array([np.nan, 3., np.nan])) == [3, 3]
    assert interval(np.array([np.nan])) is None


def test_interval_equals_that_of_scipy():
    """Of images of one size aAcc is a mean, as scipy can resample it."""
    stats = pytest.importorskip('scipy.stats')
    right = np.random.default_rng(0).integers(20, 90, 30)
    expected = stats.bootstrap(
        (right, ), np.mean, n_resamples=20_000, method='percentile',
        random_state=np.random.default_rng(1)).confidence_interval
    weights = draw_images(30, resamples=20_000)
    found = metric_intervals(one_class(right, 100), weights, ['x'])['aAcc']
    assert found == pytest.approx(list(expected), abs=.25)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """95 % of 300 small worlds, a little less for 30 images."""
    rng = np.random.default_rng(0)
    weights = draw_images(30, resamples=400)
    inside = []
    for _ in range(300):
        right = rng.binomial(1000, rng.beta(4, 2, 30))
        low, high = interval(resampled_metrics(
            one_class(right, 1000), weights)['aAcc'])
        inside.append(low <= 100 * 4 / 6 <= high)
    assert .89 <= np.mean(inside) <= .98


@pytest.mark.parametrize('images', [0, 1])
def test_one_image_says_nothing_of_others(images):
    counts = one_class([5] * images)
    weights = draw_images(images)
    found = metric_intervals(counts, weights, ['road'])
    assert set(found) == {*SCALARS, 'per_class'}
    assert all(found[name] is None for name in SCALARS)
    assert found['per_class'] == {'road': None}
    assert worst_intervals(dict(aAcc=counts), weights) == dict(aAcc=None)


def test_what_is_undefined_has_no_interval():
    counts = np.zeros((3, 3, 2), np.int64)
    counts[:, :, 0] = 4, 5, 6
    found = metric_intervals(counts, draw_images(3), ['a', 'b'])
    assert found['per_class']['b'] is None and found['mIoU'] is not None


def test_worst_case_keeps_who_stands_for_an_image():
    counts = random_counts(2)[0]
    weights = draw_images(len(counts))
    values = resampled_metrics(counts, weights)
    assert worst_intervals(
        dict(aAcc=counts, mIoU_greedy=counts), weights) == dict(
            aAcc=interval(values['aAcc']),
            mIoU_greedy=interval(values['mIoU']))


def test_paired_difference_by_hand():
    """Images differ widely, the models always by one pixel."""
    ours, others = one_class([1, 5, 9]), one_class([2, 6, 10])
    found = difference(ours, others, 'aAcc', draw_images(3))
    assert found['value'] == pytest.approx(10)
    assert found['interval'] == pytest.approx([10, 10])
    assert found['differs'] is True
    low, high = metric_intervals(ours, draw_images(3), ['x'])['aAcc']
    assert high - low > 50  # unpaired, nothing could be said


def test_differences_that_hold_zero_are_none():
    ours, others = one_class([5, 5, 5, 5]), one_class([7, 3, 6, 4])
    found = difference(ours, others, 'aAcc', draw_images(4))
    assert found['value'] == 0 and found['differs'] is False
    same = difference(ours, ours, 'aAcc', draw_images(4))
    assert same == dict(value=0, interval=[0, 0], differs=False)
    alone = difference(ours[:1], others[:1], 'aAcc', draw_images(1))
    assert alone == dict(value=20, interval=None, differs=None)
