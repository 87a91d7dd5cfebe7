"""A network of one logit in every suite, as sigmoid models are trained."""
import pytest
import torch
from torch import nn

from mmseg_rppgd.evaluation import TestedModel, evaluate, known_suites

# Those with the same members and more steps.
LONG = ('reliable', 'reliable-full')


class Sigmoid(nn.Module):
    """Foreground where the image is bright, in one logit."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Conv2d(3, 4, 3, padding=1)
        self.classifier = nn.Conv2d(4, 1, 1)

    def forward(self, images):
        grey = images.mean(1, keepdim=True) - 0.5
        return 8 * grey + self.classifier(self.features(images - 0.5).tanh())


@pytest.mark.parametrize('suite', [
    name for name in known_suites() if name not in LONG])
def test_one_logit_runs_through_every_suite(suite):
    network = Sigmoid().eval()
    image = 0.5 + 0.04 * (torch.rand(3, 6, 7) - 0.5)
    with torch.no_grad():
        labels = (network(image[None])[0, 0] > 0).long()
    model = TestedModel(network, ['background', 'foreground'],
                        feature_layer='features')
    results = evaluate(model, [(image, labels)], suite, probes=0, quiet=True)
    assert results['clean']['aAcc'] == 100
    if results['attacks']:
        assert results['worst_case']['aAcc'] < 50
