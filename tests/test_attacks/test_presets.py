import math

import pytest
import torch
import torch.nn.functional as F
from toy_models import ToySegmentor

from mmseg_rppgd.attacks import (APGD, BIM, CW, FGSM, MIFGSM, PGD, RPPGD,
                                 CosPGD, DeepFool, EnsembleAttack,
                                 GradientAttack, PAdam, PixelObjective, SegPGD)
from mmseg_rppgd.attacks.diversity import InputDiversity, resample


def seeded():
    return torch.Generator().manual_seed(4)


def gradient(model, images, labels, ignore_index=255):
    """Gradient of the mean cross-entropy, one image at a time."""
    model.eval()
    images = images.clone().requires_grad_()
    total = sum(
        F.cross_entropy(
            model(image[None]).logits,
            label[None],
            ignore_index=ignore_index) for image, label in zip(images, labels))
    return torch.autograd.grad(total, images)[0]


@pytest.mark.parametrize('kind', [PGD, BIM, SegPGD, CosPGD, RPPGD])
@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_linear_victim_is_attacked_optimally(kind, norm, linear_victim):
    """The best perturbation of a linear model is known in closed form."""
    images = .3 + .4 * torch.rand(2, 3, 4, 5, dtype=torch.float64)
    labels = torch.randint(2, (2, 4, 5))
    kwargs = dict(beta=1) if kind is RPPGD else dict()
    away = torch.where(labels == 0, -1., 1.).double()[:, None] * (
        linear_victim.weight.double().view(1, 3, 1, 1))
    attack = kind(.05, norm=norm, steps=40, **kwargs)
    adv_images = attack(linear_victim, images, labels, generator=seeded())
    score = ((adv_images - images) * away).sum()
    best = (.05 * away.abs().sum() if norm == 'linf' else sum(
        .05 * image.norm() for image in away))
    if norm == 'linf':
        optimum = images + .05 * away.sign()
        assert torch.allclose(adv_images, optimum, rtol=0, atol=1e-12)
    # Pixels share the l2 budget by their loss, so it is near, not at, best.
    assert score > .75 * best


def test_fgsm_is_one_signed_step(model, images, labels):
    expected = (images + .07 * gradient(model, images, labels).sign())
    assert torch.allclose(
        FGSM(.07)(model, images, labels), expected.clamp(0, 1),
        rtol=0, atol=1e-15)


def test_fgsm_is_one_step_pgd_without_start(model, images, labels):
    pgd = PGD(.07, alpha=.07, steps=1, random_start=False)
    assert torch.equal(
        FGSM(.07)(model, images, labels), pgd(model, images, labels))


@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_bim_is_pgd_without_start(model, images, labels, norm):
    assert torch.equal(
        BIM(.07, norm=norm)(model, images, labels),
        PGD(.07, norm=norm, random_start=False)(model, images, labels))


def test_l2_bim_step_by_hand(model, images, labels):
    grad = gradient(model, images, labels)
    unit = grad / grad.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    adv_images = BIM(.4, norm='l2', steps=1)(model, images, labels)
    # alpha is eps / 4 = 0.1, well inside the ball.
    assert torch.allclose(
        adv_images, (images + .1 * unit).clamp(0, 1), rtol=0, atol=1e-12)


def test_pgd_two_steps_by_hand(model, images, labels):
    expected = images
    for _ in range(2):
        step = .08 * gradient(model, expected, labels).sign()
        expected = (expected + step).clamp(images - .1, images + .1)
        expected = expected.clamp(0, 1)
    adv_images = PGD(
        .1, alpha=.08, steps=2, random_start=False)(model, images, labels)
    assert torch.allclose(adv_images, expected, rtol=0, atol=1e-15)


def test_segpgd_begins_with_right_pixels_alone(model, images, labels):
    """At step 1 wrong pixels weigh nothing: their label is irrelevant."""
    model.eval()
    wrong = model(images).logits.argmax(1) != labels
    wrong &= labels != 255
    changed = labels.clone()
    changed[wrong] = (labels[wrong] + 1) % 4
    still_wrong = model(images).logits.argmax(1) != changed
    changed[~still_wrong & wrong] = labels[~still_wrong & wrong]
    attack = SegPGD(.1, steps=1, random_start=False)
    assert (changed != labels).any()
    assert torch.equal(
        attack(model, images, labels), attack(model, images, changed))


