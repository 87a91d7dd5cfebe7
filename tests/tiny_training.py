"""A tiny training on disk: config and four images of noise."""
import cv2
import numpy as np
import pytest

CONFIG = """
crop_size = (32, 32)
norm_cfg = dict(type='SyncBN')
default_scope = 'mmseg'
log_level = 'WARNING'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[127.5] * 3, std=[64.] * 3,
        bgr_to_rgb=True, size=crop_size, seg_pad_val=255),
    backbone=dict(
        type='ResNetV1c', depth=18, base_channels=4, norm_cfg=norm_cfg),
    decode_head=dict(
        type='PSPHead', in_channels=32, in_index=3, channels=4,
        pool_scales=(1, 2), num_classes=2, norm_cfg=norm_cfg,
        loss_decode=dict(type='CrossEntropyLoss')),
    test_cfg=dict(mode='whole'))
train_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='BaseSegDataset', data_root={data!r},
        data_prefix=dict(img_path='img', seg_map_path='ann'),
        img_suffix='.png', metainfo=dict(classes=('a', 'b')),
        pipeline=[dict(type='LoadImageFromFile'),
                  dict(type='LoadAnnotations'),
                  dict(type='RandomCrop', crop_size=crop_size),
                  dict(type='PackSegInputs')]))
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
param_scheduler = [dict(type='PolyLR', by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
"""


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """A tiny PSPNet on four images of noise, and the file that says so."""
    folder = tmp_path_factory.mktemp('project')
    rng = np.random.default_rng(0)
    for name in ('img', 'ann'):
        (folder / name).mkdir()
    for i in range(4):
        image = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        label = rng.integers(0, 2, (40, 48), dtype=np.uint8)
        cv2.imwrite(str(folder / 'img' / f'{i}.png'), image)
        cv2.imwrite(str(folder / 'ann' / f'{i}.png'), label)
    file = folder / 'tiny.py'
    file.write_text(CONFIG.replace('{data!r}', repr(str(folder))))
    return file
