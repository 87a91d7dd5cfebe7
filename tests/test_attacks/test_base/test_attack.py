import pytest
import torch
from toy_models import FAST

from mmseg_rppgd.attacks import APGD, BIM, FGSM, PGD, GradientAttack, PAdam
from mmseg_rppgd.registry import ATTACKS


def test_every_attack_is_under_the_tests_of_the_guarantees():
    ATTACKS.import_from_location()
    assert set(FAST) == set(ATTACKS.module_dict)


@pytest.mark.parametrize('kwargs, error, message', [
    (dict(eps=8), ValueError, 'eps must be in .* not 0-255.*got 8'),
    (dict(alpha=2), ValueError, 'alpha must be in .* not 0-255.*got 2'),
    (dict(eps='8/x'), ValueError, "eps must be a number or a fraction"),
    (dict(steps=0), ValueError, 'steps must be >= 1, but got 0'),
    (dict(steps=2.5), TypeError, 'steps must be an int'),
    (dict(steps=True), TypeError, 'steps must be an int'),
    (dict(restarts=0), ValueError, 'restarts must be >= 1'),
    (dict(keep='first'), ValueError, "keep must be 'last' or 'best'"),
    (dict(norm=2), ValueError, 'norm must be one of'),
    (dict(ignore_index=None, random_start=1), TypeError,
     'random_start must be a bool'),
    (dict(ignore_index='255'), TypeError, 'ignore_index must be an int'),
    (dict(targeted='yes'), TypeError, 'targeted must be a bool'),
    (dict(epsilon=.1), TypeError,
     "PGD has no argument 'epsilon'; it takes alpha, eps, .*steps"),
])
def test_bad_settings_name_rule_and_value(kwargs, error, message):
    with pytest.raises(error, match=message):
        PGD(**kwargs)


def test_type_of_an_attack_must_be_a_name():
    with pytest.raises(TypeError, match='type of an attack must be a name.*'
                       'got None'):
        ATTACKS.build(dict(type=None))


def test_unknown_attack_lists_the_known_ones():
    with pytest.raises(KeyError, match="unknown attack 'RPGD'.*did you mean "
                       'RPPGD.*known attacks: .*FGSM'):
        ATTACKS.build(dict(type='RPGD'))


def test_registry_takes_scoped_names_and_classes():
    assert ATTACKS.build(dict(type='mmseg_rppgd.PGD', eps=.1)).eps == .1
    assert ATTACKS.build(dict(type=PGD, eps=.1)).eps == .1
    with pytest.raises(TypeError, match='attack must be a dict with a type'):
        ATTACKS.build('PGD')


def test_callback_runs_without_gradients(model, images, labels):
    seen = []
    PGD(steps=1)(
        model, images, labels,
        callback=lambda *args: seen.append(torch.is_grad_enabled()))
    assert seen == [False]


def test_callback_may_write_to_what_it_is_given(model, images, labels):
    expected = PGD(random_start=False)(model, images, labels)
    adv_images = PGD(random_start=False)(
        model, images, labels, callback=lambda step, x: x.mul_(255))
    assert torch.equal(adv_images, expected)


def test_arguments_are_those_that_a_class_takes_and_passes_on():
    assert PGD.arguments() == dict(
        eps=None, alpha=None, steps=10, random_start=True, norm='linf',
        ignore_index=None, restarts=1, targeted=False, keep='last')
    assert FGSM.arguments()['steps'] == 1
    assert BIM.arguments()['random_start'] is False
    assert 'alpha' not in PAdam.arguments()  # which passes lr on


def test_parts_are_arguments_of_who_composes_an_attack_alone():
    assert {'objective', 'update', 'view'} <= set(GradientAttack.arguments())
    assert not {'objective', 'update', 'view'} & set(PGD.arguments())
    assert 'objective' in APGD.arguments()  # of its own


@pytest.mark.parametrize('name', FAST)
def test_every_argument_can_be_given(name):
    kind = ATTACKS.module_dict[name]
    arguments = {k: v for k, v in kind.arguments().items()
                 if k not in FAST[name]}
    kind(**arguments, **FAST[name])
