"""A small finished test that no model had to be run for."""
import json
import types

import numpy as np

from mmseg_rppgd.evaluation.plan.rows import make_rows
from mmseg_rppgd.evaluation.results.results import (CleanResult, RowResult,
                                                    build_results)
from mmseg_rppgd.metrics import count_classes, pack_counts

CLASSES = ('ground', 'wall', 'sky')
IMAGES = 3
SIZE = 24, 40
# A name that is anything but harmless in a file.
HOSTILE = 'a|b \\| <img src=x onerror=alert(1)> &lt; [red]x\nnew :smile:'
INFO = dict(config='configs/tiny.py', checkpoint='tiny.pth', sha256='0' * 64)


def draw_counts(rng, right):
    """Packed counts of a random image, of whose pixels a share is right."""
    import torch
    label = rng.integers(len(CLASSES), size=SIZE)
    wrong = rng.random(SIZE) >= right
    prediction = np.where(wrong, (label + 1) % len(CLASSES), label)
    return pack_counts(count_classes(
        torch.from_numpy(prediction), torch.from_numpy(label), len(CLASSES)))


def random_counts(seed, members=4, images=8, classes=5):
    """Counts of random predictions of random images, several members."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((members, images, 3, classes), np.int64)
    labels = rng.integers(classes, size=(images, 60))
    for m in range(members):
        wrong = rng.random(labels.shape) < rng.random()
        predictions = np.where(wrong, rng.integers(classes, size=labels.shape),
                               labels)
        for i in range(images):
            for c in range(classes):
                p, y = predictions[i] == c, labels[i] == c
                counts[m, i, :, c] = (p & y).sum(), p.sum(), y.sum()
    return counts


def draw_records(right, row=None, images=IMAGES, rounded=False, steps=0):
    """Records of a row; the same share gives the same images."""
    rng = np.random.default_rng(round(1000 * right))
    records = []
    for index in range(images):
        record = dict(index=index, image=f'images/{index}.png',
                      **draw_counts(rng, right))
        if row is not None:
            eps = 60 * row.rms if row.eps is None else row.eps
            record.update(
                eps=eps, rms=eps if row.norm == 'linf' else eps / 60,
                norm=eps, nan=0, min=0., max=1., seconds=1.5)
        if rounded:
            record['rounded'] = draw_counts(rng, right + 0.01)
        if steps:
            record['curve'] = [draw_counts(rng, right + 0.01 * k)
                               for k in range(steps, 0, -1)]
        records.append(record)
    return records


def rows_of(*attacks, eps=('8/255', ), steps=(10, ), trace=False):
    """Rows of attacks by their names or configs."""
    return [row for attack in attacks for row in make_rows(
        dict(type=attack) if isinstance(attack, str) else attack,
        eps=eps, steps=steps, trace=trace)]


def row_results(rows, rights=None, **kwargs):
    """What rows found; each is stronger than the one before."""
    rights = rights or [0.6 * 0.97**i for i in range(len(rows))]
    return [RowResult(row, draw_records(right, row, **kwargs), len(CLASSES))
            for row, right in zip(rows, rights)]


def clean_result(right=0.9):
    return CleanResult(draw_records(right), len(CLASSES))


def check(name='no NaN', passed=True, detail='0 pixel values are odd.'):
    return dict(name=name, passed=passed, detail=detail)


def results_of(attacks, clean=None, surface='whole', surrogate=None,
               checks=(check(), ), **model):
    """The content of results.json."""
    return build_results(
        model=dict(INFO, **model),
        dataset=dict(type='TinyDataset', num_images=IMAGES,
                     classes=list(CLASSES)),
        environment=dict(torch='2', mmengine='0', mmcv='2', mmseg='1',
                         mmseg_rppgd='0', device='cpu', seed=0, commit=None,
                         command='robust_test.py config checkpoint'),
        surface=surface, surrogate=surrogate, clean=clean or clean_result(),
        attacks=attacks, checks=list(checks), seed=0)


def matrix_records(rows, names, right=0.5):
    """Records of a transfer matrix; every model is its own worst enemy."""
    rng = np.random.default_rng(0)
    records = {}
    for row in rows:
        for source in names:
            records[row.key, source] = [dict(index=index, targets={
                target: {form: draw_counts(rng, right + gain +
                                           0.2 * (source != target))
                         for form, gain in (('float', 0), ('png', 0.01))}
                for target in names}) for index in range(IMAGES)]
    return records


class Examples:
    """Examples of a few images, as the store of a test would give them."""

    def __init__(self, *indices):
        self.indices = indices

    def load(self, key, index):
        rng = np.random.default_rng(index)
        return types.SimpleNamespace(
            index=index, key=key,
            image=rng.integers(256, size=(*SIZE, 3)).astype(np.uint8),
            prediction=rng.integers(len(CLASSES), size=SIZE),
            delta=None if key == 'clean' else rng.uniform(
                -0.03, 0.03, (*SIZE, 3)).astype(np.float16),
            label=rng.integers(len(CLASSES), size=SIZE), ignored=None)


def write_report(folder, attacks, clean=None, **model):
    """A report folder as a test leaves it behind."""
    clean = clean or clean_result()
    results = results_of(attacks, clean, **model)
    per_image = folder / 'per_image'
    per_image.mkdir(parents=True)
    (folder / 'results.json').write_text(json.dumps(results))
    (per_image / 'settings.json').write_text(json.dumps(
        dict(keys=[attack.row.key for attack in attacks])))
    for key, result in [('clean', clean),
                        *((a.row.key, a) for a in attacks)]:
        (per_image / f'{key}.jsonl').write_text(''.join(
            json.dumps(record) + '\n' for record in result.records))
    return results
