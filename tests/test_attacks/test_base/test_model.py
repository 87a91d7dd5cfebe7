"""The contract of a model."""
import warnings
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toy_models import ToySegmentor

from mmseg_rppgd.attacks import PGD, RPPGD, SegOutput
from mmseg_rppgd.attacks.base import AttackedModel, capture
from mmseg_rppgd.attacks.base.model import two_logits
from mmseg_rppgd.registry import ATTACKS


@pytest.mark.parametrize('model, error, message', [
    (3, TypeError, 'model must be a callable'),
    (lambda x: [x.sum()], TypeError, 'must return logits.*returned a list$'),
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


class Output(OrderedDict):
    """What networks of Hugging Face give: a dict with attributes."""

    def __getattr__(self, name):
        return self[name]


SMALL = torch.zeros(2, 4, 4, 5)


@pytest.mark.parametrize('output, line', [
    (lambda x: {'out': x, 'aux': x}, "network(images)['out']"),
    (lambda x: {'aux': x.sum(), 'main': x}, "network(images)['main']"),
    (lambda x: Output(loss=None, logits=SMALL),
     "F.interpolate(network(images).logits, size=images.shape[-2:], "
     "mode='bilinear')"),
    (lambda x: (x.mean(), x), 'network(images)[1]'),
    (lambda x: [x, x], 'network(images)[0]'),
])
def test_where_the_logits_are_is_told(output, line, images, labels):
    """And the line that is shown does it."""
    with pytest.raises(TypeError, match='the logits are inside') as caught:
        PGD(steps=1)(output, images, labels.clamp(max=2))
    shown = str(caught.value).partition('lambda images: ')[2]
    assert shown == line
    adapter = eval(f'lambda images: {shown}', {'F': F, 'network': output})
    assert adapter(images).shape[2:] == (8, 10)


def test_a_dict_without_logits_is_described(images, labels):
    with pytest.raises(TypeError, match='a dict of a, b$'):
        PGD(steps=1)(lambda x: {'a': 1, 'b': x.sum()}, images, labels)


@pytest.mark.parametrize('size, shown', [
    ((8, 10), 'size=images.shape[-2:]'), ((4, 5), 'size=(4, 5)')])
def test_logits_of_another_size_are_to_be_upsampled(size, shown, images):
    labels = torch.zeros(2, *size, dtype=torch.int64)
    with pytest.raises(ValueError, match='labels must have the size of the '
                       'logits') as caught:
        PGD(steps=1)(lambda x: x[..., ::4, ::4], images, labels)
    message = str(caught.value)
    line = f"F.interpolate(network(images), {shown}, mode='bilinear')"
    assert message.endswith(f'lambda images: {line}')
    assert 'PixelModel' not in message


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


class TestContract:

    def test_a_callable_has_the_defaults(self):
        model = AttackedModel(lambda images: images)
        assert model.ignore_index == 255
        assert model.attacked_networks() == []
        assert model.no_features_reason() == ''
        images = torch.rand(1, 3, 2, 2)
        assert model(images) is images
        assert model.without_features()(images) is images

    def test_a_network_is_frozen_and_its_layers_can_be_tapped(self, images):
        network = ToySegmentor(give_features=False).double().eval()
        model = AttackedModel(network)
        assert model.attacked_networks() == [network]
        tapped = model.with_feature_layer('stem')
        output = tapped(images)
        assert torch.equal(output.features, network.stem(images))
        assert torch.equal(output.logits, network(images))
        assert torch.equal(model(images), network(images))
        bare = tapped.without_features()
        assert torch.equal(bare(images), network(images))

    def test_a_subclass_tells_more(self, images, labels):

        class Knows(AttackedModel):
            ignore_index = 7

            def no_features_reason(self):
                return 'ask for them'

        model = Knows(lambda images: images.repeat(1, 2, 1, 1))
        assert torch.equal(
            PGD()(model, images, torch.full_like(labels, 7)), images)
        with pytest.raises(ValueError, match=r'RPPGD needs features, but the '
                           r'model gives none \(ask for them\)'):
            RPPGD()(model, images, labels.clamp(max=3))

    def test_layer_without_a_map_is_named(self, images):
        network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten()).double()
        with pytest.raises(ValueError, match="feature_layer '1' must give a "
                           r'feature map .*it gave a tensor \(2, 160\)'):
            AttackedModel(network).with_feature_layer('1')(images)


class TestCapture:

    def test_outputs_are_copies_that_stay(self):
        module = nn.Sequential(nn.Identity(), nn.ReLU(inplace=True))
        images = torch.tensor([-1., 1.])
        with capture(module[0]) as captured:
            module(images.clone())
        assert torch.equal(captured[0], images)

    def test_every_run_is_collected_and_no_hook_stays(self):
        module = nn.Identity()
        with capture(module) as given, capture(module, reads=True) as read:
            module(torch.zeros(1))
            module(torch.ones(1))
        assert [x.item() for x in given] == [0, 1]
        assert [x.item() for x in read] == [0, 1]
        module(torch.ones(1))
        assert len(given) == len(read) == 2

    def test_without_a_module_there_is_nothing(self):
        with capture(None) as captured:
            pass
        assert captured == []


@pytest.mark.parametrize('attack', ['PGD', 'APGD', 'SegPGD', 'CosPGD', 'CW',
                                    'FGSM', 'DeepFool', 'PAdam'])
def test_one_logit_is_that_of_a_binary_model(attack):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(),
        torch.nn.Conv2d(8, 1, 3, padding=1)).eval()
    images = torch.rand(2, 3, 12, 12)
    labels = (network(images)[:, 0] > 0).long()

    def two(x):
        logit = network(x)
        return torch.cat([torch.zeros_like(logit), logit], 1)

    found = [
        ATTACKS.build(dict(type=attack, eps=.1))(
            model, images, labels, generator=torch.Generator().manual_seed(1))
        for model in (network, two)]
    assert torch.equal(*found)
    wrong = (network(found[0])[:, 0] > 0) != labels
    assert wrong.float().mean() > .05


def test_threshold_of_one_logit():
    logit = torch.linspace(-4, 4, 9).view(1, 1, 3, 3)
    two = two_logits(logit, .7)
    assert torch.equal(two.argmax(1), (logit.sigmoid() > .7)[:, 0].long())
    assert two_logits('x') == 'x' and two_logits(two) is two


class TestFloat16:
    """Large logits in float16 leave most pixels without a gradient."""

    def attack(self, scale, dtype):
        net = ToySegmentor()

        def model(images):
            logits = net(images).logits
            return (logits / logits.abs().max().detach() * scale).to(dtype)

        images = torch.rand(1, 3, 8, 10)
        with torch.no_grad():
            labels = torch.zeros(1, *net(images).logits.shape[2:]).long()
        PGD(steps=1)(model, images, labels)

    def test_they_are_named(self):
        with pytest.warns(RuntimeWarning, match='PGD is weaker here than it '
                          'seems.*above 1024 in float16.*full precision'):
            self.attack(2000, torch.float16)

    @pytest.mark.parametrize('scale, dtype', [
        (500, torch.float16), (2000, torch.bfloat16), (2000, torch.float32)])
    def test_others_pass(self, scale, dtype):
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            self.attack(scale, dtype)
