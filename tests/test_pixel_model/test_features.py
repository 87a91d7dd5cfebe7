"""Which feature map is read, for the heads of every stock family."""
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, init_default_scope
from tiny_segmentors import (NORM, NUM_CLASSES, batch, head_cfg, segmentor_cfg,
                             tiny_segmentor)
from torch import nn

from mmseg_rppgd import PixelModel
from mmseg_rppgd.attacks import RPPGD
from mmseg_rppgd.pixel_model import TrainingAttack, features

CE = dict(type='CrossEntropyLoss')
LEVELS = dict(in_channels=[4, 8, 16, 32], in_index=[0, 1, 2, 3])
FPN = dict(type='FPN', in_channels=[4, 8, 16, 32], out_channels=8, num_outs=4)
COARSE = head_cfg('FPNHead', in_channels=[8] * 4, in_index=[0, 1, 2, 3],
                  feature_strides=[4, 8, 8, 8])
POINTS = dict(num_points=16, oversample_ratio=3, importance_sample_ratio=.75)
TOKENS = dict(
    type='VisionTransformer', img_size=32, patch_size=8, embed_dims=16,
    num_layers=4, num_heads=2, out_indices=(0, 1, 2, 3))
KERNELS = dict(
    type='KernelUpdateHead', num_classes=NUM_CLASSES, num_ffn_fcs=2,
    num_heads=2, num_mask_fcs=1, feedforward_channels=8, in_channels=8,
    out_channels=8, dropout=0.,
    ffn_act_cfg=dict(type='ReLU', inplace=True), with_ffn=True,
    conv_kernel_size=1,
    kernel_updator_cfg=dict(
        type='KernelUpdator', in_channels=8, feat_channels=8, out_channels=8,
        act_cfg=dict(type='ReLU', inplace=True), norm_cfg=dict(type='LN')))


def cascade(*heads, **kwargs):
    return dict(type='CascadeEncoderDecoder', num_stages=2,
                decode_head=list(heads), **kwargs)


# Small twins of the heads that mmcv-lite can run: PSAHead needs a compiled
# operator. LRASPPHead pools over 49 x 49 features, which takes a
# large image: it is in benchmarks/families.py.
BY_CONV_SEG = dict(
    ANN=head_cfg('ANNHead', in_channels=[16, 32], in_index=[2, 3],
                 project_channels=4),
    APCNet=head_cfg('APCHead', pool_scales=(1, 2), fusion=True),
    ASPP=head_cfg('ASPPHead', dilations=(1, 2)),
    CCNet=head_cfg('CCHead', recurrence=1),
    DANet=head_cfg('DAHead', pam_channels=4),
    DMNet=head_cfg('DMHead', filter_sizes=(1, 3)),
    DNL=head_cfg('DNLHead', reduction=2),
    EMANet=head_cfg('EMAHead', ema_channels=8, num_bases=4, num_stages=2,
                    momentum=.1, concat_input=False),
    EncNet=head_cfg('EncHead', in_channels=(8, 16, 32), in_index=(1, 2, 3),
                    num_codes=4, loss_se_decode=dict(CE, use_sigmoid=True)),
    FCN=head_cfg(),
    FPN=head_cfg('FPNHead', feature_strides=[4, 8, 8, 8], **LEVELS),
    GCNet=head_cfg('GCHead'),
    ISANet=head_cfg('ISAHead', isa_channels=4, down_factor=(2, 2)),
    NonLocal=head_cfg('NLHead', reduction=2),
    PSPNet=head_cfg('PSPHead', pool_scales=(1, 2)),
    SegFormer=head_cfg('SegformerHead', **LEVELS),
    SegNeXt=head_cfg('LightHamHead', ham_channels=8, ham_kwargs=dict(
        MD_R=2, rand_init=False), **LEVELS),
    DeepLabv3plus=head_cfg('DepthwiseSeparableASPPHead', dilations=(1, 2),
                           c1_in_channels=4, c1_channels=4),
    SepFCN=head_cfg('DepthwiseSeparableFCNHead', num_convs=1,
                    concat_input=False),
    UPerNet=head_cfg('UPerHead', pool_scales=(1, 2), **LEVELS))
