"""The training setting of DDC-AT, for every strategy."""
import copy
import re

import cv2
import numpy as np
import pytest
from test_configs import _mmseg_scope  # noqa: F401 (for every test here)
from test_configs import LEAVES, ROOT, build_hooks, build_model, load_file

from mmseg_rppgd.config import load_config

CROPS = {'voc12aug-473x473': 473, 'cityscapes-449x449': 449}
OURS = [file for file in LEAVES
        if any(f'_{data}.py' in file for data in CROPS)]
ONE = 'ddc_at/pspnet_ddc-at_r50-d8_4xb4-33k_voc12aug-473x473.py'


def segmentor_of(cfg):
    return cfg.model.get('segmentor', cfg.model)


def pipelines_of(cfg):
    dataset = cfg.train_dataloader.dataset
    return [part.pipeline for part in dataset.get('datasets', [dataset])]


def test_three_strategies_two_models_two_data_sets():
    assert len(OURS) == 12
    assert {file.partition('/')[0] for file in OURS} == {
        'ddc_at', 'pgd3_at', 'rppgd3_at'}


@pytest.mark.parametrize('file', OURS)
def test_the_crop_is_what_the_model_is_padded_to(file):
    cfg = load_file(file)
    size = next(size for data, size in CROPS.items() if data in file)
    assert tuple(segmentor_of(cfg).data_preprocessor['size']) == (size, size)
    for pipeline in pipelines_of(cfg):
        kinds = [step['type'] for step in pipeline]
        assert kinds == [
            'LoadImageFromFile', 'LoadAnnotations', 'RandomResize',
            'RandomRotate', 'mmseg_rppgd.RandomGaussianBlur', 'RandomFlip',
            'RandomCrop', 'PackSegInputs']
        crop = pipeline[kinds.index('RandomCrop')]
        assert tuple(crop['crop_size']) == (size, size)
    model = build_model(cfg)
    assert tuple(model.data_preprocessor.size) == (size, size)


@pytest.mark.parametrize('file', OURS)
def test_epochs_are_turned_into_iterations_of_whole_batches(file):
    cfg = load_file(file)
    images, epochs = (10582, 50) if 'voc12aug' in file else (2975, 400)
    iterations = images // 16 * epochs
    assert cfg.train_cfg.max_iters == iterations
    assert [x.end for x in cfg.param_scheduler] == [iterations]
    assert cfg.train_dataloader.batch_size * 4 == 16  # on four GPUs
    assert cfg.train_cfg.val_interval * 10 == iterations
    assert cfg.default_hooks.checkpoint.interval * 10 == iterations


@pytest.mark.parametrize('file', OURS)
def test_half_of_a_batch_is_attacked_in_steps_of_a_third_of_eps(file):
    cfg = load_file(file)
    found = build_hooks(cfg) or [build_model(cfg)]
    assert len(found) == 1 and found[0].adv_ratio == 0.5
    attack = found[0].attack
    assert (attack.steps, attack.eps) == (3, 0.03)
    assert attack.resolved_alpha(attack.eps) == pytest.approx(.03 / 3)


def test_another_strategy_joins_as_the_guide_shows(tmp_path):
    guide = (ROOT.parent / 'docs' / 'training.md').read_text()
    file = tmp_path / 'mine.py'
    file.write_text(re.search(r'```python\n(.*?)```', guide, re.S)[1])
    cfg = load_config(str(file))
    assert cfg.model.data_preprocessor['size'] == (473, 473)
    assert [hook.attack.name for hook in build_hooks(cfg)] == ['SegPGD']


@pytest.fixture
def voc(tmp_path):
    """Two images in the folders of Pascal VOC, one of train, one of aug."""
    root = tmp_path / 'VOC2012'
    lists = root / 'ImageSets' / 'Segmentation'
    lists.mkdir(parents=True)
    for i, part in enumerate(('train', 'aug')):
        (lists / f'{part}.txt').write_text(f'{i}\n')
        for folder, kind, top in (
                ('JPEGImages', 'jpg', 255), ('SegmentationClass', 'png', 20),
                ('SegmentationClassAug', 'png', 20)):
            (root / folder).mkdir(exist_ok=True)
            shape = (40, 50, 3) if kind == 'jpg' else (40, 50)
            cv2.imwrite(
                str(root / folder / f'{i}.{kind}'), np.random.default_rng(
                    i).integers(top, size=shape, dtype=np.uint8))
    return root


def shrunk(file, root, work_dir):
    """A leaf with a tiny backbone, in one process, on these images."""
    cfg = load_config(f'mmseg_rppgd::{file}', dict(
        work_dir=str(work_dir), experiment_name='setting', log_level='ERROR',
        train_cfg=dict(max_iters=1),
        train_dataloader=dict(
            batch_size=2, num_workers=0, persistent_workers=False)))
    for part in cfg.train_dataloader.dataset.datasets:
        part.data_root = str(root)
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator',
                'test_dataloader', 'test_cfg', 'test_evaluator'):
        cfg[key] = None
    cfg.default_hooks.pop('visualization')
    cfg.model.attack = dict(type='BIM', steps=1)
    model, norm = segmentor_of(cfg), dict(type='BN')
    model.pretrained = None
    model.backbone.update(depth=18, stem_channels=4, base_channels=4,
                          norm_cfg=norm)
    for head, width in (('decode_head', 32), ('auxiliary_head', 16)):
        model[head].update(in_channels=width, channels=8, norm_cfg=norm)
    return cfg


def test_an_iteration_trains(voc, tmp_path):
    from mmengine.runner import Runner
    runner = Runner.from_cfg(shrunk(ONE, voc, tmp_path))
    seen = []
    runner.model.backbone.register_forward_hook(
        lambda layer, args, output: seen.append(tuple(args[0].shape)))
    before = copy.deepcopy(runner.model.state_dict())
    runner.train()
    after = runner.model.state_dict()
    assert seen[-1] == (2, 3, 473, 473)
    for name in ('backbone.stem.0.weight', 'decode_head.conv_seg.weight',
                 'ddcat_head.mask.weight'):
        assert (before[name] != after[name]).any()
    rates = {group['lr'] for group in runner.optim_wrapper.param_groups}
    assert len(rates) == 2
    assert max(rates) == pytest.approx(10 * min(rates))
