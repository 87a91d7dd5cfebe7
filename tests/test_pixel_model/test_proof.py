"""Proofs that a segmentor is attacked as it predicts."""
import numpy as np
import pytest
import torch
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from tiny_segmentors import PREPROCESSOR, batch, sample, tiny_segmentor
from torch import nn

from mmseg_rppgd import PixelModel, perturb_batch
from mmseg_rppgd.attacks import PGD

MEAN, STD = PREPROCESSOR['mean'], PREPROCESSOR['std']


def with_preprocessor(preprocessor, **kwargs):
    segmentor = tiny_segmentor(**kwargs)
    segmentor.data_preprocessor = preprocessor
    return segmentor


def attack(segmentor, data=None, **kwargs):
    data = data or batch()
    return perturb_batch(PGD(steps=1), segmentor, data['inputs'],
                         data['data_samples'], **kwargs)


@pytest.mark.parametrize('settings', [
    dict(bgr_to_rgb=True), dict(), dict(bgr_to_rgb=True, pad_size_divisor=16),
    dict(mean=[120.], std=[60.]), dict(mean=None, std=None)])
def test_mmengines_own_preprocessor_is_understood(settings):
    segmentor = with_preprocessor(ImgDataPreprocessor(
        **dict(dict(mean=MEAN, std=STD), **settings)))
    inputs, data_sample = sample(seed=5)
    expected = segmentor.test_step(dict(
        inputs=[inputs], data_samples=[data_sample]))[0].seg_logits.data
    image = inputs.flip(0).float()[None] / 255
    logits = PixelModel(segmentor)(image).logits[0]
    assert torch.allclose(logits, expected, atol=1e-4)
    attack(segmentor, training=False)


def test_a_flag_of_another_name_is_known():

    class OtherName(ImgDataPreprocessor):

        def __init__(self):
            super().__init__(MEAN, STD, bgr_to_rgb=True)
            self.to_rgb = True

    PixelModel(with_preprocessor(OtherName()))


class Swaps(ImgDataPreprocessor):

    def forward(self, data, training=False):
        data = dict(data, inputs=[x.flip(0) for x in data['inputs']])
        return super().forward(data, training)


class Stretches(ImgDataPreprocessor):

    def forward(self, data, training=False):
        data = dict(data, inputs=[
            (x.float() - x.min()) / (x.max() - x.min()) * 255
            for x in data['inputs']])
        return super().forward(data, training)


class PadsLeft(ImgDataPreprocessor):

    def forward(self, data, training=False):
        data = super().forward(data, training)
        return dict(data, inputs=nn.functional.pad(data['inputs'],
                                                   (3, 0, 0, 0)))


class NeedsMore(ImgDataPreprocessor):

    def forward(self, data, training=False):
        return super().forward(data['depth'], training)


@pytest.mark.parametrize('kind, why', [
    (Swaps, 'another way than by the mean, std, order of channels'),
    (Stretches, 'another way than by the mean, std, order of channels'),
    (PadsLeft, r'it makes \(3, 9, 16\) and not \(3, 9, 13\)'),
    (NeedsMore, "given a picture by itself it ends in KeyError: 'depth'"),
])
def test_what_is_not_understood_is_refused_by_name(kind, why):
    segmentor = with_preprocessor(kind(MEAN, STD, bgr_to_rgb=True))
    with pytest.raises(ValueError, match=f'{kind.__name__} is not understood'
                       f'.*{why}.*take SegDataPreProcessor'):
        PixelModel(segmentor)


def test_padding_that_predictions_keep_is_refused():
    segmentor = with_preprocessor(ImgDataPreprocessor(
        MEAN, STD, bgr_to_rgb=True, pad_size_divisor=32))
    with pytest.raises(ValueError, match='EncoderDecoder is not understood: '
                       'for image_0.png the logits .* differ by up to'):
        attack(segmentor, batch([(32, 40)]))


def test_no_preprocessor_does_nothing():
    PixelModel(with_preprocessor(BaseDataPreprocessor()))


@pytest.mark.parametrize('training', [False, True])
def test_a_segmentor_that_predicts_otherwise_is_refused(training):
    segmentor = tiny_segmentor()
    predict = segmentor.predict
    segmentor.predict = lambda inputs, samples: predict(inputs * 1.1, samples)
    with pytest.raises(ValueError, match='PixelModel differ by up to'):
        attack(segmentor, training=training)


@pytest.mark.parametrize('cut', ['seg_logits'])
def test_predictions_without_logits_are_refused(cut):
    segmentor = tiny_segmentor()
    post = segmentor.postprocess_result

    def without(*args):
        samples = post(*args)
        for each in samples:
            delattr(each, cut)
        return samples

    segmentor.postprocess_result = without
    with pytest.raises(ValueError, match='gives no seg_logits'):
        attack(segmentor)


def test_chance_of_torch_is_no_difference():
    segmentor = tiny_segmentor()
    segmentor.backbone.register_forward_hook(
        lambda module, args, output: tuple(
            x * (1 + .1 * torch.rand_like(x)) for x in output))
    state = torch.get_rng_state()
    attack(segmentor, generator=[torch.Generator(), torch.Generator()])
    assert torch.equal(state, torch.get_rng_state())


def test_other_chance_is_named():
    segmentor, rng = tiny_segmentor(), np.random.default_rng(0)
    segmentor.backbone.register_forward_hook(
        lambda module, args, output: tuple(
            x * float(1 + rng.random()) for x in output))
    with pytest.raises(ValueError, match='image_0.png differently each time'):
        attack(segmentor)


@pytest.mark.parametrize('head', [
    dict(num_classes=2, out_channels=1), dict(num_classes=1)])
@pytest.mark.parametrize('threshold', [None, .7])
def test_one_logit_is_proved_as_a_probability(head, threshold):
    from tiny_segmentors import head_cfg
    segmentor = tiny_segmentor(head=head_cfg(
        threshold=threshold, loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=True), **head))
    data = batch()
    for data_sample in data['data_samples']:
        labels = data_sample.gt_sem_seg.data
        labels[labels != 255] %= 2
    attack(segmentor, data)


def test_half_precision_is_rounding():
    with torch.autocast('cpu', torch.bfloat16):
        attack(tiny_segmentor())


@pytest.mark.parametrize('meta', [
    dict(), dict(flip=True, flip_direction='horizontal')])
def test_it_is_proved_once_and_leaves_no_trace(meta):
    segmentor, data = tiny_segmentor().train(), batch(**meta)
    before = {k: v.clone() for k, v in segmentor.state_dict().items()}
    seen = []
    segmentor.backbone.register_forward_pre_hook(
        lambda *args: seen.append(1))
    attack(segmentor, data)
    first = len(seen)
    attack(segmentor, data)
    assert len(seen) - first == first - 2
    assert all(m.training for m in segmentor.modules()
               if m is not segmentor.data_preprocessor)
    assert all(p.requires_grad for p in segmentor.parameters())
    for name, value in segmentor.state_dict().items():
        assert torch.equal(value, before[name])


def test_without_an_inference_mode_training_goes_on():
    segmentor = tiny_segmentor()
    segmentor.test_cfg = None
    attack(segmentor, training=True)
