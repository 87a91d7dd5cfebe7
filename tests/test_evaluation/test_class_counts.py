"""Counting the classes of a training set."""
import numpy as np
from mmengine.config import Config

from mmseg_rppgd.evaluation.class_counts import count_training_labels


def training_config(tiny, **dataset):
    cfg = Config.fromfile(str(tiny / 'config.py'))
    cfg.train_dataloader = dict(dataset={
        **cfg.test_dataloader.dataset, **dataset})
    return cfg


def test_training_labels_are_counted_without_void(tiny, tmp_path):
    import cv2
    labels = np.stack([
        cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        for path in (tiny / 'labels').glob('*.png')])
    counts = count_training_labels(training_config(tiny), 3, 255,
                                   str(tmp_path))
    assert counts == np.bincount(labels[labels != 255], minlength=3).tolist()


def test_counts_are_kept(tiny, tmp_path):
    cfg = training_config(tiny)
    count_training_labels(cfg, 3, 255, str(tmp_path))
    path, = tmp_path.glob('class_counts-*.json')
    path.write_text('[1, 2, 3]')
    assert count_training_labels(cfg, 3, 255, str(tmp_path)) == [1, 2, 3]


def test_repeated_data_sets_are_looked_through(tiny, tmp_path):
    cfg = training_config(tiny)
    once = count_training_labels(cfg, 3, 255, str(tmp_path))
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset', times=3, dataset=cfg.train_dataloader.dataset)
    assert count_training_labels(cfg, 3, 255, str(tmp_path)) == once


def test_missing_training_set_gives_no_counts(tiny, tmp_path):
    cfg = training_config(tiny, data_root='nowhere')
    assert count_training_labels(cfg, 3, 255, str(tmp_path)) is None
