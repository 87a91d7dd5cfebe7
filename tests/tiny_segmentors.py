"""Segmentors and batches small enough for unit tests."""
import copy

import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from torch.nn.modules.batchnorm import _BatchNorm

import mmseg_rppgd  # noqa: F401, mends mmcv-lite before mmseg is imported

NUM_CLASSES = 4
PREPROCESSOR = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(32, 32))
NORM = dict(type='BN', requires_grad=True)


def head_cfg(kind='FCNHead', **kwargs):
    """A head on the last stage of the backbone."""
    cfg = dict(
        type=kind,
        in_channels=32,
        in_index=3,
        channels=8,
        num_classes=NUM_CLASSES,
        norm_cfg=NORM,
        align_corners=False,
        dropout_ratio=0.1,
        loss_decode=dict(type='CrossEntropyLoss'))
    if kind == 'FCNHead':
        cfg.update(num_convs=1, concat_input=False)
    cfg.update(kwargs)
    return cfg


def segmentor_cfg(head=None, auxiliary=False, preprocessor=None, **kwargs):
    """An EncoderDecoder on a ResNet-18 of four to 32 channels."""
    cfg = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(PREPROCESSOR, **(preprocessor or {})),
        backbone=dict(
            type='ResNet',
            depth=18,
            stem_channels=4,
            base_channels=4,
            num_stages=4,
            out_indices=(0, 1, 2, 3),
            strides=(1, 2, 1, 1),
            dilations=(1, 1, 2, 4),
            norm_cfg=NORM,
            norm_eval=False,
            style='pytorch'),
        decode_head=head or head_cfg(),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'))
    if auxiliary:
        cfg['auxiliary_head'] = head_cfg(
            in_channels=16, in_index=2, loss_decode=dict(
                type='CrossEntropyLoss', loss_weight=0.4))
    cfg.update(kwargs)
    return copy.deepcopy(cfg)


def build(cfg):
    """Build a segmentor whose prediction varies over an image."""
    from mmseg.registry import MODELS
    init_default_scope('mmseg')
    segmentor = MODELS.build(ConfigDict(cfg)).eval()
    calibrate(segmentor)
    return segmentor


@torch.no_grad()
def calibrate(segmentor):
    """Fit batch statistics and class biases to a few images."""
    data = batch([(32, 32)] * 4)
    inputs = segmentor.data_preprocessor(data)['inputs']
    meta = dict(img_shape=inputs.shape[-2:])
    norms = [m for m in segmentor.modules() if isinstance(m, _BatchNorm)]
    for norm in norms:
        norm.train().momentum = 1.0
    heads = segmentor.decode_head
    head = heads[-1] if isinstance(heads, torch.nn.ModuleList) else heads
    head.conv_seg.weight.normal_(generator=torch.Generator().manual_seed(1))
    segmentor.encode_decode(inputs, [meta] * 4)
    for norm in norms:
        norm.eval().momentum = 0.1
    logits = segmentor.encode_decode(inputs, [meta] * 4)
    head.conv_seg.bias.sub_(logits.mean((0, 2, 3)))


def tiny_segmentor(**kwargs):
    """A built segmentor in evaluation mode."""
    return build(segmentor_cfg(**kwargs))


def sample(size=(32, 32), label_size=None, num_classes=NUM_CLASSES, seed=0,
           **meta):
    """A loader input (uint8 BGR) and its data sample."""
    from mmseg.structures import SegDataSample
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 4, 4, generator=generator) * 255
    inputs = torch.nn.functional.interpolate(
        coarse, size=size, mode='bilinear')[0].round().to(torch.uint8)
    label_size = label_size or size
    labels = torch.randint(
        num_classes, (1, *label_size), generator=generator)
    labels[:, :3] = 255
    data_sample = SegDataSample(
        gt_sem_seg=PixelData(data=labels),
        metainfo=dict(
            dict(img_path=f'image_{seed}.png', ori_shape=tuple(label_size),
                 img_shape=tuple(size)), **meta))
    return inputs, data_sample


def batch(sizes=((32, 32), (32, 32)), **kwargs):
    """What a loader with pseudo_collate gives."""
    samples = [sample(size, seed=i, **kwargs) for i, size in enumerate(sizes)]
    inputs, data_samples = zip(*samples)
    return dict(inputs=list(inputs), data_samples=list(data_samples))
