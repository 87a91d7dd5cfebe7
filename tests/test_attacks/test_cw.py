import pytest
import torch
from toy_models import adv_lib, pixel_classifier

from mmseg_rppgd.attacks import CW, PGD
from mmseg_rppgd.attacks.pixel_losses import margin


def seeded():
    return torch.Generator().manual_seed(4)


def wrong_pixels(model, images, labels):
    wrong = (model(images).logits.argmax(1) != labels) & (labels != 255)
    return wrong.sum((1, 2))


def test_linf_is_the_default_and_steps_follow_the_norm():
    assert (CW().norm, CW().steps) == ('linf', 40)
    assert CW(norm='l2').steps == 100
    assert CW(norm='l2', steps=3).steps == 3


def test_linf_step_is_along_the_margin_of_right_pixels(model, images, labels):
    """At confidence 0 wrong pixels have no gradient."""
    model.eval()
    leaf = images.clone().requires_grad_()
    labelled = labels != 255
    gaps = margin(model(leaf).logits, labels.masked_fill(~labelled, 0))
    grad, = torch.autograd.grad(gaps[labelled & (gaps < 0)].sum(), leaf)
    adv_images = CW(.1, alpha=.02, steps=1, random_start=False)(
        model, images, labels)
    assert torch.allclose(
        adv_images, (images + .02 * grad.sign()).clamp(0, 1), atol=1e-15)


@pytest.mark.parametrize('targeted', [False, True])
@pytest.mark.parametrize('confidence', [0., .4])
def test_pixel_is_left_alone_beyond_the_confidence(targeted, confidence,
                                                   linear_victim):
    images = torch.full((1, 3, 1, 1), .5, dtype=torch.float64)
    images[:, 0] = .8  # class 0
    labels = torch.full((1, 1, 1), int(targeted))
    adv_images = CW(
        .5, steps=100, alpha=.005, confidence=confidence, targeted=targeted,
        random_start=False, keep='last')(linear_victim, images, labels)
    # To leave class 0 and to reach class 1 is the same here. The last step
    # of .005 moves the margin by .035.
    reached = margin(linear_victim(adv_images), torch.zeros_like(labels))
    assert confidence <= reached + 1e-9 <= confidence + .036


def test_l2_equals_adv_lib_on_a_classifier():
    """Iterates of Adam in tanh space, with c fixed."""
    reference = adv_lib('attacks.carlini_wagner.l2')
    images = .1 + .8 * torch.rand(4, 3, 3, 3, dtype=torch.float64)
    classifier = pixel_classifier(size=3)
    labels = classifier(images).argmax(1)
    theirs = []

    def watched(batch):
        theirs.append(batch.detach().clone())
        return classifier(batch)[:, :, 0, 0]

    reference.carlini_wagner_l2(
        watched, images, labels[:, 0, 0], initial_const=2.,
        binary_search_steps=1, max_iterations=30, abort_early=False)
    ours = []
    CW(10., norm='l2', c=2., steps=29)(
        classifier, images, labels,
        callback=lambda step, adv_images: ours.append(adv_images))
    assert len(theirs) == 30 and len(ours) == 29
    for mine, expected in zip(ours, theirs[1:]):
        assert torch.allclose(mine, expected, rtol=0, atol=1e-7)


def test_l2_finds_a_small_change_of_a_linear_victim(linear_victim):
    images = torch.full((1, 3, 1, 1), .5, dtype=torch.float64)
    images[0, 0] = .6
    labels = linear_victim(images).argmax(1)
    weight = linear_victim.weight.double()
    distance = ((images[0, :, 0, 0] * weight).sum() / weight.norm()).abs()
    adv_images = CW(1., norm='l2', c=.1, steps=200, lr=.002)(
        linear_victim, images, labels)
    size = (adv_images - images).norm()
    assert distance <= size <= 1.2 * distance


@pytest.mark.parametrize('norm, eps', [('linf', .1), ('l2', 1.)])
def test_it_makes_most_pixels_wrong(norm, eps, model, images):
    labels = model.eval()(images).logits.argmax(1)
    adv_images = CW(eps, norm=norm, c=20)(
        model, images, labels, generator=seeded())
    noise = PGD(eps, norm=norm, alpha=0, steps=1)(
        model, images, labels, generator=seeded())
    assert (wrong_pixels(model, adv_images, labels) > 3 +
            wrong_pixels(model, noise, labels)).all()


def test_l2_iterates_outside_a_small_ball_are_projected(model, images,
                                                        labels):
    model.eval()
    adv_images = CW(.05, norm='l2', c=100, lr=.1, steps=20)(
        model, images, labels)
    size = (adv_images - images).flatten(1).norm(dim=1)
    assert (size <= .05 + 1e-12).all() and (size > .049).all()


def test_saturated_pixels_can_be_attacked(linear_victim):
    """tanh space has no finite point for a pixel of 0 or 1."""
    images = torch.tensor([0., 1., 0.]).view(1, 3, 1, 1)
    labels = linear_victim(images).argmax(1)
    adv_images = CW(1.5, norm='l2', c=100, lr=.3, steps=200)(
        linear_victim, images, labels)
    assert adv_images.isfinite().all()
    assert linear_victim(adv_images).argmax(1) != labels


@pytest.mark.parametrize('kwargs, message', [
    (dict(confidence=-1), 'confidence must be >= 0'),
    (dict(c=0), 'c must be > 0'),
    (dict(lr=-.1), 'lr must be >= 0'),
    (dict(norm='l1'), 'norm must be one of'),
])
def test_bad_settings_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        CW(**{'norm': 'l2', **kwargs})
