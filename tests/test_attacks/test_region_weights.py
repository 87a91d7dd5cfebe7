"""Weights of the regions of RP-PGD that are a function, or its path."""
import sys

import pytest
import torch

from mmseg_rppgd.attacks import RPPGD

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
    ('falling', "region_weights must be 'linear'.*'my_module.weights'"),
    ('lambda step, steps: (1, 1, 1)', "region_weights must be 'linear'"),
    ('own_weights.', "region_weights must be 'linear'"),
    ('Linear', "region_weights must be 'linear'"),
])
def test_what_cannot_be_weights_is_told_why(path, message, own_module):
    with pytest.raises(ValueError, match=message):
        RPPGD(region_weights=path)


@pytest.mark.parametrize('weights', [lambda step: (1, 1, 1),
                                     lambda: (1, 1, 1)])
def test_a_function_of_other_arguments_is_refused(weights):
    with pytest.raises(ValueError, match=r'callable\(step, steps\) with two '
                       'arguments by position'):
        RPPGD(region_weights=weights)
