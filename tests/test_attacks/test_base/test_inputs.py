import pytest
import torch
from toy_models import ToySegmentor

from mmseg_rppgd.attacks import PGD


@pytest.mark.parametrize('images, error, message', [
    (None, TypeError, 'images must be a torch.Tensor'),
    (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), TypeError,
     'images must be float32 or float64.*uint8.*/ 255'),
    (torch.zeros(3, 8, 8), ValueError, r'shape \(B, 3, H, W\).*\(3, 8, 8\)'),
    (torch.zeros(1, 1, 8, 8), ValueError, r'shape \(B, 3, H, W\)'),
    (torch.full((1, 3, 8, 8), 200.), ValueError,
     r'images must lie in \[0, 1\] \(not 0-255, not normalised\).*200'),
    (torch.full((1, 3, 8, 8), float('nan')), ValueError, 'must lie in.*nan'),
])
def test_bad_images_name_rule_and_value(images, error, message):
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    with pytest.raises(error, match=message):
        PGD()(ToySegmentor(), images, labels)


@pytest.mark.parametrize('labels, error, message', [
    (torch.zeros(1, 8, 8), TypeError, r'labels must be int64.*labels.long'),
    (torch.zeros(2, 8, 8, dtype=torch.int64), ValueError,
     r'labels must have the shape \(B, H, W\) with B = 1'),
    (torch.zeros(1, 1, 8, 8, dtype=torch.int64), ValueError,
     r'labels must have the shape \(B, H, W\)'),
    (torch.zeros(1, 4, 4, dtype=torch.int64), ValueError,
     'labels must have the size of the logits.*F.interpolate'),
])
def test_bad_labels_name_rule_and_value(labels, error, message):
    with pytest.raises(error, match=message):
        PGD()(ToySegmentor(), torch.zeros(1, 3, 8, 8), labels)


@pytest.mark.parametrize('mask, error, message', [
    (torch.ones(1, 1, 8, 8), TypeError, 'mask must be a bool tensor.*float'),
    (torch.ones(1, 8, 8, dtype=torch.bool), ValueError,
     r'mask must have the shape \(B, 1, H, W\) = \(1, 1, 8, 8\)'),
])
def test_bad_mask_names_rule_and_value(mask, error, message):
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    with pytest.raises(error, match=message):
        PGD()(ToySegmentor(), torch.zeros(1, 3, 8, 8), labels, mask=mask)


def test_a_seed_is_no_generator(model, images, labels):
    with pytest.raises(TypeError, match='generator must be a torch.Generator,'
                       ' but got 3; for a seed give'):
        PGD()(model, images, labels, generator=3)


@pytest.mark.parametrize('generator, error, message', [
    ([torch.Generator(), 3], TypeError,
     'generator must be a torch.Generator, but got 3; .* a list of one'),
    ([None, None], TypeError, 'torch.Generator, but got None'),
    ('ab', TypeError, "torch.Generator, but got 'ab'"),
    ([torch.Generator()], ValueError, 'generator must be one, or a list of '
     'one for each of the 2 images, but got 1'),
    ([], ValueError, 'for each of the 2 images, but got 0'),
])
def test_bad_generators_name_rule_and_value(generator, error, message, model,
                                            images, labels):
    with pytest.raises(error, match=message):
        PGD()(model, images, labels, generator=generator)
