import pytest
import torch
import torch.nn.functional as F

from mmseg_rppgd.attacks import (GradientAttack, Objective, PixelObjective,
                                 SegOutput)
from mmseg_rppgd.attacks.base import check_inputs
from mmseg_rppgd.attacks.objectives import PIXEL_WEIGHTS, steady
from mmseg_rppgd.attacks.pixel_losses import PIXEL_LOSSES, tsallis
from mmseg_rppgd.registry import ATTACKS

# One pixel a column: right by far, right narrowly, wrong.
LOGITS = torch.tensor([[2., 0., 0.], [0.1, 0., 0.], [0., 3., 0.]],
                      dtype=torch.float64).t().reshape(1, 3, 1, 3)
LABELS = torch.zeros(1, 1, 3, dtype=torch.int64)
IMAGES = torch.rand(1, 3, 1, 3, dtype=torch.float64)


def value(pixel_loss='ce', pixel_weights=None, labels=LABELS, step=1,
          steps=1, targeted=False, **kwargs):
    objective = PixelObjective(pixel_loss, pixel_weights, **kwargs)
    inputs = check_inputs(IMAGES, labels, None, 255, targeted)
    objective.init(inputs, None)
    return objective.loss(SegOutput(LOGITS), step, steps)


def probabilities():
    return LOGITS[0, :, 0].softmax(0)  # (C, pixels)


def test_mean_is_over_labelled_pixels():
    labels = LABELS.clone()
    labels[..., 2] = 255
    expected = -probabilities()[0, :2].log().mean()
    assert value(labels=labels).item() == pytest.approx(expected.item())


def test_correct_weight_drops_wrong_pixels():
    losses = -probabilities()[0].log()
    assert value(pixel_weights='correct').item() == pytest.approx(
        losses[:2].sum().item() / 3)


def test_correct_weight_drops_reached_targets_when_targeted():
    losses = -probabilities()[0].log()
    assert value(
        pixel_weights='correct', targeted=True).item() == pytest.approx(
            losses[2].item() / 3)


@pytest.mark.parametrize('step, wrong', [(1, 0.), (3, .2), (5, .4)])
def test_segpgd_weights_are_those_of_the_paper(step, wrong):
    losses = -probabilities()[0].log()
    expected = ((1 - wrong) * losses[:2].sum() + wrong * losses[2]) / 3
    assert value(
        pixel_weights='segpgd', step=step,
        steps=5).item() == pytest.approx(expected.item())


def test_segpgd_weights_have_the_precision_of_the_logits():
    inputs = check_inputs(IMAGES, LABELS, None, 255, False)
    weights = PIXEL_WEIGHTS['segpgd'](LOGITS, inputs, 2, 3)
    assert weights.tolist() == [[[1 - 1 / 6, 1 - 1 / 6, 1 / 6]]]


def test_segpgd_swaps_its_weights_when_targeted():
    losses = -probabilities()[0].log()
    expected = (.2 * losses[:2].sum() + .8 * losses[2]) / 3
    assert value(
        pixel_weights='segpgd', step=3, steps=5,
        targeted=True).item() == pytest.approx(expected.item())


@pytest.mark.parametrize('targeted', [False, True])
def test_cospgd_weight_is_the_cosine_with_one_hot(targeted):
    one_hot = torch.zeros(3, 3, dtype=torch.float64)
    one_hot[0] = 1
    weights = F.cosine_similarity(probabilities(), one_hot, dim=0)
    weights = 1 - weights if targeted else weights
    expected = (weights * -probabilities()[0].log()).mean()
    assert value(
        pixel_weights='cosine',
        targeted=targeted).item() == pytest.approx(expected.item())


def test_weights_carry_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    objective = PixelObjective('ce', 'cosine')
    objective.init(check_inputs(IMAGES, LABELS, None, 255, False), None)
    objective.loss(SegOutput(logits), 1, 1).sum().backward()
    one_hot = torch.zeros_like(LOGITS)
    one_hot[:, 0] = 1
    softmax = LOGITS.softmax(1)
    weight = softmax[:, :1] / softmax.norm(dim=1, keepdim=True)
    assert torch.allclose(logits.grad, weight * (softmax - one_hot) / 3)


