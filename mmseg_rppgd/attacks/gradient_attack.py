"""The one loop of every attack that climbs an objective inside a ball."""
import copy
from typing import Any, List, NamedTuple, Optional

import torch
from torch import Tensor

from .base import (Attack, AttackInputs, AttackResult, BestIterate, Callback,
                   CheckedModel, FiniteCheck, SegOutput, ascent_gradient,
                   check_int, full_precision)
from .diversity import InputDiversity
from .objectives import Objective
from .threat_model import Ball, Number, parse_length
from .updates import FixedStep, Update


class Start(NamedTuple):
    """What chance decides for one run.

    Args:
        images (Tensor): x_adv_0 (B, 3, H, W).
        draws (Tensor, optional): Numbers (steps, B, K) for the view.
    """
    images: Tensor
    draws: Optional[Tensor]


class GradientAttack(Attack):
    """Climb an objective with an update rule: start, step, project, repeat.

    An attack of one's own is this with an objective and, perhaps, an update.

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, see :class:`Attack`.
        objective (Objective): What is maximised.
        update (Update, optional): Defaults to None, :class:`FixedStep`.
        view (InputDiversity, optional): What the model is shown instead of
            the iterate. Defaults to None, the iterate.
        alpha (float | str, optional): Step size, in the units of eps.
            Defaults to None, 0.01 for linf and eps / 4 for l2.
        steps (int): Number of updates N. Defaults to 10.
        random_start (bool): Begin at uniform noise in the ball, projected on
            [0, 1], instead of the clean images. Defaults to True.
        kwargs: norm, ignore_index, restarts, targeted and keep of
            :class:`Attack`.

    Raises:
        ValueError: If an argument is out of range, or targeted is set for an
            objective without a targeted meaning.

    Example:
        >>> attack = GradientAttack(
        ...     0.03, objective=PixelObjective('js', 'correct'), steps=20)
    """

    parts = ('objective', 'update', 'view')

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 objective: Objective,
                 update: Optional[Update] = None,
                 view: Optional[InputDiversity] = None,
                 alpha: Optional[Number] = None,
                 steps: int = 10,
                 random_start: bool = True,
                 **kwargs: Any) -> None:
        self.objective = objective  # says whether it can be targeted
        super().__init__(eps, **kwargs)
        if alpha is not None:
            alpha = parse_length('alpha', alpha, self.norm)
        check_int('steps', steps, least=1)
        if not isinstance(random_start, bool):
            raise TypeError(
                f'random_start must be a bool, but got {random_start!r}')
        self.update = FixedStep() if update is None else update
        self.view = view
        self.alpha = alpha
        self.steps = steps
        self.random_start = random_start
        self.needs_features = objective.needs_features

    @property
    def can_target(self) -> bool:  # type: ignore[override]
        """bool: Whether the objective has a targeted meaning."""
        return self.objective.can_target

    @property
    def plans_ahead(self) -> bool:  # type: ignore[override]
        """bool: Whether a step depends on the number of steps to come.

        It does if a part or the step size does, or if a subclass has a loop
        of its own and does not say otherwise.
        """
        parts = [getattr(self, name) for name in GradientAttack.parts]
        return (type(self)._run is not GradientAttack._run
                or self._alpha_plans_ahead()
                or any(getattr(part, 'plans_ahead', True)
                       for part in parts if part is not None))

    def _alpha_plans_ahead(self) -> bool:
        alphas = set()
        for steps in (1, self.steps, 2 * self.steps):
            other = copy.copy(self)
            other.steps = steps
            alphas.add(other.resolved_alpha(1.))
        return len(alphas) > 1

    def resolved_alpha(self, eps: float) -> float:
        """Return the step size for a radius."""
        if self.alpha is not None:
            return self.alpha
        return 0.01 if self.norm == 'linf' else eps / 4

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Optional[Callback]) -> AttackResult:
        ball = self.threat_model.around(inputs.images, inputs.mask)
        starts = self._starts(ball, inputs)
        clean_logits = None
        if self.objective.needs_clean and self.random_start:
            with torch.no_grad():
                clean_logits = model(inputs.images).logits
        tracker = None
        if self.keep == 'best' or self.restarts > 1:
            tracker = BestIterate(inputs)
        for start in starts:
            result = self._climb(model, inputs, ball, start, clean_logits,
                                 callback, tracker)
        return result if tracker is None else tracker.result()

    def _starts(self, ball: Ball, inputs: AttackInputs) -> List[Start]:
        """Draw the start of each run, image by image.

        So a batch equals its images one by one; an image without a labelled
        pixel, which stays clean, draws nothing.
        """
        noises, draws = [], []
        counts = inputs.num_labelled.tolist()
        for i, (count, generator) in enumerate(
                zip(counts, inputs.generators)):
            for _ in range(self.restarts):
                noise = torch.zeros_like(ball.images[i])
                if self.random_start and count:
                    noise = ball.random_start(i, generator)
                noises.append(noise)
                if self.view is not None:
                    draw = self.view.draw(self.steps if count else 0,
                                          generator)
                    draws.append(draw.to(noise.device))
        starts = []
        for run in range(self.restarts):
            images = ball.images
            if self.random_start:
                noise = torch.stack(noises[run::self.restarts])
                images = ball.project(images + noise)
            table = None
            if self.view is not None:
                table = torch.nn.utils.rnn.pad_sequence(
                    draws[run::self.restarts])
            starts.append(Start(images, table))
        return starts

    def _climb(self, model: CheckedModel, inputs: AttackInputs, ball: Ball,
               start: Start, clean_logits: Optional[Tensor],
               callback: Optional[Callback],
               tracker: Optional[BestIterate]) -> AttackResult:
        """Run once; return the last iterate and what its predecessor gave."""
        objective = copy.copy(self.objective)
        objective.init(inputs, clean_logits)
        update = copy.copy(self.update)
        update.init(ball, self.resolved_alpha(ball.eps), self.steps)
        adv_images = start.images
        finite = FiniteCheck(self.name, self.steps, adv_images.device)
        for step in range(1, self.steps + 1):
            leaf = adv_images.detach().requires_grad_()
            if self.view is None:
                output = model(leaf)
            else:
                assert start.draws is not None  # as _starts() sees to
                output = self.view(model, leaf, start.draws[step - 1])
            if tracker is not None and step > 1 and update.in_ball:
                self._track(tracker, model, adv_images, output)
            with full_precision(leaf.device):
                loss = objective.loss(output, step, self.steps)
                if self.targeted:
                    loss = -loss
                grad = ascent_gradient(loss, leaf, inputs)
                progress = self._progress(loss, output, inputs)
            finite.see(grad, step)
            adv_images = update.step(adv_images, grad, progress)
            if callback is not None:
                callback(
                    step, adv_images
                    if update.in_ball else ball.project(adv_images))
        finite.raise_if_not()
        if tracker is not None:
            self._track(tracker, model, adv_images, None)
        return AttackResult(adv_images,
                            inputs.mis_ratio(output.logits.detach()))

    def _progress(self, loss: Tensor, output: SegOutput,
                  inputs: AttackInputs) -> Tensor:
        """Return what tells the update how far each image has come (B,)."""
        return loss.detach()

    def _track(self, tracker: BestIterate, model: CheckedModel,
               adv_images: Tensor, output: Optional[SegOutput]) -> None:
        """Score an iterate by its own output, not by that of its view."""
        if output is None or self.view is not None:
            with torch.no_grad():
                output = model(adv_images)
        tracker.see(adv_images, output.logits.detach())
