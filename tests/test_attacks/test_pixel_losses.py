import math

import pytest
import torch

from mmseg_rppgd.attacks.pixel_losses import (PIXEL_LOSSES, cross_entropy,
                                              tsallis)

# One pixel a column: right by far, right narrowly, wrong.
LOGITS = torch.tensor([[2., 0., 0.], [0.1, 0., 0.], [0., 3., 0.]],
                      dtype=torch.float64).t().reshape(1, 3, 1, 3)
LABELS = torch.zeros(1, 1, 3, dtype=torch.int64)


def probabilities():
    return LOGITS[0, :, 0].softmax(0)  # (C, pixels)


def test_cross_entropy_is_minus_log_probability():
    losses = PIXEL_LOSSES['ce'](LOGITS, LABELS)
    assert torch.allclose(losses[0, 0], -probabilities()[0].log())


def test_jensen_shannon_equals_its_definition_and_bound():
    losses = PIXEL_LOSSES['js'](LOGITS, LABELS)[0, 0]
    for p, loss in zip(probabilities().t(), losses):
        q = torch.tensor([1., 0., 0.], dtype=p.dtype)
        mean = (p + q) / 2
        expected = (torch.special.xlogy(p, p / mean).sum() +
                    torch.special.xlogy(q, q / mean).sum()) / 2
        assert loss == pytest.approx(expected.item())
    far = torch.tensor([-200., 0.]).view(1, 2, 1, 1)
    bound = PIXEL_LOSSES['js'](far, torch.zeros(1, 1, 1, dtype=torch.int64))
    assert bound.item() == pytest.approx(math.log(2))


def test_margin_is_best_other_minus_label():
    assert torch.allclose(
        PIXEL_LOSSES['margin'](LOGITS, LABELS)[0, 0],
        torch.tensor([-2., -.1, 3.], dtype=torch.float64))


def test_spherical_and_cosine_of_hand_computed_logits():
    logits = torch.tensor([3., -4.], dtype=torch.float64).view(1, 2, 1, 1)
    labels = torch.zeros(1, 1, 1, dtype=torch.int64)
    assert PIXEL_LOSSES['spherical'](logits, labels).item() == -.6
    assert PIXEL_LOSSES['cosine'](logits, labels).item() == pytest.approx(.4)


@pytest.mark.parametrize('name', PIXEL_LOSSES)
def test_every_pixel_loss_grows_as_the_label_logit_falls(name):
    logits = (LOGITS + .5).requires_grad_()
    PIXEL_LOSSES[name](logits, LABELS).sum().backward()
    assert (logits.grad[:, 0] < 0).all()


@pytest.mark.parametrize('name', ['spherical', 'cosine'])
def test_logits_that_are_all_zero_have_a_bounded_gradient(name):
    logits = torch.zeros(1, 3, 1, 1, requires_grad=True)
    labels = torch.zeros(1, 1, 1, dtype=torch.int64)
    PIXEL_LOSSES[name](logits, labels).sum().backward()
    assert logits.grad.square().isfinite().all()


@pytest.mark.parametrize('q', [-2, -.5, 0, .5, 1 - 1e-9])
def test_tsallis_equals_its_definition(q):
    p = probabilities()[0]
    expected = (1 - p**(1 - q)) / (1 - q)
    losses = tsallis(LOGITS, LABELS, q)[0, 0]
    assert torch.allclose(losses, expected, rtol=1e-6, atol=0)


def test_tsallis_of_q_one_is_the_cross_entropy_and_its_limit():
    expected = cross_entropy(LOGITS, LABELS)
    assert torch.equal(tsallis(LOGITS, LABELS, 1), expected)
    near = tsallis(LOGITS, LABELS, 1 - 1e-12)
    assert torch.allclose(near, expected, rtol=1e-10, atol=0)


def test_tsallis_of_q_zero_and_minus_one_by_hand():
    """1 - p, and (1 - p^2) / 2; for two logits ln 3 apart p = 3/4."""
    logits = torch.tensor([math.log(3), 0.], dtype=torch.float64)
    logits, labels = logits.view(1, 2, 1, 1), torch.zeros(1, 1, 1).long()
    assert tsallis(logits, labels, 0).item() == pytest.approx(1 / 4)
    assert tsallis(logits, labels, -1).item() == pytest.approx(7 / 32)


@pytest.mark.parametrize('q', [-2, 0, .5, 1])
def test_gradient_of_tsallis_is_that_of_cross_entropy_times_a_power(q):
    logits = LOGITS.clone().requires_grad_()
    grads = [
        torch.autograd.grad(loss.sum(), logits)[0]
        for loss in (tsallis(logits, LABELS, q),
                     cross_entropy(logits, LABELS))]
    weight = probabilities()[0]**(1 - q)
    assert torch.allclose(grads[0], weight * grads[1], rtol=1e-12, atol=0)
    assert torch.autograd.gradcheck(
        lambda z: tsallis(z, LABELS, q), logits)


@pytest.mark.parametrize('gap', [-1e4, -200., 200., 1e4])
def test_tsallis_of_sure_pixels_is_finite(gap):
    logits = torch.tensor([gap, 0.]).view(1, 2, 1, 1).requires_grad_()
    loss = tsallis(logits, torch.zeros(1, 1, 1).long(), -2)
    loss.sum().backward()
    assert loss.isfinite().all() and logits.grad.isfinite().all()
    assert loss.item() == pytest.approx(1 / 3 if gap < 0 else 0)
