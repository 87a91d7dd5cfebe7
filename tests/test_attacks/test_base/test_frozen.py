"""A network comes back as it was."""
import pytest
import torch
from torch import nn
from toy_models import ToySegmentor

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.attacks.base import frozen


def test_frozen_switches_checkpointing_off_meanwhile():
    network = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    network[0].with_cp = True
    with frozen([network]):
        assert network[0].with_cp is False
        assert not network[1].training
        assert not network[0].weight.requires_grad
    assert network[0].with_cp is True and network[1].training


def test_reentrant_checkpointing_can_be_attacked(images, labels):
    from torch.utils.checkpoint import checkpoint

    class Checkpointed(ToySegmentor):
        with_cp = True

        def forward(self, images):
            if self.with_cp and images.requires_grad:
                return checkpoint(super().forward, images, use_reentrant=True)
            return super().forward(images)

    model = Checkpointed().double()
    model.with_cp = True
    PGD(steps=2)(model, images, labels)
    assert model.with_cp is True


def test_state_that_a_forward_pass_changes_is_restored(images, labels):
    class Counts(ToySegmentor):

        def __init__(self):
            super().__init__()
            self.register_buffer('written', torch.zeros(()))
            self.register_buffer('replaced', torch.zeros(()))

        def forward(self, images):
            self.written += 1
            self.replaced = self.replaced + 1
            self.norm.train()  # statistics of the batch, whatever the mode
            return super().forward(images)

    model = Counts().double().eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    PGD(steps=2)(model, images, labels)
    assert not any(module.training for module in model.modules())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_model_made_under_inference_mode_is_refused(images, labels):
    with torch.inference_mode():
        model = ToySegmentor().double()
    with pytest.raises(ValueError, match='made under torch.inference_mode'):
        PGD()(model, images, labels)


def test_model_that_draws_numbers_depends_on_the_generator_alone(images,
                                                                 labels):
    class Draws(ToySegmentor):

        def forward(self, images):
            output = super().forward(images)
            return output._replace(
                logits=output.logits + torch.randn_like(output.logits))

    def attack(seed):
        torch.rand(seed)  # the global state is elsewhere each time
        return PGD(steps=2)(model, images, labels,
                            generator=torch.Generator().manual_seed(7))

    model = Draws().double()
    first, second = attack(1), attack(2)
    assert torch.equal(first, second)
    before = torch.get_rng_state()
    attack(0)
    assert torch.equal(torch.get_rng_state(), before)
