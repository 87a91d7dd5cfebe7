"""What every attack shares: the model's contract, input checks, freezing."""
import inspect
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import (Any, Callable, Iterable, Iterator, List, NamedTuple,
                    Optional, Set)

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from .threat_model import Number, ThreatModel

RANGE_SLACK = 1e-4  # rounding of a normalise and de-normalise round trip
DEFAULT_IGNORE_INDEX = 255

Model = Callable[[Tensor], Any]
Callback = Callable[[int, Tensor], Any]


class SegOutput(NamedTuple):
    """What a model may return instead of bare logits.

    Args:
        logits (Tensor): (B, C, H, W) at the size of the labels.
        features (Tensor, optional): (B, D, h, w), what the classifier layer
            reads. Defaults to None.
        align_corners (bool): How ``features`` are upsampled where
            ``upsample`` is None. Defaults to False.
        upsample (callable, optional): The linear map (B, K, h, w) ->
            (B, K, H, W) from feature size to label size; it treats every
            channel alike, whatever their number. Defaults to None, bilinear
            interpolation.
    """
    logits: Tensor
    features: Optional[Tensor] = None
    align_corners: bool = False
    upsample: Optional[Callable[[Tensor], Tensor]] = None


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


class AttackInputs(NamedTuple):
    """Checked inputs of one call.

    Args:
        images (Tensor): Clean images (B, 3, H, W), clamped to [0, 1].
        labels (Tensor): (B, H, W); 0 where ignored, so that it can index.
        labelled (Tensor): (B, H, W) bool, where labels count.
        num_labelled (Tensor): (B,) number of labelled pixels, in the dtype
            of the images.
        mask (Tensor, optional): (B, 1, H, W) bool, where a perturbation may
            exist; False all over an image without a labelled pixel.
        targeted (bool): Whether ``labels`` are targets.
    """
    images: Tensor
    labels: Tensor
    labelled: Tensor
    num_labelled: Tensor
    mask: Optional[Tensor]
    targeted: bool

    def count_wrong(self, logits: Tensor) -> Tensor:
        """Return the number of wrong labelled pixels (B,)."""
        wrong = (predict_classes(logits) != self.labels) & self.labelled
        return wrong.sum((1, 2))

    def mis_ratio(self, logits: Tensor) -> Tensor:
        """Return the percentage of wrong labelled pixels (B,)."""
        return 100 * self.count_wrong(logits) / self.num_labelled