SEGMENTORS = {name: dict(decode_head=head)
              for name, head in BY_CONV_SEG.items()}
SEGMENTORS.update(
    OCRNet=cascade(head_cfg(), head_cfg('OCRHead', ocr_channels=4)),
    SETR=dict(backbone=TOKENS, decode_head=head_cfg(
        'SETRUPHead', in_channels=16, num_convs=1)),
    SETR_MLA=dict(
        backbone=TOKENS, neck=dict(type='MLANeck', in_channels=[16] * 4,
                                   out_channels=8),
        decode_head=head_cfg('SETRMLAHead', in_channels=[8] * 4,
                             in_index=(0, 1, 2, 3), channels=16,
                             mla_channels=4)),
    PIDNet=dict(
        backbone=dict(
            type='PIDNet', in_channels=3, channels=8, ppm_channels=8,
            num_stem_blocks=1, num_branch_blocks=1, align_corners=False,
            norm_cfg=NORM, act_cfg=dict(type='ReLU')),
        decode_head=head_cfg('PIDHead', act_cfg=dict(type='ReLU'),
                             loss_decode=[CE] * 4)),
    DDRNet=dict(
        backbone=dict(type='DDRNet', channels=8, ppm_channels=8,
                      norm_cfg=NORM),
        decode_head=head_cfg('DDRHead', loss_decode=[CE] * 2)))
WITHOUT = dict(
    PointRend=(cascade(
        COARSE, head_cfg('PointHead', in_channels=[8], in_index=[0],
                         num_fcs=1, norm_cfg=None, dropout_ratio=0),
        neck=FPN, train_cfg=POINTS, test_cfg=dict(
            mode='whole', subdivision_steps=1, subdivision_num_points=16,
            scale_factor=2)), 'what it reads of the neck', (8, 8)),
    Segmenter=(dict(backbone=TOKENS, decode_head=head_cfg(
        'SegmenterMaskTransformerHead', in_channels=16, embed_dims=16,
        num_layers=1, num_heads=2, norm_cfg=dict(type='LN'))),
        'what it reads of the backbone',
        (16, 4)),
    KNet=(dict(decode_head=dict(
        type='IterativeDecodeHead', num_stages=2,
        kernel_update_head=[KERNELS] * 2, kernel_generate_head=head_cfg())),
        'the input of its kernel_generate_head.conv_seg', (8, 4)))


@MODELS.register_module(force=True)
class MaskClassifier(nn.Module):
    """Classifies masks of queries, as MaskFormer and Mask2Former do."""

    align_corners, ignore_index = False, 255

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.num_classes = self.out_channels = num_classes
        self.masks = nn.Conv2d(in_channels[-1], 6, 1)
        self.classes = nn.Parameter(torch.eye(6, num_classes))

    def predict(self, x, batch_img_metas, test_cfg):
        masks = self.masks(x[-1]).sigmoid()
        return torch.einsum('qc,bqhw->bchw', self.classes, masks)


def build(cfg):
    from mmseg.registry import MODELS
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(ConfigDict(segmentor_cfg(**cfg))).train()


def attack_batch(segmentor):
    """Attack one image of a training batch; return how far it moved."""
    result, _ = TrainingAttack()(RPPGD(steps=1), 0.5, segmentor,
                                 **batch([(32, 32)] * 2))
    change = result.adv_images[0] - result.clean_images[0]
    return float(change.abs().max())


@pytest.mark.parametrize('name', SEGMENTORS)
def test_families_with_a_classifier_layer(name):
    segmentor = build(SEGMENTORS[name])
    assert 0.01 < attack_batch(segmentor) <= 0.03 + 1e-6
    tap = PixelModel(segmentor, surface='whole')._tap
    assert tap.what == 'the input of its conv_seg'


