"""PixelSpace: to what a segmentor reads, and back."""
import pytest
import torch
from tiny_segmentors import batch, tiny_segmentor

from mmseg_rppgd.pixel_model.space import PixelSpace, num_channels

PREPROCESSORS = [
    dict(), dict(bgr_to_rgb=False), dict(mean=None, std=None)]


@pytest.fixture(params=PREPROCESSORS, ids=['rgb', 'bgr', 'unnormalised'])
def preprocessor(request):
    return tiny_segmentor(preprocessor=request.param).data_preprocessor


def test_loader_inputs_become_rgb_in_01():
    inputs = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1)
    image = PixelSpace.from_loader(inputs, torch.device('cpu'))
    assert torch.allclose(image.view(-1), torch.tensor([1., .2, 0.]))
    assert torch.allclose(PixelSpace.to_loader(image), inputs.float())


def test_it_normalises_as_the_preprocessor(preprocessor):
    data = batch()
    image = PixelSpace.from_loader(data['inputs'][0], torch.device('cpu'))
    expected = preprocessor(data, True)['inputs'][0]
    inputs = PixelSpace(preprocessor).normalize(image, torch.float32)
    assert torch.allclose(inputs, expected, atol=1e-6)


def test_8_bit_pixels_come_back_exactly(preprocessor):
    data = batch()
    image = PixelSpace.from_loader(data['inputs'][0], torch.device('cpu'))
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
