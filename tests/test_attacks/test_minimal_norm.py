import pytest
import torch
from toy_models import adv_lib, clean_labels, wrong_share

from mmseg_rppgd.attacks import DAG, ALMAProx, DeepFool


@pytest.fixture(autouse=True)
def _needs_adv_lib():
    adv_lib('attacks.segmentation.alma_prox')


class Stubborn(torch.nn.Module):
    """One pixel in ten never changes, so 99 % is out of reach."""

    def forward(self, images):
        score = 30 * (images.mean(1) - .5)
        fixed = torch.zeros_like(score, dtype=torch.bool)
        fixed[:, 0] = True
        score = torch.where(fixed, 9 + 0 * score, score)
        return torch.stack([score, -score, -9 + 0 * score], 1)


@pytest.mark.parametrize('attack', [
    ALMAProx('1/255', steps=5),
    ALMAProx('1/255', steps=5, norm='l2'),
    DAG('1/255', steps=5, gamma=.5),
    DAG('1/255', steps=5, gamma=.5, norm='l2'),
], ids=['alma', 'alma-l2', 'dag', 'dag-l2'])
def test_failure_returns_an_attacked_image_not_the_clean_one(
        attack, model, images):
    labels = clean_labels(model, images)
    adv_images = attack(model, images, labels)
    assert (wrong_share(model, adv_images, labels) < .99).all()
    assert ((adv_images - images).abs().amax((1, 2, 3)) > 1e-4).all()


@pytest.mark.parametrize('attack', [
    ALMAProx(.1, steps=30, lr=.01), DAG(.1, steps=30),
    DAG(.1, steps=30, gamma=.5)
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


def test_restarts_are_one_since_all_would_be_the_same():
    assert DAG(restarts=5).restarts == 1


@pytest.mark.parametrize('kind', FAR)
def test_search_and_its_norms_are_those_of_minimal(kind, model):
    images = torch.rand(3, 3, 8, 10, dtype=torch.float64)
    labels = clean_labels(model, images)
    labels[1] = 255
    attack = kind(.01, steps=25, threshold=.4, **FAR[kind])
    search = attack.searching()
    adv_images, mis_ratio = search.run(model, images, labels)
    expected = attack.minimal(model, images, labels)
    assert torch.equal(adv_images, expected.adv_images)
    norms = search.norms(adv_images, images, mis_ratio)
    assert torch.allclose(norms, expected.norms, equal_nan=True)
    assert norms[1].isnan() and norms[0] > .01  # beyond the radius
    again = search(model, images, labels)
    assert torch.equal(again, adv_images)


def test_search_leaves_the_attack_as_it_is(model, images):
    labels = clean_labels(model, images)
    attack = DeepFool(.01, steps=5)
    before = attack(model, images, labels)
    attack.searching().run(model, images, labels)
    assert torch.equal(attack(model, images, labels), before)


class Silent(DeepFool):
    """Does not tell how many pixels are wrong."""

    def _run(self, model, inputs, callback):
        return super()._run(model, inputs, callback)._replace(mis_ratio=None)


def test_attack_that_does_not_tell_a_success_is_refused(model, images):
    with pytest.raises(TypeError, match='Silent must have a mis_ratio'):
        Silent(steps=1).minimal(model, images, clean_labels(model, images))


def test_norms_of_a_targeted_search_count_the_pixels_on_target(model, images):
    targets = clean_labels(model, images).flip(0, 2)
    search = DAG(steps=60, gamma=.05, targeted=True, threshold=.5).searching()
    adv_images, mis_ratio = search.run(model, images, targets)
    norms = search.norms(adv_images, images, mis_ratio)
    reached = 1 - wrong_share(model, adv_images, targets) >= .5
    assert torch.equal(norms.isfinite(), reached) and reached.any()
