"""What an attack climbs: a pixel loss times pixel weights.

An objective returns its literal value of each image, the mean over the
labelled pixels of that image; the loop scales it and takes the gradient.
Shapes: logits (B, C, H, W); losses and weights (B, H, W).
"""
from abc import ABC, abstractmethod
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence, Union

import torch
from torch import Tensor

from ..functions import find_function
from .base import AttackInputs, SegOutput, predict_classes
from .pixel_losses import (PIXEL_LOSSES, Q_END, Q_START, PixelLoss, check_q,
                           pick, tsallis)
from .threat_model import Number

WeighPixels = Callable[[Tensor, AttackInputs, int, int], Tensor]
PixelWeights = Union[None, str, WeighPixels,
                     Sequence[Union[str, WeighPixels]]]


def steady(weigh: WeighPixels) -> WeighPixels:
    """Mark pixel weights that do not look at the number of steps."""
    setattr(weigh, 'plans_ahead', False)
    return weigh


@steady
def weigh_correct(logits: Tensor, inputs: AttackInputs, step: int,
                  steps: int) -> Tensor:
    """Return 1 where the prediction is right (targeted: not yet there)."""
    right = predict_classes(logits) == inputs.labels
    return (right != inputs.targeted).to(logits.dtype)


def weigh_segpgd(logits: Tensor, inputs: AttackInputs, step: int,
                 steps: int) -> Tensor:
    """Return 1 - l where right and l where wrong, l = (step-1)/(2 steps).

    Paper: Gu et al., SegPGD, ECCV 2022. Targeted swaps the two.
    """
    wrong_weight = (step - 1) / (2 * steps)
    right = weigh_correct(logits, inputs, step, steps)
    return right * (1 - wrong_weight) + (1 - right) * wrong_weight


@steady
def weigh_cosine(logits: Tensor, inputs: AttackInputs, step: int,
                 steps: int) -> Tensor:
    """Return cos(softmax(z), one-hot); targeted 1 minus it.

    Paper: Agnihotri and Keuper, CosPGD, ICML 2024.
    """
    probabilities = logits.softmax(1)
    similarity = (
        pick(probabilities, inputs.labels) / probabilities.norm(dim=1))
    return 1 - similarity if inputs.targeted else similarity


@steady
def weigh_balanced(logits: Tensor, inputs: AttackInputs, step: int,
                   steps: int,
                   class_counts: Optional[Tensor] = None) -> Tensor:
    """Return weights inverse to the frequency of the class of the label.

    They are scaled so that their mean over the labelled pixels of each image
    is 1. Paper: Croce et al., SEA, ECCV 2024 (MCE-Bal), which counts the
    classes in the training labels: give those as ``class_counts``. Without,
    the classes are counted in the labels of the image itself.
    """
    labels, labelled = inputs.labels, inputs.labelled
    num_classes = logits.shape[1]
    if class_counts is None:
        counts = torch.stack([
            torch.bincount(
                labels[i][labelled[i]], minlength=num_classes)
            for i in range(len(labels))
        ])
    else:
        if len(class_counts) != num_classes:
            raise ValueError(
                'class_counts must have one entry per class, '
                f'{num_classes}, but got {len(class_counts)}')
        counts = class_counts.to(labels.device).expand(len(labels), -1)
    inverse = 1 / counts.clamp_min(1).to(logits.dtype)
    weights = inverse.gather(1, labels.flatten(1)).view_as(labels)
    total = (weights * labelled).sum((1, 2)).clamp_min(
        torch.finfo(logits.dtype).tiny)
    return weights * (inputs.num_labelled / total).view(-1, 1, 1)


PIXEL_WEIGHTS: Dict[str, WeighPixels] = {
    'correct': weigh_correct,
    'segpgd': weigh_segpgd,
    'cosine': weigh_cosine,
    'balanced': weigh_balanced,
}


class Objective(ABC):
    """A function of the model's output that an attack climbs.

    One shallow copy serves one run: :meth:`init` may keep state on it. A
    subclass says what it needs and can do, in attributes or properties:

    - ``needs_features``: whether it reads the features of the model;
    - ``needs_clean``: whether it wants the logits of the clean images;
    - ``can_target``: whether descending it leads to target labels;
    - ``plans_ahead``: whether its value at a step depends on the number of
      steps to come, which is taken for granted where it does not say.
    """

    needs_features = False
    needs_clean = False
    can_target = True
    plans_ahead = True

    def init(self, inputs: AttackInputs,
             clean_logits: Optional[Tensor]) -> None:
        """Begin a run.

        Args:
            inputs (AttackInputs): Checked inputs of the attack.
            clean_logits (Tensor, optional): Logits of the clean images where
                ``needs_clean``; None if the run starts from the clean
                images, so that the first output is theirs.
        """
        self.inputs = inputs

    @abstractmethod
    def loss(self, output: SegOutput, step: int, steps: int) -> Tensor:
        """Return the value (B,) at step 1..steps, with its graph."""


