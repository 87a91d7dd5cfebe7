"""A tiny project on disk: config, checkpoint, data; and the tool on it."""
import copy
import importlib.util
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

import mmseg_rppgd  # noqa: F401  (mends what mmseg needs to be imported)

ROOT = Path(__file__).resolve().parents[1]
TOOL = ROOT / 'tools' / 'robust_test.py'

CONFIG = '''
default_scope = 'mmseg'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375], bgr_to_rgb=True, pad_val=0,
        seg_pad_val=255, size_divisor=8, test_cfg=dict(size_divisor=8)),
    backbone=dict(
        type='ResNetV1c', depth=18, base_channels=8, stem_channels=8,
        num_stages=2, out_indices=(0, 1), strides=(1, 1), dilations=(1, 1),
        norm_cfg=norm_cfg, contract_dilation=True),
    decode_head=dict(
        type='PSPHead', in_channels=16, in_index=1, channels=8,
        pool_scales=(1, 2), dropout_ratio=0.1, num_classes=3,
        norm_cfg=norm_cfg, align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0)),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(40, 24), keep_ratio=False),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
test_dataloader = dict(
    batch_size=1, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='BaseSegDataset', data_root={root!r},
        metainfo=dict(classes=('ground', 'wall', 'sky'),
                      palette=[[90, 60, 30], [200, 40, 40], [80, 160, 240]]),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        img_suffix='.png', seg_map_suffix='.png', pipeline=test_pipeline))
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_cfg = dict(type='TestLoop')
visualizer = dict(type='SegLocalVisualizer',
                  vis_backends=[dict(type='LocalVisBackend')])
default_hooks = dict(visualization=dict(type='SegVisualizationHook'))
'''


def draw(seed, height=30, width=44):
    """A picture of ground, wall and sky, and its labels with some void.

    Nothing has its place: the model must look at colours to tell classes.
    """
    rng = np.random.default_rng(seed)
    label = np.full((height, width), rng.integers(3), np.uint8)
    for _ in range(4):
        top, left = rng.integers(height - 8), rng.integers(width - 8)
        label[top:top + rng.integers(8, 24),
              left:left + rng.integers(8, 24)] = rng.integers(3)
    colours = np.array([[30, 80, 60], [60, 60, 190], [220, 170, 90]])
    image = colours[label] + rng.integers(-25, 26, (height, width, 3))
    label[rng.random((height, width)) < .05] = 255
    return np.clip(image, 0, 255).astype(np.uint8), label


def fit(cfg, steps=60):
    """Train the tiny model a little, so that attacks have work to do."""
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS
    init_default_scope('mmseg')
    torch.manual_seed(3)
    model = MODELS.build(cfg.model)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    space = model.data_preprocessor
    model.train()
    for step in range(steps):
        images, labels = zip(*[draw(1000 + 8 * step + i) for i in range(8)])
        inputs = torch.from_numpy(np.stack(images)[..., ::-1].copy())
        inputs = (inputs.permute(0, 3, 1, 2) - space.mean) / space.std
        targets = torch.from_numpy(np.stack(labels)).long()
        logits = torch.nn.functional.interpolate(
            model(inputs, mode='tensor'), targets.shape[-2:],
            mode='bilinear')
        loss = torch.nn.functional.cross_entropy(
            logits, targets, ignore_index=255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


@pytest.fixture(scope='session')
def tiny(tmp_path_factory):
    """Folder with config.py, checkpoint.pth and five labelled images."""
    from mmengine.config import Config
    root = tmp_path_factory.mktemp('tiny')
    pictures = [draw(seed) for seed in range(5)]
    for kind in ('images', 'labels'):
        (root / kind).mkdir()
    for i, (image, label) in enumerate(pictures):
        cv2.imwrite(str(root / 'images' / f'{i}.png'), image)
        cv2.imwrite(str(root / 'labels' / f'{i}.png'), label)
    (root / 'config.py').write_text(CONFIG.format(root=str(root)))
    cfg = Config.fromfile(str(root / 'config.py'))
    torch.set_num_threads(1)
    model = fit(cfg)
    torch.save({'state_dict': model.state_dict(), 'meta': {}},
               root / 'checkpoint.pth')
    return root


@pytest.fixture
def run_tool(tiny, monkeypatch, tmp_path):
    """Run tools/robust_test.py in this process; gives results.json."""
    spec = importlib.util.spec_from_file_location('robust_test', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def run(*words, config=None, checkpoint=None, out=None):
        forget_runs()
        out = out or tmp_path / 'report'
        argv = [TOOL, config or tiny / 'config.py',
                checkpoint or tiny / 'checkpoint.pth', '--out', out,
                '--work-dir', tmp_path / 'work', '--check-images', 1,
                '--panels', 1, *words]
        monkeypatch.setattr(sys, 'argv', [str(word) for word in argv])
        tool.main()
        return json.loads((out / 'results.json').read_text())

    return run


def forget_runs():
    """Forget the visualizers and loggers of runs before, in this process.

    mmengine finds them by a name that differs only from second to second.
    """
    from mmseg.visualization import SegLocalVisualizer
    for kind in (DefaultScope, MessageHub, MMLogger, SegLocalVisualizer,
                 Visualizer):
        kind._instance_dict.clear()


def command(tiny, out, *words, processes=1):
    """Command line and environment of the tool in its own process(es)."""
    argv = [sys.executable]
    if processes > 1:
        argv += ['-m', 'torch.distributed.run', '--standalone',
                 '--nproc_per_node', processes]
    argv += [TOOL, tiny / 'config.py', tiny / 'checkpoint.pth', '--out', out,
             '--work-dir', out / 'work', '--check-images', 1, '--panels', 1,
             *words]
    if processes > 1:
        argv += ['--launcher', 'pytorch']
    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
    return [str(word) for word in argv], env


def numbers(results):
    """What must not depend on how a test was run."""
    results = copy.deepcopy(results)
    for attack in results['attacks']:
        del attack['seconds']
    return {k: results[k] for k in ('clean', 'attacks', 'worst_case',
                                    'checks')}
