"""What an attack asks of a model, and the checks of what it gives."""
import copy
import warnings
from contextlib import contextmanager, nullcontext
from typing import Any, Callable, ContextManager, Iterator, List, Optional

import torch
from torch import Tensor, nn

from .networks import networks_in, strangers_named
from .outputs import (SegOutput, Size, found_keys, output_advice,
                      resize_advice, two_logits)
from .tensors import at_least_float32, describe

DEFAULT_IGNORE_INDEX = 255
# Of larger logits in float16 hardly a gradient is above the smallest number.
LARGE_IN_FLOAT16 = 1024

Model = Callable[[Tensor], Any]


class AttackedModel:
    """What an attack asks of a model, as a plain callable answers it.

    Attacks wrap a callable in it. A model that can tell more is a subclass,
    such as :class:`PixelModel`, that is called like the callable.

    One logit for each pixel, as binary models give, becomes two, whose
    argmax is 1 where its sigmoid is over 0.5: :func:`two_logits`.

    Args:
        network (callable): images -> logits (B, C, H, W) or
            :class:`SegOutput`.
    """

    feature_layer: Optional[str] = None
    _layer: Optional[nn.Module] = None

    def __init__(self, network: Model) -> None:
        self.network = network

    def __call__(self, images: Tensor) -> Any:
        with capture(self._layer) as captured:
            output = self.network(images)
        if isinstance(output, SegOutput):
            output = output._replace(logits=two_logits(output.logits))
        else:
            output = two_logits(output)
        path = self.feature_layer
        if (self._layer is None or path is None
                or not isinstance(output, (Tensor, SegOutput))):
            return output
        features = feature_map(captured, path, self.network)
        if isinstance(output, Tensor):
            return SegOutput(output, features)
        return output._replace(features=features, upsample=None)

    @property
    def ignore_index(self) -> int:
        """int: Label of the pixels that do not count."""
        index = getattr(self.network, 'ignore_index', None)
        return DEFAULT_IGNORE_INDEX if index is None else index

    def attacked_networks(self) -> List[nn.Module]:
        """Return the networks that are frozen during an attack.

        Those of a function are looked for: :func:`networks_in`.
        """
        return networks_in(self.network)

    def watched(self, name: str) -> ContextManager[None]:
        """Return a context that names networks which are not looked after.

        Args:
            name (str): Who asks the model inside.
        """
        if isinstance(getattr(self, 'network', self), nn.Module):
            return nullcontext()
        return strangers_named(self.attacked_networks(), name)

    def resize_advice(self, images: Tensor, size: Size) -> str:
        """Return how the logits of images get the size (H, W) of labels."""
        return resize_advice(images, size)

    def with_feature_layer(self, path: str) -> 'AttackedModel':
        """Return the same model, giving the output of module ``path``."""
        if not isinstance(self.network, nn.Module):
            raise TypeError(
                'feature_layer needs a model that is an nn.Module, but got '
                f'{type(self.network).__name__}; return SegOutput(logits, '
                'features)')
        model = copy.copy(self)
        model._layer = find_layer(self.network, path)
        model.feature_layer = path
        return model

    def without_features(self) -> 'AttackedModel':
        """Return the same model, spared the memory of features."""
        model = copy.copy(self)
        model._layer = model.feature_layer = None
        return model

    def no_features_reason(self) -> str:
        """Return why there are no features, or nothing."""
        return ''


