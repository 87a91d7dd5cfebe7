import sys
from types import ModuleType

import pytest
import torch
from toy_models import adv_lib, pixel_classifier

from mmseg_rppgd.attacks import DeepFool

NORMS = {'linf': float('inf'), 'l2': 2}


@pytest.fixture
def progress_bar(monkeypatch):
    """adv-lib imports tqdm beside its DeepFool, without using it there."""
    monkeypatch.setitem(sys.modules, 'tqdm', ModuleType('tqdm'))


@pytest.mark.parametrize('norm', NORMS)
def test_result_equals_adv_lib_on_a_classifier(norm, progress_bar):
    """Segmentation into one pixel is classification."""
    reference = adv_lib('attacks.deepfool')
    images = .2 + .6 * torch.rand(6, 3, 4, 4, dtype=torch.float64)
    classifier = pixel_classifier(size=4)
    labels = classifier(images).argmax(1)
    expected = reference.df(
        lambda batch: classifier(batch)[:, :, 0, 0], images, labels[:, 0, 0],
        norm=NORMS[norm])
    adv_images = DeepFool(
        1. if norm == 'linf' else 10., norm=norm)(classifier, images, labels)
    assert (classifier(adv_images).argmax(1) != labels).all()
    assert torch.allclose(adv_images, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize('norm', NORMS)
def test_distance_to_a_linear_boundary_is_found(norm, linear_victim):
    images = .3 + .4 * torch.rand(5, 3, 1, 1, dtype=torch.float64)
    labels = linear_victim(images).argmax(1)
    weight = linear_victim.weight.double()
    dual = weight.norm() if norm == 'l2' else weight.abs().sum()
    distance = (images[..., 0, 0] @ weight).abs() / dual
    expected = 1.02 * (distance + 1e-4)
    adv_images, norms = DeepFool(norm=norm, steps=3).minimal(
        linear_victim, images, labels)
    assert torch.allclose(norms, expected, rtol=0, atol=1e-12)
    assert (linear_victim(adv_images).argmax(1) != labels).all()


def test_pixels_that_are_wrong_already_do_not_steer(linear_victim):
    images = torch.full((1, 3, 1, 2), .5, dtype=torch.float64)
    labels = linear_victim(images).argmax(1)
    labels[..., 1] = 1 - labels[..., 1]
    adv_images = DeepFool(.2, norm='l2', steps=5)(
        linear_victim, images, labels)
    assert torch.equal(adv_images[..., 1], images[..., 1])
    assert not torch.equal(adv_images[..., 0], images[..., 0])


def test_iterates_stay_in_the_ball(model, images, labels):
    seen = []
    DeepFool(.01, steps=6)(
        model, images, labels,
        callback=lambda step, adv_images: seen.append(adv_images))
    assert len(seen) == 6
    assert all((x - images).abs().max() <= .01 + 1e-12 for x in seen)


def test_image_at_the_threshold_stands_still(model, images):
    labels = model.eval()(images).logits.argmax(1)
    seen = []
    DeepFool(1., steps=20, threshold=.3)(
        model, images, labels,
        callback=lambda step, adv_images: seen.append(adv_images))
    for i in range(2):
        wrong = [(model(x).logits.argmax(1) != labels)[i].double().mean()
                 for x in seen]
        first = next(j for j, share in enumerate(wrong) if share >= .3)
        assert all(torch.equal(x[i], seen[first][i]) for x in seen[first:])


def test_only_the_top_classes_are_looked_at(model, images, labels):
    """A K beyond the number of classes is all of them."""
    some, every, more = (
        DeepFool(.1, steps=5, top_classes=k)(model, images, labels)
        for k in (1, 4, 10))
    assert torch.equal(every, more) and not torch.equal(some, every)


def test_a_constant_model_leaves_the_image(images):

    def model(batch):
        flat = 0 * batch.sum(1)
        return torch.stack([flat + 1, flat], 1)

    labels = torch.zeros(2, 8, 10, dtype=torch.int64)
    assert torch.equal(DeepFool(steps=2)(model, images, labels), images)


@pytest.mark.parametrize('kwargs, message', [
    (dict(targeted=True), 'targeted=True has no meaning for DeepFool'),
    (dict(overshoot=-1), 'overshoot must be >= 0'),
    (dict(top_classes=0), 'top_classes must be >= 1'),
    (dict(threshold=0), r'threshold must be a share in \(0, 1\]'),
    (dict(threshold=99), r'threshold must be a share in \(0, 1\]'),
    (dict(keep='last'), "keep must be 'best' for DeepFool"),
])
def test_bad_settings_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        DeepFool(**kwargs)


def test_not_a_number_is_no_success(images):
    def model(x):
        return x.mean(1, keepdim=True).repeat(1, 4, 1, 1) * float('nan')

    with pytest.raises(FloatingPointError, match='not finite at step 1'):
        DeepFool(steps=2)(model, images, torch.ones(2, 8, 10).long())
