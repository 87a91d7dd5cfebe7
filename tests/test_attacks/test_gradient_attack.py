import pytest
import torch

from mmseg_rppgd.attacks import (PGD, CosPGD, FixedStep, GradientAttack,
                                 PixelObjective, SegPGD)
from mmseg_rppgd.attacks.pixel_losses import margin


def seeded():
    return torch.Generator().manual_seed(4)


def count_wrong(model, batch, labels):
    model.eval()
    wrong = (model(batch).logits.argmax(1) != labels) & (labels != 255)
    model.train()
    return wrong.sum((1, 2))


def iterates(attack, model, images, labels):
    seen = []
    result = attack(
        model,
        images,
        labels,
        callback=lambda step, adv_images: seen.append(adv_images),
        generator=seeded())
    return result, seen


def test_last_iterate_is_returned(model, images, labels):
    result, seen = iterates(PGD(.2, steps=4), model, images, labels)
    assert torch.equal(result, seen[-1])


@pytest.mark.parametrize('kwargs', [dict(keep='best'), dict(restarts=3)])
def test_best_iterate_has_most_wrong_pixels(model, images, labels, kwargs):
    attack = PGD(.3, alpha=.2, steps=5, **kwargs)
    result, seen = iterates(attack, model, images, labels)
    scores = torch.stack([count_wrong(model, x, labels) for x in seen])
    assert torch.equal(
        count_wrong(model, result, labels), scores.max(0).values)
    # Of equals the earlier is kept.
    for i, index in enumerate(scores.argmax(0)):
        assert torch.equal(result[i], seen[index][i])


def test_best_targeted_iterate_has_most_pixels_on_target(
        model, images, labels):
    attack = PGD(.3, alpha=.2, steps=5, keep='best', targeted=True)
    result, seen = iterates(attack, model, images, labels)
    scores = torch.stack([count_wrong(model, x, labels) for x in seen])
    assert torch.equal(
        count_wrong(model, result, labels), scores.min(0).values)


def test_restarts_begin_at_different_noise(model, images, labels):
    _, seen = iterates(
        PGD(.2, alpha=0, steps=1, restarts=2), model, images, labels)
    assert len(seen) == 2 and not torch.equal(*seen)


@pytest.mark.parametrize('kind', [PGD, SegPGD, CosPGD])
def test_targeted_mode_reaches_for_the_labels(kind, model, images):
    targets = torch.zeros(2, 8, 10, dtype=torch.int64)
    attack = kind(.5, alpha=.05, steps=20, targeted=True)
    adv_images = attack(model, images, targets, generator=seeded())
    assert (count_wrong(model, adv_images, targets) < count_wrong(
        model, images, targets)).all()


def test_mis_ratio_is_that_of_the_last_prediction_seen(model, images, labels):
    seen = []
    attack = PGD(.2, steps=4)
    result = attack.run(model, images, labels, None,
                        lambda step, adv_images: seen.append(adv_images))
    labelled = (labels != 255).sum((1, 2))
    expected = 100 * count_wrong(model, seen[-2], labels) / labelled
    assert torch.allclose(result.mis_ratio, expected.double())


def test_mis_ratio_of_the_best_iterate_is_its_own(model, images, labels):
    attack = PGD(.2, steps=4, keep='best')
    result = attack.run(model, images, labels)
    labelled = (labels != 255).sum((1, 2))
    expected = 100 * count_wrong(model, result.adv_images, labels) / labelled
    assert torch.allclose(result.mis_ratio.double(), expected.double())


def test_mis_ratio_of_an_unlabelled_image_is_nan(model, images, labels):
    labels[0] = 255
    mis_ratio = PGD(steps=1).run(model, images, labels).mis_ratio
    assert mis_ratio[0].isnan() and mis_ratio[1].isfinite()


def test_gradient_does_not_underflow_with_the_number_of_pixels():
    """In half precision a mean over many pixels has a zero gradient."""

    def model(images):  # gradients pass through half precision
        score = images.half().sum(1)
        return torch.stack([score, -score], 1)

    images = torch.full((1, 3, 300, 300), .5)
    labels = torch.zeros(1, 300, 300, dtype=torch.int64)
    adv_images = PGD(
        .1, steps=1, random_start=False)(model, images, labels)
    assert (adv_images < images).all()


def test_objective_loss_and_update_make_an_attack_of_ones_own(
        model, images, labels):

    class Backwards(FixedStep):

        def step(self, adv_images, grad, loss):
            return super().step(adv_images, -grad, loss)

    attack = GradientAttack(
        .1,
        objective=PixelObjective('margin'),
        update=Backwards(),
        alpha=1e-4,
        steps=1,
        random_start=False)
    adv_images = attack(model, images, labels)
    model.eval()
    labelled = labels != 255
    safe = labels.masked_fill(~labelled, 0)
    before, after = (margin(model(x).logits, safe)[labelled].mean()
                     for x in (images, adv_images))
    assert after < before


def test_one_attack_serves_many_calls(model, images, labels):
    """No state of a run stays on the attack."""
    attack = CosPGD(.1, steps=3)
    first = attack(model, images, labels, generator=seeded())
    attack(model, images.flip(3), labels.flip(2))
    assert torch.equal(
        first, attack(model, images, labels, generator=seeded()))


def test_generator_of_cpu_and_default_generator_draw_alike(
        model, images, labels):
    torch.manual_seed(11)
    by_default = PGD(steps=1)(model, images, labels)
    by_hand = PGD(steps=1)(
        model, images, labels, generator=torch.Generator().manual_seed(11))
    assert torch.equal(by_default, by_hand)
