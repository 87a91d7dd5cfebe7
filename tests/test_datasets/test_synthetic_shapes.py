"""SyntheticShapes inside mmseg."""
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine import fileio
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from tiny_project import ROOT

import mmseg_rppgd  # noqa: F401
from mmseg_rppgd.datasets import SyntheticShapes
from mmseg_rppgd.datasets.scenes import draw_scene

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def make(**kwargs):
    return SyntheticShapes(**{**dict(num_images=6, size=(32, 40),
                                     pipeline=PIPELINE), **kwargs})


def digest(sample):
    labels = sample['data_samples'].gt_sem_seg.data
    return int(sample['inputs'].long().sum()), int(labels.sum())


PRINT_SUMS = """
import mmseg_rppgd
from mmengine.registry import init_default_scope
from mmseg_rppgd.datasets import SyntheticShapes
init_default_scope('mmseg')
for sample in SyntheticShapes(num_images=2, size=(32, 40), pipeline=[
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='PackSegInputs')]):
    print(int(sample['inputs'].long().sum()),
          int(sample['data_samples'].gt_sem_seg.data.sum()))
"""


def loaded(num_workers):
    loader = Runner.build_dataloader(dict(
        batch_size=2, num_workers=num_workers,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(type='mmseg_rppgd.SyntheticShapes', num_images=6,
                     size=(32, 40), pipeline=PIPELINE)))
    return [(image, sample) for batch in loader
            for image, sample in zip(batch['inputs'], batch['data_samples'])]


def test_stock_transforms_read_the_scene_as_drawn():
    sample = make(split='val')[2]
    image, labels = draw_scene('val', 2, (32, 40))
    bgr = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)
    assert torch.equal(sample['inputs'], bgr)
    got = sample['data_samples'].gt_sem_seg.data[0].numpy()
    np.testing.assert_array_equal(got, labels)


def test_labels_stay_at_scene_size_when_loaded_after_a_resize():
    pipeline = [PIPELINE[0], dict(type='Resize', scale=(80, 64)),
                *PIPELINE[1:]]
    sample = make(pipeline=pipeline)[0]
    assert sample['inputs'].shape == (3, 64, 80)
    assert sample['data_samples'].gt_sem_seg.shape == (32, 40)


def test_other_seeds_and_splits_are_other_data():
    samples = [digest(make(**other)[0])
               for other in ({}, dict(seed=1), dict(split='val'))]
    assert len(set(samples)) == 3


def test_another_process_sees_the_same_scenes():
    there = subprocess.run(
        [sys.executable, '-c', PRINT_SUMS], check=True, text=True,
        capture_output=True, cwd=ROOT).stdout
    dataset = make(num_images=2)
    here = [digest(dataset[index]) for index in range(2)]
    assert [tuple(map(int, line.split()))
            for line in there.splitlines()] == here


def test_workers_give_what_the_main_process_gives():
    for (image, sample), (image_2, sample_2) in zip(loaded(0), loaded(2)):
        assert torch.equal(image, image_2)
        assert torch.equal(sample.gt_sem_seg.data, sample_2.gt_sem_seg.data)


def test_metric_of_the_truth_is_perfect():
    dataset = make()
    metric = IoUMetric(iou_metrics=['mIoU'])
    metric.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples'].to_dict()
        truth = sample['gt_sem_seg']['data']
        # What the model says where the truth is void must not matter.
        sample['pred_sem_seg'] = dict(data=truth.where(truth != 255, truth[
            truth != 255].max()))
        metric.process({}, [sample])
    assert metric.evaluate(len(dataset))['mIoU'] == 100


def test_a_choice_of_classes_maps_the_others_to_void():
    dataset = make(metainfo=dict(classes=('star', 'disc')), num_images=20)
    labels = torch.cat([sample['data_samples'].gt_sem_seg.data.flatten()
                        for sample in dataset])
    assert set(labels.tolist()) == {0, 1, 255}
    assert dataset.metainfo['palette'] == [[190, 90, 210], [230, 80, 60]]


def test_indices_choose_scenes():
    assert digest(make(indices=[4, 1])[0]) == digest(make()[4])


@pytest.mark.parametrize('kwargs, message', [
    (dict(split='training'), "split must be one of train, val, test, but "
     "got 'training'"),
    (dict(num_images=0), 'num_images must be at least 1, but got 0'),
    (dict(size=(64, 8)), 'size must be at least 16, but got 8'),
    (dict(size=64), r'size must be \(height, width\) in pixels'),
    (dict(seed=-1), 'seed must be at least 0, but got -1'),
])
def test_bad_values_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


@pytest.mark.parametrize('kwargs, message', [
    (dict(num_images=2.5), 'num_images must be an int, but got 2.5'),
    (dict(data_root='data'), 'takes no data_root'),
])
def test_bad_types_are_named(kwargs, message):
    with pytest.raises(TypeError, match=message):
        make(**kwargs)


@pytest.mark.parametrize('path', [
    'shapes://train/0/32x32/0', 'shapes://new/0/32x32/0/image.png',
    'shapes://train/0/32/0/image.png', 'shapes://train/0/32x32/0/depth.png'])
def test_a_path_that_is_no_scene_is_an_error(path):
    with pytest.raises(FileNotFoundError, match='is no scene'):
        fileio.get(path)
