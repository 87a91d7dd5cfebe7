"""ALMA-prox and DAG, through the package adv-lib.

Importing ``adv_lib.attacks`` needs visdom (only ever used to plot) and
compiles functions with ``torch.compile``. The modules used here need
neither, so they are loaded by themselves, from the installed package.
"""
import importlib.util
import os.path as osp
import sys
from abc import abstractmethod
from contextlib import contextmanager
from functools import lru_cache, partial
from types import ModuleType
from typing import Any, Dict, Iterator, Optional, Union

import torch
from torch import Tensor

from ..compat import GET_ADV_LIB
from ..registry import ATTACKS
from .base import (AttackedModel, AttackInputs, AttackResult, BestInBall,
                   Callback, CheckedModel, FiniteCheck, OneImage,
                   SmallestSuccess, check_depends, one_by_one)
from .minimal_norm import MinimalNormAttack
from .threat_model import Number, parse_length

PLOTTER = 'adv_lib.utils.visdom_logger'


class Observed:
    """The model of one image that adv-lib is given, which watches it.

    It takes in every iterate, confines it to the mask, calls the callback
    and looks for gradients that are not finite.

    Args:
        model (CheckedModel): The frozen model.
        attack (MinimalNormAttack): The attack, for its steps.
        image (OneImage): Inputs and callback.
        tracker (BestInBall | SmallestSuccess): Is shown the iterates.
        least_classes (int): What adv-lib's loss needs; missing ones are
            added one below the least logit, so that they never win.
    """

    def __init__(self, model: CheckedModel, attack: MinimalNormAttack,
                 image: OneImage, tracker: Union[BestInBall, SmallestSuccess],
                 least_classes: int) -> None:
        self.model = model
        self.attack = attack
        self.inputs, self.callback = image
        self.tracker = tracker
        self.least_classes = least_classes
        self.finite = FiniteCheck(attack.name, attack.steps,
                                  self.inputs.images.device)
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
            self.tracker.see_start(adv_images, logits)
            return
        self.shown = self.tracker.see(adv_images, logits)
        if self.callback is not None:
            self.callback(self.updates, self.shown)

    def result(self) -> AttackResult:
        """Return what was found, after the last update."""
        self.finite.raise_if_not()
        if self.updates == 0:  # the clean image is a success already
            self.tracker.see(self.shown, self.clean_logits)
        if self.callback is not None:  # the iterate that stands still
            for step in range(self.updates + 1, self.attack.steps + 1):
                self.callback(step, self.shown)
        return self.tracker.result()


class AdvLibAttack(MinimalNormAttack):
    """An attack of the adv-lib package.

    Images are attacked one by one: in adv-lib those of a batch influence
    each other. The arguments are those of :class:`MinimalNormAttack`.
    """

    function: str
    module: str
    least_classes = 2

    def __init__(self, eps: Optional[Number] = None, **kwargs: Any) -> None:
        super().__init__(eps, **kwargs)
        load_adv_lib(self.module)  # a missing package is told at once

    @abstractmethod
    def _settings(self, images: Tensor) -> dict:
        """Return the arguments of adv-lib's function."""

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Optional[Callback]) -> AttackResult:
        return one_by_one(
            partial(self._run_one, model.model), inputs, callback)

    def _run_one(self, model: AttackedModel, image: OneImage) -> AttackResult:
        inputs = image.inputs
        checked = self.checked(model, inputs.labels)
        observed = Observed(checked, self, image,
                            self.goal.tracker(self, checked, inputs),
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
                 **kwargs: Any) -> None:
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
        settings: Dict[str, Any] = dict(
            num_steps=self.steps + 1, lr_init=self.lr)
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
                 **kwargs: Any) -> None:
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


@lru_cache(maxsize=None)
def load_adv_lib(name: str) -> ModuleType:
    """Load a module of adv-lib past the packages that contain it.

    Args:
        name (str): Its dotted name inside the package, such as
            'attacks.segmentation.alma_prox'.

    Raises:
        ImportError: If the package is not installed; says what to run.
    """
    package = importlib.util.find_spec('adv_lib')
    if package is None or not package.submodule_search_locations:
        raise ImportError(
            f'ALMAProx and DAG need the package adv-lib: run "{GET_ADV_LIB}" '
            '(its dependencies visdom and torchvision are not needed)')
    path = osp.join(package.submodule_search_locations[0],
                    *name.split('.')) + '.py'
    spec = importlib.util.spec_from_file_location(
        f'mmseg_rppgd.attacks.adv_lib.{name}', path)
    if spec is None or spec.loader is None:
        raise ImportError(f'{path} of adv-lib cannot be loaded as a module')
    module = importlib.util.module_from_spec(spec)
    with _without_plotter(), _without_compile():
        spec.loader.exec_module(module)
    return module


@contextmanager
def _without_plotter() -> Iterator[None]:
    if PLOTTER in sys.modules:
        yield
        return
    stand_in = ModuleType(PLOTTER)
    setattr(stand_in, 'VisdomLogger', type('VisdomLogger', (), {}))
    sys.modules[PLOTTER] = stand_in
    try:
        yield
    finally:
        del sys.modules[PLOTTER]


@contextmanager
def _without_compile() -> Iterator[None]:
    # Compiling takes a minute per input size and a C++ compiler.
    compile_function = torch.compile
    setattr(torch, 'compile', lambda function: function)
    try:
        yield
    finally:
        setattr(torch, 'compile', compile_function)
