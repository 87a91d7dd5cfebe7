"""Batches of MMSeg as images and labels, and back."""
import pytest
import torch
from tiny_segmentors import batch, sample, tiny_segmentor

from mmseg_rppgd.pixel_model.batches import (LoaderBatch, ModelBatch,
                                             check_adv_ratio, labels_of,
                                             num_attacked, picture_mask,
                                             unflip)
from mmseg_rppgd.pixel_model.counted import CountedPixels
from mmseg_rppgd.pixel_model.windows import Box


@pytest.fixture
def data():
    return batch([(20, 31), (32, 32), (25, 18)])


def preprocessed(segmentor, data):
    return segmentor.data_preprocessor(
        dict(inputs=list(data['inputs']),
             data_samples=[x.clone() for x in data['data_samples']]), True)


def test_both_batches_hold_the_same_images(data):
    segmentor = tiny_segmentor()
    padded = preprocessed(segmentor, data)
    loader = LoaderBatch(segmentor, training=True, **data)
    model = ModelBatch(segmentor, training=True, **padded)
    assert loader.pad_to == model.pad_to == (32, 32)
    for i, inputs in enumerate(data['inputs']):
        assert loader.image(i).shape == inputs.shape
        assert torch.equal(loader.image(i), model.image(i))


def test_unchanged_images_give_the_inputs_back(data):
    segmentor = tiny_segmentor()
    padded = preprocessed(segmentor, data)
    for kind, given in ((LoaderBatch, data), (ModelBatch, padded)):
        held = kind(segmentor, training=True, **given)
        images = [held.image(i) for i in range(1, 3)]
        for before, after in zip(given['inputs'], held.replaced(1, images)):
            assert torch.allclose(before.float(), after.float(), atol=1e-4)


def test_a_test_batch_has_no_common_padding(data):
    assert LoaderBatch(tiny_segmentor(), training=False, **data).pad_to is None


@pytest.mark.parametrize('size, adv_ratio, count', [
    (1, .5, 1), (4, .5, 2), (5, .5, 3), (4, 0, 0), (3, 1, 3)])
def test_share_of_a_batch_is_rounded_half_up(size, adv_ratio, count):
    data = batch([(8, 8)] * size)
    assert num_attacked(**data, adv_ratio=adv_ratio) == count


def test_inputs_and_samples_must_match(data):
    with pytest.raises(ValueError, match='3 inputs for 2 data samples'):
        num_attacked(data['inputs'], data['data_samples'][1:], 1)


@pytest.mark.parametrize('adv_ratio, error', [
    (True, TypeError), ('half', TypeError), (1.5, ValueError)])
def test_bad_share_is_named(adv_ratio, error):
    with pytest.raises(error, match=r'adv_ratio must be .* \[0, 1\]'):
        check_adv_ratio(adv_ratio)


def test_labels_are_those_inside_the_box():
    _, data_sample = sample((6, 8))
    labels = labels_of(data_sample, Box(1, 5, 2, 8), True,
                       CountedPixels(255, 4), 4)
    assert torch.equal(labels, data_sample.gt_sem_seg.data[0, 1:5, 2:8])
    assert labels.dtype == torch.int64


@pytest.mark.parametrize('direction, dim', [('horizontal', -1),
                                            ('vertical', -2)])
def test_only_test_labels_are_flipped_back(direction, dim):
    _, data_sample = sample(flip=True, flip_direction=direction)
    maps = torch.rand(2, 4, 5)
    assert torch.equal(unflip(maps, data_sample, False), maps.flip(dim))
    assert torch.equal(unflip(maps, data_sample, True), maps)


def test_flip_without_direction_names_the_meta_key():
    _, data_sample = sample(flip=True)
    with pytest.raises(ValueError, match='lacks the meta keys flip_dir'):
        unflip(torch.rand(4, 5), data_sample, False)


def padded_sample(**meta):
    """A picture of 12 x 14 in the corner of 16 x 20, as Pad leaves it."""
    inputs, data_sample = sample((16, 20), **meta)
    inputs[:, 12:], inputs[:, :, 14:] = 0, 0
    labels = data_sample.gt_sem_seg.data[0]
    labels[12:], labels[:, 14:] = 255, 255
    return inputs, labels, data_sample


@pytest.mark.parametrize('training, meta', [
    (True, {}), (False, dict(pad_shape=(16, 20, 3)))])
def test_what_a_pad_added_is_no_picture(training, meta):
    image, labels, data_sample = padded_sample(**meta)
    mask = picture_mask(image, labels, 255, data_sample, training)
    assert mask.shape == (1, 16, 20)
    assert mask[:, :12, :14].all() and mask.sum() == 12 * 14
    flipped = picture_mask(image.flip(2), labels.flip(1), 255, data_sample,
                           training)
    assert torch.equal(flipped, mask.flip(2))


def test_in_a_test_without_a_pad_the_whole_image_is_attacked():
    image, labels, data_sample = padded_sample()
    assert picture_mask(image, labels, 255, data_sample, False) is None


def test_a_border_that_counts_is_picture():
    image, labels, data_sample = padded_sample(pad_shape=(16, 20, 3))
    labels[15, 19] = 2
    assert picture_mask(image, labels, 255, data_sample, True).all()


def test_a_padded_image_with_labels_of_another_size():
    image, _, data_sample = padded_sample(pad_shape=(16, 20, 3))
    mask = picture_mask(image, torch.zeros(30, 40), 255, data_sample, False)
    assert mask.sum() == 12 * 14


def test_augments_of_a_batch_are_refused_before_them(data):
    segmentor = tiny_segmentor()
    segmentor.data_preprocessor.batch_augments = lambda *args: args
    with pytest.raises(ValueError, match='SegDataPreProcessor has batch_augm'
                       '.*AdversarialSegmentor'):
        LoaderBatch(segmentor, training=True, **data)
    LoaderBatch(segmentor, training=False, **data)
