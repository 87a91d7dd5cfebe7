"""Attacks that look for a small perturbation."""
import copy
from typing import Any, NamedTuple, Optional, Union

from torch import Tensor

from .base import (Attack, AttackInputs, BestInBall, CheckedModel, Model,
                   SmallestSuccess, check_int, perturbation_norm)
from .threat_model import Number, parse_number


class MinimalResult(NamedTuple):
    """What :meth:`MinimalNormAttack.minimal` returns.

    Args:
        adv_images (Tensor): The nearest images found; where none suffices,
            those with most wrong pixels.
        norms (Tensor): (B,) sizes of their perturbations in the norm of the
            attack; infinite where none suffices, NaN for an image without a
            labelled pixel.
    """
    adv_images: Tensor
    norms: Tensor


class MostWrongInBall:
    """What an attack with a radius is after: most wrong pixels inside."""

    def tracker(self, attack: 'MinimalNormAttack', model: CheckedModel,
                inputs: AttackInputs) -> BestInBall:
        """Return what keeps the best iterate of a run."""
        ball = attack.threat_model.around(inputs.images, inputs.mask)
        return BestInBall(model, inputs, ball)


class NearestSuccess:
    """What a search is after: enough wrong pixels, as near as can be."""

    def tracker(self, attack: 'MinimalNormAttack', model: CheckedModel,
                inputs: AttackInputs) -> SmallestSuccess:
        """Return what keeps the best iterate of a run."""
        return SmallestSuccess(inputs, attack.norm, attack.threshold)


class MinimalNormAttack(Attack):
    """An attack that looks for the smallest sufficient perturbation.

    Called like any attack, with a radius, it returns the best iterate inside
    the ball, and never the clean image for want of success; its own measure
    is :meth:`minimal`, by way of :meth:`searching`. It is deterministic, so
    restarts change nothing.

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, 0.03 for linf and
            0.03 x sqrt(3HW) for l2.
        steps (int): Number of updates.
        threshold (float): Share of the labelled pixels that must be wrong
            (targeted: on target) for success.
        keep (str): 'best'.
        kwargs: norm, ignore_index, restarts and targeted of
            :class:`Attack`.
    """

    goal: Union[MostWrongInBall, NearestSuccess] = MostWrongInBall()

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 steps: int,
                 threshold: Number,
                 keep: str = 'best',
                 **kwargs: Any) -> None:
        super().__init__(eps, keep=keep, **kwargs)
        if keep != 'best':
            raise ValueError(f"keep must be 'best' for {self.name}, whose "
                             f'iterates leave the ball, but got {keep!r}')
        check_int('steps', steps, least=1)
        self.restarts = 1  # every run would be the same
        self.steps = steps
        self.threshold = parse_number('threshold', threshold)
        if not 0 < self.threshold <= 1:
            raise ValueError('threshold must be a share in (0, 1], but got '
                             f'{threshold!r}')

    def minimal(self,
                model: Model,
                images: Tensor,
                labels: Tensor,
                mask: Optional[Tensor] = None) -> MinimalResult:
        """Return the smallest perturbation that makes enough pixels wrong.

        Enough is the share ``threshold`` of the labelled pixels of an image;
        the radius of the attack plays no part. The success rate at any
        radius is ``(norms <= eps).float().mean()``.

        Args:
            model (callable): As of :meth:`Attack.__call__`.
            images (Tensor): Likewise.
            labels (Tensor): Likewise.
            mask (Tensor, optional): Likewise. Defaults to None.

        Raises:
            As :meth:`Attack.__call__`.
        """
        search = self.searching()
        adv_images, mis_ratio = search.run(model, images, labels, mask)
        norms = search.norms(
            adv_images, images.detach().clamp(0, 1), mis_ratio)
        return MinimalResult(adv_images, norms)

    def searching(self) -> 'MinimalNormAttack':
        """Return the same attack, to be run for its nearest success.

        Its radius plays no part then. Of an image where nothing suffices it
        returns what has most wrong pixels; :meth:`norms` tells.

        Example:
            >>> search = DeepFool(norm='l2').searching()
            >>> adv_images, mis_ratio = search.run(model, images, labels)
            >>> norms = search.norms(adv_images, images, mis_ratio)
        """
        search = copy.copy(self)
        search.goal = NearestSuccess()
        return search

    def norms(self, adv_images: Tensor, images: Tensor,
              mis_ratio: Optional[Tensor]) -> Tensor:
        """Return how far each image was moved (B,), if that is a success.

        It is infinite where too few pixels are wrong, and NaN for an image
        without a labelled pixel.

        Args:
            adv_images (Tensor): What the attack returned (B, 3, H, W).
            images (Tensor): The clean images.
            mis_ratio (Tensor, optional): (B,) that of the adversarial
                images, as the attack returned it.

        Raises:
            TypeError: If the attack has returned none.
        """
        if mis_ratio is None:
            raise TypeError(
                f'the result of {self.name} must have a mis_ratio, which '
                'tells a success, but it is None; return that of '
                'self.goal.tracker(...).result()')
        norms = perturbation_norm(adv_images - images, self.norm)
        reached = 100 - mis_ratio if self.targeted else mis_ratio
        # Half a pixel of a million is more than rounding of the percentage.
        missed = reached < 100 * self.threshold - 5e-5
        norms = norms.masked_fill(missed, float('inf'))
        return norms.masked_fill(mis_ratio.isnan(), float('nan'))
