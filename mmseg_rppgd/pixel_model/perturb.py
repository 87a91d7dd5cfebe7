"""A batch of MMSeg attacked: the one way of hooks, wrapper and tests."""
from functools import partial
from typing import List, NamedTuple, Optional, Sequence, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..attacks.base import Attack, AttackResult, predict_classes
from ..timing import Stopwatch
from .batches import LoaderBatch, ModelBatch, labels_of, num_attacked, unflip
from .model import PixelModel, unwrap_segmentor
from .windows import check_windows, stitch, window_boxes

Generators = Union[None, torch.Generator, Sequence[torch.Generator]]


class PerturbedBatch(NamedTuple):
    """What :func:`perturb_batch` returns.

    Args:
        inputs (list[Tensor] | Tensor): Inputs like those given, the attacked
            images replaced: loader inputs by floating-point ones on the
            device of the segmentor.
        clean_images (list[Tensor]): The attacked images (3, H, W) before.
        adv_images (list[Tensor]): And after.
        mis_ratio (Tensor, optional): (n_adv,) percentage of wrong labelled
            pixels in the last prediction that the attack saw.
        seconds (float): Time of the attack.
        logits (list[Tensor], optional): With ``surface='crop'`` alone,
            (C, H, W) at label size for each attacked image.
    """
    inputs: Union[List[Tensor], Tensor]
    clean_images: List[Tensor]
    adv_images: List[Tensor]
    mis_ratio: Optional[Tensor]
    seconds: float
    logits: Optional[List[Tensor]] = None


def perturb_batch(attack: Attack,
                  segmentor: nn.Module,
                  inputs: Union[Sequence[Tensor], Tensor],
                  data_samples: Sequence,
                  *,
                  training: bool = False,
                  adv_ratio: float = 1.0,
                  normalized: bool = False,
                  surface: Optional[str] = None,
                  generator: Generators = None) -> PerturbedBatch:
    """Attack the last part of a batch, as the loader or the model has it.

    The hooks, the wrapper and the robust test all come through here. Only
    the images that are used are attacked; padding is no part of an image.
    Images of one size are attacked together, others one by one.

    Args:
        attack (Attack): The attack.
        segmentor (nn.Module): What it attacks, see :class:`PixelModel`.
        inputs (list[Tensor] | Tensor): Loader inputs (3, H, W), BGR, 0 to
            255, each of its size; or, with ``normalized``, the padded tensor
            (B, 3, H, W) that the data preprocessor made of them.
        data_samples (list[SegDataSample]): With ``gt_sem_seg``, at the size
            of the inputs in training, at the original size in tests.
        training (bool): Whether the batch is one of training: inference of
            the whole image, padded as in training. Defaults to False,
            inference as ``test_cfg`` says.
        adv_ratio (float): Share of the batch that is attacked:
            floor(B x adv_ratio + 0.5) images, the last ones. Defaults to 1.
        normalized (bool): Which inputs are given. Defaults to False, those
            of the loader.
        surface (str, optional): ``'whole'``, ``'slide'`` (all windows
            attacked jointly) or ``'crop'``: the protocol of DDC-AT, which
            attacks every window by itself with the labels of its crop.
            Overlapping windows then disagree, so there is no adversarial
            image: read ``logits`` of the result; its ``adv_images`` are
            means over windows. Defaults to None, what ``test_cfg`` says, or
            'whole' in training.
        generator (torch.Generator | list, optional): Source of noise; of a
            list, one for each attacked image, attacked one by one. Defaults
            to None, the global one.

    Raises:
        TypeError: If the batch is one of test-time augmentation.
        ValueError: If labels or meta keys are missing, or a label lies
            outside the classes.
    """
    segmentor = unwrap_segmentor(segmentor)
    num_adv = num_attacked(inputs, data_samples, adv_ratio)
    if not num_adv:
        return PerturbedBatch(inputs, [], [], None, 0.0)
    first = len(data_samples) - num_adv
    samples = data_samples[first:]
    batch = (ModelBatch if normalized else LoaderBatch)(
        segmentor, inputs, data_samples, training)
    images = [batch.image(i) for i in range(first, len(data_samples))]
    if surface == 'crop':
        model = PixelModel(segmentor, surface='whole')
        run = partial(_attack_windows, attack, model)
    else:
        model = PixelModel(
            segmentor, pad_to=batch.pad_to,
            surface='whole' if training and surface is None else surface)
        run = partial(_attack_images, attack, model)
    labels = [
        labels_of(sample, box, training, attack.resolved_ignore_index(model),
                  model.num_classes).to(images[0].device)
        for sample, box in zip(samples, batch.boxes[first:])
    ]
    watch = Stopwatch(images[0].device)
    results = [
        run(*group) for group in _groups(images, labels, generator)
    ]
    seconds = watch.stop()
    adv_images = [image for result in results for image in result.adv_images]
    ratios = [result.mis_ratio for result in results]
    logits = None
    if surface == 'crop':
        logits = [
            unflip(maps, sample, training) for maps, sample in zip(
                (maps for result in results for maps in result.logits),
                samples)
        ]
    return PerturbedBatch(
        inputs=batch.replaced(first, adv_images),
        clean_images=images,
        adv_images=adv_images,
        mis_ratio=(None if any(ratio is None for ratio in ratios) else
                   torch.cat(ratios)),
        seconds=seconds,
        logits=logits)


