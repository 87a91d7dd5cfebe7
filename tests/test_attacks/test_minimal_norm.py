import importlib.util
import sys

import pytest
import torch
from toy_models import adv_lib

from mmseg_rppgd.attacks import DAG, ALMAProx, DeepFool
from mmseg_rppgd.attacks.adv_lib import PLOTTER, load_adv_lib, penalty_p2
from mmseg_rppgd.attacks.base import AttackInputs, Candidates
from mmseg_rppgd.attacks.threat_model import ThreatModel


@pytest.fixture(autouse=True)
def _needs_adv_lib():
    adv_lib('attacks.segmentation.alma_prox')


def wrong_share(model, images, labels):
    model.eval()
    output = model(images)
    wrong = getattr(output, 'logits', output).argmax(1) != labels
    wrong = wrong & (labels != 255)
    return wrong.sum((1, 2)) / (labels != 255).sum((1, 2))


def clean_labels(model, images):
    return model.eval()(images).logits.argmax(1)


class Stubborn(torch.nn.Module):
    """One pixel in ten never changes, so 99 % is out of reach."""

    def forward(self, images):
        score = 30 * (images.mean(1) - .5)
        fixed = torch.zeros_like(score, dtype=torch.bool)
        fixed[:, 0] = True
        score = torch.where(fixed, 9 + 0 * score, score)
        return torch.stack([score, -score, -9 + 0 * score], 1)


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


@pytest.mark.parametrize('attack', [
    ALMAProx('1/255', steps=5),
    ALMAProx('1/255', steps=5, norm='l2'),
    DAG('1/255', steps=5, gamma=.5),
    DAG('1/255', steps=5, gamma=.5, norm='l2'),
], ids=repr)
def test_failure_returns_an_attacked_image_not_the_clean_one(
        attack, model, images):
    labels = clean_labels(model, images)
    adv_images = attack(model, images, labels)
    assert (wrong_share(model, adv_images, labels) < .99).all()
    assert ((adv_images - images).abs().amax((1, 2, 3)) > 1e-4).all()


@pytest.mark.parametrize('attack', [
    ALMAProx(.1, steps=30, lr=.01), DAG(.1, steps=30), DAG(.1, steps=30,
                                                          gamma=.5)
], ids=['alma', 'dag', 'dag-far'])
def test_best_of_the_projected_iterates_is_returned(attack, model, images,
                                                    labels):
    seen = []
    adv_images = attack(
        model, images, labels,
        callback=lambda step, adv_images: seen.append(adv_images))
    scores = torch.stack([wrong_share(model, x, labels) for x in seen])
    assert torch.equal(
        wrong_share(model, adv_images, labels), scores.max(0).values)
    assert (scores.max(0).values > wrong_share(model, images, labels)).all()
    assert all((x - images).abs().max() <= .1 + 1e-12 for x in seen)


@pytest.mark.parametrize('attack', [
    ALMAProx(steps=200, lr=.01), DAG(steps=200, gamma=.002),
    DAG(steps=200, gamma=.002, norm='l2')
], ids=['alma', 'dag', 'dag-l2'])
def test_minimal_is_near_the_known_distance(attack, linear_victim):
    images = torch.rand(3, 3, 1, 1, dtype=torch.float64) * .4 + .3
    labels = linear_victim(images).argmax(1)
    weight = linear_victim.weight.double()
    dual = weight.norm() if attack.norm == 'l2' else weight.abs().sum()
    distance = (images[..., 0, 0] @ weight).abs() / dual
    adv_images, norms = attack.minimal(linear_victim, images, labels)
    assert (linear_victim(adv_images).argmax(1) != labels).all()
    # DAG with p = inf does not move all channels alike.
    slack = 2. if attack.name == 'DAG' else 1.25
    assert (norms >= distance - 1e-9).all()
    assert (norms <= slack * distance + .002).all()


FAR = {ALMAProx: dict(lr=.02), DAG: dict(gamma=.05), DeepFool: dict()}


@pytest.mark.parametrize('kind', FAR)
@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_minimal_success_is_a_success_at_that_radius(kind, norm, model,
                                                     images):
    labels = clean_labels(model, images)
    settings = dict(FAR[kind], norm=norm, steps=25, threshold=.4)
    adv_images, norms = kind(**settings).minimal(model, images, labels)
    found = norms.isfinite()
    assert found.any()
    assert torch.equal(wrong_share(model, adv_images, labels) >= .4, found)
    delta = (adv_images - images).flatten(1)
    size = delta.abs().amax(1) if norm == 'linf' else delta.norm(dim=1)
    assert torch.equal(size[found], norms[found])
    at_radius = kind(norms[found].max().item() + 1e-9, **settings)(
        model, images, labels)
    assert (wrong_share(model, at_radius, labels)[found] >= .4).all()


@pytest.mark.parametrize('kind', FAR)
def test_minimal_is_infinite_zero_or_nan_where_it_should_be(kind):
    model = Stubborn()
    images = torch.full((3, 3, 10, 2), .57, dtype=torch.float64)
    labels = torch.zeros(3, 10, 2, dtype=torch.int64)  # as predicted
    labels[1] = 1  # wrong everywhere
    labels[2] = 255
    adv_images, norms = kind(
        steps=10, **FAR[kind]).minimal(model, images, labels)
    assert norms[0].isinf() and norms[1] == 0 and norms[2].isnan()
    assert torch.equal(adv_images[1:], images[1:])
    # What came nearest to success is returned without it.
    assert wrong_share(model, adv_images, labels)[0] >= .8


@pytest.mark.parametrize('kind', [ALMAProx, DAG])
def test_targeted_pixels_reach_their_target(kind, model, images):
    targets = clean_labels(model, images).flip(0, 2)
    attack = kind(.4, steps=40, targeted=True, **FAR[kind])
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


def test_restarts_are_one_since_all_would_be_the_same():
    assert DAG(restarts=5).restarts == 1


def test_dag_moves_by_a_tenth_of_eps_by_default(model, images, labels):
    seen = []
    DAG(.2, steps=1)(
        model, images, labels,
        callback=lambda step, adv_images: seen.append(adv_images))
    step = (seen[0] - images).abs().amax((1, 2, 3))
    assert torch.allclose(step, torch.full_like(step, .02))


def test_candidate_outside_is_judged_at_its_projection():
    images = torch.full((2, 3, 1, 1), .5, dtype=torch.float64)
    labels = torch.zeros(2, 1, 1, dtype=torch.int64)
    inputs = AttackInputs(images, labels, labels == 0,
                          torch.ones(2, dtype=torch.float64), None, False)
    shown = []

    class Output:
        logits = torch.zeros(2, 2, 1, 1)

    def model(batch):
        shown.append(batch)
        return Output

    candidates = Candidates(model, inputs,
                            ThreatModel('linf', .1).around(images))
    inside = candidates.see(images + .05, torch.zeros(2, 2, 1, 1))
    assert torch.equal(inside, images + .05) and not shown
    outside = images + torch.tensor([.05, .3]).view(2, 1, 1, 1)
    allowed = candidates.see(outside, torch.zeros(2, 2, 1, 1))
    assert torch.equal(shown[0], allowed)
    assert torch.equal(allowed[0], outside[0])
    assert torch.allclose(allowed[1], images[1] + .1)


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
