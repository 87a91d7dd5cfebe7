"""DeepFool for segmentation."""
from typing import Any, Optional, Tuple

import torch
from torch import Tensor

from ..registry import ATTACKS
from .base import (AttackInputs, AttackResult, Callback, CheckedModel,
                   FiniteCheck, check_int, full_precision, gradient,
                   predict_classes)
from .minimal_norm import MinimalNormAttack
from .pixel_losses import pick
from .threat_model import Ball, Number, parse_number

DISTANCE_SLACK = 1e-4  # of the original code: beyond the boundary, not on it


@ATTACKS.register_module()
class DeepFool(MinimalNormAttack):
    """Step to the nearest of the linearised boundaries, until enough flip.

    At each step the pixels of an image that are still right are treated as
    one decision: f_k is the mean of z_k - z_y over those with y != k, for
    the K classes k whose logits are largest on them, and its linearisation
    gives the distance |f_k| / ||grad f_k||_* at which class k overtakes (*
    the dual norm). The step goes to the nearest of these boundaries, (1 +
    overshoot) times as far, and is projected on the ball. An image at which
    the threshold is reached stands still.

    Paper: Moosavi-Dezfooli et al., DeepFool: a simple and accurate method to
    fool deep neural networks, CVPR 2016. It is defined for classification,
    to which this reduces for one pixel; no dense version was published with
    its settings. Deviations: the mean over pixels; the best iterate in the
    ball is returned.

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, 0.03 for linf and
            0.03 x sqrt(3HW) for l2.
        steps (int): Most steps. Defaults to 50.
        overshoot (float): How much farther than the boundary a step goes,
            >= 0. Defaults to 0.02.
        top_classes (int): K; a step costs a backward pass for each.
            Defaults to 10.
        threshold (float): Share of the labelled pixels that is enough.
            Defaults to 0.99.
        kwargs: norm and ignore_index of :class:`Attack`.

    Raises:
        ValueError: If an argument is out of range, or targeted is set.
    """

    can_target = False

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 steps: int = 50,
                 overshoot: Number = 0.02,
                 top_classes: int = 10,
                 threshold: Number = 0.99,
                 **kwargs: Any) -> None:
        super().__init__(eps, steps=steps, threshold=threshold, **kwargs)
        self.overshoot = parse_number('overshoot', overshoot)
        if self.overshoot < 0:
            raise ValueError(f'overshoot must be >= 0, but got {overshoot}')
        check_int('top_classes', top_classes, least=1)
        self.top_classes = top_classes

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Optional[Callback]) -> AttackResult:
        tracker = self.goal.tracker(self, model, inputs)
        ball = tracker.ball
        finite = FiniteCheck(self.name, self.steps, inputs.images.device)
        adv_images = inputs.images
        for step in range(1, self.steps + 1):
            leaf = adv_images.detach().requires_grad_()
            logits = model(leaf).logits
            # Such pixels seem wrong, and need no gradient then.
            finite.note(logits.detach().isnan().any(), step)
            see = tracker.see if step > 1 else tracker.see_start
            see(adv_images, logits.detach())
            with full_precision(leaf.device):
                right = inputs.labelled & (
                    predict_classes(logits) == inputs.labels)
                wrong = inputs.num_labelled - right.sum((1, 2))
                done = wrong >= self.threshold * inputs.num_labelled
                if not bool(done.all()):
                    grad, distance = self._nearest_boundary(
                        logits, right, leaf, inputs, ball, finite, step)
                    length = (1 + self.overshoot) * (distance +
                                                     DISTANCE_SLACK)
                    # Infinite where every gradient vanishes.
                    length = length.masked_fill(done | length.isinf(), 0)
                    adv_images = ball.project(
                        adv_images + length.view(-1, 1, 1, 1) *
                        ball.ascent_direction(grad))
            if callback is not None:
                callback(step, adv_images)
        finite.raise_if_not()
        with torch.no_grad():
            tracker.see(adv_images, model(adv_images).logits)
        return tracker.result()

    def _nearest_boundary(self, logits: Tensor, right: Tensor, leaf: Tensor,
                          inputs: AttackInputs, ball: Ball,
                          finite: FiniteCheck,
                          step: int) -> Tuple[Tensor, Tensor]:
        """Return the gradient (B, 3, H, W) and the distance (B,)."""
        total = (logits.detach() * right[:, None]).sum((2, 3))
        count = min(self.top_classes, logits.shape[1])
        classes = total.topk(count, dim=1).indices
        nearest_grad = torch.zeros_like(leaf)
        nearest = leaf.new_full((len(leaf), ), float('inf'))
        for k in range(count):
            labels = classes[:, k].view(-1, 1, 1).expand_as(inputs.labels)
            counted = right & (inputs.labels != labels)
            # A sum in place of the mean: the distance is the same, and the
            # gradients do not underflow in half precision.
            gap = ((pick(logits, labels) - pick(logits, inputs.labels)) *
                   counted).sum((1, 2))
            grad = gradient(gap.sum(), leaf, retain_graph=k + 1 < count)
            finite.see(grad, step)
            slope = ball.slope(grad)
            distance = (gap.detach().abs().to(slope) / slope).masked_fill(
                ~counted.any(2).any(1) | (slope == 0), float('inf'))
            nearer = distance < nearest
            nearest = torch.where(nearer, distance, nearest)
            nearest_grad = torch.where(
                nearer.view(-1, 1, 1, 1), grad, nearest_grad)
        return nearest_grad, nearest