def test_default_step_sizes():
    assert PGD().resolved_alpha(.03) == .01
    assert PGD(2, norm='l2').resolved_alpha(2) == .5
    assert FGSM(.05).resolved_alpha(.05) == .05
    assert MIFGSM(.05, steps=5).resolved_alpha(.05) == pytest.approx(.01)
    assert PGD(alpha='2/255').resolved_alpha(.03) == 2 / 255


def test_defaults_of_the_public_face():
    for kind, steps, start in [(PGD, 10, True), (SegPGD, 10, True),
                               (CosPGD, 10, True), (RPPGD, 10, True),
                               (FGSM, 1, False), (BIM, 10, False),
                               (MIFGSM, 10, False)]:
        attack = kind()
        assert attack.eps == .03 and attack.norm == 'linf'
        assert attack.steps == steps and attack.random_start is start
        assert attack.restarts == 1 and attack.keep == 'last'
        assert attack.targeted is False


def test_default_l2_ball_has_an_rms_of_003(model, images, labels):
    adv_images = BIM(norm='l2', steps=20)(model, images, labels)
    norm = (adv_images - images).flatten(1).norm(dim=1)
    radius = .03 * math.sqrt(3 * 8 * 10)
    assert (norm <= radius + 1e-12).all() and (norm > .8 * radius).all()


def test_mifgsm_without_decay_is_bim(model, images, labels):
    assert torch.equal(
        MIFGSM(.05, decay=0, alpha=.01, steps=5)(model, images, labels),
        BIM(.05, alpha=.01, steps=5)(model, images, labels))


def test_mifgsm_two_steps_by_hand(model, images, labels):
    momentum, expected = 0., images
    for _ in range(2):
        grad = gradient(model, expected, labels)
        grad = grad / grad.abs().sum((1, 2, 3), keepdim=True)
        momentum = .5 * momentum + grad
        expected = expected + .05 * momentum.sign()
        expected = expected.clamp(images - .1, images + .1).clamp(0, 1)
    adv_images = MIFGSM(.1, decay=.5, steps=2)(model, images, labels)
    assert torch.allclose(adv_images, expected, rtol=0, atol=1e-15)


def test_no_diversity_is_plain_mifgsm(model, images, labels):
    assert torch.equal(
        MIFGSM(.05, diversity=0)(model, images, labels),
        MIFGSM(.05)(model, images, labels))


def test_diversity_changes_the_attack(model, images, labels):
    assert not torch.equal(
        MIFGSM(.05, diversity=1)(model, images, labels, generator=seeded()),
        MIFGSM(.05)(model, images, labels))


def test_views_map_logits_back_to_the_labels():
    """A pixelwise model sees through the view: its logits come home."""
    ramp = torch.linspace(0, 1, 64, dtype=torch.float64)
    images = torch.stack([
        ramp.view(1, -1).expand(64, -1),
        ramp.view(-1, 1).expand(-1, 64),
        torch.full((64, 64), .5, dtype=torch.float64)
    ])[None]

    class Identity:

        def __call__(self, images):
            from mmseg_rppgd.attacks import SegOutput
            return SegOutput(images)

    draws = torch.tensor([[0., .3, .9, .2]])
    output = InputDiversity(1)(Identity(), images, draws)
    inner = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    assert torch.allclose(output.logits[inner], images[inner], atol=.01)


def test_resampling_at_unit_scale_is_the_identity():
    maps = torch.rand(1, 2, 5, 6, dtype=torch.float64)
    same = resample(maps, torch.ones(1), torch.zeros(1, 2))
    assert torch.allclose(same, maps, atol=1e-12)


@pytest.mark.parametrize('kwargs, message', [
    (dict(decay=-1), 'decay must be >= 0'),
    (dict(diversity=2), r'diversity must be a probability in \[0, 1\]'),
])
def test_bad_mifgsm_settings_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        MIFGSM(**kwargs)


def test_rppgd_beats_pgd_on_no_labels_ignored_model(images):
    """A sanity check of direction: both raise the error on clean labels."""
    model = ToySegmentor().double().eval()
    labels = model(images).logits.argmax(1)
    for kind in (PGD, RPPGD):
        adv_images = kind(.2, steps=10)(model, images, labels)
        assert (model(adv_images).logits.argmax(1) != labels).any()


def test_momentum_does_not_depend_on_what_may_not_move(model, images,
                                                       labels):
    """What surrounds the mask has a gradient too, of no weight here."""
    mask = torch.zeros(2, 1, 8, 10, dtype=torch.bool)
    mask[..., :5] = True
    attack = MIFGSM(.5, norm='l2', steps=3, alpha=.2)

    def confined(x):
        return model(torch.where(mask, x, images))

    assert torch.allclose(
        attack(model.eval(), images, labels, mask=mask),
        attack(confined, images, labels), rtol=0, atol=1e-12)


