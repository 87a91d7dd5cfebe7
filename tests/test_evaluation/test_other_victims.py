"""Networks of other packages, through the adapters that the docs show."""
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toy_networks import CLASSES, ToyNetwork, toy_data

from mmseg_rppgd.attacks import RPPGD
from mmseg_rppgd.evaluation import TestedModel, evaluate

PAGE = Path(__file__).parents[2] / 'docs' / 'other_victims.md'
SIZE = (32, 48)


@pytest.fixture(scope='module')
def shown():
    """What the page defines."""
    blocks = re.findall(r'```python\n(.*?)```', PAGE.read_text(), re.S)
    block, = [b for b in blocks if 'class HuggingFace' in b]
    names = {}
    exec(block, names)
    return SimpleNamespace(**names)


class Layers(nn.Sequential):
    """A backbone whose features are in a dict, as torchvision's are."""

    def forward(self, images):
        return {'out': super().forward(images)}


class TorchvisionLike(nn.Module):
    """A backbone of strides, a head of layers, and a dict at full size."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = Layers(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8),
            nn.ReLU())
        self.classifier = nn.Sequential(
            nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Dropout(0.1), nn.Conv2d(8, 4, 1, bias=False))
        for layer in (self.classifier[0], self.classifier[4]):
            nn.init.orthogonal_(layer.weight)  # so that classes differ

    def forward(self, images):
        logits = self.classifier(self.backbone(images)['out'])
        return {'out': F.interpolate(logits, images.shape[-2:],
                                     mode='bilinear')}


def segformer():
    """A SegFormer of Hugging Face, of random weights."""
    transformers = pytest.importorskip(
        'transformers', reason='pip install transformers')
    torch.manual_seed(0)
    return transformers.SegformerForSemanticSegmentation(
        transformers.SegformerConfig(
            num_labels=4, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1],
            num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=8))


VICTIMS = {
    'Torchvision': (TorchvisionLike, 'net.classifier.3'),
    'HuggingFace': (segformer, 'net.decode_head.batch_norm'),
    'Adapter': (ToyNetwork, 'net.features'),
}


@pytest.fixture(params=VICTIMS)
def victim(request, shown):
    make, layer = VICTIMS[request.param]
    return getattr(shown, request.param)(make()).eval(), layer


def test_every_victim_gets_a_whole_report(victim, tmp_path):
    network, layer = victim
    model = TestedModel(network, CLASSES, feature_layer=layer)
    data = toy_data(2, SIZE, network=network)
    results = evaluate(model, data, attacks=['PGD', 'RPPGD'], steps=[3],
                       eps=['16/255'], out_dir=str(tmp_path), quiet=True,
                       batch_size=2)
    for attack in results['attacks']:
        assert attack['aAcc'] < results['clean']['aAcc']
        assert attack['max_norm'] <= 16 / 255 + 1e-6
    assert (tmp_path / 'report.html').exists()


def test_the_attack_knows_the_normalisation(victim):
    network, layer = victim
    (image, labels), = toy_data(1, SIZE, network=network)
    attack = RPPGD(steps=3, random_start=False, feature_layer=layer)
    images = attack(network, image[None], labels[None])
    assert (images - image).abs().max() <= 0.03 + 1e-6
    before, after = (F.cross_entropy(network(x), labels[None],
                                     ignore_index=255)
                     for x in (image[None], images))
    assert after > before


def test_layer_that_gives_a_dict_is_refused_by_name(shown):
    network = shown.Torchvision(TorchvisionLike()).eval()
    (image, labels), = toy_data(1, SIZE, network=network)
    attack = RPPGD(steps=1, feature_layer='net.backbone')
    with pytest.raises(ValueError, match="'net.backbone' must give a feature "
                       'map.*but it gave a dict'):
        attack(network, image[None], labels[None])
