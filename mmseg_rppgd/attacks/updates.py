"""How an iterate follows the gradient: one class per rule.

One shallow copy serves one run: :meth:`Update.init` may keep state on it.
"""
from abc import ABC, abstractmethod
from typing import Optional, Tuple

import torch
from torch import Tensor

from .threat_model import Ball


class Update(ABC):
    """A rule that turns an iterate and its gradient into the next iterate.

    ``in_ball`` is False while the iterates may lie outside the ball.
    ``plans_ahead`` says whether a step depends on the number of steps to
    come; it is True for a rule that does not say.
    """

    in_ball = True
    plans_ahead = True

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
            loss (Tensor): How far each image has come there (B,), to be
                ascended: the value of the objective, or what the attack
                measures instead.
        """


class FixedStep(Update):
    """Step by alpha along the steepest ascent, then project (Eq. 9)."""

    plans_ahead = False

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

    plans_ahead = False

    def __init__(self, decay: float = 1.0) -> None:
        self.decay = decay
        self.momentum: Optional[Tensor] = None

    def init(self, ball: Ball, alpha: float, steps: int) -> None:
        super().init(ball, alpha, steps)
        self.momentum = None

    def step(self, adv_images: Tensor, grad: Tensor, loss: Tensor) -> Tensor:
        grad = self.ball.in_mask(grad)
        length = grad.abs().sum((1, 2, 3), keepdim=True)
        grad = grad / length.clamp_min(torch.finfo(grad.dtype).tiny)
        if self.momentum is not None:
            grad = self.decay * self.momentum + grad
        self.momentum = grad
        direction = self.ball.ascent_direction(grad)
        return self.ball.project(adv_images + self.alpha * direction)


class AdamStep(Update):
    """Step by Adam (amsgrad) with alpha as learning rate, then project.

    The loop hands it the gradient of a sum over pixels, not of a mean, so
    that Adam's 1e-8 stays far below it.

    Paper: Kingma and Ba, Adam, ICLR 2015; amsgrad of Reddi et al., ICLR
    2018.
    """

    plans_ahead = False

    def init(self, ball: Ball, alpha: float, steps: int) -> None:
        super().init(ball, alpha, steps)
        self.point = ball.images.clone()  # torch's Adam moves it in place
        self.adam = torch.optim.Adam(
            [self.point], alpha, amsgrad=True, maximize=True)

    def step(self, adv_images: Tensor, grad: Tensor, loss: Tensor) -> Tensor:
        self.point.copy_(adv_images)
        self.point.grad = grad
        self.adam.step()
        return self.ball.project(self.point)


class APGDStep(Update):
    """Step with momentum; halve the step of an image that stops climbing.

    Each image has its own step size. At checkpoints that come ever closer
    it is halved, and the image goes back to its best point, if the tracked
    value rose in no more than 75 % of the steps since the last one, or if
    the step was not halved there and the best value has not risen since.

    With the schedule 'eps-reducing' that happens in three phases, in balls
    of 2, 1.5 and 1 times the radius for 30, 30 and 40 % of the steps. Each
    phase begins with the step size of its ball, at the projection of a step
    from the best point of the phase before.

    Paper: Croce and Hein, Reliable Evaluation of Adversarial Robustness with
    an Ensemble of Diverse Parameter-free Attacks, ICML 2020, Algorithm 1;
    the phases are of Croce et al., SEA, ECCV 2024.

    Args:
        schedule (str): 'eps-reducing' or 'fixed'. Defaults to
            'eps-reducing'.
    """

    momentum = 0.75
    rho = 0.75
    checkpoints = (0.22, 0.03, 0.06)  # first, what the next lacks, shortest
    phases = ((2., 0.3), (1.5, 0.3))  # radius and share; the rest is at 1

    best_images: Tensor
    best_grad: Tensor
    last_images: Tensor
    step_size: Tensor

    def __init__(self, schedule: str = 'eps-reducing') -> None:
        if schedule not in ('eps-reducing', 'fixed'):
            raise ValueError("schedule must be 'eps-reducing' or 'fixed', "
                             f'but got {schedule!r}')
        self.schedule = schedule

    def init(self, ball: Ball, alpha: float, steps: int) -> None:
        super().init(ball, alpha, steps)
        plan = []
        if self.schedule == 'eps-reducing':
            plan = [(factor, int(share * steps))
                    for factor, share in self.phases]
        plan.append((1., steps - sum(length for _, length in plan)))
        self.plan = [(factor, length) for factor, length in plan if length]
        self._next_phase()

    def step(self, adv_images: Tensor, grad: Tensor, loss: Tensor) -> Tensor:
        if self.taken:
            self._look(adv_images, grad, loss)
            adv_images, grad = self._check(adv_images, grad)
        else:
            self._begin(adv_images, grad, loss)
        self.taken += 1
        ends = bool(self.plan) and self.taken == self.length
        if ends:
            adv_images, grad = self.best_images, self.best_grad
        inertia = adv_images - self.last_images
        self.last_images = adv_images
        target = self.phase_ball.project(
            adv_images +
            self.step_size * self.phase_ball.ascent_direction(grad))
        if self.taken > 1:
            target = self.phase_ball.project(
                target + (1 - self.momentum) *
                (adv_images - target + inertia))
        if ends:
            self._next_phase()
            target = self.phase_ball.project(target)
        return target

    def _next_phase(self) -> None:
        self.factor, self.length = self.plan.pop(0)
        self.in_ball = not self.plan
        self.phase_ball = (
            self.ball if self.in_ball else self.ball.scaled(self.factor))
        self.period, self.shortening, self.shortest = (
            max(int(share * self.length), 1) for share in self.checkpoints)
        self.taken = 0

    def _begin(self, adv_images: Tensor, grad: Tensor, loss: Tensor) -> None:
        self.last_images = adv_images
        self.best_images, self.best_grad = adv_images, grad
        self.best_loss = self.last_loss = self.loss_at_check = loss
        self.step_size = adv_images.new_full((len(adv_images), 1, 1, 1),
                                             self.factor * self.alpha)
        self.rises = torch.zeros_like(loss)
        self.halved = torch.zeros_like(loss, dtype=torch.bool)
        self.since_check = 0

    def _look(self, adv_images: Tensor, grad: Tensor, loss: Tensor) -> None:
        self.rises = self.rises + (loss > self.last_loss)
        self.last_loss = loss
        better = loss > self.best_loss
        self.best_loss = torch.where(better, loss, self.best_loss)
        better = better.view(-1, 1, 1, 1)
        self.best_images = torch.where(better, adv_images, self.best_images)
        self.best_grad = torch.where(better, grad, self.best_grad)

    def _check(self, adv_images: Tensor,
               grad: Tensor) -> Tuple[Tensor, Tensor]:
        self.since_check += 1
        if self.since_check < self.period:
            return adv_images, grad
        stuck = self.rises <= self.rho * self.period
        stale = ~self.halved & (self.loss_at_check >= self.best_loss)
        self.halved = stuck | stale
        self.loss_at_check = self.best_loss
        self.rises = torch.zeros_like(self.rises)
        self.since_check = 0
        self.period = max(self.period - self.shortening, self.shortest)
        back = self.halved.view(-1, 1, 1, 1)
        self.step_size = torch.where(back, self.step_size / 2, self.step_size)
        return (torch.where(back, self.best_images, adv_images),
                torch.where(back, self.best_grad, grad))
