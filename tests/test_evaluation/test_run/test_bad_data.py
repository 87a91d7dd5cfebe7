"""Images and labels that cannot be tested, alone and among others."""
import json
import os

import cv2
import numpy as np
import pytest
import torch
from tiny_project import CONFIG, draw, numbers
from torch.utils.data import DataLoader, Dataset
from toy_networks import CLASSES, ToyNetwork, toy_data, toy_model

from mmseg_rppgd.evaluation import TestedModel, evaluate, load_model
from mmseg_rppgd.evaluation.run.bad_data import BadSample

WORDS = dict(attacks=['FGSM'], probes=2, panels=2, quiet=True)


class Files(Dataset):
    """Images that are loaded from somewhere; some cannot be."""

    def __init__(self, bad=(), error=OSError('image file is truncated'),
                 images=6):
        self.pairs = toy_data(images)
        self.bad, self.error = list(bad), error

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        if index in self.bad:
            raise self.error
        return self.pairs[index]


def test_the_first_bad_image_is_named_and_the_way_on(tmp_path):
    words = dict(out_dir=str(tmp_path), **WORDS)
    with pytest.raises(BadSample, match=(
            r'sample 3 of the data set cannot be loaded: OSError: image file '
            r'is truncated\. .*--resume.*--skip-bad')):
        evaluate(toy_model(), Files([3]), **words)
    kept = (tmp_path / 'per_image' / 'clean.jsonl').read_text()
    assert kept.count('\n') == 3
    mended = evaluate(toy_model(), Files(), resume=True, **words)
    assert numbers(mended) == numbers(
        evaluate(toy_model(), Files(), **WORDS))


@pytest.mark.parametrize('bad', [[0], [3], [0, 1], [5, 2]])
def test_skipped_images_are_listed_and_count_in_no_row(tmp_path, bad):
    results = evaluate(toy_model(), Files(bad), skip_bad=True,
                       out_dir=str(tmp_path), minimal=['DeepFool'], **WORDS)
    good = 6 - len(bad)
    assert results['dataset']['num_images'] == good
    for path in (tmp_path / 'per_image').glob('*.jsonl'):
        indices = [json.loads(line)['index']
                   for line in path.read_text().splitlines()]
        assert not set(indices) & set(bad)
        assert len(indices) == (2 if 'check' in path.name else good)
    skipped = json.loads(
        (tmp_path / 'per_image' / 'skipped.json').read_text())
    assert [entry['index'] for entry in skipped] == sorted(bad)
    page = ' '.join((tmp_path / 'report.html').read_text().split())
    assert f'sample {min(bad)} of the data set cannot be loaded' in page


def test_a_mended_image_is_tested_by_the_next_run(tmp_path):
    words = dict(out_dir=str(tmp_path), skip_bad=True, **WORDS)
    evaluate(toy_model(), Files([1, 4]), **words)
    again = evaluate(toy_model(), Files([4]), resume=True, **words)
    assert again['dataset']['num_images'] == 5
    whole = evaluate(toy_model(), Files(), resume=True, **words)
    assert not (tmp_path / 'per_image' / 'skipped.json').exists()
    assert whole['clean'] == evaluate(
        toy_model(), Files(), **WORDS)['clean']


def test_an_image_that_breaks_later_leaves_every_row(tmp_path):
    words = dict(out_dir=str(tmp_path), **WORDS)
    evaluate(toy_model(), Files(), **words)
    with pytest.raises(BadSample, match='sample 0'):
        evaluate(toy_model(), Files([0]), resume=True, **words)
    results = evaluate(toy_model(), Files([0]), resume=True, skip_bad=True,
                       **words)
    assert results['dataset']['num_images'] == 5
    assert results['attacks'][0]['aAcc'] == evaluate(
        toy_model(), Files([0]), skip_bad=True, **WORDS)['attacks'][0]['aAcc']


def test_none_left_is_an_error_with_the_first_reason():
    with pytest.raises(ValueError, match='none of the images.*sample 0'):
        evaluate(toy_model(), Files(range(6)), skip_bad=True, **WORDS)


def test_a_defect_of_the_data_set_is_no_bad_image():
    data = Files([2], NameError('no such name'))
    with pytest.raises(NameError, match='no such name'):
        evaluate(toy_model(), data, skip_bad=True, **WORDS)


@pytest.mark.parametrize('batch_size', [1, 4])
def test_one_bad_label_among_many(batch_size):
    data = toy_data(6)
    data[2] = (data[2][0], torch.full_like(data[2][1], 9))
    words = dict(WORDS, batch_size=batch_size)
    with pytest.raises(BadSample, match='sample 2 of the data set: .*got 9'):
        evaluate(toy_model(), data, **words)
    results = evaluate(toy_model(), data, skip_bad=True, **words)
    assert results['dataset']['num_images'] == 5


class Pooling(ToyNetwork):
    """Cannot predict images of a pixel."""

    def forward(self, images):
        if images.shape[-1] == 1:
            raise RuntimeError('Kernel size can\'t be greater')
        return super().forward(images)


