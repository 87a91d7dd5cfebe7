"""Batches of MMSeg as images and labels, and back."""
import math
from numbers import Real
from typing import List, Optional, Sequence, Union

import torch
from torch import Tensor

from ..label_files import check_label_file
from .counted import CountedPixels
from .mmseg_types import DataSample, Segmentor
from .space import GRID_SLACK, PixelSpace, Size, find_pixel_range, size_of
from .windows import Box


def check_adv_ratio(adv_ratio: float) -> None:
    """Check the share of a batch that is attacked."""
    if isinstance(adv_ratio, bool) or not isinstance(adv_ratio, Real):
        raise TypeError('adv_ratio must be a number in [0, 1] (a share of '
                        f'the batch), but got {adv_ratio!r}')
    if not 0 <= adv_ratio <= 1:
        raise ValueError('adv_ratio must be in [0, 1] (a share of the '
                         f'batch), but got {adv_ratio}')


def refuse_no_image(batch_size: int, adv_ratio: float) -> None:
    """Refuse a share above 0 that rounds to no image of a batch.

    Raises:
        ValueError: With the smallest share that would attack one.
    """
    if adv_ratio > 0 and share_of(batch_size, adv_ratio) == 0:
        least = math.ceil(0.5 / batch_size * 1e4) / 1e4
        raise ValueError(
            f'adv_ratio={adv_ratio} of a batch of {batch_size} images (of '
            'one process) rounds to no image, so that nothing would be '
            f'attacked; give adv_ratio of at least {least:g}, larger '
            'batches, or adv_ratio=0 to train on clean images')


def share_of(batch_size: int, adv_ratio: float) -> int:
    """Return how many images of a batch are attacked, the last ones."""
    return math.floor(batch_size * adv_ratio + 0.5)


def num_attacked(inputs: Union[Sequence[Tensor], Tensor],
                 data_samples: Sequence, adv_ratio: float) -> int:
    """Check a batch and return how many of its images to attack."""
    check_adv_ratio(adv_ratio)
    if any(isinstance(x, (list, tuple))
           for group in (inputs, data_samples) for x in group):
        raise TypeError(
            'the batch holds several views of each image (test-time '
            'augmentation), of which none is the attacked one; test without '
            'it, with a plain test pipeline')
    if len(inputs) != len(data_samples):
        raise ValueError(f'got {len(inputs)} inputs for {len(data_samples)} '
                         'data samples')
    return share_of(len(data_samples), adv_ratio)


class LoaderBatch:
    """Inputs as they come from the loader: a list, 0 to ``pixel_range``.

    Args:
        segmentor (nn.Module): Knows the device, and the padding of training.
        inputs (list[Tensor]): (3, h, w) BGR, each of its own size.
        data_samples (list[SegDataSample]): Their samples.
        training (bool): Whether the batch is one of training.
        pixel_range (float, optional): Value of white. Defaults to None, what
            the first input and the data preprocessor say.

    Raises:
        ValueError: If the range of the pixels is not certain, or meta keys
            are missing.
    """

    def __init__(self, segmentor: Segmentor,
                 inputs: Union[Sequence[Tensor], Tensor],
                 data_samples: Sequence, training: bool,
                 pixel_range: Optional[float] = None) -> None:
        preprocessor = segmentor.data_preprocessor
        self.inputs = list(inputs)
        self.names = [name_of(sample, 'img_path') for sample in data_samples]
        self.device = next(segmentor.parameters()).device
        self.boxes: List[Optional[Box]] = [None] * len(inputs)
        self.pad_to: Optional[Size] = None
        if pixel_range is None:
            pixel_range = find_pixel_range(inputs[0], preprocessor,
                                           self.names[0])
        self.space = PixelSpace.of(segmentor, pixel_range)
        if training:
            if getattr(preprocessor, 'batch_augments', None) is not None:
                raise ValueError(
                    f'{type(preprocessor).__name__} has batch_augments, which '
                    'would mix images after they were attacked; remove them, '
                    'or wrap the model in AdversarialSegmentor, which attacks '
                    'what they made')
            self.pad_to = self.space.padded_size(
                [size_of(x) for x in inputs], training)
        else:
            for sample in data_samples:
                require_meta(sample, 'ori_shape', 'img_shape')

    def image(self, index: int) -> Tensor:
        """Return an image (3, h, w) on the device of the segmentor."""
        return self.space.from_loader(self.inputs[index], self.device,
                                      self.names[index])

    def loader_input(self, index: int) -> Tensor:
        """Return an input as the loader gave it, an overshoot cut off."""
        inputs = self.inputs[index]
        return inputs if inputs.dtype == torch.uint8 else (
            inputs.clamp(0, self.space.pixel_range))

    def replaced(self, first: int, images: List[Tensor]) -> List[Tensor]:
        """Return the inputs with ``images`` from index ``first`` on."""
        return [*self.inputs[:first], *map(self.space.to_loader, images)]


