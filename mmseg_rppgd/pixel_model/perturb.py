"""A batch of MMSeg attacked: the one way of hooks, wrapper and tests."""
from functools import partial
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Union

import torch
from torch import Tensor, nn

from ..attacks.base import (Attack, AttackResult, Callback, Generators,
                            check_generators)
from ..timing import Stopwatch
from .batches import (LoaderBatch, ModelBatch, labels_of, name_of,
                      num_attacked, picture_mask, unflip)
from .counted import CountedPixels
from .crops import WindowsResult, attack_windows
from .model import PixelModel, unwrap_segmentor
from .proof import prove_segmentor
from .space import size_of


class PerturbedBatch(NamedTuple):
    """What :func:`perturb_batch` returns.

    Args:
        inputs (list[Tensor] | Tensor): Inputs like those given, the attacked
            images replaced: loader inputs by floating-point ones on the
            device of the segmentor.
        clean_images (list[Tensor]): The attacked images (3, H, W) before.
        adv_images (list[Tensor]): And after.
        mis_ratio (Tensor, optional): (n_adv,) percentage of wrong labelled
            pixels of each attacked image, in the last prediction that the
            attack saw.
        seconds (float): Time of the attack.
        logits (list[Tensor], optional): With ``surface='crop'`` alone,
            (C, H, W) at label size for each attacked image.
        pixel_range (float, optional): Value of white in the inputs, to be
            given for the batches to come; None where nothing was attacked.
        labels (Sequence[Tensor]): (H, W) for each attacked image.
        model (PixelModel, optional): What was attacked, at the size of the
            images; None where nothing was.
    """
    inputs: Union[Sequence[Tensor], Tensor]
    clean_images: List[Tensor]
    adv_images: List[Tensor]
    mis_ratio: Optional[Tensor]
    seconds: float
    logits: Optional[List[Tensor]] = None
    pixel_range: Optional[float] = None
    labels: Sequence[Tensor] = ()
    model: Optional[PixelModel] = None


def perturb_batch(attack: Attack,
                  segmentor: nn.Module,
                  inputs: Union[Sequence[Tensor], Tensor],
                  data_samples: Sequence,
                  *,
                  training: bool = False,
                  adv_ratio: float = 1.0,
                  normalized: bool = False,
                  surface: Optional[str] = None,
                  generator: Generators = None,
                  callback: Optional[Callback] = None,
                  counted: Optional[CountedPixels] = None,
                  pixel_range: Optional[float] = None) -> PerturbedBatch:
    """Attack the last part of a batch, as the loader or the model has it.

    The hooks, the wrapper and the robust test all come through here. Only
    the images that are used are attacked; padding is no part of an image.
    Before the first image of a segmentor is attacked it is proved that
    :class:`PixelModel` predicts it as the segmentor does.
    Images of one size are attacked together; several sizes group by group,
    or one by one in their order where they share a generator.

    Args:
        attack (Attack): The attack.
        segmentor (nn.Module): What it attacks, see :class:`PixelModel`.
        inputs (list[Tensor] | Tensor): Loader inputs (3, H, W), BGR, 0 to
            ``pixel_range``, each of its size; or, with ``normalized``, the
            padded tensor (B, 3, H, W) that the data preprocessor made of
            them.
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
        generator (torch.Generator | list, optional): Source of noise, or a
            list of one for each attacked image. Defaults to None, the global
            one.
        callback (callable, optional): ``callback(step, adv_images)`` after
            each update with all attacked images (n_adv, 3, H, W), which must
            then have one size; not with ``surface='crop'``. It is not called
            where no attacked image has a labelled pixel. Defaults to None.
        counted (CountedPixels, optional): Which pixels count; where they
            are given, the attack may have no other ``ignore_index`` of its
            own. Defaults to None, those of the loss.
        pixel_range (float, optional): Value of white in loader inputs, such
            as 1. Defaults to None, what is certain: 255 of bytes, otherwise
            what the values and the data preprocessor both say.

    Raises:
        TypeError: If the batch is one of test-time augmentation, the
            generator is none, or ``normalized`` inputs are no tensor.
        FloatingPointError: If a gradient is not finite; names the files.
        ValueError: If labels or meta keys are missing, a label lies outside
            the classes, generators are of another number than the attacked
            images, a callback is given where it can not be called, the
            range of the pixels is not certain, or the segmentor is not
            understood.
    """
    plain = unwrap_segmentor(segmentor)
    num_adv = num_attacked(inputs, data_samples, adv_ratio)
    if not num_adv:
        return PerturbedBatch(inputs, [], [], None, 0.0)
    check_generators(generator, num_adv, 'attacked images')
    first = len(data_samples) - num_adv
    samples = data_samples[first:]
    batch = (ModelBatch if normalized else LoaderBatch)(
        plain, inputs, data_samples, training, pixel_range)
    pixel_range = batch.space.pixel_range
    images = [batch.image(i) for i in range(first, len(data_samples))]
    run: Callable[..., Union[AttackResult, WindowsResult]]
    if surface == 'crop':
        model = PixelModel(plain, surface='whole', pixel_range=pixel_range)
        run = attack_windows
    else:
        model = PixelModel(
            plain, pad_to=batch.pad_to, pixel_range=pixel_range,
            surface='whole' if training and surface is None else surface)
        run = partial(_attack_images, callback=callback)
    if counted is None:
        counted = CountedPixels(
            attack.resolved_ignore_index(model), model.num_classes)
    else:
        attack = counted.attacked(attack)
    labels = [
        labels_of(sample, box, training, counted,
                  model.num_classes).to(images[0].device)
        for sample, box in zip(samples, batch.boxes[first:])
    ]
    masks = [
        picture_mask(image, label, counted.ignore_index, sample, training)
        for image, label, sample in zip(images, labels, samples)
    ]
    prove_segmentor(plain, batch.loader_input(first), samples[0], training,
                    pixel_range)
    if callback is not None:
        _check_callback(surface, images, labels)
    groups = _groups(images, labels,
                     shared=not isinstance(generator, (list, tuple)))
    watch = Stopwatch(images[0].device)
    results = []
    for group in groups:
        try:
            results.append(run(
                attack, model, torch.stack([images[i] for i in group]),
                torch.stack([labels[i] for i in group]),
                _one_mask([masks[i] for i in group],
                          [images[i] for i in group]),
                [generator[i] for i in group]
                if isinstance(generator, (list, tuple)) else generator))
        except FloatingPointError as error:
            names = ', '.join(name_of(samples[i]) for i in group)
            raise FloatingPointError(f'{names}: {error}') from error
    seconds = watch.stop()
    indices = [i for group in groups for i in group]
    order = sorted(range(num_adv), key=indices.__getitem__)  # that of before
    adv_images = _in_order([x.adv_images for x in results], order)
    ratios = [x.mis_ratio for x in results if x.mis_ratio is not None]
    logits = None
    if surface == 'crop':
        maps = [x.logits for x in results if isinstance(x, WindowsResult)]
        logits = [unflip(one, sample, training) for one, sample in
                  zip(_in_order(maps, order), samples)]
    return PerturbedBatch(
        inputs=batch.replaced(first, adv_images),
        clean_images=images,
        adv_images=adv_images,
        mis_ratio=(torch.cat(ratios)[order]
                   if len(ratios) == len(results) else None),
        seconds=seconds,
        logits=logits,
        pixel_range=pixel_range,
        labels=labels,
        model=model)