class Attack(ABC):
    """An attack on a segmentation model.

    Calling it returns adversarial images and changes nothing else: see
    :meth:`__call__`.

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

    can_target = True
    needs_features = False
    feature_layer: Optional[str] = None

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 norm: str = 'linf',
                 ignore_index: Optional[int] = None,
                 restarts: int = 1,
                 targeted: bool = False,
                 keep: str = 'last',
                 **unknown) -> None:
        if unknown:
            raise TypeError(
                f'{self.name} has no argument '
                f'{", ".join(map(repr, sorted(unknown)))}; it takes '
                f'{", ".join(sorted(arguments_of(type(self))))}')
        self.threat_model = ThreatModel(norm, eps)
        if ignore_index is not None:
            check_int('ignore_index', ignore_index)
        check_int('restarts', restarts, least=1)
        if not isinstance(targeted, bool):
            raise TypeError(f'targeted must be a bool, but got {targeted!r}')
        if targeted and not self.can_target:
            raise ValueError(
                f'targeted=True has no meaning for {self.name}; use PGD, '
                'SegPGD or CosPGD for a targeted attack')
        if keep not in ('last', 'best'):
            raise ValueError("keep must be 'last' or 'best', but got "
                             f'{keep!r}')
        self.ignore_index = ignore_index
        self.restarts = restarts
        self.targeted = targeted
        self.keep = keep

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

    def __call__(self,
                 model: Model,
                 images: Tensor,
                 labels: Tensor,
                 mask: Optional[Tensor] = None,
                 callback: Optional[Callback] = None,
                 generator: Optional[torch.Generator] = None) -> Tensor:
        """Return adversarial images; change nothing else.

        Parameters with their ``.grad`` and ``requires_grad``, buffers, the
        ``training`` flag of every module and the caller's tensors stay as
        they are. It works under ``no_grad`` and ``inference_mode``. Modes
        and flags are looked after for an ``nn.Module``; a bare function
        minds its own.

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
            generator (torch.Generator, optional): Source of all noise, drawn
                image by image (image outer, restart inner). Defaults to
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
            generator: Optional[torch.Generator] = None) -> AttackResult:
        """Do as :meth:`__call__`, and return what the attack saw as well."""
        check_model(model, self.name)
        check_generator(generator)
        # A tensor made under inference_mode cannot take part in a backward
        # pass; its clone, made outside, can.
        with torch.inference_mode(False), torch.enable_grad():
            ignore_index = self.ignore_index
            if ignore_index is None:
                ignore_index = getattr(model, 'ignore_index', None)
            if ignore_index is None:
                ignore_index = DEFAULT_IGNORE_INDEX
            inputs = check_inputs(images, labels, mask, ignore_index,
                                  self.targeted)
            if not bool(inputs.labelled.any()):
                return AttackResult(inputs.images,
                                    inputs.num_labelled * float('nan'))
            with tapped(model, self.feature_layer) as tapped_model, \
                    frozen(networks_of(model)), \
                    own_chance(generator, images.device):
                checked = CheckedModel(tapped_model, inputs, self)
                if callback is not None:
                    callback = own_copies(callback)
                return self._run(checked, inputs, callback, generator)

    @abstractmethod
    def _run(self, model: 'CheckedModel', inputs: AttackInputs,
             callback: Optional[Callback],
             generator: Optional[torch.Generator]) -> AttackResult:
        """Attack checked inputs on a frozen model, gradients enabled."""


def own_copies(callback: Callback) -> Callback:
    """Let a callback do what it likes with the images it is given.

    A model that it calls need not build a graph.
    """

    @torch.no_grad()
    def call(step: int, adv_images: Tensor) -> None:
        callback(step, adv_images.clone())

    return call


class CheckedModel:
    """A model whose outputs are checked the first time, in full precision.

    Args:
        model (callable): The frozen model.
        inputs (AttackInputs): Gives the labels to compare with.
        attack (Attack): Named in errors; says whether features are needed.
    """

    def __init__(self, model: Model, inputs: AttackInputs,
                 attack: Attack) -> None:
        if not attack.needs_features and hasattr(model, 'without_features'):
            model = model.without_features()
        self.model = model
        self.inputs = inputs
        self.attack = attack
        self.checked = False

    def __call__(self, images: Tensor) -> SegOutput:
        """Return logits (and features where needed), float32 at least."""
        output = self.model(images)
        if isinstance(output, Tensor):
            output = SegOutput(output)
        elif not isinstance(output, SegOutput):
            raise TypeError(
                'model must return logits (B, C, H, W) or a SegOutput, but '
                f'returned {type(output).__name__}')
        features = output.features if self.attack.needs_features else None
        if not self.checked:
            self._check_logits(output.logits, len(images))
            if self.attack.needs_features:
                self._check_features(features, len(images))
            self.checked = True
        if features is not None and output.logits.requires_grad:
            self._check_graph(features)
        return output._replace(
            logits=at_least_float32(output.logits),
            features=None if features is None else at_least_float32(features))

    def _check_logits(self, logits: Tensor, batch_size: int) -> None:
        labels = self.inputs.labels
        if not isinstance(logits, Tensor):
            raise TypeError('model must return logits (B, C, H, W), but '
                            f'returned {describe(logits)}')
        if logits.dim() != 4 or not logits.is_floating_point():
            raise ValueError(
                'model must return floating-point logits (B, C, H, W), but '
                f'returned {tuple(logits.shape)} of {logits.dtype}')
        if len(logits) != batch_size or logits.shape[2:] != labels.shape[1:]:
            raise ValueError(
                'labels must have the size of the logits, but got labels '
                f'{tuple(labels.shape)} for logits {tuple(logits.shape)}; '
                'upsample the logits to the labels in the model '
                '(PixelModel(segmentor, label_size=(H, W)) does)')
        num_classes = logits.shape[1]
        valid = (labels >= 0) & (labels < num_classes)
        if not bool(valid.all()):
            raise ValueError(
                f'labels must lie in [0, {num_classes}) or be ignored, but '
                f'got {int(labels[~valid][0])}; set ignore_index if that '
                'label marks void pixels')

    def _check_features(self, features: Optional[Tensor],
                        batch_size: int) -> None:
        if features is None:
            self._refuse_no_features()
        if (not isinstance(features, Tensor) or features.dim() != 4
                or len(features) != batch_size
                or not features.is_floating_point()):
            raise ValueError(
                'features of the model must be a floating-point tensor '
                f'(B, D, h, w) with B = {batch_size}, but are '
                f'{describe(features)}')

    def _check_graph(self, features: Tensor) -> None:
        if not features.requires_grad:
            raise ValueError(
                f'the features that {self.attack.name} needs carry no '
                'gradient: the model gives them detached from its images; '
                'remove detach() or no_grad() from their way')

    def _refuse_no_features(self) -> None:
        reason = getattr(self.model, 'no_features_reason', None)
        detail = f' ({reason()})' if callable(reason) else ''
        raise ValueError(
            f'{self.attack.name} needs features, but the model gives none'
            f'{detail}: return SegOutput(logits, features), set '
            "feature_layer='path.to.module', or use beta=1, which needs no "
            'features')


