"""A segmentor of MMSeg as a model of [0, 1] images."""
import copy
from functools import partial
from typing import Any, ContextManager, List, Optional, Tuple, cast

import torch
import torch.nn.functional as F
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn

from ..attacks.base import (DEFAULT_IGNORE_INDEX, AttackedModel, SegOutput,
                            evaluating, two_logits)
from .features import Tap, find_tap
from .mmseg_types import DecodeHead, Segmentor
from .proof import prove_preprocessor
from .space import PixelSpace, Size, num_channels, size_of
from .windows import (Box, check_windows, run_windows, run_windows_twice,
                      stitch, window_boxes)

UNSUPPORTED = ('DepthEstimator', 'MultimodalEncoderDecoder')
# Slide inference keeps the graph of this many windows, which is faster. With
# more, each is computed again in the backward pass, so that memory no longer
# grows with their number.
WINDOWS_IN_MEMORY = 4


def unwrap_segmentor(model: nn.Module) -> Segmentor:
    """Return the plain segmentor inside wrappers, or refuse the model.

    Args:
        model (nn.Module): A segmentor, a distributed wrapper of one, or an
            :class:`AdversarialSegmentor`, in any nesting.

    Raises:
        TypeError: If no segmentor is inside, or it is one that does not map
            an image to a map of classes.
    """
    segmentor: Any = model
    while True:
        if is_model_wrapper(segmentor):
            segmentor = segmentor.module
        elif isinstance(getattr(segmentor, 'segmentor', None), nn.Module):
            segmentor = segmentor.segmentor
        else:
            break
    name = type(segmentor).__name__
    if isinstance(segmentor, BaseTTAModel):
        raise TypeError(
            f'{name} averages predictions of test-time augmentation, which '
            'cannot be attacked; give the segmentor itself')
    for base in type(segmentor).__mro__:
        if base.__name__ in UNSUPPORTED:
            raise TypeError(
                f'{name} is not supported: a {base.__name__} does not '
                'classify the pixels of an image alone; give an '
                'EncoderDecoder or CascadeEncoderDecoder')
    if not (hasattr(segmentor, 'encode_decode')
            and hasattr(segmentor, 'decode_head')):
        raise TypeError(
            'segmentor must be a segmentor of MMSeg with encode_decode and '
            f'decode_head, but got {name}; attacks take any other network '
            'as it is, attack(network, images, labels), and a test takes '
            'TestedModel(network, classes)')
    channels = num_channels(getattr(segmentor, 'data_preprocessor',
                                    None))
    if channels not in (1, 3):
        raise TypeError(
            f'{name} reads {channels} channels, as its data_preprocessor '
            'says, but only models of one RGB image can be attacked')
    return segmentor


def last_head(segmentor: Segmentor) -> DecodeHead:
    """Return the head that makes the prediction."""
    head = segmentor.decode_head
    if isinstance(head, nn.ModuleList):  # which does not say of what
        return cast(DecodeHead, head[-1])
    return head


