"""PixelModel against the segmentor's own prediction."""
import pytest
import torch
import torch.nn.functional as F
from tiny_segmentors import (NUM_CLASSES, batch, head_cfg, segmentor_cfg,
                             tiny_segmentor)

from mmseg_rppgd import PixelModel
from mmseg_rppgd.attacks import PGD

SLIDE = dict(mode='slide', crop_size=(24, 24), stride=(16, 16))


def images_of(data):
    return torch.stack([x.flip(0).float() / 255 for x in data['inputs']])


def predictions(segmentor, data):
    with torch.no_grad():
        outputs = segmentor.test_step(data)
    return torch.stack([x.pred_sem_seg.data[0] for x in outputs]).long()


def assert_predicts_alike(segmentor, size=(32, 32), label_size=None, **meta):
    data = batch((size, size), label_size=label_size, **meta)
    output = PixelModel(segmentor, label_size)(images_of(data))
    expected = predictions(segmentor, data)
    assert len(expected.unique()) > 1, 'a constant prediction shows nothing'
    assert torch.equal(output.logits.argmax(1), expected)
    return output


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('test_cfg', [dict(mode='whole'), SLIDE],
                         ids=['whole', 'slide'])
@pytest.mark.parametrize('padding', [None, dict(size_divisor=16),
                                     dict(size=(64, 56))])
@pytest.mark.parametrize('label_size', [None, (50, 61)])
def test_argmax_equals_predict(align_corners, test_cfg, padding, label_size):
    segmentor = tiny_segmentor(
        head=head_cfg(align_corners=align_corners), test_cfg=test_cfg,
        preprocessor=dict(test_cfg=padding))
    assert_predicts_alike(segmentor, (37, 43), label_size)


def test_labels_of_another_size_are_a_matter_of_label_size():
    model = PixelModel(tiny_segmentor())
    images, labels = torch.rand(1, 3, 32, 32), torch.zeros(1, 50, 61).long()
    with pytest.raises(ValueError, match=r'labels must have the size of the '
                       r'logits.*PixelModel\(segmentor, label_size=\(50, 61'):
        PGD(steps=1)(model, images, labels)


def test_without_label_size_logits_have_that_of_the_images():
    logits = PixelModel(tiny_segmentor())(torch.rand(1, 3, 21, 30)).logits
    assert logits.shape == (1, NUM_CLASSES, 21, 30)


@pytest.mark.parametrize('preprocessor', [
    dict(bgr_to_rgb=False), dict(pad_val=3., test_cfg=dict(size=(48, 48))),
    dict(mean=None, std=None)], ids=['bgr', 'pad_val', 'unnormalised'])
def test_preprocessor_is_followed(preprocessor):
    assert_predicts_alike(tiny_segmentor(preprocessor=preprocessor))


@pytest.mark.parametrize('head', [
    head_cfg('PSPHead', pool_scales=(1, 2)),
    head_cfg('ASPPHead', dilations=(1, 2)),
    head_cfg('DAHead', pam_channels=4),
    head_cfg('EncHead', in_channels=(8, 16, 32), in_index=(1, 2, 3),
             num_codes=4, loss_se_decode=dict(
                 type='CrossEntropyLoss', use_sigmoid=True))
], ids=lambda head: head['type'])
def test_heads(head):
    output = assert_predicts_alike(tiny_segmentor(head=head))
    assert output.features is not None


def test_cascade_gives_the_last_head():
    segmentor = tiny_segmentor(
        type='CascadeEncoderDecoder', num_stages=2,
        decode_head=[head_cfg(), head_cfg(
            'OCRHead', ocr_channels=4)])
    output = assert_predicts_alike(segmentor)
    assert output.features.shape[1] == 8


def test_pidnet():
    segmentor = tiny_segmentor(
        backbone=dict(
            type='PIDNet', in_channels=3, channels=8, ppm_channels=8,
            num_stem_blocks=1, num_branch_blocks=1, align_corners=False,
            norm_cfg=dict(type='BN'), act_cfg=dict(type='ReLU')),
        decode_head=dict(
            type='PIDHead', in_channels=32, channels=8,
            num_classes=NUM_CLASSES, norm_cfg=dict(type='BN'),
            act_cfg=dict(type='ReLU'), align_corners=True,
            loss_decode=[dict(type='CrossEntropyLoss')] * 4))
    assert_predicts_alike(segmentor, (64, 64))