def _check_callback(surface: Optional[str], images: List[Tensor],
                    labels: List[Tensor]) -> None:
    if surface == 'crop':
        raise ValueError(
            "callback can not be called with surface='crop', which attacks "
            "every window by itself; use surface='slide'")
    sizes = {(*x.shape[-2:], *y.shape[-2:]) for x, y in zip(images, labels)}
    if len(sizes) > 1:
        raise ValueError(
            'callback is given all attacked images in one batch, so they '
            'must have one size, with labels of one size, but got (H, W, '
            f'H, W) of {", ".join(map(str, sorted(sizes)))}; give the images '
            'size by size')


def _groups(images: List[Tensor], labels: List[Tensor],
            shared: bool) -> List[List[int]]:
    """Return which images are attacked together, by index.

    A shared generator is drawn from image by image, in their order, so
    images of one size do not go before others.
    """
    by_size: Dict[tuple, List[int]] = {}
    for i, (x, y) in enumerate(zip(images, labels)):
        by_size.setdefault((x.shape, y.shape), []).append(i)
    if shared and len(by_size) > 1:
        return [[i] for i in range(len(images))]
    return list(by_size.values())


def _one_mask(masks: List[Optional[Tensor]],
              images: List[Tensor]) -> Optional[Tensor]:
    """Return the masks (B, 1, H, W) of a group; None if all are full."""
    stacked = torch.stack([
        image.new_ones((1, *image.shape[-2:]), dtype=torch.bool)
        if mask is None else mask for mask, image in zip(masks, images)
    ])
    return None if bool(stacked.all()) else stacked


def _in_order(batches: List[Tensor], order: List[int]) -> List[Tensor]:
    """Return the entries of several batches in another order."""
    entries = [entry for batch in batches for entry in batch]
    return [entries[i] for i in order]


def _attack_images(attack: Attack, model: PixelModel, images: Tensor,
                   labels: Tensor, mask: Optional[Tensor],
                   generator: Generators,
                   callback: Optional[Callback]) -> AttackResult:
    """Attack images (B, 3, H, W) of one size, in one go."""
    model = model.with_label_size(size_of(labels))
    return attack.run(model, images, labels, mask, callback, generator)
