"""Small victims, and settings that make every attack short."""
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_rppgd.attacks import SegOutput
from mmseg_rppgd.attacks.adv_lib import load_adv_lib

NUM_CLASSES = 4

# Every attack, with settings that keep the tests of the guarantees short.
FAST = {
    'FGSM': dict(),
    'PGD': dict(steps=3),
    'BIM': dict(steps=3),
    'SegPGD': dict(steps=3),
    'CosPGD': dict(steps=3),
    'RPPGD': dict(steps=3),
    'MIFGSM': dict(steps=3, diversity=.5),
    'APGD': dict(steps=4),
    'PAdam': dict(steps=3),
    'CW': dict(steps=3),
    'DeepFool': dict(steps=3),
    'ALMAProx': dict(steps=3),
    'DAG': dict(steps=3),
    'Square': dict(steps=8),
    'EnsembleAttack':
    dict(attacks=[dict(type='PGD', steps=2),
                  dict(type='APGD', steps=2)]),
}


class ToySegmentor(nn.Module):
    """Two convolutions, BatchNorm, dropout; logits upsampled twofold."""

    def __init__(self, num_classes=NUM_CLASSES, give_features=True):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.dropout = nn.Dropout2d(0.5)
        self.classifier = nn.Conv2d(6, num_classes, 1)
        self.give_features = give_features
        self.calls = 0
        with torch.no_grad():  # spread the predictions over the classes
            self.stem.weight.mul_(4)
            self.classifier.weight.mul_(4)
            self.classifier.bias.zero_()
            self.norm.running_mean.uniform_(-.2, .2)

    def forward(self, images):
        self.calls += 1
        features = torch.relu(self.norm(self.stem(images)))
        logits = F.interpolate(
            self.classifier(self.dropout(features)),
            size=images.shape[2:],
            mode='bilinear',
            align_corners=False)
        if not self.give_features:
            return logits
        return SegOutput(logits, features)


class LinearVictim(nn.Module):
    """Two classes; the margin of a pixel is <w, pixel> + b, w known."""

    def __init__(self):
        super().__init__()
        weight = torch.tensor([1.0, -2.0, 0.5])
        self.register_buffer('weight', weight)

    def forward(self, images):
        score = (images * self.weight.to(images).view(1, 3, 1, 1)).sum(1)
        return torch.stack([score, -score], 1)


def pixel_classifier(num_classes=4, size=1):
    """Return a smooth network from ``size`` x ``size`` pixels to one."""
    return nn.Sequential(
        nn.Conv2d(3, 8, size), nn.Tanh(),
        nn.Conv2d(8, num_classes, 1)).double().eval().requires_grad_(False)


def adv_lib(name):
    """Return a module of adv-lib, the library to compare with."""
    pytest.importorskip(
        'adv_lib', reason='pip install --no-deps adv-lib==0.2.8')
    return load_adv_lib(name)


def wrong_share(model, images, labels):
    """Return the share (B,) of the labelled pixels that are wrong."""
    model.eval()
    output = model(images)
    wrong = getattr(output, 'logits', output).argmax(1) != labels
    wrong = wrong & (labels != 255)
    return wrong.sum((1, 2)) / (labels != 255).sum((1, 2))


def clean_labels(model, images):
    """Return what the model predicts in evaluation mode."""
    return model.eval()(images).logits.argmax(1)