class CheckedModel:
    """A model whose outputs are checked the first time, in full precision.

    Args:
        model (AttackedModel): The frozen model.
        labels (Tensor): What its logits are compared with (B, H, W), 0 where
            ignored.
        name (str): Name of the attack, for errors.
        needs_features (bool): Whether the attack reads features.
    """

    def __init__(self, model: AttackedModel, labels: Tensor, name: str,
                 needs_features: bool) -> None:
        self.model = model if needs_features else model.without_features()
        self.labels = labels
        self.size: Size = labels.shape[1:]
        self.name = name
        self.needs_features = needs_features
        self.checked = False

    def __call__(self, images: Tensor) -> SegOutput:
        """Return logits (and features where needed), float32 at least."""
        watch = nullcontext() if self.checked else self.model.watched(
            self.name)
        with watch:
            output = self.model(images)
        if isinstance(output, Tensor):
            output = SegOutput(output)
        elif not isinstance(output, SegOutput):
            raise TypeError(
                'model must return logits (B, C, H, W) or a SegOutput, but '
                f'returned {found_keys(output)}'
                f'{output_advice(output, images, self.size)}')
        features = output.features if self.needs_features else None
        if not self.checked:
            self._check_logits(output.logits, images)
            if self.needs_features:
                self._check_features(features, len(images))
            self.checked = True
        if features is not None and output.logits.requires_grad:
            self._check_graph(features)
        return output._replace(
            logits=at_least_float32(output.logits),
            features=None if features is None else at_least_float32(features))

    def _check_logits(self, logits: Tensor, images: Tensor) -> None:
        labels = self.labels
        if not isinstance(logits, Tensor):
            raise TypeError('model must return logits (B, C, H, W), but '
                            f'returned {describe(logits)}')
        if logits.dim() != 4 or not logits.is_floating_point():
            raise ValueError(
                'model must return floating-point logits (B, C, H, W), but '
                f'returned {tuple(logits.shape)} of {logits.dtype}')
        if len(logits) != len(images) or logits.shape[2:] != self.size:
            raise ValueError(
                'labels must have the size of the logits, but got labels '
                f'{tuple(labels.shape)} for logits {tuple(logits.shape)}; '
                f'{self.model.resize_advice(images, self.size)}')
        num_classes = logits.shape[1]
        valid = (labels >= 0) & (labels < num_classes)
        if not bool(valid.all()):
            raise ValueError(
                f'labels must lie in [0, {num_classes}) or be ignored, but '
                f'got {int(labels[~valid][0])}; set ignore_index if that '
                'label marks void pixels')
        self._warn_of_float16(logits)

    def _warn_of_float16(self, logits: Tensor) -> None:
        if logits.dtype != torch.float16:
            return
        largest = float(logits.detach().abs().max())
        if LARGE_IN_FLOAT16 <= largest < float('inf'):
            warnings.warn(
                f'{self.name} is weaker here than it seems: the model gives '
                f'logits above {LARGE_IN_FLOAT16} in float16, where the '
                'gradients of most pixels round to zero. Attack in full '
                'precision or in bfloat16', RuntimeWarning, stacklevel=2)

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
                f'the features that {self.name} needs carry no '
                'gradient: the model gives them detached from its images; '
                'remove detach() or no_grad() from their way')

    def _refuse_no_features(self) -> None:
        reason = self.model.no_features_reason()
        detail = f' ({reason})' if reason else ''
        raise ValueError(
            f'{self.name} needs features, but the model gives none'
            f'{detail}: return SegOutput(logits, features), set '
            "feature_layer='path.to.module', or use beta=1, which needs no "
            'features')


def check_model(model: Model, name: str) -> AttackedModel:
    """Return a model with the whole contract, or refuse it.

    Raises:
        TypeError: If it is no callable, or a raw segmentor of MMSeg.
    """
    if isinstance(model, AttackedModel):
        return model
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
    return AttackedModel(model)


@contextmanager
def capture(module: Optional[nn.Module],
            reads: bool = False) -> Iterator[List[Any]]:
    """Collect what a module gives whenever it runs, or what it reads.

    Args:
        module (nn.Module, optional): Without one, nothing is collected.
        reads (bool): Collect its first input instead of its output.
            Defaults to False.
    """
    captured: List[Any] = []
    if module is None:
        yield captured
        return
    if reads:
        handle = module.register_forward_pre_hook(
            lambda module, args: captured.append(args[0]))
    else:  # a copy, as the next module may write over it
        handle = module.register_forward_hook(
            lambda module, args, output: captured.append(
                output.clone() if isinstance(output, Tensor) else output))
    try:
        yield captured
    finally:
        handle.remove()


def find_layer(network: nn.Module, path: str) -> nn.Module:
    """Return the module ``path`` of a network."""
    modules = dict(network.named_modules())
    if not path or path not in modules:
        known = ', '.join(name for name in modules
                          if name and name.count('.') < 2)
        raise ValueError(f'feature_layer {path!r} is no module of '
                         f'{type(network).__name__}; among them are {known}')
    return modules[path]


def feature_map(captured: List[Any], path: str, network: Model) -> Tensor:
    """Return what the module ``path`` gave last, a map (B, D, h, w)."""
    if not captured:
        raise ValueError(
            f'feature_layer {path!r} did not run in the inference of '
            f'{type(network).__name__}; name another module')
    if not isinstance(captured[-1], Tensor) or captured[-1].dim() != 4:
        raise ValueError(
            f'feature_layer {path!r} must give a feature map (B, D, h, w), '
            f'but it gave {describe(captured[-1])}; name another module')
    return captured[-1]
