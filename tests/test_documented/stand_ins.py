"""Small things in place of those that a user has: model, data, loader."""
import shutil

import cv2
import numpy as np
import pytest
from fresh_python import FreshPython

# In place of a stock config: it trains, validates and tests.
CONFIG = '''
default_scope = 'mmseg'
log_level = 'WARNING'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375], bgr_to_rgb=True, size=(16, 24),
        seg_pad_val=255),
    backbone=dict(
        type='ResNetV1c', depth=18, base_channels=4, stem_channels=4,
        num_stages=2, out_indices=(0, 1), strides=(1, 1), dilations=(1, 1),
        norm_cfg=norm_cfg, contract_dilation=True),
    decode_head=dict(
        type='PSPHead', in_channels=8, in_index=1, channels=8,
        pool_scales=(1, 2), dropout_ratio=0.1, num_classes=2,
        norm_cfg=norm_cfg, align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0)),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
dataset = dict(
    type='BaseSegDataset', data_root={root!r},
    metainfo=dict(classes=('road', 'car'),
                  palette=[[90, 60, 30], [200, 40, 40]]),
    data_prefix=dict(img_path='images', seg_map_path='labels'),
    img_suffix='.png', seg_map_suffix='.png', pipeline=pipeline)
train_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True), dataset=dataset)
val_dataloader = dict(
    batch_size=1, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False), dataset=dataset)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=0.01))
param_scheduler = [dict(type='PolyLR', by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1))
'''
# Stand-ins of Python: no network of other packages is downloaded, and no GPU
# is there. They import nothing of this package, nor of mmseg.
NETWORK = '''
import torch

class Network(torch.nn.Module):
    """Gives what networks of torchvision give."""

    def __init__(self):
        super().__init__()
        self.backbone = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.BatchNorm2d(4))
        self.classifier = torch.nn.Sequential(
            torch.nn.Conv2d(4, 4, 1), torch.nn.BatchNorm2d(4),
            torch.nn.ReLU(), torch.nn.Dropout(0.1), torch.nn.Conv2d(4, 2, 1))

    def forward(self, images):
        return {'out': self.classifier(self.backbone(images))}

net = Network().eval()
'''
IMAGES = '''
import torch
images, labels = torch.rand(1, 3, 16, 24), torch.randint(2, (1, 16, 24))
'''
LOADER = IMAGES + '''
loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(images, labels))
'''
MODEL = IMAGES + '''
model = torch.nn.Conv2d(3, 2, 3, padding=1)
'''
MMSEG = '''
config, checkpoint = 'config.py', 'checkpoint.pth'
'''
LOADED = '''
from mmseg_rppgd.evaluation import evaluate, load_model
model, loader = load_model('config.py', 'checkpoint.pth')
'''


# Suites with the same rows and hardly a step: hours of work otherwise.
SHORTER = {
    'quick': "robustness['steps'] = [1]",
    'reliable': "robustness['max_steps'] = 1",
}


@pytest.fixture(scope='module')
def python(wheel, tmp_path_factory):
    """Pythons with the installed wheel, its suites shortened."""
    folder = tmp_path_factory.mktemp('installed') / 'site'
    shutil.copytree(wheel, folder)
    for suite, line in SHORTER.items():
        path = folder / f'mmseg_rppgd/.mim/configs/_base_/suites/{suite}.py'
        path.write_text(f'{path.read_text()}\n{line}\n')
    python = FreshPython(folder)
    yield python
    python.close()


@pytest.fixture(scope='module')
def project(python, tmp_path_factory):
    """A folder with config.py, checkpoint.pth and two labelled images."""
    folder = tmp_path_factory.mktemp('project')
    for kind in ('images', 'labels'):
        (folder / kind).mkdir()
    rng = np.random.default_rng(0)
    for i in range(2):
        label = np.zeros((16, 24), np.uint8)
        label[4 * i:4 * i + 8, 6:18] = 1
        image = np.array([[40, 60, 80], [180, 90, 60]])[label]
        image = image + rng.integers(-20, 21, image.shape)
        cv2.imwrite(str(folder / 'images' / f'{i}.png'),
                    image.astype(np.uint8))
        cv2.imwrite(str(folder / 'labels' / f'{i}.png'), label)
    (folder / 'config.py').write_text(CONFIG.format(root=str(folder)))
    trained = python.run(
        ['-m', 'mmseg_rppgd', 'train', 'config.py', '--cfg-options',
         'train_cfg.max_iters=20', 'train_cfg.val_interval=20',
         'default_hooks.checkpoint.interval=20'], folder)
    assert trained.code == 0, trained.text
    (folder / 'work_dirs/config/iter_20.pth').rename(
        folder / 'checkpoint.pth')
    return folder
