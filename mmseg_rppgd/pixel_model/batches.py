"""Batches of MMSeg as images and labels, and back."""
import math
from numbers import Real
from typing import List, Optional, Sequence, Union

from torch import Tensor, nn

from .space import PixelSpace
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
    """Inputs as they come from the loader: a list, 0 to 255.

    Args:
        segmentor (nn.Module): Knows the device, and the padding of training.
        inputs (list[Tensor]): (3, h, w) BGR, each of its own size.
        data_samples (list[SegDataSample]): Their samples.
        training (bool): Whether the batch is one of training.
    """

    def __init__(self, segmentor: nn.Module, inputs: Sequence[Tensor],
                 data_samples: Sequence, training: bool) -> None:
        self.inputs = inputs
        self.device = next(segmentor.parameters()).device
        self.boxes = [None] * len(inputs)
        self.pad_to = None
        if training:
            self.pad_to = PixelSpace(segmentor.data_preprocessor).padded_size(
                [x.shape[-2:] for x in inputs], training)
        else:
            for sample in data_samples:
                require_meta(sample, 'ori_shape', 'img_shape')

    def image(self, index: int) -> Tensor:
        """Return an image (3, h, w) on the device of the segmentor."""
        return PixelSpace.from_loader(self.inputs[index], self.device)

    def replaced(self, first: int, images: List[Tensor]) -> List[Tensor]:
        """Return the inputs with ``images`` from index ``first`` on."""
        return [*self.inputs[:first], *map(PixelSpace.to_loader, images)]


class ModelBatch:
    """Inputs as the data preprocessor made them: normalised and padded.

    Args:
        segmentor (nn.Module): Whose data preprocessor it was.
        inputs (Tensor): (B, 3, H, W).
        data_samples (list[SegDataSample]): Say which part is no padding.
        training (bool): Whether the batch is one of training.
    """

    def __init__(self, segmentor: nn.Module, inputs: Tensor,
                 data_samples: Sequence, training: bool) -> None:
        self.inputs = inputs
        self.space = PixelSpace(segmentor.data_preprocessor)
        self.pad_to = tuple(inputs.shape[-2:])
        self.boxes = []
        for sample in data_samples:
            left, right, top, bottom = sample.metainfo.get(
                'padding_size', (0, 0, 0, 0))
            self.boxes.append(
                Box(top, self.pad_to[0] - bottom, left,
                    self.pad_to[1] - right))

    def image(self, index: int) -> Tensor:
        """Return an image (3, h, w) on the device of the segmentor."""
        inputs = self.boxes[index].crop(self.inputs[index])
        return self.space.denormalize(inputs)

    def replaced(self, first: int, images: List[Tensor]) -> Tensor:
        """Return the inputs with ``images`` from index ``first`` on."""
        inputs = self.inputs.clone()
        for i, image in enumerate(images, first):
            self.boxes[i].crop(inputs[i]).copy_(
                self.space.normalize(image, inputs.dtype))
        return inputs


def require_meta(data_sample, *keys: str) -> None:
    """Check that the pipeline packed these meta keys."""
    missing = [key for key in keys if key not in data_sample.metainfo]
    if missing:
        raise ValueError(
            f'data sample {name_of(data_sample)} lacks the meta keys '
            f'{", ".join(missing)}; add them to meta_keys of PackSegInputs '
            '(PackSegInputs.meta_keys) in the pipeline')


def name_of(data_sample) -> str:
    """Return the file of a sample, for messages."""
    meta = data_sample.metainfo
    return str(meta.get('seg_map_path') or meta.get('img_path') or 'unnamed')


def labels_of(data_sample, box: Optional[Box], training: bool,
              ignore_index: int, num_classes: int) -> Tensor:
    """Return the labels (H, W) that the logits are compared with."""
    if 'gt_sem_seg' not in data_sample:
        raise ValueError(
            f'data sample {name_of(data_sample)} has no gt_sem_seg, which '
            'an attack needs; add LoadAnnotations to the pipeline')
    labels = data_sample.gt_sem_seg.data[0].long()
    if box is not None:
        labels = box.crop(labels)
    outside = (labels != ignore_index) & ((labels < 0) |
                                          (labels >= num_classes))
    if bool(outside.any()):
        raise ValueError(
            f'labels must lie in [0, {num_classes}) or be {ignore_index} '
            f'(ignored), but {name_of(data_sample)} has '
            f'{int(labels[outside][0])}; check the classes and '
            'reduce_zero_label of the dataset')
    return unflip(labels, data_sample, training)


def unflip(maps: Tensor, data_sample, training: bool) -> Tensor:
    """Flip between the frames of a flipped test input and its labels.

    In training images and labels are flipped together; in tests the
    segmentor flips its prediction back to the labels.
    """
    if training or not data_sample.metainfo.get('flip', False):
        return maps
    require_meta(data_sample, 'flip_direction')
    direction = data_sample.metainfo['flip_direction']
    return maps.flip(-1 if direction == 'horizontal' else -2)
