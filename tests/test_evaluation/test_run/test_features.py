"""Attacks that read features of a network which gives none."""
import pytest
from torch import nn
from toy_networks import CLASSES, ToyNetwork, toy_data

from mmseg_rppgd.evaluation import TestedModel, evaluate


class Bare(nn.Module):
    """Only the logits; counts how often it is asked."""

    def __init__(self):
        super().__init__()
        self.net = ToyNetwork()
        self.asked = 0

    def forward(self, images):
        self.asked += 1
        return self.net(images)


@pytest.mark.parametrize('attack', [
    'RPPGD', dict(type='EnsembleAttack', attacks=[dict(type='RPPGD')])])
def test_they_are_refused_before_any_work(tmp_path, capsys, attack):
    network = Bare()
    with pytest.raises(ValueError, match='needs features.*feature_layer'):
        evaluate(TestedModel(network, CLASSES), toy_data(5),
                 attacks=['PGD', attack], out_dir=str(tmp_path / 'out'))
    assert network.asked <= 2  # not on all images, nor by the first row
    assert not (tmp_path / 'out').exists()
    assert 'Plan' not in capsys.readouterr().out


@pytest.mark.parametrize('attack', ['PGD', 'RPPGD(beta=1, steps=2)'])
def test_others_need_none(attack):
    results = evaluate(TestedModel(Bare(), CLASSES), toy_data(2),
                       attacks=[attack], steps=[2], probes=0,
                       quiet=True)
    assert len(results['attacks']) == 1
