"""A scale of tiny systems, to repeat experiments with in seconds."""
import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from mmseg_rppgd.evaluation.results.environment import describe_environment
from mmseg_rppgd.reproduce.scales import SCALES, Scale
from mmseg_rppgd.reproduce.work import Work

ITERATIONS = 2
CONFIG = '''
default_scope = 'mmseg'
norm_cfg = dict(type='BN', requires_grad=True)
crop_size = (16, 16)
head = dict(
    in_channels=32, in_index=3, channels=4, num_classes=6, norm_cfg=norm_cfg,
    align_corners=False, loss_decode=dict(type='CrossEntropyLoss'))
heads = dict(PSPNet=dict(type='PSPHead', pool_scales=(1, 2), **head),
             DeepLabv3=dict(type='ASPPHead', dilations=(1, 2), **head))
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[127.5] * 3, std=[64.] * 3,
        bgr_to_rgb=True, size=crop_size, seg_pad_val=255),
    backbone=dict(type='ResNetV1c', depth=18, base_channels=4,
                  stem_channels=4, norm_cfg=norm_cfg),
    decode_head=heads[{model!r}],
    test_cfg=dict(mode='whole'))
pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
            dict(type='PackSegInputs')]
train_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='mmseg_rppgd.SyntheticShapes', size=crop_size,
                 num_images=4, split='train', pipeline=pipeline))
test_dataloader = dict(
    batch_size=1, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmseg_rppgd.SyntheticShapes', size=crop_size,
                 num_images=3, split='val', pipeline=pipeline))
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(type='IterBasedTrainLoop', max_iters={iterations})
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1),
    logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False))
log_processor = dict(by_epoch=False)
custom_hooks = {hooks}
'''


@dataclass(frozen=True)
class TinyScale(Scale):
    """Like mini, with configs of its own in a folder."""
    folder: str = ''

    def config(self, system):
        path = Path(self.folder) / (
            f'{system.model}_{system.strategy}.py')
        if not path.exists():
            hooks = []
            if system.strategy != 'Standard':
                hooks = [dict(type='mmseg_rppgd.PGDHook', steps=1)]
            path.write_text(CONFIG.format(
                model=system.model, iterations=ITERATIONS, hooks=hooks))
        return str(path)


def tiny_scale(folder, **changes):
    """The scale; ``changes`` are of its fields."""
    mini = {name: getattr(SCALES['mini'], name)
            for name in Scale.__dataclass_fields__}
    return TinyScale(**dict(mini, images=2, batch_size=2, **changes),
                     folder=str(folder))


def tiny_work(folder, seeds=(0, ), **options):
    """Work in a folder, whose lines are kept in its ``said``."""
    said = []
    work = Work(tiny_scale(folder), str(folder / 'out'), seeds,
                say=said.append, **options)
    work.said = said
    return work


def pretend_training(work, cells):
    """Leave what trainings leave: weights drawn by chance."""
    from mmengine.config import Config
    from mmengine.registry import DefaultScope
    from mmseg.registry import MODELS
    for seed in work.seeds:
        for system in work.systems_of(cells):
            folder = Path(work.training_folder(system, seed))
            folder.mkdir(parents=True, exist_ok=True)
            cfg = Config.fromfile(work.scale.config(system))
            torch.manual_seed(seed)
            with DefaultScope.overwrite_default_scope('mmseg'):
                model = MODELS.build(cfg.model)
            path = folder / f'iter_{ITERATIONS}.pth'
            torch.save(dict(state_dict=model.state_dict()), path)
            (folder / 'last_checkpoint').write_text(str(path))
            (folder / 'training.json').write_text(json.dumps(
                [dict(describe_environment(seed, torch.device('cpu')),
                      command='train')]))


def shortened(cell, steps=2):
    """A cell whose attack has few steps."""
    if cell.trial.steps is None or cell.trial.steps <= steps:
        return cell
    return replace(cell, trial=replace(cell.trial, steps=steps))
