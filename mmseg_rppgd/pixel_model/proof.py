"""Proofs that images are understood, before any of them is attacked.

An attack sees a segmentor through :class:`PixelSpace` and
:class:`PixelModel`. If these misread a data preprocessor, every number is
wrong and nothing looks it. So each data preprocessor is compared with a
``PixelSpace`` on a picture of noise, and each segmentor with a ``PixelModel``
on the first image that is to be attacked.
"""
import math
from typing import Any, Optional
from weakref import WeakKeyDictionary

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from ..attacks.base import autocasts, frozen, own_chance
from .mmseg_types import Segmentor
from .space import PixelSpace

PROBE_SIZE = (9, 13)
# Largest difference of normalised inputs, relative to their largest value.
INPUT_SLACK = 1e-4
# Largest difference of logits, as a share of the distance between the
# smallest and the largest of them. Pixels that went to [0, 1] and back are
# off by the rounding of float32, which leaves 1e-6 of a network's logits;
# with the 10 bits of TF32 on a GPU, and with half precision, such a
# difference may tip a rounding of a thousandth, which later layers add up.
# Swapped channels, another range or another padding change far more.
LOGIT_SLACK = dict(cpu=1e-3, cuda=1e-2, half=5e-2)

_proved_preprocessors: WeakKeyDictionary = WeakKeyDictionary()
_proved_segmentors: WeakKeyDictionary = WeakKeyDictionary()


def prove_preprocessor(space: PixelSpace) -> None:
    """Prove, once for each, what a data preprocessor does to pixels.

    Raises:
        ValueError: If it does something else than its ``PixelSpace`` says.
    """
    preprocessor = space.preprocessor
    seen = _proved_preprocessors.setdefault(preprocessor, set())
    case = (space.pixel_range, space.loader_gives_rgb)
    if case in seen:
        return
    name = type(preprocessor).__name__
    generator = torch.Generator().manual_seed(0)
    # Less than the whole range, for those that stretch each picture to it.
    probe = torch.rand(3, *PROBE_SIZE, generator=generator) * 0.6 + 0.2
    probe = (probe * 255).round().to(torch.uint8)
    if space.pixel_range != 255:
        probe = probe.float() / 255 * space.pixel_range
    advice = ('take SegDataPreProcessor with mean, std and bgr_to_rgb, and '
              'let the pipeline do what else there is to do')
    try:
        with torch.no_grad(), own_chance(generator, torch.device('cpu')):
            inputs = preprocessor(dict(
                inputs=[probe.clone()], data_samples=[BaseDataElement(
                    metainfo=dict(img_path='probe', ori_shape=PROBE_SIZE,
                                  img_shape=PROBE_SIZE))]), False)['inputs']
            inputs = torch.stack(list(inputs))[0].float()
    except Exception as error:  # of a class that is not known here
        raise ValueError(
            f'data preprocessor {name} is not understood: given a picture by '
            f'itself it ends in {type(error).__name__}: {error}; '
            f'{advice}') from error
    expected = space.normalize(
        space.from_loader(probe, inputs.device), torch.float32)
    padded = space.padded_size([PROBE_SIZE], training=False)
    expected = nn.functional.pad(
        expected, (0, padded[1] - PROBE_SIZE[1], 0, padded[0] - PROBE_SIZE[0]),
        value=space.pad_value)
    if inputs.shape != expected.shape:
        raise ValueError(
            f'data preprocessor {name} is not understood: of a picture '
            f'{tuple(probe.shape)} it makes {tuple(inputs.shape)} and not '
            f'{tuple(expected.shape)}; {advice}')
    difference = float((inputs - expected).abs().max())
    # Written so that NaN fails too.
    if not difference <= INPUT_SLACK * max(1., float(expected.abs().max())):
        raise ValueError(
            f'data preprocessor {name} is not understood: it changes pixels '
            'in another way than by the mean, std, order of channels and '
            f'padding that its attributes say (by {difference:.3g} in a '
            'normalised picture), so an attack would see other images than '
            f'the model; {advice}')
    seen.add(case)