@pytest.mark.parametrize('name', WITHOUT)
def test_families_without_a_classifier_layer(name, monkeypatch):
    told = []
    monkeypatch.setattr(features, 'print_log',
                        lambda text, logger: told.append(text))
    cfg, what, shape = WITHOUT[name]
    segmentor = build(cfg)
    assert 0.01 < attack_batch(segmentor) <= 0.03 + 1e-6
    assert len(told) == 1 and (
        'conv_seg, so the features that an attack reads are '
        f'{what}; feature_layer takes another') in told[0]
    found = PixelModel(segmentor)(torch.rand(1, 3, 32, 32)).features
    assert found.shape[1:3] == shape and found.requires_grad


def test_a_head_that_is_no_decode_head_reads_the_deepest_level():
    """As those of MaskFormer and Mask2Former, which come from mmdet."""
    segmentor = build(dict(decode_head=dict(
        type='mmengine.MaskClassifier', in_channels=[4, 8, 16, 32],
        num_classes=NUM_CLASSES)))
    found = PixelModel(segmentor)(torch.rand(1, 3, 32, 32)).features
    assert found.shape[1] == 32
    assert 0.01 < attack_batch(segmentor) <= 0.03 + 1e-6


class TestRules:
    """The first that applies decides; an explicit layer comes before all."""

    def what(self, segmentor, **kwargs):
        return PixelModel(segmentor, **kwargs)._tap.what

    def test_another_name_of_the_classifier(self):
        segmentor = tiny_segmentor()
        head = segmentor.decode_head
        layer = head.conv_seg
        del head.conv_seg
        head.fc_seg = nn.Conv1d(8, NUM_CLASSES, 1)  # reads points, no map
        assert self.what(segmentor) == 'what it reads of the backbone'
        head.fc_seg = layer
        head.cls_seg = lambda maps: head.fc_seg(maps)
        assert self.what(segmentor) == 'the input of its fc_seg'
        features = PixelModel(segmentor)(torch.rand(1, 3, 32, 32)).features
        assert features.shape[1] == 8
        assert self.what(segmentor, feature_layer='backbone.layer4') == (
            'the output of backbone.layer4')

    def test_what_a_head_reads_is_what_it_selects(self):
        segmentor = tiny_segmentor(head=head_cfg(
            in_index=[1, 3], in_channels=[8, 32],
            input_transform='resize_concat'))
        head = segmentor.decode_head
        layer = head.__dict__['_modules'].pop('conv_seg')
        head.cls_seg = lambda x: layer(x)
        read = []
        head.convs.register_forward_pre_hook(
            lambda module, args: read.append(args[0]))
        found = PixelModel(segmentor)(torch.rand(1, 3, 32, 32)).features
        assert found.shape[1] == 40 and torch.equal(found, read[0])

    def test_what_the_head_writes_over_is_a_copy(self):
        segmentor = tiny_segmentor()
        head = segmentor.decode_head
        layer = head.__dict__['_modules'].pop('conv_seg')
        head.cls_seg = lambda x: layer(x)
        read = []

        def write(module, args):
            read.append(args[0].detach().clone())
            args[0].mul_(2)

        head.convs.register_forward_pre_hook(write)
        found = PixelModel(segmentor)(torch.rand(1, 3, 32, 32)).features
        assert torch.equal(found, read[0])

    def test_a_backbone_without_maps_is_named(self):
        segmentor = build(dict(decode_head=dict(
            type='mmengine.MaskClassifier', in_channels=[32],
            num_classes=NUM_CLASSES)))
        backbone = segmentor.backbone
        backbone.register_forward_hook(
            lambda module, args, maps: dict(maps=maps[-1]))
        segmentor.decode_head.masks.register_forward_pre_hook(
            lambda module, args: args)
        predict = segmentor.decode_head.predict
        segmentor.decode_head.predict = lambda x, *args: predict(
            [x['maps']], *args)
        with pytest.raises(ValueError, match='MaskClassifier has no '
                           'classifier layer conv_seg, and what it reads of '
                           'the backbone is no feature map'):
            attack_batch(segmentor)

    def test_it_is_told_once(self, monkeypatch):
        told = []
        monkeypatch.setattr(features, 'print_log',
                            lambda *args: told.append(args))
        segmentor = build(WITHOUT['KNet'][0])
        for _ in range(3):
            attack_batch(segmentor)
        PixelModel(tiny_segmentor())(torch.rand(1, 3, 32, 32))
        assert len(told) == 1