def _groups(images: List[Tensor], labels: List[Tensor],
            generator: Generators) -> List[tuple]:
    """Return what is attacked together: images, labels, generator."""
    if generator is None or isinstance(generator, torch.Generator):
        sizes = {(x.shape, y.shape) for x, y in zip(images, labels)}
        if len(sizes) == 1:
            return [(torch.stack(images), torch.stack(labels), generator)]
        generators = [generator] * len(images)
    else:
        generators = list(generator)
        if len(generators) != len(images):
            raise ValueError(
                'generator must be one, or a list of one for each of the '
                f'{len(images)} attacked images, but got {len(generators)}')
    return [(x[None], y[None], g)
            for x, y, g in zip(images, labels, generators)]


class WindowsResult(NamedTuple):
    """Like AttackResult, of windows attacked each by itself.

    Args:
        adv_images (Tensor): Means over overlapping windows.
        mis_ratio (Tensor): (B,) that of ``logits``.
        logits (Tensor): (B, C, H, W) stitched, at label size.
    """
    adv_images: Tensor
    mis_ratio: Tensor
    logits: Tensor


def _attack_images(attack: Attack, model: PixelModel, images: Tensor,
                   labels: Tensor,
                   generator: Optional[torch.Generator]) -> AttackResult:
    """Attack images (B, 3, H, W) of one size, in one go."""
    return attack.run(
        model.with_label_size(tuple(labels.shape[-2:])), images, labels,
        generator=generator)


def _attack_windows(attack: Attack, model: PixelModel, images: Tensor,
                    labels: Tensor,
                    generator: Optional[torch.Generator]) -> WindowsResult:
    """Attack every window of the unpadded image by itself (DDC-AT)."""
    check_windows(model.test_cfg)
    size, label_size = tuple(images.shape[-2:]), tuple(labels.shape[-2:])
    crop_labels = labels
    if label_size != size:
        crop_labels = F.interpolate(
            labels[:, None].float(), size, mode='nearest-exact')[:, 0].long()
    boxes = window_boxes(size, model.test_cfg['crop_size'],
                         model.test_cfg['stride'])
    crops_of_images = [[
        attack(model, box.crop(image).contiguous(), box.crop(label),
               generator=generator) for box in boxes
    ] for image, label in zip(images.split(1), crop_labels.split(1))]
    crops = [torch.cat(window) for window in zip(*crops_of_images)]
    with torch.no_grad():
        logits = stitch((model(crop).logits for crop in crops), boxes, size)
    if label_size != size:
        logits = F.interpolate(
            logits, label_size, mode='bilinear',
            align_corners=model.align_corners)
    labelled = labels != attack.resolved_ignore_index(model)
    wrong = (predict_classes(logits) != labels) & labelled
    return WindowsResult(
        stitch(crops, boxes, size),
        100 * wrong.sum((1, 2)) / labelled.sum((1, 2)), logits)