@pytest.mark.parametrize('place', [0, 3])
def test_an_image_that_the_network_cannot_take_is_at_fault(place):
    data = toy_data(4, sizes=[(10, 12)] * place + [(1, 1)] + [(10, 12)] * 3)
    model = TestedModel(Pooling().eval(), CLASSES)
    with pytest.raises(BadSample, match=(
            rf'sample {place} of the data set cannot be predicted, as other '
            r'images can \(1 x 1 pixels\): RuntimeError: Kernel')):
        evaluate(model, data, **WORDS)
    assert evaluate(model, data, skip_bad=True, **WORDS)[
        'dataset']['num_images'] == 3


def test_a_network_that_can_take_none_keeps_its_error():
    data = toy_data(4, sizes=[(1, 1)])
    with pytest.raises(RuntimeError, match='^Kernel'):
        evaluate(TestedModel(Pooling().eval(), CLASSES), data, skip_bad=True,
                 **WORDS)


def test_worker_processes_name_the_image_too():
    loader = DataLoader(Files([9], images=18), num_workers=2)
    with pytest.raises(BadSample, match='^sample 9 .*OSError: image file'):
        evaluate(toy_model(), loader, **WORDS)
    results = evaluate(toy_model(), loader, skip_bad=True, **WORDS)
    assert results['dataset']['num_images'] == 17


# ----------------------------------------------------- the files of MMSeg
@pytest.fixture
def project(tiny, tmp_path):
    """Model, and the loader of images that each test may spoil."""
    for kind in ('images', 'labels'):
        (tmp_path / kind).mkdir()
    for i in range(3):
        image, label = draw(i)
        cv2.imwrite(str(tmp_path / 'images' / f'{i}.png'), image)
        cv2.imwrite(str(tmp_path / 'labels' / f'{i}.png'), label)
    (tmp_path / 'config.py').write_text(CONFIG.format(root=str(tmp_path)))

    def load(**options):
        return load_model(str(tmp_path / 'config.py'),
                          str(tiny / 'checkpoint.pth'), cfg_options=options)

    return tmp_path, load


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def one_pixel(path):
    cv2.imwrite(str(path), np.zeros((1, 1), np.uint8))


SPOILED = [
    ('images', cut, 'is no image, or is cut off'),
    ('images', lambda p: p.write_bytes(b''), 'is empty'),
    ('images', lambda p: p.write_text('text'), 'is no image, or is cut off'),
    ('labels', cut, 'is no image, or is cut off'),
    ('labels', lambda p: p.write_bytes(b''), 'is empty'),
    ('labels', lambda p: p.write_text('text'), 'is no image, or is cut off'),
    ('labels', os.remove, 'does not exist'),
    ('labels', one_pixel, 'cannot be loaded'),
]


def test_every_spoiled_file_is_named_in_a_sentence(project):
    root, load = project
    model, loader = load()
    for kind, spoil, reason in SPOILED:
        path = root / kind / '1.png'
        whole = path.read_bytes()
        spoil(path)
        with pytest.raises(BadSample) as found:
            list(model.samples(loader, [0, 1, 2]))
        name = path if reason != 'cannot be loaded' else (
            root / 'images' / '1.png')
        assert str(found.value).startswith(f'{name} {reason}')
        assert '\n' not in str(found.value)
        left = []
        assert [s.index for s in model.samples(
            loader, [0, 1, 2], left.append)] == [0, 2]
        assert [bad.index for bad in left] == [1]
        path.write_bytes(whole)


def test_no_other_image_stands_in_for_one_that_is_not_there(project):
    root, load = project
    path = str(root / 'images' / '1.png')
    cut(root / 'images' / '1.png')
    model, loader = load()
    loader.dataset.pipeline.transforms[0].ignore_empty = True

    def load_or_none(results):
        if results['img_path'] == path:
            return None
        return type(loader.dataset.pipeline.transforms[0]).transform(
            loader.dataset.pipeline.transforms[0], results)

    loader.dataset.pipeline.transforms[0].transform = load_or_none
    with pytest.raises(BadSample, match='1.png.* the data set gave .* in its'):
        list(model.samples(loader, [1]))


def test_a_test_set_without_images_is_a_sentence(project):
    root, load = project
    for path in (root / 'images').iterdir():
        path.unlink()
    with pytest.raises(ValueError, match='the test set has no images; check'):
        load()


@pytest.mark.parametrize('crop, stride', [(16, 20), (0, 8), (16, 0)])
def test_windows_that_miss_pixels_are_refused(project, crop, stride):
    test_cfg = dict(mode='slide', crop_size=(crop, crop),
                    stride=(stride, stride))
    with pytest.raises(ValueError, match='stride .* from 1 to crop_size'):
        project[1](**{'model.test_cfg': test_cfg})


def test_a_palette_of_other_classes_is_a_sentence(project):
    with pytest.raises(ValueError, match='one colour for each class'):
        project[1](**{'test_dataloader.dataset.metainfo.palette':
                      [[1, 2, 3]]})
