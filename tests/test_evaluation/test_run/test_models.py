"""A network under test: samples, attacks, predictions."""
import re
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from toy_networks import CLASSES, ToyNetwork, toy_data, toy_model

from mmseg_rppgd.attacks import PGD, RPPGD, SegOutput
from mmseg_rppgd.evaluation import TestedModel
from mmseg_rppgd.evaluation.run.models import Sample


def samples(model, data):
    return list(model.samples(data, range(len(data))))


def test_samples_are_those_asked_for_in_their_order():
    data = toy_data(4)
    found = list(toy_model().samples(data, [3, 1]))
    assert [s.index for s in found] == [3, 1]
    assert torch.equal(found[0].image, data[3][0])
    assert torch.equal(found[1].labels, data[1][1])


def test_labels_may_have_a_channel_and_any_whole_type():
    image, labels = toy_data(1)[0]
    sample, = samples(toy_model(), [(image, labels[None].to(torch.int16))])
    assert torch.equal(sample.labels, labels)


def test_the_digest_is_that_of_image_and_labels():
    (image, labels), = toy_data(1)
    dark, other = image.clone(), labels.clone()
    dark[0, 0, 0] = 0
    other[3, 3] = 255
    given = [(image, labels), (image.clone(), labels.clone()),
             (dark, labels), (image, other), (image.double(), labels),
             (image[:, :6], labels[:6])]
    first, same, *different = [
        s.digest for pair in given for s in samples(toy_model(), [pair])]
    assert first == same
    assert len({first, *different}) == 5


def test_the_digest_is_that_of_what_the_loader_gave():
    image = torch.rand(3, 4, 4)
    labels = torch.zeros(4, 4, dtype=torch.int64)
    raw = (image * 255).byte()
    first, second = (
        Sample(0, x, labels, 'a.png', dict(inputs=[raw], data_samples=[]))
        for x in (image, image + 1e-7))
    assert first.digest == second.digest


def test_attacks_are_those_of_a_direct_call():
    model, data = toy_model(), toy_data(2)
    attack = PGD(steps=3)

    def generators():
        return [torch.Generator().manual_seed(i) for i in range(2)]

    found = model.attack(attack, samples(model, data), generators())
    for (image, labels), generator, attacked in zip(data, generators(),
                                                    found):
        expected = attack(model.network, image[None], labels[None],
                          generator=generator)
        assert torch.allclose(attacked.image, expected[0], atol=1e-6)


def test_features_come_from_the_layer():
    model = TestedModel(ToyNetwork().eval(), CLASSES,
                        feature_layer='features')
    found, = model.attack(RPPGD(steps=2), samples(model, toy_data(1)),
                          [torch.Generator()])
    assert found.image.shape == (3, 10, 12)
    with pytest.raises(ValueError, match="feature_layer 'neck' is no module"):
        TestedModel(ToyNetwork(), CLASSES, feature_layer='neck')


def test_own_void_label_is_neither_attacked_nor_counted():
    data = [(image, torch.where(labels == 255, 99, labels))
            for image, labels in toy_data(1)]
    model = toy_model(ignore_index=99)
    found, = model.attack(PGD(steps=2), samples(model, data),
                          [torch.Generator()])
    plain, = toy_model().attack(PGD(steps=2), samples(toy_model(),
                                                      toy_data(1)),
                                [torch.Generator()])
    assert torch.equal(found.image, plain.image)


def test_a_seg_output_is_predicted_by_its_logits():
    network = ToyNetwork().eval()
    model = TestedModel(lambda x: SegOutput(network(x)), CLASSES)
    sample, = samples(model, toy_data(1))
    assert torch.equal(model.predict([sample])[0],
                       network(sample.image[None])[0].argmax(0))


def one_logit():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(),
                         nn.Conv2d(8, 1, 3, padding=1)).eval()


def test_one_logit_tells_two_classes():
    network = one_logit()
    model = TestedModel(network, ['no', 'yes'])
    image = torch.rand(3, 9, 9)
    yes = network(image[None])[0, 0] > 0
    sample, = samples(model, [(image, yes.long())])
    assert torch.equal(model.predict([sample])[0] == 1, yes)
    found, = model.attack(PGD(steps=3), [sample], [torch.Generator()])
    wrong = (network(found.image[None])[0, 0] > 0) != yes
    assert wrong.any()
    with pytest.raises(ValueError, match=r'the 1 classes.*\(1, 2, 9, 9\)'):
        TestedModel(network, ['yes']).predict([sample])


