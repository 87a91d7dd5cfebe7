"""Images kept on disk: examples, and adversaries to use again."""
import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_rppgd.evaluation.run.images import (Adversary, AdversaryCache,
                                               Example, ExampleStore, spread,
                                               to_8bit)

SETTINGS = dict(config='c.py', checkpoint='c.pth', sha256='0' * 64, fp16=False)


def cached(folder, clean, labels, settings=SETTINGS, key='PGD', index=3):
    return AdversaryCache(str(folder), settings, 'whole', 0).load(
        key, index, clean, labels)


@pytest.fixture
def kept(tmp_path):
    """A cache with the adversary of one image."""
    clean, labels = torch.rand(3, 6, 5), torch.zeros(6, 5).long()
    adversary = Adversary(torch.rand(3, 6, 5), 1.5)
    AdversaryCache(str(tmp_path), SETTINGS, 'whole', 0).save(
        'PGD', 3, clean, labels, adversary, adversary.image)
    return tmp_path, clean, labels, adversary


def test_adversaries_are_kept_as_floats_and_pictures(kept):
    folder, clean, labels, adversary = kept
    found = cached(folder, clean, labels)
    assert torch.equal(found.image, adversary.image)
    assert found.seconds == 1.5
    picture, = folder.rglob('*.png')
    exact = adversary.image.permute(1, 2, 0).numpy() * 255
    assert np.abs(np.asarray(Image.open(picture)) - exact).max() <= 0.5
    assert not list(folder.rglob('*.tmp*'))


def test_all_that_decides_an_adversary_is_in_its_name(kept):
    folder, clean, labels, _ = kept
    for changed in (
            dict(clean=clean + 1e-3), dict(labels=labels + 1),
            dict(key='BIM'), dict(index=4),
            dict(settings=dict(SETTINGS, sha256='1' * 64)),
            dict(settings=dict(SETTINGS, fp16=True)),
            dict(settings=dict(SETTINGS, model='other'))):
        words = {**dict(clean=clean, labels=labels), **changed}
        assert cached(folder, **words) is None, changed


def test_weights_count_and_not_where_they_lie(kept):
    folder, clean, labels, _ = kept
    moved = dict(SETTINGS, checkpoint='elsewhere.pth')
    assert cached(folder, clean, labels, moved) is not None


@pytest.mark.parametrize('content', [b'', b'text', 100])
def test_a_damaged_adversary_is_none_and_named(kept, content):
    folder, clean, labels, _ = kept
    path, = folder.rglob('*.npz')
    path.write_bytes(path.read_bytes()[:content] if isinstance(content, int)
                     else content)
    said = []
    cache = AdversaryCache(str(folder), SETTINGS, 'whole', 0, said.append)
    assert cache.load('PGD', 3, clean, labels) is None
    assert said == [f'{path} is damaged: the adversarial image is made '
                    'again.']


def test_damaged_examples_are_found_by_row(tmp_path):
    store = ExampleStore(str(tmp_path), [1, 2])
    for index in (1, 2):
        store.keep(Example(index, 'clean', np.zeros((2, 3, 3), np.uint8),
                           np.ones((2, 3)), label=np.zeros((2, 3))))
    (tmp_path / 'clean' / '2.npz').write_bytes(b'PK')
    assert store.load('clean', 2) is None
    assert store.damaged(['clean', 'PGD']) == {'clean': [2]}


def test_chosen_examples_alone_are_kept(tmp_path):
    store = ExampleStore(str(tmp_path), [2])
    for index in (1, 2):
        store.keep(Example(index, 'clean', np.zeros((2, 3, 3), np.uint8),
                           np.ones((2, 3)), label=np.zeros((2, 3))))
    assert store.load('clean', 1) is None
    assert store.load('clean', 2).prediction.sum() == 6
    assert store.load('clean', 2).delta is None


def test_without_a_folder_nothing_is_kept():
    store = ExampleStore(None, [0])
    store.keep(Example(0, 'clean', np.zeros((1, 1, 3)), np.zeros((1, 1))))
    assert list(store.indices) == []


def test_images_are_chosen_evenly():
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread([5, 6], 4) == [5, 6]
    assert spread(range(3), 0) == spread([], 3) == []


def test_pictures_show_what_is_no_number_as_black():
    image = torch.tensor([float('nan'), 0.5, 2.]).view(3, 1, 1)
    assert to_8bit(image).tolist() == [[[0, 128, 255]]]
