"""How an iterate follows the gradient: one class per rule.

One shallow copy serves one run: :meth:`Update.init` may keep state on it.
"""
from abc import ABC, abstractmethod
from typing import Optional

import torch
from torch import Tensor

from .threat_model import Ball


class Update(ABC):
    """A rule that turns an iterate and its gradient into the next iterate."""

    def init(self, ball: Ball, alpha: float, steps: int) -> None:
        """Begin a run of ``steps`` steps of size ``alpha`` in ``ball``."""
        self.ball = ball
        self.alpha = alpha
        self.steps = steps

    @abstractmethod
    def step(self, adv_images: Tensor, grad: Tensor, loss: Tensor) -> Tensor:
        """Return the next iterate as a new tensor.

        Args:
            adv_images (Tensor): The iterate (B, 3, H, W).
            grad (Tensor): Ascent gradient there.
            loss (Tensor): Value of the objective there (B,).
        """


class FixedStep(Update):
    """Step by alpha along the steepest ascent, then project (Eq. 9)."""

    def step(self, adv_images: Tensor, grad: Tensor, loss: Tensor) -> Tensor:
        direction = self.ball.ascent_direction(grad)
        return self.ball.project(adv_images + self.alpha * direction)


class MomentumStep(Update):
    """Accumulate gradients of unit l1 norm, then step along their sum.

    Paper: Dong et al., Boosting Adversarial Attacks with Momentum, CVPR
    2018, Eq. 6.

    Args:
        decay (float): What is kept of the accumulated gradient. Defaults
            to 1.
    """

    def __init__(self, decay: float = 1.0) -> None:
        self.decay = decay
        self.momentum: Optional[Tensor] = None

    def init(self, ball: Ball, alpha: float, steps: int) -> None:
        super().init(ball, alpha, steps)
        self.momentum = None

    def step(self, adv_images: Tensor, grad: Tensor, loss: Tensor) -> Tensor:
        length = grad.abs().sum((1, 2, 3), keepdim=True)
        grad = grad / length.clamp_min(torch.finfo(grad.dtype).tiny)
        if self.momentum is not None:
            grad = self.decay * self.momentum + grad
        self.momentum = grad
        direction = self.ball.ascent_direction(grad)
        return self.ball.project(adv_images + self.alpha * direction)
