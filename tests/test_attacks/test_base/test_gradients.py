import pytest
import torch

from mmseg_rppgd.attacks.base import (FiniteCheck, ascent_gradient,
                                      check_inputs, gradient)


def test_gradient_is_that_of_each_image_times_its_labelled_pixels():
    images = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    labels = torch.zeros(2, 4, 4, dtype=torch.int64)
    labels[0, 0] = 255
    inputs = check_inputs(images, labels, None, 255, False)
    leaf = images.clone().requires_grad_()
    loss = leaf.square().sum((1, 2, 3))
    grad = ascent_gradient(loss, leaf, inputs)
    count = torch.tensor([12., 16.]).view(2, 1, 1, 1)
    assert torch.allclose(grad, 2 * images * count)


@pytest.mark.parametrize('value', [
    lambda images: images.detach().sum(),
    lambda images: torch.zeros((), requires_grad=True)
], ids=['detached', 'apart'])
def test_what_does_not_depend_on_the_images_is_refused(value):
    images = torch.rand(1, 3, 2, 2, requires_grad=True)
    with pytest.raises(ValueError, match='does not depend on images'):
        gradient(value(images), images)


def test_first_step_that_is_not_finite_is_named():
    finite = FiniteCheck('PGD', 5, torch.device('cpu'))
    fine = torch.ones(2, 3, 2, 2)
    bad = fine.clone()
    bad[1, 0, 0, 0] = float('nan')
    finite.see(fine, 1)
    finite.raise_if_not()
    for step in (2, 3):
        finite.see(bad, step)
    finite.see(fine, 4)
    with pytest.raises(FloatingPointError, match='gradient of PGD is not '
                       'finite at step 2 of 5; look for infinite logits'):
        finite.raise_if_not()