def test_an_attack_on_other_pixels_is_refused():
    model = toy_model()
    with pytest.raises(ValueError, match='PGD has ignore_index=0'):
        model.attack(PGD(ignore_index=0), samples(model, toy_data(1)),
                     [torch.Generator()])


@pytest.mark.parametrize('network, classes, error', [
    (3, CLASSES, 'callable'),
    (ToyNetwork(), 'abcd', 'classes must be a list of names'),
    (ToyNetwork(), [], 'classes must be a list of names'),
    (ToyNetwork(), [1, 2], 'classes must be a list of names'),
    (ToyNetwork(), ['a', 'a'], "'a' occurs twice"),
])
def test_bad_arguments_are_named(network, classes, error):
    with pytest.raises((TypeError, ValueError), match=error):
        TestedModel(network, classes)


def test_a_raw_segmentor_is_sent_to_its_own_way():
    from tiny_segmentors import tiny_segmentor
    with pytest.raises(TypeError, match='segmentor of MMSeg'):
        TestedModel(tiny_segmentor(), CLASSES)


@pytest.mark.parametrize('network', [
    nn.Conv2d(3, 7, 1), nn.Conv2d(3, 4, 2), lambda x: {'out': x},
    lambda x: x.repeat(1, 2, 1, 1)[:, :4].numpy()])
def test_logits_that_do_not_fit_are_refused(network):
    model = TestedModel(network, CLASSES)
    with pytest.raises(ValueError, match=r'logits \(B, C, H, W\).*4 classes'):
        model.predict(samples(model, toy_data(1)))


@pytest.mark.parametrize('network, advice', [
    (lambda x: {'out': x.repeat(1, 2, 1, 1)[:, :4]},
     "a dict of out .*lambda images: network(images)['out']"),
    (lambda x: x.repeat(1, 2, 1, 1)[:, :4, ::2, ::2],
     'F.interpolate(network(images), size=images.shape[-2:], '),
    (nn.Conv2d(3, 7, 1), 'name its 7 classes in classes=[...]')])
def test_what_to_do_about_logits_that_do_not_fit_is_told(network, advice):
    model = TestedModel(network, CLASSES)
    pattern = '.*'.join(map(re.escape, advice.split('.*')))
    with pytest.raises(ValueError, match=pattern):
        model.predict(samples(model, toy_data(1)))


def test_logits_on_another_device_are_refused():
    model = TestedModel(
        lambda x: x.repeat(1, 2, 1, 1)[:, :4].to('meta'), CLASSES)
    with pytest.raises(ValueError, match='images, cpu, but gives them on met'):
        model.predict(samples(model, toy_data(1)))


class TestFunctions:
    """A network inside a function is tested like one that is given."""

    @pytest.fixture
    def network(self):
        network = ToyNetwork()
        network.features.append(nn.BatchNorm2d(6))
        return network.train()

    def test_it_predicts_as_after_training(self, network):
        sample, = samples(toy_model(), toy_data(1))
        model = TestedModel(lambda images: network(images), CLASSES)
        with model.evaluating():
            found = model.predict([sample])[0]
        assert network.training and network.features[-1].training
        assert network.features[-1].num_batches_tracked == 0
        expected = network.eval()(sample.image[None])[0].argmax(0)
        assert torch.equal(found, expected)
        assert torch.equal(network.features[-1].running_mean, torch.zeros(6))

    def test_its_weights_are_in_the_settings(self, network):
        inside = TestedModel(lambda images: network(images), CLASSES)
        before = inside.settings['weights']
        assert before == TestedModel(network, CLASSES).settings['weights']
        with torch.no_grad():
            network.classifier.bias += 1
        assert inside.settings['weights'] != before

    def test_one_that_cannot_be_found_is_named(self, network, monkeypatch):
        monkeypatch.setitem(sys.modules, 'project_of_a_user',
                            SimpleNamespace(net=network))

        def function(images):
            import project_of_a_user
            return project_of_a_user.net(images)

        sample, = samples(toy_model(), toy_data(1))
        model = TestedModel(function, CLASSES)
        with pytest.warns(RuntimeWarning, match='TestedModel: the model is a '
                          'function that runs a ToyNetwork in training mode'):
            model.predict([sample])


def test_settings_know_the_weights():
    first, second = (TestedModel(ToyNetwork(seed=i), CLASSES).settings
                     for i in (0, 1))
    assert first['weights'] != second['weights']
    assert first == toy_model().settings
