"""RandomGaussianBlur in a pipeline."""
import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmseg_rppgd.registry import TRANSFORMS


def blur(**kwargs):
    init_default_scope('mmseg')
    return TRANSFORMS.build(
        dict(type='mmseg_rppgd.RandomGaussianBlur', **kwargs))


def dot():
    image = np.zeros((9, 9, 3), np.uint8)
    image[4, 4] = 255
    return image


def test_it_spreads_a_dot_over_the_kernel_and_leaves_labels():
    labels = np.arange(81).reshape(9, 9)
    results = blur(prob=1, kernel_size=5)(dict(img=dot(), gt_seg_map=labels))
    wet = results['img'][..., 0] > 0
    assert wet[2:7, 2:7].all() and wet.sum() == 25
    assert results['img'].dtype == np.uint8
    # exp(-d^2 / 2.42) of the standard deviation 1.1
    assert results['img'][4, 5, 0] / results['img'][4, 4, 0] == \
        pytest.approx(np.exp(-1 / 2.42), abs=0.02)
    assert results['gt_seg_map'] is labels


def test_probability():
    assert np.array_equal(blur(prob=0)(dict(img=dot()))['img'], dot())
    np.random.seed(0)
    transform = blur(prob=0.3)
    share = np.mean([transform(dict(img=dot()))['img'][4, 4, 0] < 255
                     for _ in range(1000)])
    assert share == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize('argument, message', [
    (dict(prob=2), 'prob must be in .*got 2'),
    (dict(kernel_size=4), 'kernel_size must be an odd number.*got 4')])
def test_wrong_arguments(argument, message):
    with pytest.raises(ValueError, match=message):
        blur(**argument)
