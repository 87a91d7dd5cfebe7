import torch

from mmseg_rppgd.attacks.base import AttackInputs, Candidates
from mmseg_rppgd.attacks.threat_model import ThreatModel


def test_candidate_outside_is_judged_at_its_projection():
    images = torch.full((2, 3, 1, 1), .5, dtype=torch.float64)
    labels = torch.zeros(2, 1, 1, dtype=torch.int64)
    inputs = AttackInputs(images, labels, labels == 0,
                          torch.ones(2, dtype=torch.float64), None, False)
    shown = []

    class Output:
        logits = torch.zeros(2, 2, 1, 1)

    def model(batch):
        shown.append(batch)
        return Output

    candidates = Candidates(model, inputs,
                            ThreatModel('linf', .1).around(images))
    inside = candidates.see(images + .05, torch.zeros(2, 2, 1, 1))
    assert torch.equal(inside, images + .05) and not shown
    outside = images + torch.tensor([.05, .3]).view(2, 1, 1, 1)
    allowed = candidates.see(outside, torch.zeros(2, 2, 1, 1))
    assert torch.equal(shown[0], allowed)
    assert torch.equal(allowed[0], outside[0])
    assert torch.allclose(allowed[1], images[1] + .1)
