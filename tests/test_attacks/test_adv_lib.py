"""ALMA-prox and DAG, and the package they come from."""
import importlib.util
import sys

import pytest
import torch
from toy_models import adv_lib, clean_labels, wrong_share

from mmseg_rppgd.attacks import DAG, ALMAProx
from mmseg_rppgd.attacks.adv_lib import PLOTTER, load_adv_lib, penalty_p2


@pytest.fixture(autouse=True)
def _needs_adv_lib():
    adv_lib('attacks.segmentation.alma_prox')


@pytest.mark.parametrize('kind', [ALMAProx, DAG])
def test_missing_package_names_the_command(kind, monkeypatch):
    load_adv_lib.cache_clear()
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(
            ImportError, match='run "pip install --no-deps adv-lib==0.2.8"'):
        kind()


def test_loading_leaves_no_trace(monkeypatch):
    monkeypatch.delitem(sys.modules, PLOTTER, raising=False)
    compile_function = torch.compile
    load_adv_lib.cache_clear()
    module = load_adv_lib('attacks.segmentation.alma_prox')
    assert PLOTTER not in sys.modules and torch.compile is compile_function
    assert type(module.prox_linf_indicator).__name__ == 'function'
    assert not hasattr(module.prox_linf_indicator,
                       '_torchdynamo_orig_callable')


@pytest.mark.parametrize('kind, far', [(ALMAProx, dict(lr=.02)),
                                       (DAG, dict(gamma=.05))])
def test_targeted_pixels_reach_their_target(kind, far, model, images):
    targets = clean_labels(model, images).flip(0, 2)
    attack = kind(.4, steps=40, targeted=True, **far)
    adv_images = attack(model, images, targets)
    assert (wrong_share(model, adv_images, targets) < wrong_share(
        model, images, targets) - .05).all()


@pytest.mark.parametrize('targeted', [False, True])
def test_alma_prox_attacks_two_classes(targeted, linear_victim):
    """Its ratio of logits is defined for three and more, targeted four."""
    images = .3 + .4 * torch.rand(2, 3, 3, 3, dtype=torch.float64)
    labels = linear_victim(images).argmax(1)
    if targeted:
        labels = 1 - labels
    adv_images = ALMAProx(
        .5, steps=60, lr=.02, targeted=targeted)(
            linear_victim, images, labels)
    wrong = wrong_share(linear_victim, adv_images, labels)
    assert (wrong == 0).all() if targeted else (wrong == 1).all()


def test_dag_that_is_done_early_still_shows_every_step(model, images):
    labels = clean_labels(model, images)
    seen = []
    DAG(1., steps=12, threshold=.05)(
        model, images, labels,
        callback=lambda step, adv_images: seen.append((step, adv_images)))
    assert [step for step, _ in seen] == list(range(1, 13))
    assert torch.equal(seen[-1][1], seen[-2][1])


def test_image_wrong_from_the_start_comes_back(model, images):
    labels = model.eval()(images).logits.argmin(1)
    seen = []
    adv_images = DAG(.1, steps=2)(
        model, images, labels,
        callback=lambda step, adv_images: seen.append(step))
    assert torch.equal(adv_images, images) and seen == [1, 2]


def test_dag_moves_by_a_tenth_of_eps_by_default(model, images, labels):
    seen = []
    DAG(.2, steps=1)(
        model, images, labels,
        callback=lambda step, adv_images: seen.append(adv_images))
    step = (seen[0] - images).abs().amax((1, 2, 3))
    assert torch.allclose(step, torch.full_like(step, .02))


class TestPenalty:
    """adv-lib 0.2.8 codes the derivative of mu y as mu y."""

    def arguments(self):
        y = torch.tensor([-2., -.3, .01, .2, 1.5], dtype=torch.float64)
        return (y.requires_grad_(), torch.full_like(y, .7),
                torch.full_like(y, .4))

    def test_ours_has_the_value_of_adv_lib(self):
        theirs = adv_lib('attacks.segmentation.alma_prox').P.apply
        assert torch.equal(
            penalty_p2(*self.arguments()), theirs(*self.arguments()))

    def test_our_derivative_is_that_of_the_value(self):
        y, rho, mu = self.arguments()
        assert torch.autograd.gradcheck(
            lambda y: penalty_p2(y, rho.detach(), mu.detach()), y)

    def test_that_of_adv_lib_is_wrong_where_the_constraint_is_violated(self):
        theirs = adv_lib('attacks.segmentation.alma_prox').P.apply
        y, rho, mu = self.arguments()
        slip, = torch.autograd.grad(theirs(y, rho, mu).sum(), y)
        right, = torch.autograd.grad(penalty_p2(y, rho, mu).sum(), y)
        violated = y >= 0
        expected = torch.where(violated, mu * y - mu, 0. * y)
        assert torch.allclose(slip - right, expected)

    def test_either_derivative_can_be_chosen(self, model, images):
        labels = clean_labels(model, images)
        right, slip = (
            ALMAProx(.1, steps=15, lr=.01, penalty=penalty)(
                model, images, labels) for penalty in ('right', 'adv-lib'))
        assert not torch.equal(right, slip)


@pytest.mark.parametrize('kind, kwargs, message', [
    (ALMAProx, dict(penalty='p3'), "penalty must be 'right' or 'adv-lib'"),
    (ALMAProx, dict(lr=3), r'lr must be in \[0, 1\]'),
    (ALMAProx, dict(keep='last'), "keep must be 'best' for ALMAProx"),
    (DAG, dict(gamma=-1), 'gamma must be in'),
    (DAG, dict(threshold=2), r'threshold must be a share in \(0, 1\]'),
    (DAG, dict(steps=0), 'steps must be >= 1'),
])
def test_bad_settings_are_named(kind, kwargs, message):
    with pytest.raises(ValueError, match=message):
        kind(**kwargs)
