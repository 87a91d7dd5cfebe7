"""Which iterate of each image is kept."""
from typing import Optional

import torch
from torch import Tensor

from ..threat_model import Ball, ThreatModel
from .attack import AttackResult
from .inputs import AttackInputs
from .model import CheckedModel


class BestIterate:
    """The iterate of each image with most wrong labelled pixels.

    Targeted, the one with fewest; of equals the earlier.
    """

    def __init__(self, inputs: AttackInputs) -> None:
        self.inputs = inputs
        self.images = inputs.images
        self.wrong: Optional[Tensor] = None

    def see(self, images: Tensor, logits: Tensor) -> None:
        """Consider an iterate and the logits it gave."""
        wrong = self.inputs.count_wrong(logits)
        if self.wrong is None:
            self.images, self.wrong = images, wrong
            return
        better = (
            wrong < self.wrong
            if self.inputs.targeted else wrong > self.wrong)
        self.images = torch.where(
            better.view(-1, 1, 1, 1), images, self.images)
        self.wrong = torch.where(better, wrong, self.wrong)

    def result(self) -> AttackResult:
        """Return the kept iterates and their MisRatio."""
        assert self.wrong is not None  # an iterate has been seen
        return AttackResult(self.images,
                            100 * self.wrong / self.inputs.num_labelled)


class BestInBall:
    """The most wrong image in the ball that an attack comes by.

    An iterate inside the ball is judged by the logits it gave; of one
    outside, the projection is, by a forward pass of its own.

    Args:
        model (CheckedModel): The frozen model.
        inputs (AttackInputs): Checked inputs.
        ball (Ball): What may be returned.
    """

    def __init__(self, model: CheckedModel, inputs: AttackInputs,
                 ball: Ball) -> None:
        self.model = model
        self.ball = ball
        self.tracker = BestIterate(inputs)

    def see_start(self, images: Tensor, logits: Tensor) -> None:
        """Pass over the clean images, which are no answer of an attack."""

    @torch.no_grad()
    def see(self, images: Tensor, logits: Tensor) -> Tensor:
        """Consider an iterate; return what of it is in the ball."""
        inside = self.ball.contains(images).view(-1, 1, 1, 1)
        if not bool(inside.all()):
            images = torch.where(inside, images, self.ball.project(images))
            logits = torch.where(inside, logits, self.model(images).logits)
        self.tracker.see(images, logits)
        return images

    def result(self) -> AttackResult:
        """Return the best image of each and its MisRatio."""
        return self.tracker.result()


class SmallestSuccess:
    """The nearest image at which enough labelled pixels are wrong.

    Until there is one, the one with most wrong pixels. Every image is in its
    ``ball``.

    Args:
        inputs (AttackInputs): Checked inputs.
        norm (str): ``'linf'`` or ``'l2'``.
        threshold (float): Share of the labelled pixels that is enough.
    """

    def __init__(self, inputs: AttackInputs, norm: str,
                 threshold: float) -> None:
        self.inputs = inputs
        self.norm = norm
        widest = 1. if norm == 'linf' else inputs.images[0].numel()**.5
        self.ball = ThreatModel(norm, widest).around(
            inputs.images, inputs.mask)
        self.enough = threshold * inputs.num_labelled
        self.images = inputs.images
        self.wrong = torch.full_like(inputs.num_labelled, -1)
        self.norms = torch.full_like(inputs.num_labelled, float('inf'))

    def see_start(self, images: Tensor, logits: Tensor) -> None:
        """Consider the clean images, which may be wrong enough."""
        self.see(images, logits)

    def see(self, images: Tensor, logits: Tensor) -> Tensor:
        """Consider an iterate and the logits it gave; return it."""
        wrong = count_reached(self.inputs, logits)
        size = perturbation_norm(images - self.inputs.images, self.norm)
        success = wrong >= self.enough
        better = torch.where(success, size < self.norms,
                             self.norms.isinf() & (wrong > self.wrong))
        self.images = torch.where(
            better.view(-1, 1, 1, 1), images, self.images)
        self.wrong = torch.where(better, wrong, self.wrong)
        self.norms = torch.where(better & success, size, self.norms)
        return images

    def result(self) -> AttackResult:
        """Return the nearest success and its MisRatio."""
        wrong = self.wrong
        if self.inputs.targeted:
            wrong = self.inputs.num_labelled - wrong
        return AttackResult(self.images,
                            100 * wrong / self.inputs.num_labelled)


def count_reached(inputs: AttackInputs, logits: Tensor) -> Tensor:
    """Return how many labelled pixels (B,) are where the attack wants them.

    That is wrong, or for a targeted attack on their target.
    """
    wrong = inputs.count_wrong(logits).to(inputs.num_labelled)
    return inputs.num_labelled - wrong if inputs.targeted else wrong


def perturbation_norm(delta: Tensor, norm: str) -> Tensor:
    """Return the norm (B,) of perturbations (B, 3, H, W)."""
    delta = delta.flatten(1)
    return delta.abs().amax(1) if norm == 'linf' else delta.norm(dim=1)
