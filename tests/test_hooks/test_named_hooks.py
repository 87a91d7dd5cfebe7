"""A hook for every attack, by one mechanism."""
import pickle

import pytest
from mmengine.registry import HOOKS, MODELS

import mmseg_rppgd.hooks
from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.hooks import AttackHook
from mmseg_rppgd.registry import ATTACKS
from mmseg_rppgd.registry import HOOKS as OWN_HOOKS


@pytest.mark.parametrize('name', sorted(ATTACKS.module_dict))
def test_every_attack_has_its_hook(name):
    cls = HOOKS.get(f'mmseg_rppgd.{name}Hook')
    assert issubclass(cls, AttackHook)
    assert getattr(mmseg_rppgd.hooks, f'{name}Hook') is cls


def test_it_takes_the_arguments_of_the_attack():
    hook = HOOKS.build(dict(
        type='mmseg_rppgd.RPPGDHook', steps=7, eps='8/255', stages='test',
        adv_ratio=1))
    assert hook.attack.name == 'RPPGD' and hook.attack.steps == 7
    assert hook.stages == ['test'] and hook.adv_ratio == 1


def test_attacks_registered_later_get_one_too():
    ATTACKS.register_module(name='LaterPGD', module=type(
        'LaterPGD', (PGD, ), {}))
    try:
        hook = HOOKS.build(dict(type='mmseg_rppgd.LaterPGDHook', steps=2))
        assert hook.attack.name == 'LaterPGD'
    finally:
        ATTACKS.module_dict.pop('LaterPGD')
        mmseg_rppgd.hooks.named_hooks.HOOKS.module_dict.pop('LaterPGDHook')


def test_a_typo_lists_the_known_ones():
    with pytest.raises(KeyError, match='unknown hook mmseg_rppgd.RPGDHook '
                       r'\(did you mean RPPGDHook.*known hooks: .*PGDHook'):
        HOOKS.build(dict(type='mmseg_rppgd.RPGDHook', steps=3))
    with pytest.raises(KeyError, match='unknown model .*did you mean '
                       'AdversarialSegmentor'):
        MODELS.build(dict(type='mmseg_rppgd.AdversarialSegmentr'))
    assert 'RPGDHook' not in OWN_HOOKS and 'RPPGDHook' in OWN_HOOKS


def test_it_can_be_pickled():
    hook = pickle.loads(pickle.dumps(mmseg_rppgd.hooks.PGDHook(steps=4)))
    assert hook.attack.steps == 4


def test_unknown_name():
    with pytest.raises(AttributeError, match='NoSuchHook'):
        mmseg_rppgd.hooks.NoSuchHook


def test_wrong_argument_names_the_attack():
    with pytest.raises(TypeError, match='stepz'):
        mmseg_rppgd.hooks.PGDHook(stepz=3)
