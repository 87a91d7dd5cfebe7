"""Train one iteration of every stock model family of mmseg adversarially.

A family is a segmentor with its backbone, neck and heads by type; of each,
one stock config is built at its stock width, with a small crop, plain
BatchNorm and random weights. Half of a batch of two is attacked with RP-PGD,
then the loss goes backward.

    python benchmarks/families.py --out families.json
"""
import argparse
import json
import os.path as osp
import re
import time
import warnings
from glob import glob
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import torch
from mmengine.config import Config
from mmengine.structures import PixelData

from mmseg_rppgd import PixelModel
from mmseg_rppgd.attacks import RPPGD
from mmseg_rppgd.config import config_folder
from mmseg_rppgd.pixel_model import TrainingAttack

# Of several configs of a family the first that names one of these is taken.
SMALL = ('r18', 'b0', 'tiny', '-t_', '_s12', 'pcpvt-s', 'slim', 'stdc1', 's_',
         'r50', 'hr18', 'base', 'vit-b', 'b16')

# Pools over 49 x 49 features at an eighth of the size.
LARGE = {'LRASPPHead': 512}


def kind(part: Any) -> str:
    """Name the types of a part of a model."""
    if isinstance(part, (list, tuple)):
        return '+'.join(map(kind, part))
    return part['type'] if part else ''


def families() -> Iterator[Tuple[str, str, Config]]:
    """Give each family by its types, with the config that stands for it."""
    folder = config_folder('mmseg')
    found: Dict[str, List[Tuple[int, str]]] = {}
    for path in sorted(glob(osp.join(folder, '*', '*.py'))):
        name = osp.relpath(path, folder)
        if name.startswith('_base_'):
            continue
        try:
            model = Config.fromfile(path).get('model')
        except Exception:  # of a data set that is not installed
            continue
        if not model:
            continue
        family = ' '.join(filter(None, (
            kind(model), kind(model.get('backbone') or model.get(
                'image_encoder')),
            kind(model.get('neck')), kind(model['decode_head']))))
        rank = [i for i, word in enumerate(SMALL) if word in name]
        found.setdefault(family, []).append(
            (rank[0] if rank else len(SMALL), path))
    for family, paths in sorted(found.items()):
        path = min(paths)[1]
        yield family, osp.relpath(path, folder), Config.fromfile(path)


def shrunk(node: Any, size: int) -> Any:
    """Copy a model without pretrained weights, SyncBN and large crops."""
    if isinstance(node, dict):
        result = {}
        for key, value in node.items():
            if key in ('init_cfg', 'pretrained', 'checkpoint'):
                continue
            result[key] = shrunk(value, size)
            if key == 'img_size':
                result[key] = ((size, size) if isinstance(
                    value, (list, tuple)) else size)
        if result.get('type') == 'SyncBN':
            result['type'] = 'BN'
        if result.get('type') == 'SegDataPreProcessor':
            result['size'] = (size, size)
            result.pop('size_divisor', None)
        return result
    if isinstance(node, (list, tuple)):
        return type(node)(shrunk(value, size) for value in node)
    return node


def random_batch(size: int, classes: int) -> Dict[str, list]:
    """Return two images with random labels, as a loader gives them."""
    from mmseg.structures import SegDataSample
    generator = torch.Generator().manual_seed(0)
    inputs, samples = [], []
    for i in range(2):
        inputs.append(torch.randint(
            256, (3, size, size), generator=generator, dtype=torch.uint8))
        coarse = torch.randint(classes, (4, 4), generator=generator)
        labels = coarse.repeat_interleave(size // 4, 0).repeat_interleave(
            size // 4, 1)
        shape = dict(img_shape=(size, size), ori_shape=(size, size),
                     pad_shape=(size, size), img_path=f'{i}.png')
        sample = SegDataSample(
            gt_sem_seg=PixelData(data=labels[None]),
            gt_edge_map=PixelData(data=(labels[None] % 2)), metainfo=shape)
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def train_once(cfg: Config, size: int) -> Dict[str, Any]:
    """Attack and train on one batch; return what features were read."""
    from mmseg.registry import MODELS
    torch.manual_seed(0)
    segmentor = MODELS.build(Config(dict(
        model=shrunk(cfg.model.to_dict(), size))).model).train()
    data = random_batch(size, PixelModel(segmentor, surface='whole')
                        .num_classes)
    result, _ = TrainingAttack()(RPPGD(steps=2), 0.5, segmentor, **data)
    tap = PixelModel(segmentor, surface='whole')._tap
    inputs = segmentor.data_preprocessor(
        dict(data, inputs=result.inputs), True)
    loss, _ = segmentor.parse_losses(segmentor(**inputs, mode='loss'))
    loss.backward()
    change = (result.adv_images[0] - result.clean_images[0]).abs().max()
    return dict(features=tap.what, loss=float(loss), change=float(change))


def measure(name: str, cfg: Config, size: int) -> Dict[str, Any]:
    """Return a row of the table; what fails says why."""
    start = time.perf_counter()
    try:
        row = train_once(cfg, size)
    except Exception as error:  # every kind of failure is a finding
        text = re.sub(r'\s+', ' ', str(error))
        row = dict(error=f'{type(error).__name__}: {text[:160]}')
    return dict(config=name, **row,
                seconds=round(time.perf_counter() - start, 1))


def main(argv: Optional[List[str]] = None) -> None:
    """Print a table row by row, and write it."""
    options = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    options.add_argument('--size', type=int, default=128)
    options.add_argument('--only', default='', help='part of a family name')
    options.add_argument('--out', type=Path, help='write the table as JSON')
    options = options.parse_args(argv)
    warnings.filterwarnings('ignore')
    from mmseg.utils import register_all_modules
    register_all_modules()
    rows = {}
    for family, name, cfg in families():
        if options.only in family:
            size = LARGE.get(kind(cfg.model.decode_head), options.size)
            rows[family] = measure(name, cfg, size)
            print(family, rows[family], flush=True)
            if options.out:
                options.out.write_text(json.dumps(rows, indent=1))
    trained = [row for row in rows.values() if 'error' not in row]
    print(f'{len(trained)} of {len(rows)} families train')


if __name__ == '__main__':
    main()
