"""RP-PGD: the region term plus the prototype term (Eq. 3-7)."""
from typing import Any, Optional, Sequence, Union

import torch
from torch import Tensor

from ..registry import ATTACKS
from .base import AttackInputs, SegOutput, predict_classes
from .gradient_attack import GradientAttack
from .objectives import (Objective, PixelObjective, PixelWeights,
                         mean_over_labelled)
from .prototypes import classes_present, inter_class_similarity
from .region_weights import (RegionWeights, check_region_weights,
                             check_weight_triple)
from .regions import Regions, check_regions
from .threat_model import Number, parse_number


class RPObjective(Objective):
    """L_RP = beta L_R + (1 - beta) L_P, Eq. 7.

    The arguments are those of :class:`RPPGD`.
    """

    can_target = False

    def __init__(self,
                 *,
                 beta: Number = 0.75,
                 region_weights: RegionWeights = 'linear',
                 regions: str = 'TBF',
                 region_norm: str = 'image',
                 pixel_weights: PixelWeights = None,
                 prototype_regions: str = 'T',
                 init_state: str = 'clean') -> None:
        self.beta = parse_number('beta', beta)
        if not 0 <= self.beta <= 1:
            raise ValueError('beta must be in [0, 1] (1 is the region term '
                             f'alone, 0 the prototype term), but got {beta}')
        self.region_weights = check_region_weights(region_weights)
        check_regions('regions', regions)
        check_regions('prototype_regions', prototype_regions)
        if region_norm not in ('image', 'region'):
            raise ValueError("region_norm must be 'image' or 'region', but "
                             f'got {region_norm!r}')
        if init_state not in ('clean', 'start'):
            raise ValueError("init_state must be 'clean' or 'start', but got "
                             f'{init_state!r}')
        self.regions = regions
        self.region_norm = region_norm
        self.prototype_regions = prototype_regions
        self.needs_features = self.beta < 1
        self.needs_clean = init_state == 'clean'
        self.pixel_objective = PixelObjective('ce', pixel_weights)

    @property
    def plans_ahead(self) -> bool:  # type: ignore[override]
        """bool: Whether a weight depends on the number of steps."""
        return (callable(self.region_weights)
                or self.pixel_objective.plans_ahead)

    def init(self, inputs: AttackInputs,
             clean_logits: Optional[Tensor]) -> None:
        super().init(inputs, clean_logits)
        self.pixel_objective.init(inputs, None)
        self.state: Optional[Regions] = None
        if clean_logits is not None:
            self.state = self._divide(clean_logits)
        if self.needs_features:
            self.classes = classes_present(inputs.labels, inputs.labelled)

    def loss(self, output: SegOutput, step: int, steps: int) -> Tensor:
        if self.state is None:  # the run starts where regions are divided
            self.state = self._divide(output.logits)
        elif step > 1:  # x_adv_0 is noise alone and moves no pixel
            self.state = self.state.after(self._is_correct(output.logits))
        if self.beta == 0:
            return self.prototype_loss(output, self.state)
        loss = self.beta * self.region_loss(
            output.logits, self.state, step, steps)
        if self.beta < 1:
            loss = loss + (1 - self.beta) * self.prototype_loss(
                output, self.state)
        return loss

    def region_loss(self, logits: Tensor, state: Regions, step: int,
                    steps: int) -> Tensor:
        """Return L_R of each image, Eq. 3."""
        losses = self.pixel_objective.pixel_losses(logits, step, steps)
        weights = torch.zeros_like(losses)
        for letter, region, weight in zip('TBF', state,
                                          self._weights(step, steps)):
            if letter not in self.regions:
                continue
            factor: Union[float, Tensor] = weight
            if self.region_norm == 'region':
                size = region.sum((1, 2)).clamp_min(1)
                factor = (weight * self.inputs.num_labelled / size).view(
                    -1, 1, 1)
            weights = weights + factor * region.to(losses)
        return mean_over_labelled(losses * weights, self.inputs)

    def prototype_loss(self, output: SegOutput, state: Regions) -> Tensor:
        """Return L_P of each image, Eq. 6."""
        return inter_class_similarity(
            output, self.inputs.labels, state.select(self.prototype_regions),
            self.classes)

    def _divide(self, logits: Tensor) -> Regions:
        return Regions.from_clean(
            self._is_correct(logits), self.inputs.labelled)

    def _is_correct(self, logits: Tensor) -> Tensor:
        return predict_classes(logits) == self.inputs.labels

    def _weights(self, step: int, steps: int) -> Sequence[float]:
        if not callable(self.region_weights):
            return self.region_weights
        weights = self.region_weights(step, steps)
        return check_weight_triple(weights, f' at step {step} of {steps}')


