"""What the drawn scenes are like."""
import numpy as np
import pytest

from mmseg_rppgd.datasets.scenes import CLASSES, VOID, draw_scene

SIZE = (48, 48)


def draw_many(split, count):
    scenes = [draw_scene(split, index, SIZE) for index in range(count)]
    return (np.stack([image for image, _ in scenes]),
            np.stack([labels for _, labels in scenes]))


def test_same_arguments_give_the_same_scene():
    first, second = draw_scene('train', 7, SIZE), draw_scene('train', 7, SIZE)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize('other', [
    dict(split='val'), dict(split='test'), dict(index=8), dict(seed=1)])
def test_split_index_and_seed_each_change_the_scene(other):
    arguments = dict(split='train', index=7, size=SIZE, seed=0)
    image, _ = draw_scene(**arguments)
    changed, _ = draw_scene(**{**arguments, **other})
    assert np.abs(image.astype(int) - changed).mean() > 5


def test_no_global_random_state_is_used():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    draw_scene('train', 0, SIZE)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize('size', [(16, 16), (48, 48), (33, 80), (96, 40)])
def test_any_size(size):
    image, labels = draw_scene('train', 0, size)
    assert image.shape == (*size, 3) and image.dtype == np.uint8
    assert labels.shape == size and labels.dtype == np.uint8


def test_every_class_and_void_and_nothing_else_appears():
    _, labels = draw_many('train', 40)
    assert set(np.unique(labels)) == {*range(len(CLASSES)), VOID}


def test_shares_of_the_classes():
    _, labels = draw_many('train', 100)
    shares = np.bincount(labels.ravel(), minlength=256) / labels.size
    assert 0.4 < shares[0] < 0.65
    assert shares[1:len(CLASSES)].min() > 0.04
    assert 0.02 < shares[VOID] < 0.15


def test_colour_alone_does_not_tell_the_class():
    """The best guess from a pixel's colour stays far below a network."""

    def colour(images):
        return images.astype(int) // 32 @ np.array([64, 8, 1])

    images, labels = draw_many('train', 300)
    counts = np.zeros((512, len(CLASSES)))
    valid = labels != VOID
    np.add.at(counts, (colour(images)[valid], labels[valid]), 1)
    images, labels = draw_many('val', 60)
    guesses, valid = counts.argmax(1)[colour(images)], labels != VOID
    ious = []
    for label in range(len(CLASSES)):
        guessed, is_label = guesses == label, labels == label
        ious.append((guessed & is_label).sum() /
                    ((guessed | is_label) & valid).sum())
    assert np.mean(ious) < 0.3
