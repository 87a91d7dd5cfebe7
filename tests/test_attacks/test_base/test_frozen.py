"""A network comes back as it was."""
import gc
import sys
import threading

import pytest
import torch
from torch import nn
from toy_models import ToySegmentor

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.attacks.base import frozen

# The function has the name of its module.
frozen_module = sys.modules['mmseg_rppgd.attacks.base.frozen']


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


class TestThreads:

    def attack(self, models, images, labels):
        """Attack each model in a thread of its own, all at once."""
        ready = threading.Barrier(len(models))
        found = [None] * len(models)

        def work(i):
            ready.wait()
            found[i] = PGD(steps=10)(
                models[i], images, labels,
                generator=torch.Generator().manual_seed(1))

        threads = [threading.Thread(target=work, args=(i, ))
                   for i in range(len(models))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    @pytest.mark.parametrize('wrap', [
        lambda model: model, lambda model: nn.Sequential(model)],
        ids=['one network', 'networks that share it'])
    def test_attacks_on_one_network_wait_for_each_other(self, images, labels,
                                                        wrap):
        model = ToySegmentor().double().train()
        alone, = self.attack([model], images, labels)
        for _ in range(5):
            found = self.attack([model, wrap(model), wrap(model)], images,
                                labels)
            assert all(torch.equal(x, alone) for x in found)
            assert all(m.training for m in model.modules())
            assert all(p.requires_grad for p in model.parameters())

    def test_networks_apart_do_not_wait(self):
        inside = threading.Barrier(2, timeout=20)

        def work(network):
            with frozen([network]):
                inside.wait()

        threads = [threading.Thread(target=work, args=(nn.Linear(1, 1), ))
                   for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not inside.broken

    def test_no_two_threads_wait_for_each_other_for_ever(self):
        networks = [nn.Linear(1, 1), nn.Linear(1, 1)]

        def work(order):
            for _ in range(200):
                with frozen(order):
                    pass

        threads = [threading.Thread(target=work, args=(order, ), daemon=True)
                   for order in (networks, networks[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()

    def test_a_thread_may_attack_inside_an_attack(self, images, labels):
        model = ToySegmentor().double().train()
        inner = []
        PGD(steps=1)(model, images, labels, callback=lambda step, x: (
            inner.append(PGD(steps=1)(model, images, labels))))
        assert len(inner) == 1 and model.training

    def test_an_error_gives_the_network_free(self):
        network = nn.Linear(1, 1)
        with pytest.raises(ZeroDivisionError):
            with frozen([network]):
                raise ZeroDivisionError
        thread = threading.Thread(target=lambda: frozen([network]).__enter__(),
                                  daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()

    def test_locks_go_with_their_modules(self):
        network = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
        before = len(frozen_module._locks)
        with frozen([network]):
            assert len(frozen_module._locks) == before + 3
        del network
        gc.collect()
        assert len(frozen_module._locks) <= before