def test_balanced_weights_are_inverse_to_the_given_class_counts():
    labels = torch.tensor([[[0, 0, 1]]])
    losses = torch.stack([
        -probabilities()[0].log()[0], -probabilities()[0].log()[1],
        -probabilities()[1].log()[2]
    ])
    weights = torch.tensor([1 / 30, 1 / 30, 1 / 10], dtype=torch.float64)
    expected = (weights * losses).sum() / weights.sum()
    assert value(
        labels=labels, pixel_weights='balanced',
        class_counts=[30, 10, 5]).item() == pytest.approx(expected.item())


def test_balanced_weights_count_the_image_where_nothing_is_given():
    labels = torch.tensor([[[0, 0, 1]]])
    assert value(
        labels=labels, pixel_weights='balanced') == value(
            labels=labels, pixel_weights='balanced', class_counts=[2, 1, 0])


def test_several_weights_multiply():
    losses = -probabilities()[0].log()
    softmax = probabilities()
    cos = softmax[0] / softmax.norm(dim=0)
    assert value(
        pixel_weights=('correct', 'cosine')).item() == pytest.approx(
            (losses * cos)[:2].sum().item() / 3)


def halve(logits, inputs, step, steps):
    return torch.full(inputs.labels.shape, .5)


@pytest.mark.parametrize('name', PIXEL_LOSSES)
def test_a_pixel_loss_by_name_is_the_function_and_its_path(name):
    loss = PIXEL_LOSSES[name]
    path = f'mmseg_rppgd.attacks.pixel_losses.{loss.__name__}'
    assert value(name) == value(loss) == value(path)


def test_a_pixel_loss_of_ones_own_is_climbed():
    def second(logits, labels):
        return logits[:, 1]

    assert value(second).item() == pytest.approx(1)
    assert value(second, 'correct').item() == 0


def test_weights_of_ones_own_multiply_with_named_ones():
    named = value(pixel_weights='cosine')
    assert value(pixel_weights=halve) == value() / 2
    assert value(pixel_weights=['cosine', halve]) == named / 2
    path = 'mmseg_rppgd.attacks.objectives.weigh_cosine'
    assert value(pixel_weights=[path, halve]) == named / 2


def test_weights_of_ones_own_plan_ahead_unless_they_say_otherwise():
    assert PixelObjective(pixel_weights=halve).plans_ahead
    marked = steady(lambda *args: halve(*args))
    assert not PixelObjective(pixel_weights=[marked, 'cosine']).plans_ahead


def test_tsallis_by_function_moves_its_q():
    assert PixelObjective(tsallis).plans_ahead
    assert value(tsallis, step=2, steps=4) == value('tsallis', step=2,
                                                    steps=4)


@pytest.mark.parametrize('kind', ['APGD', 'PAdam'])
def test_attacks_take_a_loss_by_its_path(kind, model, images, labels):
    adv_images = [
        ATTACKS.build(dict(type=kind, steps=3, pixel_loss=loss))(
            model, images, labels, generator=torch.Generator().manual_seed(1))
        for loss in ('js', 'mmseg_rppgd.attacks.pixel_losses.jensen_shannon',
                     'ce')]
    assert torch.equal(*adv_images[:2])
    assert not torch.equal(*adv_images[1:])


def test_rppgd_takes_weights_of_ones_own(model, images, labels):
    adv_images = [
        ATTACKS.build(dict(type='RPPGD', beta=1, steps=3, pixel_weights=w))(
            model, images, labels, generator=torch.Generator().manual_seed(1))
        for w in ('cosine', PIXEL_WEIGHTS['cosine'], None)]
    assert torch.equal(*adv_images[:2])
    assert not torch.equal(*adv_images[1:])


def test_weights_of_each_name_exist():
    assert set(PIXEL_WEIGHTS) == {'correct', 'segpgd', 'cosine', 'balanced'}