def arguments_of(kind: type) -> Set[str]:
    """Return the names that an attack takes, its bases' included."""
    named = [
        {
            name for name, parameter in inspect.signature(
                base.__init__).parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        } for base in kind.__mro__
        if '__init__' in vars(base) and base is not object
    ]
    # The parts of an attack are set by the class that composes it.
    parts = {'self', 'objective', 'update', 'view'} - (named[0] - {'self'})
    return set().union(*named) - parts


def check_int(name: str, value: Any, least: Optional[int] = None) -> None:
    """Check that an argument is an int, not less than ``least``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f'{name} must be an int, but got {value!r}')
    if least is not None and value < least:
        raise ValueError(f'{name} must be >= {least}, but got {value}')


def check_generator(generator: Any) -> None:
    """Refuse a source of noise that is none, such as a bare seed."""
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f'generator must be a torch.Generator, but got {generator!r}; '
            'for a seed give torch.Generator().manual_seed(seed)')


def predict_classes(logits: Tensor) -> Tensor:
    """Return ``logits.argmax(1)``: of equal logits the first class.

    On a CPU, argmax over a dimension that is not the last takes a tenth of
    an attack step of a small network; class by class it is three times as
    fast.
    """
    if logits.device.type != 'cpu':
        return logits.argmax(1)
    first, *others = logits.detach().unbind(1)
    best = first.clone()
    classes = torch.zeros_like(first, dtype=torch.int64)
    for number, values in enumerate(others, 1):
        classes.masked_fill_(values > best, number)
        torch.maximum(best, values, out=best)
    return classes


def at_least_float32(tensor: Tensor) -> Tensor:
    """Widen half precision, as autocast gives it; keep the rest."""
    if tensor.dtype in (torch.float16, torch.bfloat16):
        return tensor.float()
    return tensor


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Switch autocast off: losses, regions and prototypes are float32."""
    with torch.autocast(device.type, enabled=False):
        yield


def check_model(model: Model, name: str) -> None:
    """Refuse what is not a model, and a segmentor of MMSeg by name."""
    inner = getattr(model, 'module', model)  # inside DistributedDataParallel
    if hasattr(inner, 'encode_decode') and hasattr(inner,
                                                   'data_preprocessor'):
        raise TypeError(
            f'{name} attacks images in [0, 1], but model is a segmentor of '
            f'MMSeg ({type(inner).__name__}) that reads normalised inputs; '
            'pass PixelModel(segmentor)')
    if not callable(model):
        raise TypeError('model must be a callable images -> logits, but got '
                        f'{type(model).__name__}')