class PixelObjective(Objective):
    """The mean over labelled pixels of a pixel loss times pixel weights.

    It plans ahead if its weights do, or if q moves; a subclass that looks at
    the number of steps itself must say so.

    A function of one's own, or its import path, stands beside the names. A
    loss is callable(logits, labels) and grows as a pixel turns wrong;
    weights are callable(logits, inputs, step, steps), with the
    :class:`AttackInputs`, and plan ahead unless :func:`steady` marks them.
    Both return a finite number for each pixel, (B, H, W); those of ignored
    pixels do not count.

    Args:
        pixel_loss (str | callable): 'ce', 'js', 'margin', 'spherical',
            'cosine' or 'tsallis'. Defaults to 'ce'.
        pixel_weights (str | callable | sequence, optional): None, or
            'correct', 'segpgd', 'cosine', 'balanced', or several of them,
            multiplied. They carry no gradient. Defaults to None.
        class_counts (sequence[int], optional): Pixels of each class in the
            training labels, for 'balanced'. Defaults to None, those of the
            image.
        q_start (float): q of 'tsallis' at the first step, 1 at most.
            Defaults to -2.
        q_end (float): q of 'tsallis' at the last step, 1 at most; between
            them it moves by equal steps. Defaults to 1.
    """

    def __init__(self,
                 pixel_loss: Union[str, PixelLoss] = 'ce',
                 pixel_weights: PixelWeights = None,
                 *,
                 class_counts: Optional[Sequence[int]] = None,
                 q_start: Number = Q_START,
                 q_end: Number = Q_END) -> None:
        self.pixel_loss = pixel_loss
        self.pixel_weights = listed_weights(pixel_weights)
        self._loss = find_function('pixel_loss', pixel_loss, PIXEL_LOSSES,
                                   ('logits', 'labels'))
        self._weights = check_pixel_weights(
            self.pixel_weights, check_class_counts(class_counts))
        self.q_start = check_q('q_start', q_start)
        self.q_end = check_q('q_end', q_end)
        if self._loss is not tsallis and (self.q_start, self.q_end) != (
                Q_START, Q_END):
            raise ValueError(
                "q_start and q_end are of pixel_loss 'tsallis', but got "
                f'{q_start} and {q_end} with {pixel_loss!r}; leave them out')

    @property
    def plans_ahead(self) -> bool:  # type: ignore[override]
        """bool: Whether q or a weight depends on the number of steps."""
        moves = self._loss is tsallis and self.q_start != self.q_end
        return moves or any(
            getattr(weigh, 'plans_ahead', True) for weigh in self._weights)

    def loss(self, output: SegOutput, step: int, steps: int) -> Tensor:
        return mean_over_labelled(
            self.pixel_losses(output.logits, step, steps), self.inputs)

    def q(self, step: int, steps: int) -> float:
        """Return q of 'tsallis' at a step."""
        done = (step - 1) / max(steps - 1, 1)
        return (1 - done) * self.q_start + done * self.q_end

    def pixel_losses(self, logits: Tensor, step: int, steps: int) -> Tensor:
        """Return the weighted loss of every pixel (B, H, W)."""
        labels = self.inputs.labels
        if self._loss is tsallis:
            losses = tsallis(logits, labels, self.q(step, steps))
        else:
            losses = self._loss(logits, labels)
        check_pixels('pixel_loss', losses, labels)
        with torch.no_grad():
            weights = [weigh(logits, self.inputs, step, steps)
                       for weigh in self._weights]
        for weight in weights:
            check_pixels('pixel_weights', weight, labels)
            losses = losses * weight
        return losses


def check_pixels(name: str, values: Tensor, labels: Tensor) -> None:
    """Check that a function gave a number for each pixel."""
    shape = tuple(values.shape) if isinstance(values, Tensor) else values
    if shape != tuple(labels.shape):
        raise ValueError(
            f'{name} must give a number for each pixel, a tensor of shape '
            f'(B, H, W) = {tuple(labels.shape)}, but gave {shape!r}')


def listed_weights(pixel_weights: PixelWeights) -> Sequence:
    """Return the weights that are multiplied, as they were given."""
    if pixel_weights is None:
        return ()
    if isinstance(pixel_weights, (list, tuple)):
        return tuple(pixel_weights)
    return (pixel_weights, )


def check_pixel_weights(
        given: Sequence[Union[str, WeighPixels]],
        class_counts: Optional[Tensor] = None) -> List[WeighPixels]:
    """Return the functions, that of 'balanced' with its class counts."""
    found = [
        find_function('pixel_weights', weights, PIXEL_WEIGHTS,
                      ('logits', 'inputs', 'step', 'steps'),
                      'None, one or several of') for weights in given]
    return [
        steady(partial(weigh, class_counts=class_counts))
        if weigh is weigh_balanced else weigh for weigh in found]


def check_class_counts(
        class_counts: Optional[Sequence[int]]) -> Optional[Tensor]:
    """Return the pixel counts of the classes as a tensor."""
    if class_counts is None:
        return None
    counts = torch.as_tensor(class_counts)
    if counts.dim() != 1 or bool((counts < 0).any()):
        raise ValueError('class_counts must be one non-negative number per '
                         f'class, but got {class_counts!r}')
    return counts


def mean_over_labelled(losses: Tensor, inputs: AttackInputs) -> Tensor:
    """Return the mean (B,) over the labelled pixels of each image."""
    total = losses.masked_fill(~inputs.labelled, 0).sum((1, 2))
    return total / inputs.num_labelled.clamp_min(1)