@pytest.mark.parametrize('kwargs, message', [
    (dict(pixel_loss='dice'), "pixel_loss must be one of.*'dice'"),
    (dict(pixel_weights='dice'), "pixel_weights must be.*'dice'"),
    (dict(pixel_weights=['correct', 'cosin']), 'one or several of .*'
     r"callable\(logits, inputs, step, steps\).*did you mean cosine"),
    (dict(pixel_weights=3), 'pixel_weights must be None, one or .*got 3'),
    (dict(pixel_loss=None), 'pixel_loss must be one of.*got None'),
    (dict(pixel_loss='own.loss'), "'own.loss' cannot be imported"),
    (dict(pixel_loss=lambda logits: logits), r'callable\(logits, labels\)'),
    (dict(pixel_loss=lambda logits, labels: logits.sum()),
     r'pixel_loss must give a number for each pixel, .*\(1, 1, 3\), but gave '
     r'\(\)'),
    (dict(pixel_loss=lambda logits, labels: 3), 'each pixel, .*but gave 3'),
    (dict(pixel_weights=lambda *args: torch.ones(3)),
     r'pixel_weights must give a number for each pixel, .*gave \(3,\)'),
    (dict(class_counts=[[1]]), 'class_counts must be'),
    (dict(pixel_weights='balanced', class_counts=[1, 2]),
     'one entry per class, 3, but got 2'),
])
def test_bad_arguments_name_rule_and_value(kwargs, message):
    with pytest.raises(ValueError, match=message):
        value(**kwargs)


def test_an_objective_says_what_it_needs_and_can_do():
    pixels = PixelObjective('js', ['correct', 'cosine', 'balanced'])
    assert not (pixels.needs_features or pixels.needs_clean
                or pixels.plans_ahead)
    assert pixels.can_target
    assert PixelObjective(pixel_weights=['correct', 'segpgd']).plans_ahead


def test_what_an_objective_does_not_say_is_taken_for_granted(monkeypatch):
    class Own(Objective):

        def loss(self, output, step, steps):
            return output.logits.sum((1, 2, 3)) * step / steps

    assert Own().plans_ahead and Own().can_target
    monkeypatch.setitem(PIXEL_WEIGHTS, 'own', lambda *args: torch.ones(()))
    assert PixelObjective(pixel_weights='own').plans_ahead


def test_a_subclass_may_say_otherwise():
    kind = type('Growing', (PixelObjective, ), dict(
        plans_ahead=True, can_target=False))
    assert kind().plans_ahead
    with pytest.raises(ValueError, match='targeted=True has no meaning'):
        GradientAttack(.1, objective=kind(), targeted=True)


def test_q_moves_from_start_to_end_by_equal_steps():
    objective = PixelObjective('tsallis')
    steps = [objective.q(step, 4) for step in (1, 2, 3, 4)]
    assert steps == pytest.approx([-2, -1, 0, 1])
    assert (steps[0], steps[-1]) == (-2, 1)  # exactly
    assert objective.q(1, 1) == -2
    fixed = PixelObjective('tsallis', q_start=.5, q_end='1/2')
    assert [fixed.q(step, 3) for step in (1, 2, 3)] == [.5] * 3


@pytest.mark.parametrize('step, q', [(1, -2), (2, -1), (4, 1)])
def test_tsallis_objective_takes_the_q_of_its_step(step, q):
    p = probabilities()[0]
    expected = -p.log() if q == 1 else (1 - p**(1 - q)) / (1 - q)
    assert value('tsallis', step=step, steps=4).item() == pytest.approx(
        expected.mean().item())


def test_tsallis_plans_ahead_unless_q_stands_still():
    assert PixelObjective('tsallis').plans_ahead
    assert not PixelObjective('tsallis', q_start=0, q_end=0).plans_ahead


@pytest.mark.parametrize('name', ['q_start', 'q_end'])
def test_q_beyond_one_is_refused(name):
    with pytest.raises(ValueError, match=f'{name} must be <= 1 .*got 1.5'):
        PixelObjective('tsallis', **{name: 1.5})


def test_q_of_another_loss_is_refused():
    with pytest.raises(ValueError, match="q_start and q_end are of "
                       "pixel_loss 'tsallis', but got 0 and 1"):
        PixelObjective('ce', q_start=0)
