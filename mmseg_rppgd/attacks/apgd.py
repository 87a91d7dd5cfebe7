"""APGD with every loss of the segmentation literature."""
from typing import Any, Optional, Sequence, Union

import torch
from torch import Tensor

from ..registry import ATTACKS
from .base import AttackInputs, SegOutput
from .gradient_attack import GradientAttack
from .objectives import (Objective, PixelObjective, PixelWeights,
                         mean_over_labelled)
from .pixel_losses import Q_END, Q_START, PixelLoss, cross_entropy
from .rppgd import RPObjective
from .threat_model import Number
from .updates import APGDStep


@ATTACKS.register_module()
class APGD(GradientAttack):
    """Climb with a step size that adapts itself; keep the best iterate.

    The members of the SEA ensemble are ``APGD()`` (masked cross-entropy),
    ``APGD(pixel_weights=['correct', 'balanced'], class_counts=...)``
    (balanced), ``APGD(pixel_loss='js', pixel_weights=None)`` and
    ``APGD(pixel_loss='spherical')``. Stronger where a network is trained
    adversarially are ``APGD(pixel_weights='cosine')`` and
    ``APGD(pixel_loss='tsallis', pixel_weights=None)``.

    Paper: Croce and Hein, Reliable Evaluation of Adversarial Robustness with
    an Ensemble of Diverse Parameter-free Attacks, ICML 2020; for
    segmentation Croce et al., Towards Reliable Evaluation and Fast Training
    of Robust Semantic Segmentation Models (SEA), ECCV 2024. Deviations: the
    steps are all the gradients there are, so a phase has no evaluation of
    its own at its end; the start is uniform in the ball of radius eps.

    Note:
        - The step size follows the plain mean cross-entropy, whatever is
          climbed, as in SEA: a masked loss falls when a pixel turns wrong,
          and the losses of SegPGD and RP-PGD change their weights by step.
        - The iterate that is returned is the one with most wrong labelled
          pixels among those inside the ball of radius eps.
        - While the phases of the schedule are in a larger ball, a callback
          is given the projection of the iterate.

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, 0.03 for linf and
            0.03 x sqrt(3HW) for l2.
        steps (int): Number of gradient steps. Defaults to 100.
        pixel_loss (str | callable): 'ce', 'js', 'margin', 'spherical',
            'cosine' or 'tsallis', or as of :class:`PixelObjective`. Defaults
            to 'ce'.
        pixel_weights (str | callable | sequence, optional): None, or one or
            several of 'correct', 'segpgd' (SegPGD's objective), 'cosine'
            (CosPGD's) and 'balanced', or as of :class:`PixelObjective`.
            Defaults to 'correct'.
        class_counts (sequence[int], optional): Pixels of each class in the
            training labels, for 'balanced'. Defaults to None, those of the
            image.
        q_start (float): q of 'tsallis' at the first step, 1 at most.
            Defaults to -2.
        q_end (float): q of 'tsallis' at the last step, 1 at most. Defaults
            to 1.
        objective (str | Objective, optional): ``'rppgd'`` climbs RP-PGD's
            objective with its defaults, an :class:`Objective` (such as
            ``RPObjective(beta=1)``) that one, instead of pixel_loss and
            pixel_weights. Defaults to None.
        feature_layer (str, optional): As of :class:`RPPGD`, for its
            objective. Defaults to None.
        schedule (str): 'eps-reducing' spends 30, 30 and 40 % of the steps in
            balls of radius 2 eps, 1.5 eps and eps, 'fixed' all in the last.
            Defaults to 'eps-reducing'.
        alpha (float | str, optional): First step size. Defaults to None,
            2 eps.
        random_start (bool): Begin at uniform noise in the ball. Defaults to
            True.
        keep (str): Defaults to 'best'.
        kwargs: norm, ignore_index, restarts and targeted of
            :class:`Attack`.

    Raises:
        ValueError: If an argument is out of range, or targeted is set for an
            objective without a targeted meaning.

    Example:
        >>> attack = APGD('8/255', steps=300, pixel_loss='js',
        ...               pixel_weights=None)
    """

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 steps: int = 100,
                 pixel_loss: Union[str, PixelLoss] = 'ce',
                 pixel_weights: PixelWeights = 'correct',
                 class_counts: Optional[Sequence[int]] = None,
                 q_start: Number = Q_START,
                 q_end: Number = Q_END,
                 objective: Union[None, str, Objective] = None,
                 feature_layer: Optional[str] = None,
                 schedule: str = 'eps-reducing',
                 keep: str = 'best',
                 **kwargs: Any) -> None:
        if objective is None:
            objective = PixelObjective(
                pixel_loss,
                pixel_weights,
                class_counts=class_counts,
                q_start=q_start,
                q_end=q_end)
        elif objective == 'rppgd':
            objective = RPObjective()
        elif not isinstance(objective, Objective):
            raise ValueError("objective must be None, 'rppgd' or an "
                             f'Objective, but got {objective!r}')
        super().__init__(
            eps,
            objective=objective,
            update=APGDStep(schedule),
            steps=steps,
            keep=keep,
            **kwargs)
        self.feature_layer = feature_layer

    def resolved_alpha(self, eps: float) -> float:
        return 2 * eps if self.alpha is None else self.alpha

    @torch.no_grad()
    def _progress(self, loss: Tensor, output: SegOutput,
                  inputs: AttackInputs) -> Tensor:
        losses = cross_entropy(output.logits, inputs.labels)
        progress = mean_over_labelled(losses, inputs)
        return -progress if self.targeted else progress
