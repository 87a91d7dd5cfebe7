import pytest
import torch
from literal_rppgd import attack_one
from torch import nn
from toy_models import ToySegmentor

from mmseg_rppgd.attacks import PGD, RPPGD, SegOutput, SegPGD
from mmseg_rppgd.attacks.base import check_inputs
from mmseg_rppgd.attacks.rppgd import RPObjective


def seeded():
    return torch.Generator().manual_seed(5)


def starts(images, eps, norm='linf'):
    """x_adv_0 of each image: what an attack that stands still returns."""
    generator = seeded()
    labels = torch.zeros(
        len(images), *images.shape[2:], dtype=torch.int64)
    return PGD(
        eps, norm=norm, alpha=0, steps=1)(
            lambda x: x.repeat(1, 2, 1, 1), images, labels,
            generator=generator)


def test_region_and_hybrid_loss_by_hand():
    """Four pixels, one of each fate: T, B, F and ignored."""
    images = torch.rand(1, 3, 1, 4, dtype=torch.float64)
    labels = torch.tensor([[[0, 0, 0, 255]]])
    inputs = check_inputs(images, labels, None, 255, False)
    clean = torch.tensor([[1., 0.], [1., 0.], [0., 1.], [0., 1.]]).double()
    later = torch.tensor([[1., 0.], [0., 2.], [0., 1.], [0., 1.]]).double()
    as_logits = lambda rows: rows.t().reshape(1, 2, 1, 4)  # noqa: E731
    objective = RPObjective(beta=1)
    objective.init(inputs, as_logits(clean))
    objective.loss(SegOutput(as_logits(later)), 1, 4)
    # At step 1 no pixel has moved; at step 2 the second is in B.
    assert objective.state.boundary_region.sum() == 0
    value = objective.loss(SegOutput(as_logits(later)), 2, 4)
    ce = -later.log_softmax(1)[:, 0]
    expected = (6 / 8 * ce[0] + 1 / 8 * ce[1] + 1 / 8 * ce[2]) / 3
    assert value.item() == pytest.approx(expected.item())

    by_region = RPObjective(beta=1, region_norm='region')
    by_region.init(inputs, as_logits(clean))
    by_region.loss(SegOutput(as_logits(later)), 1, 4)
    value = by_region.loss(SegOutput(as_logits(later)), 2, 4)
    assert value.item() == pytest.approx(expected.item() * 3)


def test_region_norm_divides_each_region_by_its_size():
    images = torch.rand(1, 3, 1, 4, dtype=torch.float64)
    labels = torch.zeros(1, 1, 4, dtype=torch.int64)
    logits = torch.tensor([[1., 2., 3., 0.], [0., 0., 0., 1.]],
                          dtype=torch.float64).view(1, 2, 1, 4)
    objective = RPObjective(
        beta=1, region_norm='region', region_weights=(.5, .3, .2))
    objective.init(check_inputs(images, labels, None, 255, False), logits)
    value = objective.loss(SegOutput(logits), 1, 4)
    ce = -logits[0, :, 0].log_softmax(0)[0]
    # T holds three pixels, F one, B is empty and gives 0.
    expected = .5 * ce[:3].mean() + .2 * ce[3]
    assert value.item() == pytest.approx(expected.item())


def test_hybrid_loss_is_the_beta_mix(model, images, labels):
    inputs = check_inputs(images, labels, None, 255, False)
    model.eval()
    output = model(images)
    values = []
    for beta in (0, 1, .75):
        objective = RPObjective(beta=beta)
        objective.init(inputs, output.logits)
        values.append(objective.loss(output, 1, 3))
    prototype, region, mixed = values
    assert torch.allclose(mixed, .75 * region + .25 * prototype)


@pytest.mark.parametrize('steps', [6, 40])
# The l2 step shows every digit of the gradient, the linf step its signs.
@pytest.mark.parametrize('norm, eps, alpha', [('linf', .1, .03),
                                              ('l2', 1., .2)])
