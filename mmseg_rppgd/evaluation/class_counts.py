"""Pixels of each class in the training labels, counted once and kept."""
import json
import os
import os.path as osp
from typing import Any, Iterator, List, Optional

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope

from .files import digest, write_json


def count_training_labels(cfg: Config, num_classes: int,
                          ignore_index: Optional[int],
                          folder: str) -> Optional[List[int]]:
    """Count the labelled pixels of each class in the training set.

    Args:
        cfg (Config): Has the training set in ``train_dataloader.dataset``.
        num_classes (int): Number of classes.
        ignore_index (int, optional): The void label.
        folder (str): Where the result is kept, so that it is counted once.

    Returns:
        list[int]: None if the training set is not there.
    """
    dataset_cfg = (cfg.get('train_dataloader') or {}).get('dataset')
    if dataset_cfg is None:
        return None
    name = digest([dataset_cfg, num_classes, ignore_index])[:12]
    path = osp.join(folder, f'class_counts-{name}.json')
    if osp.exists(path):
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    try:
        with DefaultScope.overwrite_default_scope('mmseg'):
            dataset = DATASETS.build(dataset_cfg)
    except (AssertionError, FileNotFoundError):
        return None  # mmseg's ways to say that the files are not there
    counts = np.zeros(num_classes, dtype=np.int64)
    for label in training_labels(dataset):
        valid = label[(label != ignore_index) & (label < num_classes)]
        counts += np.bincount(valid.ravel(), minlength=num_classes)
    os.makedirs(folder, exist_ok=True)
    write_json(path, counts.tolist())
    return counts.tolist()


def training_labels(dataset: Any) -> Iterator[np.ndarray]:
    """Labels of every image of a data set, before any augmentation.

    Data sets that repeat or mix others are looked through.
    """
    inner = getattr(dataset, 'datasets', None) or [
        getattr(dataset, 'dataset', None)]
    if inner != [None]:
        for part in inner:
            yield from training_labels(part)
        return
    load = next(t for t in dataset.pipeline.transforms
                if type(t).__name__.startswith('LoadAnnotations'))
    for index in range(len(dataset)):
        yield load(dataset.get_data_info(index))['gt_seg_map']
