import pytest
import torch

from mmseg_rppgd.attacks import APGD, PGD, Attack, AttackResult, EnsembleAttack
from mmseg_rppgd.registry import ATTACKS

MEMBERS = [
    dict(type='BIM', steps=3),
    dict(type='CosPGD', steps=3, random_start=False),
    dict(type='DeepFool', steps=3),
]


def seeded(seed=4):
    return torch.Generator().manual_seed(seed)


def count_wrong(model, images, labels):
    model.eval()
    wrong = (model(images).logits.argmax(1) != labels) & (labels != 255)
    return wrong.sum((1, 2))


def test_worst_member_of_each_image_is_returned(model, images, labels):
    results = [
        ATTACKS.build(dict(member, eps=.1))(model, images, labels)
        for member in MEMBERS
    ]
    scores = torch.stack([count_wrong(model, x, labels) for x in results])
    worst = EnsembleAttack(MEMBERS, eps=.1)(model, images, labels)
    for i, index in enumerate(scores.argmax(0)):  # of equals the first
        assert torch.allclose(
            worst[i], results[index][i], rtol=0, atol=1e-12)


class Moves(PGD):
    """Moves every pixel by a constant."""

    def __init__(self, move):
        super().__init__(.1)
        self.move = move

    def _run(self, model, inputs, callback):
        return AttackResult(inputs.images + self.move, None)


def is_dark(images):
    """Class 1 where a pixel is darker than medium grey, else class 0."""
    score = images.mean(1) - .5
    return torch.stack([score, -score], 1)


def test_each_image_has_its_own_worst_member():
    images = torch.full((2, 3, 1, 1), .5, dtype=torch.float64)
    labels = torch.tensor([0, 1]).view(2, 1, 1)
    adv_images = EnsembleAttack([Moves(.1), Moves(-.1)])(
        is_dark, images, labels)
    assert torch.allclose(adv_images[0], images[0] - .1)
    assert torch.allclose(adv_images[1], images[1] + .1)


class Dark(Attack):
    """Has no steps."""

    def _run(self, model, inputs, callback):
        return AttackResult(inputs.images - .1, None)


def test_member_without_steps_leaves_the_ensemble_without():
    images = torch.full((2, 3, 1, 1), .5, dtype=torch.float64)
    labels = torch.zeros(2, 1, 1, dtype=torch.int64)
    attack = EnsembleAttack([PGD(.1), Dark(.1)])
    assert not hasattr(attack, 'steps')
    adv_images = attack(is_dark, images, labels)
    assert ((adv_images - images).abs() <= .1 + 1e-12).all()


def test_of_equals_the_earlier_member_wins():
    images = torch.full((1, 3, 1, 1), .6, dtype=torch.float64)
    labels = torch.ones(1, 1, 1, dtype=torch.int64)
    adv_images = EnsembleAttack([Moves(.02), Moves(.1), Moves(.01)])(
        is_dark, images, labels)
    assert torch.equal(adv_images, images + .02)


def test_member_that_helps_the_model_is_not_returned():
    images = torch.full((1, 3, 1, 1), .45, dtype=torch.float64)
    labels = torch.zeros(1, 1, 1, dtype=torch.int64)
    adv_images = EnsembleAttack([Moves(.1)])(is_dark, images, labels)
    assert torch.equal(adv_images, images)


def test_targeted_ensemble_returns_most_pixels_on_target():
    images = torch.full((1, 3, 1, 1), .5, dtype=torch.float64)
    targets = torch.ones(1, 1, 1, dtype=torch.int64)
    members = [Moves(.1), Moves(-.1)]
    for member in members:
        member.targeted = True
    adv_images = EnsembleAttack(members)(is_dark, images, targets)
    assert torch.equal(adv_images, images - .1)


def test_mis_ratio_is_that_of_the_result(model, images, labels):
    labels[1] = 255
    result = EnsembleAttack(MEMBERS, eps=.1).run(model, images, labels)
    wrong = count_wrong(model, result.adv_images, labels)
    labelled = (labels[0] != 255).sum()
    expected = 100 * wrong[0] / labelled
    assert torch.isclose(result.mis_ratio[0], expected.double())
    assert result.mis_ratio[1].isnan()


def test_members_draw_in_their_order_on_each_image(model, images, labels):
    members = [PGD(.1, steps=1), APGD(.1, steps=2)]
    generator = seeded()
    by_hand = [
        member(model, images[i:i + 1], labels[i:i + 1], generator=generator)
        for i in range(2) for member in members
    ]
    together = EnsembleAttack(members)(
        model, images, labels, generator=seeded())
    for i in range(2):
        assert any(
            torch.allclose(together[i], x[0], rtol=0, atol=1e-12)
            for x in by_hand[2 * i:2 * i + 2])


def test_callback_counts_through_all_members(model, images, labels):
    labels[0] = 255
    steps = []

    def callback(step, adv_images):
        steps.append(step)
        assert adv_images.shape == images.shape
        assert torch.equal(adv_images[0], images[0])

    attack = EnsembleAttack([
        dict(type='PGD', steps=2, restarts=2),
        dict(type='CW', norm='linf', steps=3)
    ], eps=.1)
    assert attack.steps == 7
    attack(model, images, labels, callback=callback)
    assert steps == list(range(1, 8))


def test_settings_of_the_ensemble_are_those_of_members_without():
    attack = EnsembleAttack(
        [dict(type='PGD'), dict(type='FGSM', steps=2)],
        norm='l2', eps='1/2', steps=7, ignore_index=9)
    assert [member.steps for member in attack.attacks] == [7, 2]
    for member in [attack] + attack.attacks:
        assert (member.norm, member.eps, member.ignore_index) == ('l2', .5, 9)


def test_feature_layer_of_a_member_is_tapped(model, images, labels):
    model.give_features = False
    with pytest.raises(ValueError, match='RPPGD needs features'):
        EnsembleAttack([dict(type='RPPGD', steps=1)])(model, images, labels)
    attack = EnsembleAttack(
        [dict(type='RPPGD', steps=1, feature_layer='norm')])
    assert not attack.needs_features
    assert not torch.equal(attack(model, images, labels), images)
    assert EnsembleAttack([dict(type='RPPGD')]).needs_features


def test_ensembles_nest(model, images, labels):
    nested = EnsembleAttack([EnsembleAttack(MEMBERS, eps=.1)])
    assert torch.equal(
        nested(model, images, labels),
        EnsembleAttack(MEMBERS, eps=.1)(model, images, labels))


@pytest.mark.parametrize('attacks, kwargs, error, message', [
    ([], {}, ValueError, 'attacks must have one attack at least'),
    (dict(type='PGD'), {}, TypeError, 'attacks must be a list of configs'),
    ([3], {}, TypeError, 'attack must be a dict with a type'),
    ([dict(type='PGD', eps=.1), dict(type='BIM')], {}, ValueError,
     r'attacks must all have the same eps, but got PGD 0\.1, BIM 0\.03'),
    ([dict(type='PGD', norm='l2'), dict(type='BIM')], {}, ValueError,
     'attacks must all have the same norm'),
    ([dict(type='PGD', eps=.1)], dict(eps=.2), ValueError,
     r'the eps of the ensemble, 0\.2, but set 0\.1'),
    ([dict(type='PGD')], dict(epsilon=1), TypeError, 'epsilon'),
])
def test_bad_settings_are_named(attacks, kwargs, error, message):
    with pytest.raises(error, match=message):
        EnsembleAttack(attacks, **kwargs)