@pytest.mark.parametrize('kwargs', [
    dict(),
    dict(beta=1),
    dict(beta=0),
    dict(beta=.5, prototype_regions='TB'),
    dict(prototype_regions='TBF', regions='TB'),
    dict(pixel_weights='cosine'),
    dict(region_weights=(.4, .4, .2)),
])
def test_attack_equals_the_paper_line_by_line(model, images, labels, norm,
                                              eps, alpha, steps, kwargs):
    attack = RPPGD(eps, norm=norm, alpha=alpha, steps=steps, **kwargs)
    ours = attack(model, images, labels, generator=seeded())
    literal_kwargs = dict(kwargs)
    triple = literal_kwargs.pop('region_weights', None)
    model.eval()
    for i, start in enumerate(starts(images, eps, norm)):
        literal = attack_one(
            model,
            images[i],
            labels[i],
            start,
            eps=eps,
            alpha=alpha,
            steps=steps,
            beta=literal_kwargs.get('beta', .75),
            prototype_regions=kwargs.get('prototype_regions', 'T'),
            regions=kwargs.get('regions', 'TBF'),
            weights=(lambda i, n: triple) if triple else None,
            cosine=kwargs.get('pixel_weights') == 'cosine',
            norm=norm)
        assert torch.allclose(ours[i], literal, rtol=0, atol=1e-12)


def test_region_weights_of_one_give_pgd_bit_for_bit(model, images, labels):
    pgd = PGD(.1, steps=5)(model, images, labels, generator=seeded())
    rppgd = RPPGD(
        .1, steps=5, beta=1, region_weights=(1, 1, 1))(
            model, images, labels, generator=seeded())
    assert torch.equal(pgd, rppgd)


def segpgd_weights(step, steps):
    wrong = (step - 1) / (2 * steps)
    return 1 - wrong, wrong, wrong


class Scripted(nn.Module):
    """Logits whose winner at the n-th forward pass is prescribed.

    The gradient favours another channel per pixel and call, so that the
    weights of the pixels show in the result.
    """

    def __init__(self, winners):
        super().__init__()
        self.winners = winners
        self.call = 0

    def forward(self, images):
        winner = self.winners[min(self.call, len(self.winners) - 1)]
        self.call += 1
        mixed = images.sum(1) + images.sum((1, 2, 3)).view(-1, 1, 1)
        offset = torch.where(winner == 0, 4., -4.)
        signs = torch.tensor([1., -1., 1.3, -.7])
        score = offset + .3 * mixed * signs
        return torch.stack([score, -score], 1)


@pytest.mark.parametrize('reverts', [False, True])
def test_segpgd_is_the_special_case_while_nothing_reverts(reverts):
    """Equal until a boundary pixel turns right again, then not."""
    right, wrong = 0, 1
    winners = torch.tensor([
        [right, right, wrong, right],
        [right, wrong, wrong, right],
        [right, right if reverts else wrong, wrong, right],
        [right, right if reverts else wrong, wrong, right],
    ]).view(4, 1, 1, 4)
    images = torch.full((1, 3, 1, 4), .5, dtype=torch.float64)
    labels = torch.zeros(1, 1, 4, dtype=torch.int64)
    settings = dict(
        norm='l2', alpha=.05, steps=4, random_start=False)
    segpgd = SegPGD(1, **settings)(Scripted(winners), images, labels)
    rppgd = RPPGD(
        1, beta=1, region_weights=segpgd_weights, **settings)(
            Scripted(winners), images, labels)
    assert torch.equal(segpgd, rppgd) != reverts


def test_prototype_term_moves_the_image(model, images, labels):
    """Its gradient is not zero, as it is where features are detached."""
    attack = RPPGD(.1, beta=0, steps=1, alpha=.1, random_start=False)
    adv_images = attack(model, images, labels)
    assert ((adv_images - images).abs() > .01).double().mean() > .5


def test_prototype_term_raises_the_similarity(model, images, labels):
    inputs = check_inputs(images, labels, None, 255, False)

    def similarity(batch):
        objective = RPObjective(beta=0)
        objective.init(inputs, model(images).logits)
        return objective.loss(model(batch), 1, 1)

    attack = RPPGD(.1, beta=0, steps=20, random_start=False)
    adv_images = attack(model, images, labels)
    model.eval()
    assert (similarity(adv_images) > similarity(images) + .01).all()


def test_beta_one_needs_no_features(images, labels):
    model = ToySegmentor(give_features=False).double()
    assert RPPGD(beta=1).needs_features is False
    RPPGD(beta=1, steps=2)(model, images, labels)


def test_missing_features_say_what_to_do(images, labels):
    model = ToySegmentor(give_features=False).double()
    with pytest.raises(ValueError, match='RPPGD needs features.*'
                       "feature_layer='path.to.module'.*beta=1"):
        RPPGD(steps=2)(model, images, labels)