def test_training_mode_does_not_leak_into_the_prediction():
    segmentor = tiny_segmentor().train()
    segmentor.backbone.layer1.eval()
    modes = [module.training for module in segmentor.modules()]
    buffers = [buffer.clone() for buffer in segmentor.buffers()]
    images = torch.rand(2, 3, 32, 32)
    logits = PixelModel(segmentor)(images).logits
    assert modes == [module.training for module in segmentor.modules()]
    assert all(map(torch.equal, buffers, segmentor.buffers()))
    assert torch.equal(logits, PixelModel(segmentor.eval())(images).logits)


@pytest.mark.parametrize('threshold', [None, 0.3, 0.6])
def test_binary_head_gives_two_logits(threshold):
    segmentor = tiny_segmentor(head=head_cfg(
        num_classes=2, out_channels=1, threshold=threshold,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True)))
    output = assert_predicts_alike(segmentor, num_classes=2)
    assert output.logits.shape[1] == PixelModel(segmentor).num_classes == 2


def test_parameters_are_not_registered():
    model = PixelModel(tiny_segmentor())
    assert not list(model.parameters()) and not list(model.children())
    assert model.attacked_networks() == [model.segmentor]


def test_wrapped_segmentor_is_unwrapped():
    segmentor = tiny_segmentor()
    from mmengine.registry import MODEL_WRAPPERS

    class Wrapper(torch.nn.Module):

        def __init__(self, module):
            super().__init__()
            self.module = module

    MODEL_WRAPPERS.register_module(module=Wrapper, name='TestWrapper')
    try:
        assert PixelModel(Wrapper(segmentor)).segmentor is segmentor
    finally:
        MODEL_WRAPPERS._module_dict.pop('TestWrapper')


def test_float64_images_reach_a_float32_segmentor_with_gradient():
    model = PixelModel(tiny_segmentor())
    images = torch.rand(1, 3, 32, 32, dtype=torch.float64,
                        requires_grad=True)
    logits = model(images).logits
    gradient, = torch.autograd.grad(logits.square().mean(), images)
    assert logits.dtype == torch.float32
    assert gradient.dtype == torch.float64 and gradient.abs().sum() > 0


def test_float64_segmentor_computes_in_float64():
    model = PixelModel(tiny_segmentor().double())
    assert model(torch.rand(1, 3, 32, 32)).logits.dtype == torch.float64


def test_autocast_is_followed():
    model = PixelModel(tiny_segmentor())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        logits = model(torch.rand(1, 3, 32, 32)).logits
    assert logits.dtype == torch.bfloat16


def test_padding_reaches_no_gradient_and_no_logits():
    segmentor = tiny_segmentor(
        preprocessor=dict(test_cfg=dict(size=(64, 64))))
    model = PixelModel(segmentor)
    assert model(torch.rand(1, 3, 30, 40)).logits.shape[2:] == (30, 40)


def test_pad_to_overrides_the_preprocessor():
    segmentor = tiny_segmentor()
    images = torch.rand(1, 3, 20, 32)
    inputs = PixelModel(segmentor).pixel_space.normalize(images,
                                                         torch.float32)
    meta = dict(img_shape=torch.Size((32, 32)))
    expected = segmentor.encode_decode(F.pad(inputs, (0, 0, 0, 12)), [meta])
    logits = PixelModel(segmentor, pad_to=(32, 32))(images).logits
    assert torch.equal(logits, expected[:, :, :20])


