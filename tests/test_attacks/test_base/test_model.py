"""The contract of a model."""
import pytest
import torch
from torch import nn
from toy_models import ToySegmentor

from mmseg_rppgd.attacks import PGD, RPPGD, SegOutput
from mmseg_rppgd.attacks.base import AttackedModel


@pytest.mark.parametrize('model, error, message', [
    (3, TypeError, 'model must be a callable'),
    (lambda x: [x], TypeError, 'must return logits.*returned list'),
    (lambda x: x[0], ValueError, r'logits \(B, C, H, W\)'),
    (lambda x: x[:0], ValueError, 'labels must have the size of the logits'),
    (lambda x: x.detach(), ValueError, 'does not depend on images'),
    (lambda x: torch.zeros(1, 2, 8, 8, requires_grad=True), ValueError,
     'does not depend on images'),
])
def test_bad_models_are_named(model, error, message):
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    with pytest.raises(error, match=message):
        PGD()(model, torch.zeros(1, 3, 8, 8), labels)


@pytest.mark.parametrize('output, message', [
    (lambda z, f: (None, f), 'must return logits.*NoneType'),
    (lambda z, f: (z, f.flatten(1)), r'features .* must be .*\(B, D, h, w\)'),
    (lambda z, f: (z, f[:1]), r'features .* with B = 2.*\(1, 6, 4, 5\)'),
    (lambda z, f: (z, f.detach()), 'features .* no gradient.*detach'),
    (lambda z, f: (z, f, False, lambda maps: maps),
     r'upsample .* to the size of the labels.*8, 10.*gave.*4, 5'),
    (lambda z, f: (z, f, False, lambda maps: maps.new_zeros(1, 4, 8, 10)),
     'upsample .*'),
])
def test_bad_outputs_with_features_are_named(output, message, images, labels):
    class Bad(ToySegmentor):

        def forward(self, images):
            logits, features, *_ = super().forward(images)
            return SegOutput(*output(logits, features))

    with pytest.raises((TypeError, ValueError), match=message):
        RPPGD(steps=1)(Bad().double(), images, labels)


def test_model_tells_its_ignore_index_when_the_attack_has_none(model, images):
    model.ignore_index = 9
    labels = torch.full((2, 8, 10), 9)
    assert torch.equal(PGD()(model, images, labels), images)
    with pytest.raises(ValueError, match='labels must lie in'):
        PGD(ignore_index=255)(model, images, labels)


def test_networks_a_model_does_not_register_are_frozen_too(images, labels):
    network = ToySegmentor().double().train()

    class Holder(AttackedModel):

        def attacked_networks(self):
            return [network]

    def call(images):
        assert not network.training
        return network(images)

    PGD(steps=1)(Holder(call), images, labels)
    assert network.training


def test_seg_output_needs_logits_alone():
    logits = torch.zeros(1, 2, 3, 3)
    output = SegOutput(logits)
    assert output.features is None and output.upsample is None
    assert output.align_corners is False


def test_features_are_what_the_layer_gave(images, labels):
    """Also where the next module writes over them."""
    conv, norm, head = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), (
        nn.Conv2d(6, 4, 1))
    attack = RPPGD(
        steps=2, beta=0, feature_layer='1', random_start=False)
    apart, in_place = (
        attack(nn.Sequential(conv, norm, nn.ReLU(inplace), head).double(),
               images, labels) for inplace in (False, True))
    assert torch.equal(apart, in_place)