def test_feature_layer_taps_a_plain_network(images, labels):
    plain = ToySegmentor(give_features=False).double()
    gives = ToySegmentor().double()
    gives.load_state_dict(plain.state_dict())
    tapped = RPPGD(
        .1, steps=4, feature_layer='dropout')(
            plain, images, labels, generator=seeded())
    given = RPPGD(.1, steps=4)(gives, images, labels, generator=seeded())
    assert torch.equal(tapped, given)  # dropout passes them on in eval mode
    assert not plain.dropout._forward_hooks


@pytest.mark.parametrize('layer, message', [
    ('backbone', "feature_layer 'backbone' is no module of ToySegmentor.*stem"
     ),
    ('unused', "feature_layer 'unused' did not run"),
])
def test_bad_feature_layer_is_named(images, labels, layer, message):
    model = ToySegmentor(give_features=False).double()
    model.unused = nn.Identity()
    with pytest.raises(ValueError, match=message):
        RPPGD(steps=1, feature_layer=layer)(model, images, labels)


def test_feature_layer_needs_a_module(images, labels):
    with pytest.raises(TypeError, match='feature_layer needs a model that is'):
        RPPGD(feature_layer='stem')(lambda x: x, images, labels)


def test_clean_forward_happens_once_and_only_if_it_must(images, labels):
    for kwargs, calls in [
        (dict(), 4), (dict(random_start=False), 3),
        (dict(init_state='start'), 3), (dict(restarts=2), 9)
    ]:
        model = ToySegmentor().double()
        RPPGD(steps=3, **kwargs)(model, images, labels)
        # Restarts score every iterate, the last one with a further pass.
        assert model.calls == calls


def test_init_state_start_divides_on_the_noisy_image(images):
    """A model right on the clean image alone tells the two apart."""
    labels = torch.zeros(2, 8, 10, dtype=torch.int64)
    clean = images.clone()

    def model(x):
        moved = (x - clean).abs().sum((1, 2, 3)).view(-1, 1, 1) > 0
        score = x.sum(1) + torch.where(moved, -9., 9.)
        return SegOutput(torch.stack([score, -score], 1), x)

    seen = {}
    for state in ('clean', 'start'):
        attack = RPPGD(
            steps=1, beta=1, init_state=state, region_weights=(1, 1, 0))
        seen[state] = attack(model, images, labels, generator=seeded())
    # With every pixel in F, whose weight is 0, the image stays at its start.
    assert torch.equal(seen['start'], starts(images, .03))
    assert not torch.equal(seen['clean'], seen['start'])


def test_callable_weights_see_step_and_steps(model, images, labels):
    seen = []

    def weights(step, steps):
        seen.append((step, steps))
        return 1, 1, 1

    RPPGD(steps=3, region_weights=weights)(model, images, labels)
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize('kwargs, message', [
    (dict(beta=1.5), r'beta must be in \[0, 1\]'),
    (dict(region_weights='cubic'), 'must be three numbers, one of'),
    (dict(region_weights=(1, 2)), 'three finite numbers.*T, B and F'),
    (dict(region_weights=(1, 2, float('nan'))), 'three finite numbers'),
    (dict(regions='XY'), 'regions must be a subset'),
    (dict(prototype_regions=''), 'prototype_regions must be a subset'),
    (dict(region_norm='mean'), "region_norm must be 'image' or 'region'"),
    (dict(init_state='noisy'), "init_state must be 'clean' or 'start'"),
    (dict(pixel_weights='regions'), 'pixel_weights must be'),
    (dict(targeted=True), 'targeted=True has no meaning for RPPGD'),
])
def test_bad_options_name_rule_and_value(kwargs, message):
    with pytest.raises(ValueError, match=message):
        RPPGD(**kwargs)


def test_bad_weights_of_a_callable_name_the_step(model, images, labels):
    attack = RPPGD(steps=2, region_weights=lambda step, steps: (1, 2))
    with pytest.raises(ValueError, match='at step 1 of 2'):
        attack(model, images, labels)


def test_image_with_one_class_still_moves(model, images):
    labels = torch.zeros(2, 8, 10, dtype=torch.int64)
    adv_images = RPPGD(steps=2)(model, images, labels)
    assert not torch.equal(adv_images, images)