class Halving(PGD):
    """A rule for the step size that looks at the number of steps."""

    def resolved_alpha(self, eps):
        return eps * max(.5, 2 / self.steps)


class UsersPGD(PGD):
    pass


def last(**kwargs):
    return dict(kwargs, keep='last')


@pytest.mark.parametrize('kind, kwargs, plans_ahead', [
    (PGD, dict(), False), (PGD, dict(norm='l2', alpha=.5), False),
    (UsersPGD, dict(), False), (BIM, dict(), False), (CosPGD, dict(), False),
    (SegPGD, dict(), True), (Halving, dict(), True),
    (GradientAttack, dict(objective=PixelObjective('js', 'correct')), False),
    (GradientAttack, dict(objective=PixelObjective('ce', ['balanced',
                                                          'segpgd'])), True),
    (FGSM, dict(), False),
    (MIFGSM, dict(), True), (MIFGSM, dict(alpha=.01), False),
    (MIFGSM, dict(alpha=.01, diversity=.9), True),
    (RPPGD, dict(), True), (RPPGD, dict(region_weights=(1, .5, .2)), False),
    (RPPGD, dict(region_weights=lambda step, steps: (1, 0, step / steps)),
     True),
    (RPPGD, dict(region_weights=(1, .5, .2), pixel_weights='segpgd'), True),
    (RPPGD, dict(region_weights=(1, .5, .2), pixel_weights='cosine'), False),
    (PAdam, last(lr=.02), False), (APGD, last(), True),
    (APGD, last(schedule='fixed'), True)])
def test_an_attack_that_does_not_plan_ahead_is_read_off_a_longer_run(
        kind, kwargs, plans_ahead, model, images, labels):
    seen = []
    long, short = (kind(**dict(dict(eps=.1), **kwargs), steps=steps)
                   for steps in (20, 3))
    long(model, images, labels, generator=seeded(),
         callback=lambda step, adv_images: seen.append(adv_images))
    adv_images = short(model, images, labels, generator=seeded())
    assert long.plans_ahead is short.plans_ahead is plans_ahead
    assert torch.equal(adv_images, seen[2]) is not plans_ahead


def test_a_loop_of_ones_own_plans_ahead_unless_it_says_otherwise():
    for attack in (CW(), CW(norm='l2', keep='last'), DeepFool(),
                   EnsembleAttack([dict(type='PGD')])):
        assert attack.plans_ahead

    class Own(PGD):

        def _run(self, *args):
            return super()._run(*args)

    assert Own().plans_ahead
    assert not type('Anytime', (Own, ), dict(plans_ahead=False))().plans_ahead


def test_the_steps_of_fgsm_are_no_choice():
    assert FGSM.steps_are_fixed and type('MyFGSM', (FGSM, ),
                                         {}).steps_are_fixed
    assert not PGD.steps_are_fixed and not DeepFool.steps_are_fixed


class TestArguments:

    def test_those_of_the_bases_follow(self):
        assert list(BIM.arguments().items()) == [
            ('eps', None), ('random_start', False), ('alpha', None),
            ('steps', 10), ('norm', 'linf'), ('ignore_index', None),
            ('restarts', 1), ('targeted', False), ('keep', 'last')]

    def test_a_constructor_that_takes_no_more_ends_the_list(self):
        assert 'alpha' not in PAdam.arguments()
        assert PAdam.arguments()['lr'] == '2/255'

    def test_parts_that_a_preset_sets_are_none(self):
        parts = {'objective', 'update', 'view'}
        assert not parts & set(PGD.arguments())
        assert parts & set(APGD.arguments()) == {'objective'}
        assert parts <= set(GradientAttack.arguments())
        assert parts <= set(type('Bare', (GradientAttack, ),
                                 {}).arguments())

    def test_an_argument_without_a_default_is_none(self):

        class Needs(PGD):

            def __init__(self, needed, **kwargs):
                super().__init__(**kwargs)

        assert Needs.arguments()['needed'] is None

    def test_a_subclass_of_a_preset_keeps_its_arguments(self):

        class Mine(APGD):

            def __init__(self, eps=None, *, mine=3, **kwargs):
                super().__init__(eps, **kwargs)

        assert Mine.arguments() == {**APGD.arguments(), 'mine': 3}
        with pytest.raises(TypeError, match="'other'; it takes .*mine.*"
                           'objective'):
            Mine(other=1)
