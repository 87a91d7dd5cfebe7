"""What an attack climbs: a pixel loss times pixel weights.

An objective returns its literal value of each image, the mean over the
labelled pixels of that image; the loop scales it and takes the gradient.
Shapes: logits (B, C, H, W); losses and weights (B, H, W).
"""
from abc import ABC, abstractmethod
from typing import Callable, Dict, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from .base import AttackInputs, SegOutput, predict_classes
from .pixel_losses import (PIXEL_LOSSES, Q_END, Q_START, check_q, pick,
                           tsallis)
from .threat_model import Number

PixelWeights = Callable[[Tensor, AttackInputs, int, int], Tensor]


def steady(weigh: PixelWeights) -> PixelWeights:
    """Mark pixel weights that do not look at the number of steps."""
    weigh.plans_ahead = False
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


PIXEL_WEIGHTS: Dict[str, PixelWeights] = {
    'correct': weigh_correct,
    'segpgd': weigh_segpgd,
    'cosine': weigh_cosine,
    'balanced': weigh_balanced,
}


class Objective(ABC):
    """A function of the model's output that an attack climbs.

    One shallow copy serves one run: :meth:`init` may keep state on it. A
    subclass says what it needs and can do:

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

    Args:
        pixel_loss (str): 'ce', 'js', 'margin', 'spherical', 'cosine' or
            'tsallis'. Defaults to 'ce'.
        pixel_weights (str | sequence, optional): None, or 'correct',
            'segpgd', 'cosine', 'balanced', or several of them, multiplied.
            They carry no gradient. Defaults to None.
        class_counts (sequence[int], optional): Pixels of each class in the
            training labels, for 'balanced'. Defaults to None, those of the
            image.
        q_start (float): q of 'tsallis' at the first step, 1 at most.
            Defaults to -2.
        q_end (float): q of 'tsallis' at the last step, 1 at most; between
            them it moves by equal steps. Defaults to 1.
    """

    def __init__(self,
                 pixel_loss: str = 'ce',
                 pixel_weights: Union[None, str, Sequence[str]] = None,
                 *,
                 class_counts: Optional[Sequence[int]] = None,
                 q_start: Number = Q_START,
                 q_end: Number = Q_END) -> None:
        if pixel_loss not in PIXEL_LOSSES:
            raise ValueError(f'pixel_loss must be one of '
                             f'{tuple(PIXEL_LOSSES)}, but got {pixel_loss!r}')
        self.pixel_loss = pixel_loss
        self.pixel_weights = check_pixel_weights(pixel_weights)
        self.class_counts = check_class_counts(class_counts)
        self.q_start = check_q('q_start', q_start)
        self.q_end = check_q('q_end', q_end)
        if pixel_loss != 'tsallis' and (self.q_start, self.q_end) != (
                Q_START, Q_END):
            raise ValueError(
                "q_start and q_end are of pixel_loss 'tsallis', but got "
                f'{q_start} and {q_end} with {pixel_loss!r}; leave them out')

    @property
    def plans_ahead(self) -> bool:
        """bool: Whether q or a weight depends on the number of steps."""
        moves = self.pixel_loss == 'tsallis' and self.q_start != self.q_end
        return moves or any(
            getattr(PIXEL_WEIGHTS[name], 'plans_ahead', True)
            for name in self.pixel_weights)

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
        if self.pixel_loss == 'tsallis':
            losses = tsallis(logits, labels, self.q(step, steps))
        else:
            losses = PIXEL_LOSSES[self.pixel_loss](logits, labels)
        with torch.no_grad():
            weights = [
                weigh_balanced(logits, self.inputs, step, steps,
                               self.class_counts) if name == 'balanced' else
                PIXEL_WEIGHTS[name](logits, self.inputs, step, steps)
                for name in self.pixel_weights
            ]
        for weight in weights:
            losses = losses * weight
        return losses


def check_pixel_weights(
        pixel_weights: Union[None, str, Sequence[str]]) -> Tuple[str, ...]:
    """Return the names of the weights that are multiplied."""
    names = pixel_weights
    if names is None:
        names = ()
    elif isinstance(names, str):
        names = (names, )
    for name in names:
        if name not in PIXEL_WEIGHTS:
            raise ValueError(
                f'pixel_weights must be None, one of {tuple(PIXEL_WEIGHTS)} '
                f'or several of them, but got {pixel_weights!r}')
    return tuple(names)


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
