"""What every attack is: its arguments, its call and its promises."""
import inspect
from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from ..threat_model import NORMS, Number, ThreatModel
from .frozen import frozen, own_chance
from .inputs import AttackInputs, Generators, check_inputs, check_int
from .model import AttackedModel, CheckedModel, Model, check_model
from .spelling import PLAIN, let_remember, remembering, spell_call

Callback = Callable[[int, Tensor], Any]


class AttackResult(NamedTuple):
    """What :meth:`Attack.run` returns.

    Args:
        adv_images (Tensor): Adversarial images, like the clean ones.
        mis_ratio (Tensor, optional): (B,) percentage of wrong labelled
            pixels in the last prediction that the attack saw, which for an
            attack that returns its last iterate is the one before it. NaN
            for an image without a labelled pixel.
    """
    adv_images: Tensor
    mis_ratio: Optional[Tensor]


class Attack(ABC):
    """An attack on a segmentation model.

    Calling it returns adversarial images and changes nothing else: see
    :meth:`__call__`.

    A subclass says what it is like, in attributes or properties:

    - ``defined_for``: the norms that it is defined for;
    - ``can_target``: whether it has a targeted meaning;
    - ``needs_features``: whether it reads the features of the model;
    - ``plans_ahead``: whether a step depends on the number of steps to come.
      If not, the step k of a long run is the last one of a run of k steps;
    - ``steps_are_fixed``: whether its number of steps is no choice;
    - ``parts``: those arguments of its own that a subclass with a
      constructor sets itself.

    Args:
        eps (float | str, optional): Radius in units of the [0, 1] pixel
            range, as a number or a fraction like ``'8/255'``. Defaults to
            None, 0.03 for linf and 0.03 x sqrt(3HW) for l2.
        norm (str): ``'linf'`` or ``'l2'`` (per image). Defaults to 'linf'.
        ignore_index (int, optional): Label of the pixels that do not count.
            Defaults to None, what the model says or else 255.
        restarts (int): Number of runs; with more than one, the best iterate
            of all is kept. Defaults to 1.
        targeted (bool): Whether the labels are targets to be reached.
            Defaults to False.
        keep (str): ``'last'`` returns the last iterate, ``'best'`` the one
            with most wrong labelled pixels; the start is no iterate.
            Defaults to 'last'.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is out of range.
    """

    defined_for: Tuple[str, ...] = NORMS
    can_target = True
    needs_features = False
    plans_ahead = True
    steps_are_fixed = False
    parts: Tuple[str, ...] = ()
    feature_layer: Optional[str] = None
    _given: Dict[str, Any]

    @remembering
    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 norm: str = 'linf',
                 ignore_index: Optional[int] = None,
                 restarts: int = 1,
                 targeted: bool = False,
                 keep: str = 'last',
                 **unknown: Any) -> None:
        if unknown:
            raise TypeError(
                f'{self.name} has no argument '
                f'{", ".join(map(repr, sorted(unknown)))}; it takes '
                f'{", ".join(sorted(self.arguments()))}')
        self.threat_model = ThreatModel(norm, eps)
        if norm not in self.defined_for:
            raise ValueError(
                f'norm must be {" or ".join(map(repr, self.defined_for))} for '
                f'{self.name}, but got {norm!r}; use PGD, APGD or RPPGD for '
                'another norm')
        if ignore_index is not None:
            check_int('ignore_index', ignore_index)
        check_int('restarts', restarts, least=1)
        if not isinstance(targeted, bool):
            raise TypeError(f'targeted must be a bool, but got {targeted!r}')
        if targeted and not self.can_target:
            raise ValueError(
                f'targeted=True has no meaning for {self.name} as it is set '
                'up; use PGD, SegPGD or CosPGD for a targeted attack')
        if keep not in ('last', 'best'):
            raise ValueError("keep must be 'last' or 'best', but got "
                             f'{keep!r}')
        self.ignore_index = ignore_index
        self.restarts = restarts
        self.targeted = targeted
        self.keep = keep

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        let_remember(cls)

    def __repr__(self) -> str:
        return spell_call(self.name, self.config)

    @classmethod
    def arguments(cls) -> Dict[str, Any]:
        """Return the arguments that the attack takes and their defaults.

        Those of its bases included; None where there is no default.
        """
        found: Dict[str, Any] = {}
        bases = [base for base in cls.__mro__
                 if '__init__' in vars(base) and base is not object]
        for base in bases:
            signature = inspect.signature(vars(base)['__init__'])
            parameters = signature.parameters.values()
            hidden = {'self', *found}
            if base is not bases[0]:
                hidden.update(vars(base).get('parts', ()))
            found.update({
                p.name: None if p.default is p.empty else p.default
                for p in parameters if p.name not in hidden
                and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)})
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
        return found

    @property
    def config(self) -> Dict[str, Any]:
        """dict: Every argument and its value, in the order of arguments().

        What it was made with, the defaults of the rest, and what it runs
        with where that is another number: a default radius or step size that
        depends on the image stays None.
        """
        config = {**self.arguments(), **self._given}
        for name in config:
            value = vars(self).get(name)
            if isinstance(value, PLAIN):
                config[name] = value
        if config.get('eps') is None:
            config['eps'] = self.eps
        resolve = getattr(self, 'resolved_alpha', None)
        if 'alpha' in config and self.eps is not None and resolve is not None:
            config['alpha'] = resolve(self.eps)
        return config

    @property
    def name(self) -> str:
        """str: Name of the attack."""
        return type(self).__name__

    @property
    def norm(self) -> str:
        """str: Norm of the ball."""
        return self.threat_model.norm

    @property
    def eps(self) -> Optional[float]:
        """float: Radius of the ball; None for the l2 default."""
        return self.threat_model.eps

    def resolved_eps(self, images: Tensor) -> float:
        """Return the radius for images of this size."""
        return self.threat_model.radius(images)

    def resolved_ignore_index(self, model: AttackedModel) -> int:
        """Return the label that does not count: its own, or the model's."""
        if self.ignore_index is not None:
            return self.ignore_index
        return model.ignore_index

    def checked(self, model: AttackedModel, labels: Tensor) -> CheckedModel:
        """Return the model as this attack reads it, its outputs checked."""
        if self.feature_layer is not None:
            model = model.with_feature_layer(self.feature_layer)
        return CheckedModel(model, labels, self.name, self.needs_features)

    def __call__(self,
                 model: Model,
                 images: Tensor,
                 labels: Tensor,
                 mask: Optional[Tensor] = None,
                 callback: Optional[Callback] = None,
                 generator: Generators = None) -> Tensor:
        """Return adversarial images; change nothing else.

        Parameters with their ``.grad`` and ``requires_grad``, buffers, the
        ``training`` flag of every module and the caller's tensors stay as
        they are. It works under ``no_grad`` and ``inference_mode``. Modes
        and flags are looked after for an ``nn.Module``, and for those that
        a function holds or names (:func:`networks_in`); one that cannot be
        found there is warned of.

        Args:
            model (callable): images -> logits (B, C, H, W) or
                :class:`SegOutput`. A segmentor of MMSeg is wrapped first:
                ``PixelModel(segmentor)``.
            images (Tensor): Float32 or float64 RGB.
            labels (Tensor): Int64, at the size of the logits.
            mask (Tensor, optional): Bool, only there may a perturbation
                exist. Defaults to None, everywhere.
            callback (callable, optional): ``callback(step, adv_images)``
                after each update, step from 1, without gradients. Defaults
                to None.
            generator (torch.Generator | list, optional): Source of all
                noise, drawn image by image (image outer, restart inner); or
                a list of one for each image. So a batch equals its images
                one by one, unless the model itself draws numbers: its own
                depend on the first generator and the batch. Defaults to
                None, the global one.

        Shape:
            images (B, 3, H, W) in [0, 1] (1e-4 of slack is clamped); labels
            (B, H', W'); mask (B, 1, H, W); returns like images.

        Raises:
            TypeError: If a tensor has the wrong dtype, or the model is a raw
                segmentor.
            ValueError: If a shape or range is wrong, a label lies outside
                the classes, or features are needed and not given.
            FloatingPointError: If a gradient is not finite; names the step.
        """
        return self.run(model, images, labels, mask, callback,
                        generator).adv_images

    def run(self,
            model: Model,
            images: Tensor,
            labels: Tensor,
            mask: Optional[Tensor] = None,
            callback: Optional[Callback] = None,
            generator: Generators = None) -> AttackResult:
        """Do as :meth:`__call__`, and return what the attack saw as well."""
        model = check_model(model, self.name)
        # A tensor made under inference_mode cannot take part in a backward
        # pass; its clone, made outside, can.
        with torch.inference_mode(False), torch.enable_grad():
            inputs = check_inputs(images, labels, mask,
                                  self.resolved_ignore_index(model),
                                  self.targeted, generator)
            if not bool(inputs.labelled.any()):
                return AttackResult(inputs.images,
                                    inputs.num_labelled * float('nan'))
            checked = self.checked(model, inputs.labels)
            if callback is not None:
                callback = own_copies(callback)
            with frozen(model.attacked_networks()), own_chance(
                    inputs.generators[0], images.device):
                return self._run(checked, inputs, callback)

    @abstractmethod
    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Optional[Callback]) -> AttackResult:
        """Attack checked inputs on a frozen model, gradients enabled.

        The noise of image i comes from ``inputs.generators[i]``.
        """


def own_copies(callback: Callback) -> Callback:
    """Let a callback do what it likes with the images it is given.

    A model that it calls need not build a graph.
    """

    @torch.no_grad()
    def call(step: int, adv_images: Tensor) -> None:
        callback(step, adv_images.clone())

    return call