@ATTACKS.register_module()
class RPPGD(GradientAttack):
    """Attack by regions of pixels and by class prototypes.

    PGD that maximises Eq. 7, beta L_R + (1 - beta) L_P. L_R weighs the
    cross-entropy of a pixel by its history: always correct (True Region),
    correct on the clean image but once wrong (Boundary), wrong from the
    start (False). L_P makes the mean features of the classes alike.

    Paper: Zhang et al., RP-PGD: Boosting Segmentation Robustness with a
    Region-and-Prototype Based Adversarial Attack, AAAI 2025, Algorithm 1.
    Deviations: none with the defaults; 1/HW is over labelled pixels. The
    authors' released code detaches the features (no gradient from L_P),
    draws the start noise in normalised space and divides the regions on the
    noisy image.

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, 0.03.
        alpha (float | str, optional): Step size, in the same units. Defaults
            to None, 0.01 for linf and eps / 4 for l2.
        steps (int): N. Defaults to 10.
        random_start (bool): Begin at uniform noise in the ball (Eq. 8).
            Defaults to True.
        beta (float): Weight of L_R; 1 needs no features. Defaults to 0.75.
        region_weights (str | sequence | callable): ``'linear'`` (Eq. 4) or
            another schedule by its name in ``REGION_WEIGHTS``, or three
            fixed numbers for T, B and F (Table 2), or callable(step, steps)
            that returns them; in a config its import path, such as
            ``'my_module.weights'``. Defaults to 'linear'.
        regions (str): Subset of 'TBF' that is attacked (Table 1). Defaults
            to 'TBF'.
        region_norm (str): ``'image'`` divides by the labelled pixels of the
            image (Eq. 3), ``'region'`` each region by its own size (the
            released code). Defaults to 'image'.
        pixel_weights (str | callable | sequence, optional): Further weights
            on the cross-entropy such as 'cosine' (not in the paper), as of
            :class:`PixelObjective`. Defaults to None.
        prototype_regions (str): Subset of 'TBF' that makes the prototypes
            (Table 3). Defaults to 'T'.
        feature_layer (str, optional): Path of the module whose output is the
            feature map, e.g. ``'backbone.layer4'``. Defaults to None, what
            the model gives: for PixelModel the input of the classifier.
        init_state (str): Divide the regions on the ``'clean'`` image
            (Definition 3) or at the ``'start'`` (the released code).
            Defaults to 'clean'.
        kwargs: norm, ignore_index, restarts and keep of :class:`Attack`.

    Raises:
        ValueError: If an argument is out of range, or targeted is set.

    Example:
        >>> attack = RPPGD(eps=0.03, alpha=0.01, steps=3)
        >>> adv_images = attack(PixelModel(segmentor), images, labels)
    """

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 beta: Number = 0.75,
                 region_weights: RegionWeights = 'linear',
                 regions: str = 'TBF',
                 region_norm: str = 'image',
                 pixel_weights: PixelWeights = None,
                 prototype_regions: str = 'T',
                 feature_layer: Optional[str] = None,
                 init_state: str = 'clean',
                 **kwargs: Any) -> None:
        if feature_layer is not None and not isinstance(feature_layer, str):
            raise TypeError('feature_layer must be the path of a module, but '
                            f'got {feature_layer!r}')
        super().__init__(
            eps,
            objective=RPObjective(
                beta=beta,
                region_weights=region_weights,
                regions=regions,
                region_norm=region_norm,
                pixel_weights=pixel_weights,
                prototype_regions=prototype_regions,
                init_state=init_state),
            **kwargs)
        self.feature_layer = feature_layer
