"""PixelSpace: to what a segmentor reads, and back."""
import pytest
import torch
from tiny_segmentors import batch, tiny_segmentor

from mmseg_rppgd.pixel_model.space import (PixelSpace, find_pixel_range,
                                           num_channels)

CPU = torch.device('cpu')
IN_01 = dict(mean=[.485, .456, .406], std=[.229, .224, .225])
NEUTRAL = dict(mean=[0., 0, 0], std=[1., 1, 1])
NOTHING = dict(mean=None, std=None)

PREPROCESSORS = [
    dict(), dict(bgr_to_rgb=False), dict(mean=None, std=None)]


@pytest.fixture(params=PREPROCESSORS, ids=['rgb', 'bgr', 'unnormalised'])
def preprocessor(request):
    return tiny_segmentor(preprocessor=request.param).data_preprocessor


def space_of(**preprocessor):
    pixel_range = preprocessor.pop('pixel_range', None)
    return PixelSpace(tiny_segmentor(
        preprocessor=preprocessor).data_preprocessor, pixel_range)


def test_loader_inputs_become_rgb_in_01(preprocessor):
    space = PixelSpace(preprocessor)
    inputs = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1)
    image = space.from_loader(inputs, CPU)
    assert torch.allclose(image.view(-1), torch.tensor([1., .2, 0.]))
    assert torch.allclose(space.to_loader(image), inputs.float())


def test_it_normalises_as_the_preprocessor(preprocessor):
    data = batch()
    image = PixelSpace(preprocessor).from_loader(data['inputs'][0], CPU)
    expected = preprocessor(data, True)['inputs'][0]
    inputs = PixelSpace(preprocessor).normalize(image, torch.float32)
    assert torch.allclose(inputs, expected, atol=1e-6)


def test_8_bit_pixels_come_back_exactly(preprocessor):
    data = batch()
    image = PixelSpace(preprocessor).from_loader(data['inputs'][0], CPU)
    inputs = preprocessor(data, True)['inputs'][0]
    assert torch.equal(PixelSpace(preprocessor).denormalize(inputs), image)


def test_pixels_between_levels_come_back_nearly(preprocessor):
    space = PixelSpace(preprocessor)
    image = torch.rand(3, 9, 9)
    back = space.denormalize(space.normalize(image, torch.float32))
    assert torch.allclose(back, image, atol=1e-6)
    assert not torch.equal(back * 255, (back * 255).round())


@pytest.mark.parametrize('rule, padded', [
    (dict(size=(48, 64), size_divisor=None), (48, 64)),
    (dict(size=(30, 40), size_divisor=None), (33, 45)),
    (dict(size=None, size_divisor=16), (48, 48)),
    (dict(size=None, size_divisor=1), (33, 45)),
])
@pytest.mark.parametrize('training', [False, True])
def test_batch_is_padded_by_the_rule_of_the_loop(rule, padded, training):
    preprocessor = tiny_segmentor(preprocessor=(
        rule if training else dict(test_cfg=rule))).data_preprocessor
    sizes = [(33, 20), (10, 45)]
    assert PixelSpace(preprocessor).padded_size(sizes, training) == padded


def test_channels_are_those_of_the_mean():
    assert num_channels(None) == 3
    assert num_channels(tiny_segmentor().data_preprocessor) == 3


def floats(low, high):
    return torch.linspace(low, high, 48).view(3, 4, 4)


@pytest.mark.parametrize('inputs, settings, white', [
    (torch.full((3, 4, 4), 9, dtype=torch.uint8), NOTHING, 255),
    (torch.ones(3, 4, 4, dtype=torch.uint8), IN_01, 255),
    (floats(0, 1), IN_01, 1),
    (floats(-.003, 1.003), IN_01, 1),
    (floats(0, 250), {}, 255),
    (floats(-.9, 255.9), {}, 255),
    (torch.zeros(3, 4, 4), {}, 255),
    (floats(0, 200), NEUTRAL, 255),
    (floats(0, 200), NOTHING, 255),
    (floats(0, 200).long(), {}, 255),
])
def test_range_is_told_where_it_is_certain(inputs, settings, white):
    preprocessor = tiny_segmentor(preprocessor=settings).data_preprocessor
    assert find_pixel_range(inputs, preprocessor, 'a.png') == white


