"""What an attack asks of a model, and the checks of what it gives."""
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, NamedTuple, Optional

from torch import Tensor, nn

from .tensors import at_least_float32, describe

Model = Callable[[Tensor], Any]


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


class CheckedModel:
    """A model whose outputs are checked the first time, in full precision.

    Args:
        model (callable): The frozen model.
        labels (Tensor): What its logits are compared with (B, H, W), 0 where
            ignored.
        name (str): Name of the attack, for errors.
        needs_features (bool): Whether the attack reads features.
    """

    def __init__(self, model: Model, labels: Tensor, name: str,
                 needs_features: bool) -> None:
        if not needs_features and hasattr(model, 'without_features'):
            model = model.without_features()
        self.model = model
        self.labels = labels
        self.name = name
        self.needs_features = needs_features
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
        features = output.features if self.needs_features else None
        if not self.checked:
            self._check_logits(output.logits, len(images))
            if self.needs_features:
                self._check_features(features, len(images))
            self.checked = True
        if features is not None and output.logits.requires_grad:
            self._check_graph(features)
        return output._replace(
            logits=at_least_float32(output.logits),
            features=None if features is None else at_least_float32(features))

    def _check_logits(self, logits: Tensor, batch_size: int) -> None:
        labels = self.labels
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
                f'the features that {self.name} needs carry no '
                'gradient: the model gives them detached from its images; '
                'remove detach() or no_grad() from their way')

    def _refuse_no_features(self) -> None:
        reason = getattr(self.model, 'no_features_reason', None)
        detail = f' ({reason()})' if callable(reason) else ''
        raise ValueError(
            f'{self.name} needs features, but the model gives none'
            f'{detail}: return SegOutput(logits, features), set '
            "feature_layer='path.to.module', or use beta=1, which needs no "
            'features')


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