class ModelBatch:
    """Inputs as the data preprocessor made them: normalised and padded.

    Args:
        segmentor (nn.Module): Whose data preprocessor it was.
        inputs (Tensor): (B, 3, H, W).
        data_samples (list[SegDataSample]): Say which part is no padding.
        training (bool): Whether the batch is one of training.
        pixel_range (float, optional): As of :class:`LoaderBatch`.

    Raises:
        TypeError: If the inputs are no tensor.
    """

    def __init__(self, segmentor: Segmentor,
                 inputs: Union[Sequence[Tensor], Tensor],
                 data_samples: Sequence, training: bool,
                 pixel_range: Optional[float] = None) -> None:
        if not isinstance(inputs, Tensor):
            raise TypeError(
                'inputs with normalized=True must be the tensor (B, 3, H, W) '
                'that the data preprocessor made, but got a '
                f'{type(inputs).__name__}; leave normalized out for those of '
                'the loader')
        self.inputs = inputs
        self.names = [name_of(sample, 'img_path') for sample in data_samples]
        self.pad_to = size_of(inputs)
        self.boxes: List[Box] = []
        for sample in data_samples:
            left, right, top, bottom = sample.metainfo.get(
                'padding_size', (0, 0, 0, 0))
            self.boxes.append(
                Box(top, self.pad_to[0] - bottom, left,
                    self.pad_to[1] - right))
        if pixel_range is None:
            pixel_range = self._find_pixel_range(segmentor)
        self.space = PixelSpace.of(segmentor, pixel_range)

    def _find_pixel_range(self, segmentor: Segmentor) -> float:
        preprocessor = segmentor.data_preprocessor
        values = PixelSpace(preprocessor).values(
            self.boxes[0].crop(self.inputs[0]))
        levels = values.round()
        # Rounding hides from a float that it was a whole number.
        if bool(((values - levels).abs() < GRID_SLACK).all()):
            values = levels
        return find_pixel_range(values, preprocessor, self.names[0])

    def image(self, index: int) -> Tensor:
        """Return an image (3, h, w) on the device of the segmentor."""
        inputs = self.boxes[index].crop(self.inputs[index])
        return self.space.denormalize(inputs, self.names[index])

    def loader_input(self, index: int) -> Tensor:
        """Return an input as the loader gave it, an overshoot cut off."""
        return self.space.to_loader(self.image(index))

    def replaced(self, first: int, images: List[Tensor]) -> Tensor:
        """Return the inputs with ``images`` from index ``first`` on."""
        inputs = self.inputs.clone()
        for i, image in enumerate(images, first):
            self.boxes[i].crop(inputs[i]).copy_(
                self.space.normalize(image, inputs.dtype))
        return inputs


def require_meta(data_sample: DataSample, *keys: str) -> None:
    """Check that the pipeline packed these meta keys."""
    missing = [key for key in keys if key not in data_sample.metainfo]
    if missing:
        raise ValueError(
            f'data sample {name_of(data_sample)} lacks the meta keys '
            f'{", ".join(missing)}; add them to meta_keys of PackSegInputs '
            '(PackSegInputs.meta_keys) in the pipeline')


def name_of(data_sample: DataSample, first: str = 'seg_map_path') -> str:
    """Return the file of a sample, for messages.

    Args:
        data_sample (SegDataSample): The sample.
        first (str): Which of its two files is meant. Defaults to
            'seg_map_path', that of the labels.
    """
    meta = data_sample.metainfo
    return str(meta.get(first) or meta.get('seg_map_path')
               or meta.get('img_path') or 'unnamed')


def labels_of(data_sample: DataSample, box: Optional[Box], training: bool,
              counted: CountedPixels, num_logits: int) -> Tensor:
    """Return the labels (H, W) that the logits are compared with.

    Args:
        data_sample (SegDataSample): Has the labels.
        box (Box, optional): The part of them that is no padding.
        training (bool): Whether the sample is one of training.
        counted (CountedPixels): Which of them count.
        num_logits (int): Number of classes that the model tells apart.
    """
    name = name_of(data_sample)
    if 'gt_sem_seg' not in data_sample:
        raise ValueError(
            f'data sample {name} has no gt_sem_seg, which '
            'an attack needs; add LoadAnnotations to the pipeline')
    labels = data_sample.gt_sem_seg.data[0].long()
    if box is not None:
        labels = box.crop(labels)
    counted.check(labels, num_logits, name)
    if not training:
        check_label_file(name)
    return unflip(labels, data_sample, training)


def picture_mask(image: Tensor, labels: Tensor, void: Optional[int],
                 data_sample: DataSample, training: bool) -> Optional[Tensor]:
    """Return where an image is no padding that the pipeline made.

    A ``Pad`` in the pipeline does not say how much it added. In training,
    rows and columns at a border that have one colour and no label that
    counts are taken for it; in tests, where nothing else than a Pad may
    change what is attacked, only if the sample has been padded or cropped
    (``pad_shape``).

    Args:
        image (Tensor): (3, h, w).
        labels (Tensor): (H, W).
        void (int, optional): Label of the pixels that do not count.
        data_sample (SegDataSample): Its sample.
        training (bool): Whether the sample is one of training.

    Returns:
        Tensor: (1, h, w) bool; None for the whole image, for certain.
    """
    meta = data_sample.metainfo
    # A data preprocessor that has predicted the sample leaves both.
    if not training and ('pad_shape' not in meta
                         or 'img_padding_size' in meta):
        return None
    corners = image[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    same = (image[:, None] == corners[:, :, None, None]).all(0)
    if labels.shape == image.shape[-2:]:
        if void is None:
            return None
        same = same & (labels == void)
    rows, columns = same.all(2), same.all(1)
    padding = (_at_borders(rows)[:, :, None] |
               _at_borders(columns)[:, None, :]).any(0)
    return ~padding[None]


def _at_borders(flags: Tensor) -> Tensor:
    """Keep the runs of true flags (N, L) that reach either end."""
    flags = flags.to(torch.uint8)
    return (flags.cumprod(1) | flags.flip(1).cumprod(1).flip(1)).bool()


def unflip(maps: Tensor, data_sample: DataSample, training: bool) -> Tensor:
    """Flip between the frames of a flipped test input and its labels.

    In training images and labels are flipped together; in tests the
    segmentor flips its prediction back to the labels.
    """
    if training or not data_sample.metainfo.get('flip', False):
        return maps
    require_meta(data_sample, 'flip_direction')
    direction = data_sample.metainfo['flip_direction']
    return maps.flip(-1 if direction == 'horizontal' else -2)
