import pytest
import torch

from mmseg_rppgd.attacks.base import (AttackInputs, BestInBall, BestIterate,
                                      SmallestSuccess, check_inputs)
from mmseg_rppgd.attacks.threat_model import ThreatModel


def test_iterate_outside_is_judged_at_its_projection():
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

    tracker = BestInBall(model, inputs,
                         ThreatModel('linf', .1).around(images))
    inside = tracker.see(images + .05, torch.zeros(2, 2, 1, 1))
    assert torch.equal(inside, images + .05) and not shown
    outside = images + torch.tensor([.05, .3]).view(2, 1, 1, 1)
    allowed = tracker.see(outside, torch.zeros(2, 2, 1, 1))
    assert torch.equal(shown[0], allowed)
    assert torch.equal(allowed[0], outside[0])
    assert torch.allclose(allowed[1], images[1] + .1)


def scored(*wrong):
    """Return logits (B, 2, 2, 2) with so many wrong pixels of class 0."""
    classes = torch.stack([(torch.arange(4) < n).view(2, 2) for n in wrong])
    return torch.nn.functional.one_hot(classes.long(), 2).movedim(3, 1) * 1.


def inputs_of(size, targeted=False):
    images = torch.full((size, 3, 2, 2), .5, dtype=torch.float64)
    labels = torch.zeros(size, 2, 2, dtype=torch.int64)
    return check_inputs(images, labels, None, 255, targeted)


@pytest.mark.parametrize('targeted, kept', [(False, 2), (True, 1)])
def test_best_iterate_is_the_earliest_with_most_wrong_pixels(targeted, kept):
    inputs = inputs_of(1, targeted)
    tracker = BestIterate(inputs)
    for i, wrong in enumerate([2, 1, 3, 3, 1]):
        tracker.see(inputs.images + .01 * i, scored(wrong))
    adv_images, mis_ratio = tracker.result()
    assert torch.allclose(adv_images, inputs.images + .01 * kept)
    assert mis_ratio == 100 * [2, 1, 3][kept] / 4


def test_best_in_the_ball_passes_over_the_clean_image():
    inputs = inputs_of(1)
    tracker = BestInBall(None, inputs,
                         ThreatModel('linf', .1).around(inputs.images))
    tracker.see_start(inputs.images, scored(4))
    tracker.see(inputs.images + .05, scored(1))
    assert torch.equal(tracker.result().adv_images, inputs.images + .05)


@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_nearest_success_is_kept_and_without_one_the_most_wrong(norm):
    inputs = inputs_of(2)
    tracker = SmallestSuccess(inputs, norm, .75)
    tracker.see_start(inputs.images, scored(0, 1))
    moves = [(.3, 4, 2), (.1, 3, 1), (.2, 4, 0), (.05, 2, 2)]
    for move, *wrong in moves:
        tracker.see(inputs.images + move, scored(*wrong))
    adv_images, mis_ratio = tracker.result()
    assert torch.equal(adv_images[0], inputs.images[0] + .1)
    assert torch.equal(adv_images[1], inputs.images[1] + .3)
    assert mis_ratio.tolist() == [75, 50]


def test_clean_image_can_be_the_nearest_success():
    inputs = inputs_of(1)
    tracker = SmallestSuccess(inputs, 'linf', .75)
    tracker.see_start(inputs.images, scored(3))
    tracker.see(inputs.images + .1, scored(4))
    assert torch.equal(tracker.result().adv_images, inputs.images)


@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_every_image_is_in_the_ball_of_a_search(norm):
    inputs = inputs_of(1)
    ball = SmallestSuccess(inputs, norm, .75).ball
    for images in (torch.zeros_like(inputs.images),
                   torch.ones_like(inputs.images)):
        assert torch.allclose(ball.project(images), images)
        assert ball.contains(images)
