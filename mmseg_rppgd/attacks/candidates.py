"""Keeping the best of iterates that walk outside the ball."""
from typing import Callable, List, NamedTuple, Optional

import torch
from torch import Tensor

from .base import AttackInputs, AttackResult, Callback, CheckedModel
from .gradient_attack import BestIterate
from .threat_model import Ball


class Candidates:
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

    Until there is one, the one with most wrong pixels.

    Args:
        inputs (AttackInputs): Checked inputs.
        norm (str): ``'linf'`` or ``'l2'``.
        threshold (float): Share of the labelled pixels that is enough.
    """

    def __init__(self, inputs: AttackInputs, norm: str,
                 threshold: float) -> None:
        self.inputs = inputs
        self.norm = norm
        self.enough = threshold * inputs.num_labelled
        self.images = inputs.images
        self.wrong = torch.full_like(inputs.num_labelled, -1)
        self.norms = torch.full_like(inputs.num_labelled, float('inf'))

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


class OneImage(NamedTuple):
    """What an attack of a single image is given.

    Args:
        inputs (AttackInputs): Those of the image, a batch of one.
        callback (callable, optional): To be called after each update.
    """
    inputs: AttackInputs
    callback: Optional[Callback]


def one_by_one(run: Callable[[OneImage], AttackResult], inputs: AttackInputs,
               callback: Optional[Callback]) -> AttackResult:
    """Attack the images of a batch one by one, as if together.

    For attacks that would otherwise let the images of a batch influence each
    other. The callback still sees batches: those of one image at once, of
    several after all have been attacked, for which their iterates are kept.

    Args:
        run (callable): Attacks one image; calls the callback equally often
            for each.
        inputs (AttackInputs): The batch.
        callback (callable, optional): That of the batch.
    """
    size = len(inputs.images)
    if size == 1:
        return run(OneImage(inputs, callback))
    adv_images, mis_ratios = [], []
    seen: List[List[Tensor]] = []
    for i, has_labels in enumerate((inputs.num_labelled > 0).tolist()):
        single = select(inputs, i)
        if not has_labels:
            adv_images.append(single.images)
            mis_ratios.append(single.num_labelled * float('nan'))
            seen.append([])
            continue
        iterates: List[Tensor] = []
        keep = None
        if callback is not None:

            def keep(step: int, images: Tensor, to=iterates) -> None:
                to.append(images)

        result = run(OneImage(single, keep))
        adv_images.append(result.adv_images)
        mis_ratios.append(result.mis_ratio)
        seen.append(iterates)
    for step in range(max(map(len, seen))):
        callback(
            step + 1,
            torch.cat([
                iterates[step] if iterates else inputs.images[i:i + 1]
                for i, iterates in enumerate(seen)
            ]))
    return AttackResult(torch.cat(adv_images), torch.cat(mis_ratios))


def select(inputs: AttackInputs, index: int) -> AttackInputs:
    """Return one image of checked inputs as a batch of one."""
    return inputs._replace(**{
        name: value[index:index + 1]
        for name, value in inputs._asdict().items()
        if isinstance(value, Tensor)
    })