def prove_segmentor(segmentor: Segmentor, loader_input: Tensor,
                    data_sample: Any, training: bool,
                    pixel_range: float) -> None:
    """Prove, once for each segmentor, that PixelModel predicts as it does.

    The segmentor is left as it was, and no global random state is used. One
    without an inference mode, as for training alone, is not asked.

    Args:
        segmentor (nn.Module): The segmentor.
        loader_input (Tensor): (3, H, W), an image as the loader gives it.
        data_sample (SegDataSample): Its sample.
        training (bool): Whether it is one of training, whose meta keys say
            nothing of a test.
        pixel_range (float): Value of white in the image.

    Raises:
        ValueError: If the logits differ by more than rounding.
    """
    from .model import PixelModel
    seen = _proved_segmentors.setdefault(segmentor, set())
    case = (id(segmentor.data_preprocessor), pixel_range, training)
    if case in seen:
        return
    test_cfg = getattr(segmentor, 'test_cfg', None) or {}
    if test_cfg.get('mode') in ('whole', 'slide'):
        _compare(PixelModel(segmentor, pixel_range=pixel_range),
                 loader_input, data_sample, training)
    seen.add(case)


def _compare(model: Any, loader_input: Tensor, data_sample: Any,
             training: bool) -> None:
    from mmseg.structures import SegDataSample

    from .batches import name_of, unflip
    segmentor = model.segmentor
    size = tuple(loader_input.shape[-2:])
    meta = dict(img_path=name_of(data_sample), ori_shape=size, img_shape=size)
    if not training:
        meta = {**data_sample.metainfo}
    device = next(segmentor.parameters()).device

    def stock() -> SegDataSample:
        with own_chance(torch.Generator().manual_seed(0), device):
            return segmentor.test_step(dict(
                inputs=[loader_input.clone()],
                data_samples=[SegDataSample(metainfo=meta)]))[0]

    with torch.no_grad(), frozen([segmentor]):
        sample = stock()
        if 'seg_logits' not in sample:
            raise ValueError(
                f'{type(segmentor).__name__} gives no seg_logits with its '
                'predictions, so it cannot be proved that what is attacked '
                'is what is tested; set them in postprocess_result')
        theirs = sample.seg_logits.data
        image = model.pixel_space.from_loader(loader_input, device)
        with own_chance(torch.Generator().manual_seed(0), device):
            logits = model.with_label_size(
                tuple(meta['ori_shape'][:2]))(image[None]).logits[0]
        ours = unflip(logits, data_sample, training)
        if len(theirs) == 1:
            # There it is the probability of the one class.
            threshold = model.head.threshold
            ours = (ours[1:] - ours[:1] + math.log(
                threshold / (1 - threshold))).sigmoid()
        difference = _difference(ours, theirs)
        half = autocasts(device.type) or torch.float16 in (
            ours.dtype, theirs.dtype) or torch.bfloat16 in (
                ours.dtype, theirs.dtype)
        slack = LOGIT_SLACK['half' if half else 'cuda' if device.type ==
                            'cuda' else 'cpu']
        if difference is not None and difference <= slack:
            return
        again = _difference(stock().seg_logits.data, theirs)
    name = type(segmentor).__name__
    if again is not None and again > slack:
        raise ValueError(
            f'{name} predicts {name_of(data_sample)} differently each time, '
            'by numbers that do not come from the random state of torch; '
            'switch that off in the model')
    how = ('are of another shape' if difference is None else
           f'differ by up to {100 * difference:.3g} % of their spread')
    raise ValueError(
        f'{name} is not understood: for {name_of(data_sample)} the logits of '
        f'its own test_step and of PixelModel {how}, so an attack would see '
        'another model than the test; look at what '
        f'{type(model.pixel_space.preprocessor).__name__} (channels, mean, '
        'std, padding), the meta keys of the pipeline and predict of the '
        'segmentor do that is not stock')


def _difference(ours: Tensor, theirs: Tensor) -> Optional[float]:
    """Largest difference as a share of the spread; None of other shapes."""
    ours, theirs = ours.double(), theirs.double().to(ours.device)
    if ours.shape != theirs.shape:
        return None
    finite = theirs.isfinite()
    # Weights that give no numbers are not found out here.
    if not bool(finite.any()):
        return 0.
    theirs_there = theirs[finite]
    spread = float(theirs_there.max() - theirs_there.min())
    difference = (ours[finite] - theirs_there).abs().max()
    return float(difference) / max(spread, 1e-12)