class TestFeatures:

    def test_default_is_what_the_classifier_layer_reads(self):
        segmentor = tiny_segmentor()
        output = PixelModel(segmentor)(torch.rand(2, 3, 32, 32))
        small = segmentor.decode_head.conv_seg(output.features)
        assert output.upsample is None and output.align_corners is False
        assert torch.allclose(
            F.interpolate(small, size=(32, 32), mode='bilinear'),
            output.logits, atol=1e-5)

    def test_path_gives_the_output_of_that_module(self):
        segmentor = tiny_segmentor()
        model = PixelModel(segmentor, feature_layer='backbone.layer2')
        assert model(torch.rand(1, 3, 32, 32)).features.shape[1] == 8
        assert model.with_feature_layer('backbone.layer1')(torch.rand(
            1, 3, 32, 32)).features.shape[1] == 4

    @pytest.mark.parametrize('align_corners', [False, True])
    @pytest.mark.parametrize('test_cfg', [dict(mode='whole'), SLIDE],
                             ids=['whole', 'slide'])
    def test_upsample_leads_from_features_to_logits(self, align_corners,
                                                    test_cfg):
        segmentor = tiny_segmentor(
            head=head_cfg(align_corners=align_corners), test_cfg=test_cfg,
            preprocessor=dict(test_cfg=dict(size_divisor=16)))
        model = PixelModel(segmentor, label_size=(50, 61))
        output = model(torch.rand(2, 3, 37, 43))
        small = segmentor.decode_head.conv_seg(output.features)
        assert torch.allclose(output.upsample(small), output.logits,
                              atol=1e-5)
        one = output.upsample(small[:, :1])
        assert torch.equal(one, output.upsample(small)[:, :1])

    def test_hooks_are_gone_afterwards(self):
        segmentor = tiny_segmentor()
        PixelModel(segmentor)(torch.rand(1, 3, 32, 32))
        assert not any(m._forward_pre_hooks or m._forward_hooks
                       for m in segmentor.modules())

    def test_classifier_layer_that_never_runs_says_so(self):
        segmentor = tiny_segmentor()
        segmentor.decode_head.cls_seg = lambda x: x[:, :NUM_CLASSES]
        model = PixelModel(segmentor)
        assert model(torch.rand(1, 3, 32, 32)).features is None
        assert 'conv_seg of FCNHead does not run' in \
            model.no_features_reason()

    def test_layer_that_never_runs_is_an_error(self):
        segmentor = tiny_segmentor(auxiliary=True)
        model = PixelModel(segmentor, feature_layer='auxiliary_head.convs.0')
        with pytest.raises(ValueError, match='feature_layer .*auxiliary_head.'
                           '*did not run in the inference of FCNHead'):
            model(torch.rand(1, 3, 32, 32))

    def test_layer_without_a_map_is_an_error(self):
        model = PixelModel(tiny_segmentor(), feature_layer='backbone')
        with pytest.raises(ValueError, match='it gave a tuple'):
            model(torch.rand(1, 3, 32, 32))

    def test_unknown_layer_is_an_error(self):
        with pytest.raises(ValueError, match="'backbone.layer9' is no module "
                           'of EncoderDecoder; among them are .*backbone'):
            PixelModel(tiny_segmentor(), feature_layer='backbone.layer9')


def frozen_segmentor():
    return tiny_segmentor(test_cfg=SLIDE).requires_grad_(False)


def peak_bytes(job):
    """Return the most bytes that the CPU allocator holds for a job."""
    with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU],
            profile_memory=True) as profile:
        job()
    held = most = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == '[memory]':
            held += event.nbytes()
            most = max(most, held)
    return most


