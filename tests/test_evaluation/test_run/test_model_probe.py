"""What is measured of logits and gradients."""
import json

import pytest
import torch
from masked_networks import MASKED, Behind, subsampled
from toy_networks import ToyNetwork, toy_data

from mmseg_rppgd.evaluation.run.model_probe import ModelProbe


def seen_of(network, data=None, **kwargs):
    probe = ModelProbe()
    image, labels = (data or toy_data(1))[0]
    images = probe(network, image[None], labels[None], **kwargs)
    assert torch.equal(images[0], image)
    return probe.seen


def masked(name):
    return seen_of(Behind(MASKED[name][0]))[0]


def test_a_sound_network_follows_its_gradient():
    seen, = seen_of(ToyNetwork().eval())
    assert seen['differ'] == 0 and seen['lowest'] < 0 < seen['highest']
    assert len(seen['points']) == 2
    for point in seen['points']:
        assert point['finite'] and point['zero_share'] < 0.05
        assert point['gains'][0] == pytest.approx(1, abs=0.01)
        assert point['gains'] == pytest.approx([1] * 5, abs=0.2)
        assert point['off'] < 0.05 and point['still'] == 0


def test_the_gradient_of_a_linear_network_is_exact():
    weights = torch.randn(4, 3, 1, 1, generator=torch.Generator(
        ).manual_seed(0))
    seen, = seen_of(lambda x: 0.01 * torch.conv2d(x, weights))
    for point in seen['points']:
        assert point['gains'] == pytest.approx([1] * 5, abs=1e-2)
        assert point['off'] < 1e-2


def test_pixels_that_are_not_read_are_told_from_those_cut_off():
    unread, = seen_of(Behind(subsampled), toy_data(1))
    cut = masked('detached image')
    for point in unread['points']:
        assert point['zero_share'] >= 0.7 and point['blind'] == 0
    for point in cut['points']:
        assert 0.3 < point['zero_share'] < 0.5 and point['blind'] > 0.3


def test_scaled_logits_have_no_loss_where_they_are_right():
    assert seen_of(ToyNetwork().eval())[0]['sure'] < 0.05
    assert masked('logits x 1000')['sure'] > 0.95


def test_chance_is_fixed_while_steps_are_compared():
    seen = masked('dropout')
    assert seen['differ'] > 0.1
    assert all(point['off'] < 0.05 for point in seen['points'])


def test_a_mask_over_the_clean_image_alone_is_seen():
    image, labels = toy_data(1)[0]

    def function(network, images):
        near = (images - image).abs().max() < 3.5 / 255
        return network(images.detach() + 0 * images if near else images)

    clean, noisy = seen_of(Behind(function))[0]['points']
    assert clean['zero_share'] == 1 and noisy['zero_share'] < 0.05


def test_nothing_labelled_is_not_looked_at():
    image, labels = toy_data(1)[0]
    assert seen_of(ToyNetwork(), [(image, torch.full_like(labels, 255))]) == []


def test_where_nothing_may_change_nothing_is_said():
    image, labels = toy_data(1)[0]
    seen, = seen_of(ToyNetwork().eval(),
                    mask=torch.zeros(1, 1, *labels.shape, dtype=torch.bool))
    assert all(p['zero_share'] is None and p['gains'] == [None] * 5
               for p in seen['points'])


@pytest.mark.parametrize('function', [
    lambda n, x: n(x) + 1e38 * 10, lambda n, x: 0 * n(x),
    lambda n, x: n(x) * torch.tensor([1, 1, 1, 1e30])[:, None, None]])
def test_odd_logits_are_still_plain_data(function):
    json.loads(json.dumps(seen_of(Behind(function)), allow_nan=False))


def test_precision_and_modes_are_put_back():
    before = (torch.backends.cudnn.allow_tf32,
              torch.get_float32_matmul_precision())
    network = ToyNetwork().train()
    data, chance = toy_data(1), torch.get_rng_state()
    seen_of(network, data, generator=torch.Generator())
    assert network.training
    assert before == (torch.backends.cudnn.allow_tf32,
                      torch.get_float32_matmul_precision())
    assert torch.equal(chance, torch.get_rng_state())
