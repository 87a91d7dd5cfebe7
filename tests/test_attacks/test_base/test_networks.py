"""A network inside a function is looked after like one that is given."""
import functools
import sys
import types
import warnings

import pytest
import torch
from torch import nn

from mmseg_rppgd.attacks import PGD, EnsembleAttack
from mmseg_rppgd.attacks.base.networks import networks_in


class Normalised(nn.Module):
    """(x - 0.5) / 2 by statistics that a training step would change."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3, eps=1e-12)
        self.norm.running_mean.fill_(0.5)
        self.norm.running_var.fill_(4)
        self.seen = []
        self.train()

    def forward(self, images):
        logits = self.norm(images)
        self.seen.append(logits.detach())
        return logits


class Holder:
    """Something of a user's that has the network."""

    def __init__(self, network):
        self.parts = {'network': [network]}

    def __call__(self, images):
        return self.predict(images)

    def predict(self, images):
        return self.parts['network'][0](images)


class Shared:
    """Has the network as a part of the class."""

    @staticmethod
    def run(network, images):
        return network(images)

    def __init__(self, network):
        type(self).network = network

    @property
    def found(self):
        return self.network

    def __call__(self, images):
        return self.run(self.found, images)


class Hidden(nn.Module):
    """Keeps the network out of its parameters, as some adapters do."""

    def __init__(self, network):
        super().__init__()
        self.nets = [network]

    def forward(self, images):
        return self.nets[0](images)


def wrapped(network):

    @functools.wraps(network.forward)
    def call(*args):
        return network(*args)

    return call


def through_another_function(network):
    def inner(images):
        return network(images)

    return lambda images: inner(images)


def in_a_comprehension(network):
    return lambda images: [sum(net(images) for net in [network])][0]


def with_globals(source, **names):
    """A function of its own global names."""
    exec(source, names)
    return names['model']


def a_global(network):
    return with_globals('def model(x): return net(x)', net=network)


def a_global_of_a_global_function(network):
    return with_globals('def other(x): return net(x)\n'
                        'def model(x): return other(x)', net=network)


def an_attribute_of_a_global(network):
    inner = types.SimpleNamespace(net=network)
    return with_globals('def model(x): return project.inner.net(x)',
                        project=types.SimpleNamespace(inner=inner))


def a_name_in_a_module(network):
    module = types.ModuleType('project')
    module.net = network
    return with_globals('def model(x): return project.net(x)',
                        project=module)


WRAPPED = {
    'lambda': lambda net: lambda x: net(x),
    'default': lambda net: lambda x, model=net: model(x),
    'keyword': lambda net: lambda x, *, model=net: model(x),
    'partial': lambda net: functools.partial(
        lambda model, x, **kwargs: kwargs['other'](x), None, other=net),
    'bound method': lambda net: net.forward,
    'method of a holder': lambda net: Holder(net).predict,
    'callable object': Holder,
    'part of a class': Shared,
    'hidden in a module': Hidden,
    'cached': lambda net: functools.lru_cache(None)(lambda x: net(x)),
    'wraps': wrapped,
    'function in a function': through_another_function,
    'comprehension': in_a_comprehension,
    'global': a_global,
    'global function': a_global_of_a_global_function,
    'attribute of a global': an_attribute_of_a_global,
    'name in a module': a_name_in_a_module,
}
ATTACKS = {
    'PGD': lambda: PGD(steps=2, random_start=False),
    'EnsembleAttack': lambda: EnsembleAttack(
        [dict(type='PGD', steps=1, random_start=False)]),
}


@pytest.fixture
def network():
    return Normalised().double()


def check_untouched(network):
    norm = network.norm
    assert network.training and norm.training
    assert torch.equal(norm.running_mean, torch.full((3, ), .5).double())
    assert torch.equal(norm.running_var, torch.full((3, ), 4.).double())
    assert norm.num_batches_tracked == 0
    assert norm.weight.requires_grad and norm.weight.grad is None


@pytest.mark.parametrize('attack', ATTACKS)
@pytest.mark.parametrize('way', WRAPPED)
def test_it_is_attacked_as_after_training(way, attack, network, images):
    model = WRAPPED[way](network)
    labels = torch.zeros(2, 8, 10, dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        ATTACKS[attack]()(model, images, labels)
    first = network.seen[0]
    assert torch.allclose(first, (images[:len(first)] - 0.5) / 2, atol=1e-10)
    check_untouched(network)


def test_one_that_cannot_be_found_is_named(network, images):
    sys.modules['project_of_a_user'] = types.SimpleNamespace(net=network)

    def model(images):
        import project_of_a_user
        return project_of_a_user.net(images)

    labels = torch.zeros(2, 8, 10, dtype=torch.int64)
    try:
        with pytest.warns(RuntimeWarning, match='PGD: the model is a function '
                          r'that runs a Normalised in training mode.*eval\('
                          ) as found:
            PGD(steps=1)(model, images, labels)
        assert 'mmseg_rppgd' in found[0].filename
        network.eval()
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            PGD(steps=1)(model, images, labels)
    finally:
        del sys.modules['project_of_a_user']


def test_layers_without_a_state_are_no_strangers(images):
    def model(images):
        return nn.Sequential(nn.Upsample(scale_factor=1), nn.Tanh())(images)

    with warnings.catch_warnings():
        warnings.simplefilter('error')
        PGD(steps=1)(model, images, torch.zeros(2, 8, 10, dtype=torch.int64))


def test_what_has_no_network_has_none():
    assert networks_in(lambda x: x + 1) == []
    assert networks_in(torch.sigmoid) == []
    assert networks_in(nn.functional.relu) == []


def test_things_that_hold_each_other_are_looked_at_once(network):
    a, b = types.SimpleNamespace(net=network), types.SimpleNamespace()
    a.b, b.a = b, a
    model = with_globals('def model(x): return b.a.b.a.net(model.a(x))', b=b)
    model.a = a
    assert networks_in(model) == [network]


def test_long_lists_of_data_are_passed_over(network):
    data = [None] * 100_000
    assert networks_in(lambda x: network(x) + data[0]) == [network]


def test_a_part_of_a_network_is_none_of_its_own(network):
    part = network.norm
    assert networks_in(lambda x: network(part(x))) == [network]


def test_functions_may_call_each_other_a_thousand_deep(network):
    model = a_global(network)
    for _ in range(2000):
        model = with_globals('def model(x): return other(x)', other=model)
    assert networks_in(model) == [network]


def test_they_are_found_in_one_order_in_every_process():
    # Names have another hash in each: no set of them may decide it.
    nets = types.SimpleNamespace(
        **{name: nn.Conv2d(3, 1, 1) for name in 'abcdefgh'})
    assert networks_in(lambda x: nets.c(x) + nets.a(x) + nets.f(x) + nets.b(x)
                       + nets.h(x) + nets.d(x)) == [
        nets.c, nets.a, nets.f, nets.b, nets.h, nets.d]


def test_a_compiled_network_is_not_watched(images):
    compiled = torch.compile(nn.Conv2d(3, 2, 1).double(), backend='eager')
    labels = torch.zeros(2, 8, 10, dtype=torch.int64)
    with warnings.catch_warnings(record=True) as told:
        PGD(steps=2)(lambda x: compiled(x), images, labels)
    assert not any('hooks' in str(warning.message) for warning in told)
