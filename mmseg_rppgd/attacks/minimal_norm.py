"""Attacks that look for a small perturbation; ALMA-prox and DAG."""
import copy
from abc import abstractmethod
from functools import partial
from typing import NamedTuple, Optional, Union

import torch
from torch import Tensor

from ..registry import ATTACKS
from ._adv_lib import load_adv_lib
from .base import (Attack, AttackInputs, AttackResult, Callback, CheckedModel,
                   Model, check_int)
from .candidates import (Candidates, OneImage, SmallestSuccess, one_by_one,
                         perturbation_norm)
from .gradient_attack import FiniteCheck, check_depends
from .threat_model import Ball, Number, ThreatModel, parse_length, parse_number


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


class MinimalNormAttack(Attack):
    """An attack that looks for the smallest sufficient perturbation.

    Called like any attack, with a radius, it returns the best iterate inside
    the ball, and never the clean image for want of success; its own measure
    is :meth:`minimal`. It is deterministic, so restarts change nothing.

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

    searches_minimum = False

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 steps: int,
                 threshold: Number,
                 keep: str = 'best',
                 **kwargs) -> None:
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
        search = copy.copy(self)
        search.searches_minimum = True
        adv_images, mis_ratio = search.run(model, images, labels, mask)
        norms = perturbation_norm(
            adv_images - images.detach().clamp(0, 1), self.norm)
        reached = 100 - mis_ratio if self.targeted else mis_ratio
        # Half a pixel of a million is more than rounding of the percentage.
        missed = reached < 100 * self.threshold - 5e-5
        norms = norms.masked_fill(missed, float('inf'))
        return MinimalResult(
            adv_images, norms.masked_fill(mis_ratio.isnan(), float('nan')))

    def _ball(self, inputs: AttackInputs) -> Ball:
        """Return where the iterates may be taken from."""
        threat_model = self.threat_model
        if self.searches_minimum:  # every image is in it
            threat_model = ThreatModel(
                self.norm, 1. if self.norm == 'linf' else
                inputs.images[0].numel()**.5)
        return threat_model.around(inputs.images, inputs.mask)

    def _candidates(self, model: CheckedModel, inputs: AttackInputs,
                    ball: Ball) -> Union[Candidates, SmallestSuccess]:
        if self.searches_minimum:
            return SmallestSuccess(inputs, self.norm, self.threshold)
        return Candidates(model, inputs, ball)


class Observed:
    """The model of one image that adv-lib is given, which watches it.

    It takes in every iterate, confines it to the mask, calls the callback
    and looks for gradients that are not finite.

    Args:
        model (CheckedModel): The frozen model.
        attack (MinimalNormAttack): The attack, for its steps.
        image (OneImage): Inputs and callback.
        candidates (Candidates | SmallestSuccess): Is shown the iterates.
        least_classes (int): What adv-lib's loss needs; missing ones are
            added one below the least logit, so that they never win.
    """

    def __init__(self, model: CheckedModel, attack: MinimalNormAttack,
                 image: OneImage, candidates: Union[Candidates,
                                                    SmallestSuccess],
                 least_classes: int) -> None:
        self.model = model
        self.attack = attack
        self.inputs, self.callback = image
        self.candidates = candidates
        self.least_classes = least_classes
        self.finite = FiniteCheck(attack, self.inputs.images.device)
        self.updates = -1  # that adv-lib has made when it calls

    def __call__(self, adv_images: Tensor) -> Tensor:
        if self.inputs.mask is not None:
            adv_images = torch.where(self.inputs.mask, adv_images,
                                     self.inputs.images)
        logits = self.model(adv_images).logits
        check_depends(logits.requires_grad)
        self.updates += 1
        self._see(adv_images.detach(), logits.detach())
        step = self.updates + 1
        if step <= self.attack.steps:
            adv_images.register_hook(
                lambda grad: self.finite.see(grad, step))
        missing = self.least_classes - logits.shape[1]
        if missing > 0:
            least = logits.detach().amin(1, keepdim=True) - 1
            logits = torch.cat(
                [logits, least.expand(-1, missing, -1, -1)], 1)
        return logits

    def _see(self, adv_images: Tensor, logits: Tensor) -> None:
        if self.updates == 0:  # the clean image
            self.shown = self.inputs.images
            self.clean_logits = logits
            if self.attack.searches_minimum:
                self.candidates.see(adv_images, logits)
            return
        self.shown = self.candidates.see(adv_images, logits)
        if self.callback is not None:
            self.callback(self.updates, self.shown)

    def result(self) -> AttackResult:
        """Return what was found, after the last update."""
        self.finite.raise_if_not()
        if self.updates == 0:  # the clean image is a success already
            self.candidates.see(self.shown, self.clean_logits)
        if self.callback is not None:  # the iterate that stands still
            for step in range(self.updates + 1, self.attack.steps + 1):
                self.callback(step, self.shown)
        return self.candidates.result()


class AdvLibAttack(MinimalNormAttack):
    """An attack of the adv-lib package.

    Images are attacked one by one: in adv-lib those of a batch influence
    each other. The arguments are those of :class:`MinimalNormAttack`.
    """

    function: str
    module: str
    least_classes = 2

    def __init__(self, eps: Optional[Number] = None, **kwargs) -> None:
        super().__init__(eps, **kwargs)
        load_adv_lib(self.module)  # a missing package is told at once

    @abstractmethod
    def _settings(self, images: Tensor) -> dict:
        """Return the arguments of adv-lib's function."""

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Optional[Callback],
             generator: Optional[torch.Generator]) -> AttackResult:
        return one_by_one(
            partial(self._run_one, model.model), inputs, callback)

    def _run_one(self, model: Model, image: OneImage) -> AttackResult:
        inputs = image.inputs
        checked = CheckedModel(model, inputs, self)
        candidates = self._candidates(checked, inputs, self._ball(inputs))
        observed = Observed(checked, self, image, candidates,
                            self.least_classes)
        attack = getattr(load_adv_lib(self.module), self.function)
        attack(
            observed,
            inputs.images,
            inputs.labels,
            inputs.labelled,
            targeted=self.targeted,
            adv_threshold=self.threshold,
            **self._settings(inputs.images))
        return observed.result()


