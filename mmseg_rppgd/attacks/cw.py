"""The attack of Carlini and Wagner, dense: bounded, and with a penalty."""
from typing import Any, Optional

import torch
from torch import Tensor

from ..registry import ATTACKS
from .base import (AttackInputs, AttackResult, BestInBall, Callback,
                   CheckedModel, FiniteCheck, check_depends, full_precision)
from .gradient_attack import GradientAttack
from .objectives import PixelObjective
from .pixel_losses import margin
from .threat_model import Number, parse_length, parse_number

STEPS = {'linf': 40, 'l2': 100}
TANH_SLACK = 1e-6  # keeps atanh finite where a pixel is 0 or 1


class ConfidentMargin(PixelObjective):
    """The margin of each pixel, up to a confidence.

    A pixel that is wrong (targeted: on target) by more than ``confidence``
    has no gradient left.
    """

    def __init__(self, confidence: float) -> None:
        super().__init__('margin')
        self.confidence = confidence

    def pixel_losses(self, logits: Tensor, step: int, steps: int) -> Tensor:
        losses = super().pixel_losses(logits, step, steps)
        if self.inputs.targeted:
            return losses.clamp(min=-self.confidence)
        return losses.clamp(max=self.confidence)


@ATTACKS.register_module()
class CW(GradientAttack):
    """Make the logit of another class exceed that of the label.

    With ``norm='linf'`` it is PGD on the margin max_{k != y} z_k - z_y of
    every labelled pixel, cut off at the confidence. With ``norm='l2'`` it
    minimises ||delta||^2 + c sum max(-margin, -confidence) over the labelled
    pixels by Adam in tanh space from the clean image, and is a minimum-norm
    attack: what leaves the ball is projected on it.

    Paper: Carlini and Wagner, Towards Evaluating the Robustness of Neural
    Networks, S&P 2017. It is defined for classification; no dense version
    was published with its settings. Deviations: the sum over pixels; c is
    fixed instead of searched for; both forms return the image in the ball
    with most wrong pixels.

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, 0.03 for linf and
            0.03 x sqrt(3HW) for l2.
        norm (str): ``'linf'`` or ``'l2'``, which is also the form. Defaults
            to 'linf'.
        confidence (float): Margin beyond which a pixel is left alone, >= 0,
            in units of logits (kappa). Defaults to 0.
        steps (int, optional): Defaults to None, 40 for linf and 100 for l2.
        alpha (float | str, optional): Step size, linf only. Defaults to
            None, 0.01.
        random_start (bool): Begin at noise, linf only. Defaults to True.
        c (float): Weight of the margins, l2 only. Defaults to 1.
        lr (float): Learning rate of Adam in tanh space, l2 only. Defaults
            to 0.01.
        keep (str): Defaults to 'best'; linf only.
        kwargs: ignore_index, restarts (of use with noise only) and targeted
            of :class:`Attack`.

    Raises:
        ValueError: If an argument is out of range.
    """

    objective: ConfidentMargin

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 norm: str = 'linf',
                 confidence: Number = 0.,
                 steps: Optional[int] = None,
                 c: Number = 1.,
                 lr: Number = 0.01,
                 keep: str = 'best',
                 **kwargs: Any) -> None:
        confidence = parse_number('confidence', confidence)
        if confidence < 0:
            raise ValueError(f'confidence must be >= 0, but got {confidence}')
        super().__init__(
            eps,
            norm=norm,
            objective=ConfidentMargin(confidence),
            steps=STEPS.get(norm, 1) if steps is None else steps,
            keep=keep,
            **kwargs)
        if norm == 'l2':
            self.restarts = 1  # every run would be the same
        self.c = parse_number('c', c)
        if self.c <= 0:
            raise ValueError(f'c must be > 0, but got {c}')
        self.lr = parse_length('lr', lr, 'l2')

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Optional[Callback]) -> AttackResult:
        if self.norm == 'linf':
            return super()._run(model, inputs, callback)
        ball = self.threat_model.around(inputs.images, inputs.mask)
        tracker = BestInBall(model, inputs, ball)
        finite = FiniteCheck(self.name, self.steps, inputs.images.device)
        start = ((2 * inputs.images - 1) * (1 - TANH_SLACK)).atanh()
        offset = torch.zeros_like(start)
        adam = torch.optim.Adam([offset], self.lr)
        for step in range(1, self.steps + 1):
            leaf = offset.detach().requires_grad_()
            adv_images = from_tanh_space(start + leaf, inputs)
            logits = model(adv_images).logits
            check_depends(logits.requires_grad)
            if step > 1:
                tracker.see(adv_images.detach(), logits.detach())
            with full_precision(leaf.device):
                offset.grad, = torch.autograd.grad(
                    self.penalty(adv_images, logits, inputs), leaf)
            finite.see(offset.grad, step)
            adam.step()
            if callback is not None:
                callback(
                    step,
                    ball.project(from_tanh_space(start + offset, inputs)))
        finite.raise_if_not()
        with torch.no_grad():
            adv_images = from_tanh_space(start + offset, inputs)
            tracker.see(adv_images, model(adv_images).logits)
        return tracker.result()

    def penalty(self, adv_images: Tensor, logits: Tensor,
                inputs: AttackInputs) -> Tensor:
        """Return what the l2 form minimises, summed over the images."""
        margins = margin(logits, inputs.labels)
        if not inputs.targeted:
            margins = -margins
        missing = margins.clamp(min=-self.objective.confidence)
        return ((adv_images - inputs.images).square().sum() +
                self.c * missing.masked_fill(~inputs.labelled, 0).sum())


def from_tanh_space(points: Tensor, inputs: AttackInputs) -> Tensor:
    """Return the images in [0, 1] of points, clean outside the mask."""
    images = (points.tanh() + 1) / 2
    if inputs.mask is None:
        return images
    return torch.where(inputs.mask, images, inputs.images)