class PixelModel(nn.Module, AttackedModel):
    """A segmentor of MMSeg as a model of [0, 1] images.

    .. code:: text

     forward(): normalise -> pad -> _run() -> crop -> resize -> SegOutput
     _run(): _encode_decode() of the whole image, or of each window
     _encode_decode(): segmentor.encode_decode() in eval mode, one hook
     _tap: where its features are taken from, see find_tap()

    The channel order, normalisation and padding are those of the
    segmentor's data preprocessor, the inference mode is that of its
    ``test_cfg``; the argmax of the logits equals ``segmentor.predict`` on
    the same sample. A binary head (one output channel) gives two logits
    whose argmax is its thresholded prediction. The parameters of the
    segmentor are not registered with this module.

    Args:
        segmentor (nn.Module): The segmentor, also inside a distributed
            wrapper or an :class:`AdversarialSegmentor`.
        label_size (tuple[int], optional): Height and width of the logits.
            Defaults to None, those of the images.
        feature_layer (str, optional): Module of the segmentor whose
            *output* is given as features, e.g. ``'backbone.layer4'``.
            Defaults to None, the *input* of the last head's ``conv_seg``;
            for a head without one see :func:`.features.find_tap`.
        surface (str, optional): ``'whole'`` or ``'slide'`` inference.
            Defaults to None, the mode of the segmentor's ``test_cfg``.
        pad_to (tuple[int], optional): Height and width to pad to. Defaults
            to None, what the data preprocessor pads a test image to.
        pixel_range (float, optional): Value of white in the inputs that the
            data preprocessor is given: 255, or 1 where the pipeline scales
            images to [0, 1]. Defaults to None, 1 where its mean and std lie
            in [0, 1], else 255.

    Shape:
        images (B, 3, H, W) in [0, 1]; logits (B, C, *label_size); features
        (B, D, h, w), with slide inference those of all windows stacked
        along the height.

    Raises:
        TypeError: If ``segmentor`` is no segmentor of RGB images.
        ValueError: If ``feature_layer`` is no module of the segmentor,
            ``surface`` is unknown or lacks its window size, or the data
            preprocessor does what is not understood.

    Example:
        >>> model = PixelModel(init_model(config, checkpoint, 'cpu'))
        >>> adv_images = RPPGD(steps=10)(model, images, labels)
    """

    segmentor: Segmentor
    _tap: Optional[Tap]

    def __init__(self,
                 segmentor: nn.Module,
                 label_size: Optional[Size] = None,
                 feature_layer: Optional[str] = None,
                 surface: Optional[str] = None,
                 *,
                 pad_to: Optional[Size] = None,
                 pixel_range: Optional[float] = None) -> None:
        nn.Module.__init__(self)
        # Past nn.Module, which would register its parameters here.
        self.__dict__['segmentor'] = unwrap_segmentor(segmentor)
        self.label_size = label_size
        self.feature_layer = feature_layer
        self.pad_to = pad_to
        self.pixel_range = pixel_range
        prove_preprocessor(self.pixel_space)
        self.surface = self._resolve_surface(surface)
        self.__dict__['_tap'] = self._find_tap()

    @property
    def head(self) -> DecodeHead:
        """nn.Module: The head that makes the prediction."""
        return last_head(self.segmentor)

    @property
    def align_corners(self) -> bool:
        """bool: How the head and the segmentor resize."""
        return self.head.align_corners

    @property
    def ignore_index(self) -> int:
        """int: Label that the last head ignores; where it has none, 255."""
        index = getattr(self.head, 'ignore_index', None)
        return DEFAULT_IGNORE_INDEX if index is None else index

    @property
    def num_classes(self) -> int:
        """int: Number of logits; two for a binary head."""
        return max(2, self.head.out_channels)

    @property
    def pixel_space(self) -> PixelSpace:
        """PixelSpace: What the data preprocessor does to pixels."""
        return PixelSpace.of(self.segmentor, self.pixel_range)

    @property
    def test_cfg(self) -> dict:
        """dict: Test settings of the segmentor."""
        return getattr(self.segmentor, 'test_cfg', None) or {}

    def attacked_networks(self) -> List[nn.Module]:
        """Return the networks that are used here but not registered."""
        return [self.segmentor]

    def resize_advice(self, images: Tensor, size: Tuple[int, ...]) -> str:
        """Return how the logits get the size (H, W) of the labels."""
        return ('give the size of the labels, PixelModel(segmentor, '
                f'label_size={tuple(size)})')

    def with_label_size(self, label_size: Size) -> 'PixelModel':
        """Return the same model with logits of this size."""
        model = copy.copy(self)
        model.label_size = label_size
        return model

    def with_feature_layer(self, path: str) -> 'PixelModel':
        """Return the same model, giving the output of module ``path``."""
        return PixelModel(
            self.segmentor, self.label_size, path, self.surface,
            pad_to=self.pad_to, pixel_range=self.pixel_range)

    def without_features(self) -> 'PixelModel':
        """Return the same model, spared the memory of features."""
        model = copy.copy(self)
        model.feature_layer = None
        model.__dict__['_tap'] = None
        return model

    def no_features_reason(self) -> str:
        """Return why there are no features, and what to do."""
        head = type(self.head).__name__
        if self._tap is None:
            why = f'{head} reads no module of the segmentor that is known'
        elif self._tap.head is not None:
            why = (f'{head} has no classifier layer conv_seg, and '
                   f'{self._tap.what} is no feature map (B, D, h, w)')
        else:
            layer = self._tap.what.replace('the input of its',
                                           'the classifier layer')
            why = (f'{layer} of {head} does not run on a feature map '
                   '(B, D, h, w)')
        return (f"{why}; name a module of the segmentor whose output to use, "
                "for instance feature_layer='backbone.layer4'")

    def forward(self, images: Tensor) -> SegOutput:
        """Return logits at label size and features."""
        size = size_of(images)
        label_size = size if self.label_size is None else self.label_size
        space = self.pixel_space
        padded = self.pad_to or space.padded_size([size], training=False)
        inputs = space.normalize(images, _dtype_of(self.segmentor))
        if padded != size:
            inputs = F.pad(
                inputs, (0, padded[1] - size[1], 0, padded[0] - size[0]),
                value=space.pad_value)
        logits, features, boxes = self._run(inputs)
        logits = self._resize(logits[..., :size[0], :size[1]], label_size)
        if logits.shape[1] == 1:
            logits = two_logits(logits, self.head.threshold)
        upsample = None
        if boxes is not None or not padded == size == tuple(label_size):
            upsample = partial(
                self._upsample, boxes=boxes, padded=padded, size=size,
                label_size=label_size)
        return SegOutput(logits, features, self.align_corners, upsample)

    def _resolve_surface(self, surface: Optional[str]) -> str:
        if surface is None:
            surface = self.test_cfg.get('mode', 'whole')
        if surface == 'crop':
            raise ValueError(
                "surface='crop' attacks every window by itself, which is no "
                "model of one image; give it to perturb_batch")
        if surface not in ('whole', 'slide'):
            raise ValueError(
                "surface must be 'whole' or 'slide' (or 'crop', in "
                f'perturb_batch), but got {surface!r}')
        if surface == 'slide':
            check_windows(self.test_cfg)
        return surface

    def _find_tap(self) -> Optional[Tap]:
        return find_tap(self.segmentor, self.head, self.feature_layer)

    def _run(
        self, inputs: Tensor
    ) -> Tuple[Tensor, Optional[Tensor], Optional[List[Box]]]:
        """Return logits at the size of the inputs, features and windows."""
        if self.surface == 'whole':
            return (*self._encode_decode(inputs), None)
        size = size_of(inputs)
        boxes = window_boxes(size, self.test_cfg['crop_size'],
                             self.test_cfg['stride'])
        run = run_windows
        if (len(boxes) > WINDOWS_IN_MEMORY and torch.is_grad_enabled()
                and inputs.requires_grad and self._is_frozen()):
            run = run_windows_twice
        return (*run(self._encode_decode, inputs, boxes), boxes)

    def _evaluating(self) -> ContextManager[None]:
        """Run a segmentor that is in training mode as if for prediction."""
        return evaluating([self.segmentor] if self.segmentor.training else [])

    def _is_frozen(self) -> bool:
        """Return whether images alone can get gradients, as in an attack."""
        return not any(parameter.requires_grad
                       for parameter in self.segmentor.parameters())

    def _encode_decode(self,
                       inputs: Tensor) -> Tuple[Tensor, Optional[Tensor]]:
        """Run the segmentor on inputs as they are, whole."""
        size = inputs.shape[-2:]
        meta = dict(
            ori_shape=size, img_shape=size, pad_shape=size,
            batch_input_shape=size, padding_size=[0, 0, 0, 0])
        metas = [dict(meta) for _ in range(len(inputs))]
        if self._tap is None:
            with self._evaluating():
                return self.segmentor.encode_decode(inputs, metas), None
        with self._evaluating(), self._tap.collecting() as captured:
            logits = self.segmentor.encode_decode(inputs, metas)
        self._tap.tell(self.head)
        return logits, self._tap.features(captured, self.head)

    def _resize(self, maps: Tensor, size: Size) -> Tensor:
        if size_of(maps) == tuple(size):
            return maps
        return F.interpolate(
            maps, size=tuple(size), mode='bilinear',
            align_corners=self.align_corners)

    def _upsample(self, maps: Tensor, boxes: Optional[List[Box]],
                  padded: Size, size: Size, label_size: Size) -> Tensor:
        """Take maps the way from features to logits at label size."""
        if boxes is None:
            maps = self._resize(maps, padded)
        else:
            pieces = maps.chunk(len(boxes), 2)
            maps = stitch((self._resize(piece, box.size)
                           for piece, box in zip(pieces, boxes)), boxes,
                          padded)
        return self._resize(maps[..., :size[0], :size[1]], label_size)


def _dtype_of(module: nn.Module) -> torch.dtype:
    for parameter in module.parameters():
        if parameter.is_floating_point():
            return parameter.dtype
    return torch.float32
