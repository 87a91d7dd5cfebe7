"""How an attack is written: repr()."""
import copy
import inspect
import pickle
import re

import pytest
import torch
from torch import nn

from mmseg_rppgd.attacks import (BIM, PGD, RPPGD, EnsembleAttack,
                                 GradientAttack, PAdam, PixelObjective)
from mmseg_rppgd.hooks import AttackHook, RobustValHook, RPPGDHook
from mmseg_rppgd.registry import ATTACKS

ATTACKS.import_from_location()
MEMBERS = [dict(type='PGD', steps=2), PGD(steps=3)]


@pytest.mark.parametrize('name', sorted(ATTACKS.module_dict))
def test_every_attack_can_be_typed_again(name):
    own = dict(attacks=MEMBERS) if name == 'EnsembleAttack' else {}
    attack = ATTACKS.build(dict(own, type=name))
    text = repr(attack)
    again = eval(text, dict(ATTACKS.module_dict))
    assert repr(again) == text and type(again) is type(attack)
    assert re.findall(r'(\w+)=', re.sub(r'\[.*\]', '', text)) == list(
        attack.arguments())


@pytest.mark.parametrize('attack, text', [
    (PGD(), 'PGD(eps=0.03, alpha=0.01, steps=10, random_start=True, '
     "norm='linf', ignore_index=None, restarts=1, targeted=False, "
     "keep='last')"),
    (PGD('8/255', alpha='1/4', steps=3), "PGD(eps='8/255', alpha=0.25, st"),
    (BIM(2, norm='l2'), 'BIM(eps=2, random_start=False, alpha=0.5, steps'),
    (BIM(norm='l2'), 'BIM(eps=None, random_start=False, alpha=None, steps'),
    (RPPGD(beta=1, regions='TB'), 'RPPGD(eps=0.03, beta=1, region_weights='
     "'linear', regions='TB', region_norm='image', pixel_weights=None"),
    (RPPGD(region_weights=(1, 2, 3)), 'region_weights=(1, 2, 3)'),
    (EnsembleAttack(MEMBERS), "(attacks=[{'type': 'PGD', 'steps': 2}, PGD(ep"),
    (PAdam(lr='1/255'), "lr='1/255'"),
])
def test_parameters_with_their_values(attack, text):
    assert text in repr(attack)


def test_a_function_is_its_import_path():
    attack = PAdam(
        pixel_loss='mmseg_rppgd.attacks.pixel_losses.cross_entropy')
    from mmseg_rppgd.attacks.pixel_losses import cross_entropy
    assert repr(PAdam(pixel_loss=cross_entropy)) == repr(attack)


def test_what_has_no_path_has_no_address_either():
    first, second = (repr(attack()) for attack in (
        lambda: RPPGD(region_weights=lambda step, steps: (1, 1, 1)),
        lambda: GradientAttack(0.1, objective=PixelObjective('js'))))
    assert '<lambda>' in first and 'PixelObjective' in second
    assert '0x' not in first + second


@pytest.mark.parametrize('value, text', [
    (torch.zeros(100, 100), 'w=<Tensor>,'),
    (nn.Sequential(nn.ReLU()), 'w=<Sequential>,'),
    (torch.zeros(2), 'w=tensor([0., 0.]),')])
def test_what_takes_many_lines_is_its_type(value, text):

    class Weighted(PGD):

        def __init__(self, *, w, **kwargs):
            super().__init__(**kwargs)

    assert text in repr(Weighted(w=value))


def test_an_attack_of_ones_own():

    class Own(GradientAttack):

        def __init__(self, eps=None, *, power=2., **kwargs):
            self.seen = power
            super().__init__(eps, objective=PixelObjective('js'), **kwargs)

    assert repr(Own(0.1, power=3, steps=4)) == (
        'Own(eps=0.1, power=3, alpha=0.01, steps=4, random_start=True, '
        "norm='linf', ignore_index=None, restarts=1, targeted=False, "
        "keep='last')")


def test_a_constructor_of_another_base():

    class Stronger:

        def __init__(self, *, strength=1., **kwargs):
            self.factor = strength
            super().__init__(**kwargs)

    class Own(Stronger, PGD):
        pass

    assert repr(Own(strength=5., steps=4)).startswith(
        'Own(strength=5.0, eps=0.03, alpha=0.01, steps=4, ')


def test_what_was_changed_later_is_told():
    attack = copy.copy(PGD(steps=3))
    attack.steps = 7
    assert 'steps=7' in repr(attack)


def test_copies_are_written_alike():
    attack = RPPGD(0.02, steps=3)
    for other in (copy.deepcopy(attack), pickle.loads(pickle.dumps(attack))):
        assert repr(other) == repr(attack)


def test_signatures_are_those_that_were_typed():
    signature = inspect.signature(RPPGD)
    assert list(signature.parameters) == [
        'eps', 'beta', 'region_weights', 'regions', 'region_norm',
        'pixel_weights', 'prototype_regions', 'feature_layer', 'init_state',
        'kwargs']
    assert signature.parameters['beta'].default == 0.75
    assert list(inspect.signature(PGD).parameters) == ['eps', 'kwargs']


def test_a_wrong_call_says_so_itself():
    with pytest.raises(TypeError, match='takes from 1 to 2 positional'):
        PGD(0.03, 0.01)
    with pytest.raises(TypeError, match='PGD has no argument .stepz.'):
        PGD(stepz=3)


@pytest.mark.parametrize('hook, text', [
    (RPPGDHook(steps=3), 'RPPGDHook(eps=0.03, beta=0.75, '),
    (RPPGDHook(adv_ratio=1), "stages=['train'], adv_ratio=1, pixel_range=No"),
    (AttackHook(PGD(), 'test'), "keep='last'), stages=['test'], adv_ratio=0"),
    (AttackHook(PGD(), 'test'), 'AttackHook(attack=PGD(eps=0.03, alpha='),
    (RobustValHook(PGD()), 'RobustValHook(attack=PGD(eps=0.03, alpha='),
    (RobustValHook(PGD()), 'num_images=50, interval=1, pixel_range=None)'),
])
def test_hooks(hook, text):
    assert text in repr(hook)