def check_inputs(images: Tensor, labels: Tensor, mask: Optional[Tensor],
                 ignore_index: int, targeted: bool) -> AttackInputs:
    """Check what the caller gave and return own copies of it."""
    for name, tensor in (('images', images), ('labels', labels)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f'{name} must be a torch.Tensor, but got '
                            f'{type(tensor).__name__}')
    if images.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            'images must be float32 or float64 in [0, 1], but got '
            f'{images.dtype}; convert with images.float() (and / 255 if they '
            'are 8-bit), and let autocast lower the precision')
    if images.dim() != 4 or images.shape[1] != 3:
        raise ValueError('images must have the shape (B, 3, H, W), but got '
                         f'{tuple(images.shape)}')
    if labels.dtype != torch.int64:
        raise TypeError(f'labels must be int64, but got {labels.dtype}; '
                        'convert with labels.long()')
    if labels.dim() != 3 or len(labels) != len(images):
        raise ValueError(
            f'labels must have the shape (B, H, W) with B = {len(images)}, '
            f'but got {tuple(labels.shape)}')
    if labels.device != images.device:
        raise ValueError('labels must be on the device of the images, '
                         f'{images.device}, but are on {labels.device}')
    images = images.detach().clone()
    labels = labels.clone()
    # Written so that NaN fails too.
    in_range = (images >= -RANGE_SLACK) & (images <= 1 + RANGE_SLACK)
    if not bool(in_range.all()):
        raise ValueError(
            'images must lie in [0, 1] (not 0-255, not normalised), but got '
            f'{float(images[~in_range][0])}')
    if mask is not None:
        mask = check_mask(mask, images)
    labelled = labels != ignore_index
    num_labelled = labelled.sum((1, 2))
    if not bool(num_labelled.all()):
        has_labels = (num_labelled > 0).view(-1, 1, 1, 1)
        mask = has_labels if mask is None else mask & has_labels
        mask = mask.expand(len(images), 1, *images.shape[2:])
    return AttackInputs(
        images=images.clamp(0, 1),
        labels=labels.masked_fill(~labelled, 0),
        labelled=labelled,
        num_labelled=num_labelled.to(images.dtype),
        mask=mask,
        targeted=targeted)


def check_mask(mask: Tensor, images: Tensor) -> Tensor:
    """Check the mask of attackable pixels and return a copy."""
    shape = (len(images), 1, *images.shape[2:])
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f'mask must be a bool tensor, but got {kind}')
    if tuple(mask.shape) != shape:
        raise ValueError('mask must have the shape (B, 1, H, W) = '
                         f'{shape}, but got {tuple(mask.shape)}')
    if mask.device != images.device:
        raise ValueError('mask must be on the device of the images, '
                         f'{images.device}, but is on {mask.device}')
    return mask.clone()


def networks_of(model: Model) -> List[nn.Module]:
    """Return every network behind a model, registered with it or not."""
    networks = [model] if isinstance(model, nn.Module) else []
    if hasattr(model, 'attacked_networks'):
        networks += list(model.attacked_networks())
    return networks


@contextmanager
def frozen(networks: Iterable[nn.Module]) -> Iterator[None]:
    """Put networks in eval mode without parameter gradients, and restore.

    Every module's own flag is kept, so a frozen BatchNorm stays as it was,
    and every buffer, also where a forward pass writes to it in eval mode.
    Reentrant activation checkpointing (``with_cp``) cannot be crossed by
    ``torch.autograd.grad`` and is switched off meanwhile.

    Raises:
        ValueError: If the parameters were made under ``inference_mode``.
    """
    modules = list({
        id(module): module
        for network in networks for module in network.modules()
    }.values())
    training = [module.training for module in modules]
    checkpointing = [
        module for module in modules
        if getattr(module, 'with_cp', False) is True
    ]
    parameters = [
        parameter for module in modules
        for parameter in module.parameters(recurse=False)
        if parameter.requires_grad
    ]
    if any(parameter.is_inference() for parameter in parameters):
        raise ValueError(
            'model was made under torch.inference_mode(), and autograd '
            'cannot go through such parameters; build and load it outside')
    buffers = [
        SavedBuffer(module, name, buffer, buffer._version, buffer.clone())
        for module in modules for name, buffer in module._buffers.items()
        if buffer is not None and not buffer.is_inference()
    ]
    try:
        for module in modules:
            module.training = False
        for module in checkpointing:
            module.with_cp = False
        for parameter in parameters:
            parameter.requires_grad_(False)
        yield
    finally:
        for module, mode in zip(modules, training):
            module.training = mode
        for module in checkpointing:
            module.with_cp = True
        for parameter in parameters:
            parameter.requires_grad_(True)
        for buffer in buffers:
            buffer.restore()


