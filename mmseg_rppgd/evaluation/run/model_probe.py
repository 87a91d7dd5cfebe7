"""Is the gradient of a model to be believed? Asked by finite differences.

Shapes: images (1, 3, H, W) in [0, 1], logits (1, C, H, W).
"""
import math
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ...attacks.base import (Attack, AttackInputs, AttackResult, CheckedModel,
                             full_precision, own_chance, select)
from ...attacks.objectives import PixelObjective

# In the first step every sound model is a straight line; in the others waves
# show that are finer than the steps of attacks.
STEPS = tuple(levels / 255 for levels in (0.1, 0.5, 1, 2, 3))
SMALL_STEP, LARGE_STEP = STEPS[0], STEPS[-1]
DIRECTIONS = 4  # random ones
NOISE = 4 / 255  # how far the second point is from the image
NO_LOSS = 1e-6  # cross-entropy that gives an attack nothing to climb


class ModelProbe(Attack):
    """Looks at the logits and the gradient of a model at each image.

    ``seen`` has, for each image with labels, what :func:`look` found. It
    takes 46 forward and 2 backward passes for an image.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: List[Dict[str, Any]] = []

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Any) -> AttackResult:
        for i in range(len(inputs.images)):
            alone = select(inputs, i)
            if bool(alone.labelled.any()):
                self.seen.append(look(model, alone))
        return AttackResult(inputs.images, None)


def look(model: CheckedModel, inputs: AttackInputs) -> Dict[str, Any]:
    """Measure a model at an image, and its gradient also at a noisy one.

    A gradient may be sound at one of them alone.

    Returns:
        dict: What :meth:`Point.outputs` gives, and ``points``: what
        :meth:`Point.gradient` gives at both.
    """
    chance = torch.Generator().manual_seed(0)
    noisy = inputs.images + NOISE * signs(inputs.images, chance)
    points = [Point(model, inputs, images, chance)
              for images in (inputs.images, noisy)]
    return {**points[0].outputs(),
            'points': [point.gradient() for point in points]}


class Point:
    """A model at one image.

    Args:
        model (CheckedModel): The model.
        inputs (AttackInputs): One image with its labels.
        images (Tensor): Where to look instead of at the image of ``inputs``.
        chance (torch.Generator): Draws the directions.
    """

    def __init__(self, model: CheckedModel, inputs: AttackInputs,
                 images: Tensor, chance: torch.Generator) -> None:
        self.model = model
        self.inputs = inputs
        self.chance = chance
        # Steps to both sides must stay images.
        self.images = images.clamp(LARGE_STEP, 1 - LARGE_STEP)
        self.free = torch.ones_like(images, dtype=torch.bool)
        if inputs.mask is not None:
            self.free &= inputs.mask
        self.before = self.logits(self.images)
        self.right = self._labelled(
            self.before.argmax(1) == inputs.labels)

    def outputs(self) -> Dict[str, Optional[float]]:
        """What the logits of the image are like.

        Returns:
            dict: ``differ``, how far two predictions are apart, in shares of
            the spread of the logits; ``sure``, the share of right pixels
            whose cross-entropy is under 1e-6; ``lowest`` and ``highest``
            logit; ``sum_off``, how far the sum over the classes is from 1.
        """
        logits, again = self.before, self.logits(self.images, draw=1)
        spread = (logits - logits.mean(1, keepdim=True)).abs().mean()
        return {
            'differ': _ratio((again - logits).abs().mean(), spread),
            'sure': _share(self._losses(logits)[self.right] < NO_LOSS),
            'lowest': _number(logits.min()),
            'highest': _number(logits.max()),
            'sum_off': _number((logits.sum(1) - 1).abs().max())}

    def gradient(self) -> Dict[str, Any]:
        """How the loss follows its gradient; None where nothing can be said.

        Returns:
            dict: ``finite``; ``zero_share`` of the pixel values;
            ``gains``, what each of :data:`STEPS` along the sign of the
            gradient does, over what the gradient promises; ``off``, how far
            random steps are from that, as a share; ``still``, the share of
            right pixels whose logits keep every bit in a random step;
            ``blind``, what moving the pixels without a gradient does to the
            logits, over what moving all does.
        """
        gradient = self._gradient()
        found: Dict[str, Any] = {'finite': bool(gradient.isfinite().all())}
        zero = (gradient == 0) & self.free
        found['zero_share'] = _share(zero[self.free])
        if not found['finite']:
            return found
        gradient = gradient.double() * self.free
        found['gains'] = [_ratio(*self._step(
            gradient, step * gradient.sign())[:2]) for step in STEPS]
        ways = [signs(self.images, self.chance) * self.free
                for _ in range(DIRECTIONS)]
        changes, promises, still = zip(*(
            self._step(gradient, SMALL_STEP * way) for way in ways))
        change, promised = torch.stack(changes), torch.stack(promises)
        found['off'] = _ratio((change - promised).norm(),
                              max(change.norm(), promised.norm()))
        found['still'] = _share(torch.cat(still))
        found['blind'] = None
        if bool(zero.any()):
            found['blind'] = _ratio(self._moved(LARGE_STEP * ways[0] * zero),
                                    self._moved(LARGE_STEP * ways[0]))
        return found

    def logits(self, images: Tensor, draw: int = 0) -> Tensor:
        """Logits, in full precision; a model that draws does so by draw."""
        fixed = torch.Generator().manual_seed(draw)
        with torch.no_grad(), own_chance(fixed, images.device), (
                full_precision(images.device)), without_tf32():
            return self.model(images).logits.double()

    def _step(self, gradient: Tensor,
              delta: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Go to both sides.

        Returns:
            tuple: Half the change of the loss, what the gradient promises,
            and which right pixels keep every bit of their logits.
        """
        delta = delta.to(self.images)
        ahead, behind = (self.logits(self.images + side * delta)
                         for side in (1, -1))
        change = self._losses(ahead).sum() - self._losses(behind).sum()
        same = self._labelled((ahead == behind).all(1))[self.right]
        return change / 2, (gradient * delta).sum(), same

    def _moved(self, delta: Tensor) -> Tensor:
        """How much a step moves the labelled logits."""
        moved = self.logits(self.images + delta) - self.before
        return self._labelled(moved.abs().mean(1)).mean()

    def _labelled(self, values: Tensor) -> Tensor:
        return values[self.inputs.labelled]

    def _losses(self, logits: Tensor) -> Tensor:
        """Cross-entropy of each labelled pixel."""
        return self._labelled(F.cross_entropy(
            logits, self.inputs.labels, reduction='none'))

    def _gradient(self) -> Tensor:
        """Gradient of the summed loss, in the precision of attacks."""
        images = self.images.clone().requires_grad_()
        with own_chance(torch.Generator().manual_seed(0), images.device):
            output = self.model(images)
        with full_precision(images.device):
            objective = PixelObjective('ce')
            objective.init(self.inputs, None)
            loss = objective.loss(output, 1, 1) * self.inputs.num_labelled
            gradient = None
            if loss.requires_grad:
                gradient, = torch.autograd.grad(
                    loss.sum(), images, allow_unused=True)
        return torch.zeros_like(images) if gradient is None else gradient


@contextmanager
def without_tf32() -> Iterator[None]:
    """Compute with all bits of float32 on a GPU: small steps need them."""
    cudnn, precision = torch.backends.cudnn, (
        torch.get_float32_matmul_precision())
    torch.set_float32_matmul_precision('highest')
    try:
        with cudnn.flags(
                enabled=cudnn.enabled, benchmark=cudnn.benchmark,
                deterministic=cudnn.deterministic, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def signs(images: Tensor, chance: torch.Generator) -> Tensor:
    """Random numbers of -1 and 1, the same on every device."""
    drawn = torch.randint(2, images.shape, generator=chance)
    return (2 * drawn - 1).to(images)


def _number(value: Any) -> Optional[float]:
    """A finite number, for JSON."""
    value = float(value)
    return value if math.isfinite(value) else None


def _ratio(part: Any, whole: Any) -> Optional[float]:
    """A ratio; None where there is nothing to compare with."""
    return _number(float(part) / float(whole)) if float(whole) else None


def _share(where: Tensor) -> Optional[float]:
    """Share of what is true; None of nothing."""
    return float(where.double().mean()) if where.numel() else None