def penalty_p2(y: Tensor, rho: Tensor, mu: Tensor) -> Tensor:
    """Return adv-lib's penalty of the constraint y <= 0, rightly derived.

    adv-lib's own has the same value, but where y >= 0 its derivative begins
    with mu y in the place of mu.
    """
    above = mu * y + mu * rho * y**2 + rho**2 * y**3 / 6
    below = mu * y / (1 - rho.clamp(min=1) * y.clamp(max=0))
    return torch.where(y >= 0, above, below)


@ATTACKS.register_module()
class ALMAProx(AdvLibAttack):
    """Solve for the smallest linf perturbation by an augmented Lagrangian.

    Needs the package adv-lib.

    Paper: Rony et al., Proximal Splitting Adversarial Attacks for Semantic
    Segmentation, CVPR 2023. Deviations: the derivative of the penalty is
    right, see ``penalty``; the last iterate is looked at too; with
    ``norm='l2'`` the iterates, found for linf, are projected on the l2 ball.

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, 0.03 for linf and
            0.03 x sqrt(3HW) for l2.
        steps (int): Number of updates. Defaults to 500.
        lr (float | str): First learning rate. Defaults to 0.001.
        threshold (float): Share of the labelled pixels that must be wrong.
            Defaults to 0.99.
        penalty (str): 'right', or 'adv-lib' with the derivative of adv-lib
            0.2.8, for comparison with published numbers. Defaults to
            'right'.
        kwargs: norm, ignore_index and targeted of :class:`Attack`.

    Raises:
        ImportError: If adv-lib is not installed.
        ValueError: If an argument is out of range.
    """

    module = 'attacks.segmentation.alma_prox'
    function = 'alma_prox'

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 steps: int = 500,
                 lr: Number = 0.001,
                 threshold: Number = 0.99,
                 penalty: str = 'right',
                 **kwargs) -> None:
        super().__init__(eps, steps=steps, threshold=threshold, **kwargs)
        self.lr = parse_length('lr', lr, 'linf')
        if penalty not in ('right', 'adv-lib'):
            raise ValueError("penalty must be 'right' or 'adv-lib', but got "
                             f'{penalty!r}')
        self.penalty = penalty
        # The ratio of logits that it climbs needs the third largest one,
        # or, targeted, the fourth.
        self.least_classes = 4 if self.targeted else 3

    def _settings(self, images: Tensor) -> dict:
        # One evaluation more than updates: adv-lib returns without a look at
        # its last iterate.
        settings = dict(num_steps=self.steps + 1, lr_init=self.lr)
        if self.penalty == 'right':
            settings['penalty'] = penalty_p2
        return settings


@ATTACKS.register_module()
class DAG(AdvLibAttack):
    """Add normalised gradients of the still right pixels until enough flip.

    Needs the package adv-lib.

    Paper: Xie et al., Adversarial Examples for Semantic Segmentation and
    Object Detection, ICCV 2017. Deviations: as adv-lib, the gradient is
    normalised in the norm of the attack; the best iterate in the ball is
    returned also when the threshold is never reached.

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, 0.03 for linf and
            0.03 x sqrt(3HW) for l2.
        steps (int): Most updates. Defaults to 200.
        gamma (float | str, optional): Size of an update, in the units of
            eps. Defaults to None, eps / 10.
        threshold (float): Share of the labelled pixels that must be wrong.
            Defaults to 0.99.
        kwargs: norm, ignore_index and targeted of :class:`Attack`.

    Raises:
        ImportError: If adv-lib is not installed.
        ValueError: If an argument is out of range.
    """

    module = 'attacks.segmentation.dense_adversary'
    function = 'dag'

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 steps: int = 200,
                 gamma: Optional[Number] = None,
                 threshold: Number = 0.99,
                 **kwargs) -> None:
        super().__init__(eps, steps=steps, threshold=threshold, **kwargs)
        if gamma is not None:
            gamma = parse_length('gamma', gamma, self.norm)
        self.gamma = gamma

    def _settings(self, images: Tensor) -> dict:
        gamma = self.gamma
        if gamma is None:
            gamma = self.resolved_eps(images) / 10
        p = float('inf') if self.norm == 'linf' else 2
        # As the parameters of adv-lib are called.
        return {'max_iter': self.steps + 1, '\u03b3': gamma, 'p': p}