@contextmanager
def own_chance(generator: Optional[torch.Generator],
               device: torch.device) -> Iterator[None]:
    """Keep a model that draws numbers in eval mode away from global state.

    It draws from a state that the generator decides, which is not advanced;
    without a generator everything draws from the global one.
    """
    if generator is None:
        yield
        return
    copy = torch.Generator(generator.device)
    copy.set_state(generator.get_state())
    seed = int(torch.randint(2**62, (), generator=copy, device=copy.device))
    on_gpu = device.type == 'cuda'
    with torch.random.fork_rng([device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


class SavedBuffer(NamedTuple):
    """A buffer and what was in it.

    Args:
        module (nn.Module): Whose buffer it is.
        name (str): Its name there.
        buffer (Tensor): The buffer itself.
        version (int): How often it had been written to.
        value (Tensor): A copy.
    """
    module: nn.Module
    name: str
    buffer: Tensor
    version: int
    value: Tensor

    def restore(self) -> None:
        """Put the buffer back if it was replaced or written to."""
        self.module._buffers[self.name] = self.buffer
        # BatchNorm writes its statistics without being counted.
        if (self.buffer._version != self.version
                or isinstance(self.module, _NormBase)):
            # Past the count: a graph of the caller may hold the buffer.
            self.buffer.data.copy_(self.value)


@contextmanager
def tapped(model: Model, feature_layer: Optional[str]) -> Iterator[Model]:
    """Let a model give the output of the module ``feature_layer``."""
    if feature_layer is None:
        yield model
    elif hasattr(model, 'with_feature_layer'):
        yield model.with_feature_layer(feature_layer)
    elif not isinstance(model, nn.Module):
        raise TypeError(
            'feature_layer needs a model that is an nn.Module, but got '
            f'{type(model).__name__}; return SegOutput(logits, features)')
    else:
        modules = dict(model.named_modules())
        if not feature_layer or feature_layer not in modules:
            raise ValueError(
                f'feature_layer {feature_layer!r} is no module of '
                f'{type(model).__name__}; its modules are '
                f'{", ".join(name for name in modules if name)}')
        captured: List[Tensor] = []
        handle = modules[feature_layer].register_forward_hook(
            lambda module, args, output: captured.append(
                output.clone() if isinstance(output, Tensor) else output))
        try:
            yield lambda images: _with_tap(model, images, captured,
                                           feature_layer)
        finally:
            handle.remove()


def _with_tap(model: nn.Module, images: Tensor, captured: List[Tensor],
              feature_layer: str) -> SegOutput:
    captured.clear()
    output = model(images)
    if not captured:
        raise ValueError(f'feature_layer {feature_layer!r} did not run in '
                         f'the forward pass of {type(model).__name__}')
    features = captured[-1]
    captured.clear()
    if not isinstance(features, Tensor) or features.dim() != 4:
        raise ValueError(
            f'feature_layer {feature_layer!r} must give a tensor '
            f'(B, D, h, w), but gave {describe(features)}')
    if isinstance(output, SegOutput):
        return output._replace(features=features, upsample=None)
    return SegOutput(output, features) if isinstance(output,
                                                     Tensor) else output


def describe(value: Any) -> str:
    """Return the shape of a tensor or else the type, for messages."""
    if isinstance(value, Tensor):
        return f'a tensor {tuple(value.shape)}'
    return f'a {type(value).__name__}'