class TestSlide:

    def test_surface_overrides_test_cfg(self):
        segmentor = tiny_segmentor(test_cfg=SLIDE)
        images = torch.rand(1, 3, 40, 40)
        whole = PixelModel(segmentor, surface='whole')
        assert PixelModel(segmentor).surface == 'slide'
        segmentor.test_cfg = dict(mode='whole')
        assert torch.equal(whole(images).logits,
                           PixelModel(segmentor)(images).logits)

    @pytest.mark.parametrize('use', ['logits', 'features', 'both'])
    def test_recomputed_windows_give_the_same_gradient(self, monkeypatch,
                                                       use):
        model = PixelModel(frozen_segmentor().double())
        images = torch.rand(
            2, 3, 56, 48, dtype=torch.float64, requires_grad=True)

        def run():
            output = model(images)
            value = 0
            if use != 'features':
                value = value + output.logits.square().mean()
            if use != 'logits':
                value = value + output.features.square().mean()
            return output, torch.autograd.grad(value, images)[0]

        output, gradient = run()
        monkeypatch.setattr(
            'mmseg_rppgd.pixel_model.model.WINDOWS_IN_MEMORY', 99)
        kept, expected = run()
        assert torch.equal(output.logits, kept.logits)
        assert torch.equal(output.features, kept.features)
        assert torch.allclose(gradient, expected, rtol=1e-12, atol=1e-14)

    def test_recomputed_windows_follow_autocast(self, monkeypatch):
        model = PixelModel(frozen_segmentor())
        images = torch.rand(1, 3, 56, 56, requires_grad=True)

        def run():
            with torch.autocast('cpu', dtype=torch.bfloat16):
                output = model(images)
            assert output.logits.dtype == torch.float32
            assert output.features.dtype == torch.bfloat16
            value = output.logits.square().mean() \
                + output.features.float().square().mean()
            return output.logits, torch.autograd.grad(value, images)[0]

        logits, gradient = run()
        monkeypatch.setattr(
            'mmseg_rppgd.pixel_model.model.WINDOWS_IN_MEMORY', 99)
        kept, expected = run()
        assert torch.equal(logits, kept)
        assert torch.allclose(gradient, expected, rtol=1e-5, atol=1e-9)

    def test_recomputed_windows_tell_what_has_no_gradient(self):
        segmentor = frozen_segmentor()
        segmentor.decode_head.conv_seg.register_forward_pre_hook(
            lambda module, args: (args[0].detach(), ))
        layer = 'decode_head.convs'
        images = torch.rand(1, 3, 56, 56, requires_grad=True)
        output = PixelModel(segmentor, feature_layer=layer)(images)
        assert not output.logits.requires_grad
        gradient, = torch.autograd.grad(output.features.sum(), images)
        assert gradient.abs().sum() > 0

    def test_features_can_be_left_out(self):
        model = PixelModel(frozen_segmentor())
        images = torch.rand(1, 3, 56, 56, requires_grad=True)
        output, bare = model(images), model.without_features()(images)
        assert bare.features is None
        assert torch.equal(bare.logits, output.logits)
        gradients = [torch.autograd.grad(x.logits.square().mean(), images)[0]
                     for x in (output, bare)]
        assert torch.equal(*gradients)

    def test_graph_is_only_where_asked_for(self):
        model = PixelModel(frozen_segmentor())
        images = torch.rand(1, 3, 56, 56)
        assert not model(images).logits.requires_grad
        with torch.no_grad():
            output = model(images.requires_grad_())
        assert not output.logits.requires_grad
        assert not output.features.requires_grad

    def test_parameters_get_their_gradient_outside_attacks(self):
        segmentor = tiny_segmentor(test_cfg=SLIDE)
        images = torch.rand(1, 3, 56, 56, requires_grad=True)
        PixelModel(segmentor)(images).logits.square().mean().backward()
        assert images.grad.abs().sum() > 0
        assert segmentor.backbone.conv1.weight.grad.abs().sum() > 0

    def test_memory_does_not_grow_with_the_windows(self):
        segmentor = frozen_segmentor()
        model = PixelModel(segmentor).without_features()
        images = torch.rand(1, 3, 56, 56, requires_grad=True)

        def gradient(stride):
            segmentor.test_cfg = dict(SLIDE, stride=(stride, stride))
            torch.autograd.grad(model(images).logits.square().mean(), images)

        gradient(16)  # what is made once is no matter of the windows
        nine, many = (peak_bytes(lambda: gradient(s)) for s in (16, 4))
        assert many < 1.02 * nine

    def test_windows_without_size_are_an_error(self):
        with pytest.raises(ValueError, match='needs crop_size and stride, in '
                           'pixels'):
            PixelModel(tiny_segmentor(), surface='slide')


class TestRefusals:

    @pytest.mark.parametrize('surface, match', [
        ('crop', 'give it to perturb_batch'), ('tile', "got 'tile'")])
    def test_surface(self, surface, match):
        with pytest.raises(ValueError, match=match):
            PixelModel(tiny_segmentor(), surface=surface)

    def test_no_segmentor(self):
        with pytest.raises(TypeError, match='must be a segmentor of MMSeg.*'
                           'got Conv2d'):
            PixelModel(torch.nn.Conv2d(3, 4, 1))

    def test_two_images_in_one_input(self):
        from mmseg.registry import MODELS
        segmentor = MODELS.build(segmentor_cfg(
            preprocessor=dict(
                mean=[9.] * 6, std=[9.] * 6, bgr_to_rgb=False)))
        with pytest.raises(TypeError, match='EncoderDecoder reads 6 channels'):
            PixelModel(segmentor)

    def test_depth_estimator(self):
        from mmseg.models import DepthEstimator
        segmentor = DepthEstimator.__new__(DepthEstimator)
        torch.nn.Module.__init__(segmentor)
        with pytest.raises(TypeError, match='DepthEstimator is not '
                           'supported'):
            PixelModel(segmentor)

    def test_test_time_augmentation(self):
        from mmseg.models import SegTTAModel
        model = SegTTAModel(module=segmentor_cfg())
        with pytest.raises(TypeError, match='test-time augmentation'):
            PixelModel(model)