@pytest.mark.parametrize('inputs, settings, why', [
    (floats(0, 1), {}, 'mean and std .* are those of 0 to 255, so that eps'),
    (floats(0, 1), NEUTRAL, 'no mean and std say what white is'),
    (floats(0, 1), NOTHING, 'no mean and std say what white is'),
    (floats(-2.1, 2.6), NOTHING, 'from -2.1 to 2.6 .*no mean and std'),
    (floats(0, 200), IN_01, 'from 0 to 200, but .* of pixels from 0 to 1'),
    (floats(-3, 258), {}, 'from -3 to 258, but .* of pixels from 0 to 255'),
    (floats(0, 4000).short(), {}, 'from 0 to 4000, but .* 0 to 255'),
    (floats(0, 200).short(), NOTHING, 'no mean and std say'),
])
def test_range_that_is_not_certain_is_refused(inputs, settings, why):
    preprocessor = tiny_segmentor(preprocessor=settings).data_preprocessor
    with pytest.raises(ValueError, match=f'(?s)^a.png has .*{why}.*'
                       'pixel_range, the value of white'):
        find_pixel_range(inputs, preprocessor, 'a.png')


@pytest.mark.parametrize('value, error', [
    (True, TypeError), ('255', TypeError), (0, ValueError),
    (float('inf'), ValueError)])
def test_bad_range_is_named(value, error):
    with pytest.raises(error, match='pixel_range must be .*white'):
        space_of(pixel_range=value)


def test_pixels_in_01_give_the_images_of_8_bits():
    inputs = batch()['inputs'][0]
    image = space_of().from_loader(inputs, CPU)
    space = space_of(**IN_01)
    small = inputs.float() / 255
    assert torch.equal(space.from_loader(small, CPU), image)
    assert torch.allclose(space.to_loader(image), small)
    normalised = space.normalize(image, torch.float32)
    assert torch.allclose(
        normalised, space_of().normalize(image, torch.float32), atol=.01)
    assert torch.equal(space.denormalize(normalised), image)


def test_pixels_of_16_bits():
    space = space_of(pixel_range=65535)
    inputs = torch.tensor([0, 13107, 65535]).view(3, 1, 1)
    assert torch.allclose(space.from_loader(inputs, CPU).view(-1),
                          torch.tensor([1., .2, 0.]))


def test_overshoot_of_a_level_is_cut_off():
    image = space_of().from_loader(floats(-.9, 255.9), CPU)
    assert image.min() == 0 and image.max() == 1


@pytest.mark.parametrize('inputs', [
    floats(-2, 255), floats(0, 258), floats(0, 255) * float('nan')])
def test_more_overshoot_names_the_file(inputs):
    with pytest.raises(ValueError, match='^b.png has pixel values from .*'
                       'pixels lie in 0-255 .*clip them in the pipeline'):
        space_of().from_loader(inputs, CPU, 'b.png')


def test_bytes_have_no_other_range():
    with pytest.raises(ValueError, match='b.png holds bytes, .*leave it out'):
        space_of(pixel_range=1).from_loader(
            batch()['inputs'][0], CPU, 'b.png')


def test_a_config_tells_that_its_loader_gives_rgb():
    segmentor = tiny_segmentor(preprocessor=dict(
        bgr_to_rgb=False, rgb_to_bgr=True))
    inputs = batch()['inputs'][0]
    assert torch.equal(
        PixelSpace.of(segmentor).from_loader(inputs, CPU) * 255,
        inputs.flip(0).float())
    for cfg in (dict(model=dict(data_preprocessor=dict(rgb_to_bgr=True))),
                dict(data_preprocessor=dict(rgb_to_bgr=True))):
        segmentor.cfg = cfg
        space = PixelSpace.of(segmentor)
        image = space.from_loader(inputs, CPU)
        assert torch.equal(image * 255, inputs.float())
        expected = segmentor.data_preprocessor(batch(), True)['inputs'][0]
        assert torch.allclose(space.normalize(image, torch.float32), expected,
                              atol=1e-6)


def test_mmengines_preprocessor_pads_in_tests_too():
    from mmengine.model import ImgDataPreprocessor
    space = PixelSpace(ImgDataPreprocessor(
        [0.] * 3, [1.] * 3, pad_size_divisor=16, pad_value=7))
    assert space.padded_size([(33, 20)], training=False) == (48, 32)
    assert space.pad_value == 7
