"""Weights of the regions of RP-PGD: schedules, functions and their paths."""
import sys

import pytest
import torch

from mmseg_rppgd.attacks import RPPGD
from mmseg_rppgd.attacks.region_weights import REGION_WEIGHTS

WEIGHTS = '''
def falling(step, steps):
    return 1 / step, 0, 0
class Weights:
    def __call__(self, step, steps):
        return 1, 1, 1
instance = Weights()
def whole(step):
    return 1, 1, 1
number = 3
'''


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A package with weights in it, on the path of imports."""
    (tmp_path / 'own_weights').mkdir()
    (tmp_path / 'own_weights' / '__init__.py').write_text(WEIGHTS)
    (tmp_path / 'own_weights' / 'inner.py').write_text(WEIGHTS)
    (tmp_path / 'own_weights' / 'broken.py').write_text('1 / 0')
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [n for n in sys.modules if n.startswith('own_weights')]:
        del sys.modules[name]


@pytest.mark.parametrize('steps', [1, 3, 10])
def test_linear_weights_are_equation_4(steps):
    n, linear = steps, REGION_WEIGHTS['linear']
    assert linear(1, n) == ((2 * n - 1) / (2 * n), 0, 1 / (2 * n))
    assert linear(n, n) == (.5, (n - 1) / (2 * n), 1 / (2 * n))


@pytest.mark.parametrize('name, boundary', [
    ('linear', [0, .125, .25, .375]),
    ('constant', [.1875] * 4),
    ('square', [0, .03125, .125, .28125]),
    ('sqrt', [0, .25, .5**.5 / 2, .75**.5 / 2]),
    ('cosine', [0, (1 - .5**.5) / 4, .25, (1 + .5**.5) / 4]),
    ('swap', [.375, .25, .125, 0]),
])
def test_schedules_are_their_formulas(name, boundary):
    weights = [REGION_WEIGHTS[name](step, 4) for step in (1, 2, 3, 4)]
    assert [w[1] for w in weights] == pytest.approx(boundary)
    assert [w[2] for w in weights] == [1 / 8] * 4
    assert [sum(w) for w in weights] == pytest.approx([1] * 4)


@pytest.mark.parametrize('steps', [1, 7, 100])
def test_constant_weights_are_the_means_of_equation_4(steps):
    linear = torch.tensor([REGION_WEIGHTS['linear'](step, steps)
                           for step in range(1, steps + 1)]).double()
    constant = REGION_WEIGHTS['constant'](1, steps)
    assert constant == pytest.approx(linear.mean(0).tolist())


@pytest.mark.parametrize('name', REGION_WEIGHTS)
def test_a_schedule_by_name_is_the_function(name, model, images, labels):
    attacks = [RPPGD(steps=3, region_weights=weights)
               for weights in (name, REGION_WEIGHTS[name])]
    results = [attack(model, images, labels, generator=torch.Generator()
                      .manual_seed(1)) for attack in attacks]
    assert torch.equal(*results)


@pytest.mark.parametrize('path', ['own_weights.falling',
                                  'own_weights.inner.falling'])
def test_weights_by_import_path_are_those_of_the_function(
        path, own_module, model, images, labels):
    by_path = RPPGD(steps=3, region_weights=path)
    import own_weights
    by_hand = RPPGD(steps=3, region_weights=own_weights.falling)
    results = [attack(model, images, labels, generator=torch.Generator()
                      .manual_seed(1)) for attack in (by_path, by_hand)]
    assert torch.equal(*results)
    assert by_path.plans_ahead  # such weights may depend on steps


def test_a_callable_object_may_be_named(own_module):
    weights = RPPGD(region_weights='own_weights.instance'
                    ).objective.region_weights
    assert weights(1, 3) == (1, 1, 1)


@pytest.mark.parametrize('path, message', [
    ('no_such_weights.falling', "'no_such_weights.falling' cannot be "
     "imported: ModuleNotFoundError: No module named .*PYTHONPATH"),
    ('own_weights.rising', "cannot be imported: AttributeError: .*rising"),
    ('own_weights.broken.falling', 'cannot be imported: ZeroDivisionError'),
    ('own_weights.number', "'own_weights.number' is 3"),
    ('own_weights.whole', r'must be a callable\(step, steps\).*'
     r"'own_weights.whole': too many positional"),
    ('falling', r"must be three numbers, one of \('linear', .*'swap'\), a "
     r"callable\(step, steps\) or the import path .*but got 'falling'$"),
    ('lambda step, steps: (1, 1, 1)', 'must be three numbers, one of'),
    ('own_weights.', 'must be three numbers, one of'),
    ('Squared', r"but got 'Squared' \(did you mean square\?\)"),
])
def test_what_cannot_be_weights_is_told_why(path, message, own_module):
    with pytest.raises(ValueError, match=message):
        RPPGD(region_weights=path)


@pytest.mark.parametrize('weights', [lambda step: (1, 1, 1),
                                     lambda: (1, 1, 1)])
def test_a_function_of_other_arguments_is_refused(weights):
    with pytest.raises(ValueError, match=r'callable\(step, steps\) with 2 '
                       'arguments by position'):
        RPPGD(region_weights=weights)
