"""Networks and data of plain torch, small enough for unit tests."""
import torch
from torch import nn

from mmseg_rppgd.evaluation import TestedModel

CLASSES = ['a', 'b', 'c', 'd']


class ToyNetwork(nn.Module):
    """Two convolutions, whose classes depend on what is around a pixel."""

    def __init__(self, classes=4, width=6, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.Tanh())
        self.classifier = nn.Conv2d(width, classes, 3, padding=1)

    def forward(self, images):
        return self.classifier(self.features(images - 0.5)) * 8


class Failing(ToyNetwork):
    """Stops after a number of calls, like a process that is killed."""
    calls = 10**9

    def forward(self, images):
        self.calls -= 1
        if self.calls < 0:
            raise KeyboardInterrupt
        return super().forward(images)


def toy_data(images=5, size=(10, 12), dtype=torch.float32, network=None,
             sizes=()):
    """Pairs (image, labels): what a network predicts, a fifth of it wrong."""
    generator = torch.Generator().manual_seed(7)
    network = network or ToyNetwork().to(dtype)
    pairs = []
    for i in range(images):
        shape = (list(sizes) * images)[i] if sizes else size
        image = torch.rand(3, *shape, generator=generator, dtype=dtype)
        with torch.no_grad():
            labels = network(image[None])[0].argmax(0)
        wrong = torch.rand(shape, generator=generator) < 0.2
        labels = torch.where(wrong, (labels + 1) % 4, labels)
        labels[0] = 255
        pairs.append((image, labels))
    return pairs


def toy_model(dtype=torch.float32, **kwargs):
    """A network under test."""
    return TestedModel(ToyNetwork().to(dtype).eval(), CLASSES, **kwargs)
