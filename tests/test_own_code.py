"""Attacks of one's own, from a file beside the config or in the folder."""
import sys

import pytest
from tiny_project import run_tool, tiny  # noqa: F401

from mmseg_rppgd.cli import find_own_code
from mmseg_rppgd.registry import ATTACKS, attack_class, attack_name

ATTACK = '''
from mmseg_rppgd.attacks import GradientAttack, PixelObjective


class Jensen(GradientAttack):
    """PGD on the Jensen-Shannon divergence."""

    def __init__(self, eps=None, **kwargs):
        super().__init__(eps, objective=PixelObjective('js'), **kwargs)


class PGD(Jensen):
    """Has the name of another one."""


number = 3
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Name of a module that lies in the current folder."""
    monkeypatch.setattr(sys, 'path', list(sys.path))
    monkeypatch.chdir(tmp_path)
    name = f'own_{tmp_path.name}'
    (tmp_path / f'{name}.py').write_text(ATTACK)
    yield name
    sys.modules.pop(name, None)


def test_an_attack_by_its_import_path(module):
    find_own_code('mmseg::any.py')
    cls = attack_class(f'{module}.Jensen')
    assert cls.__module__ == module
    assert attack_name(f'{module}.Jensen') == 'Jensen'
    assert ATTACKS.build(dict(type=f'{module}.Jensen', steps=2)).steps == 2


def test_a_name_that_is_taken_is_still_ones_own(module):
    find_own_code('mmseg::any.py')
    assert attack_class(f'{module}.PGD').__module__ == module
    assert attack_class('mmseg_rppgd.PGD') is attack_class('PGD')


def test_a_module_beside_the_config(module, tmp_path, monkeypatch):
    (tmp_path / 'config.py').write_text('')
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    find_own_code('../config.py')
    assert attack_class(f'{module}.Jensen')


def test_a_file_hides_no_module_of_others(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'path', list(sys.path))
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    find_own_code('mmseg::any.py')
    assert sys.path[:len(before)] == before


@pytest.mark.parametrize('path, error, message', [
    ('{}.number', TypeError, 'must be a class that is a subclass of'),
    ('{}.Nothing', KeyError, 'unknown attack .*my_module.MyAttack'),
    ('no_such_module.PGD', KeyError, 'unknown attack .*my_module.MyAttack'),
    ('no-module.PGD', KeyError, 'unknown attack')])
def test_what_is_no_attack_is_named(path, error, message, module):
    find_own_code('mmseg::any.py')
    with pytest.raises(error, match=message):
        attack_class(path.format(module))


def test_a_module_that_fails_says_why(module, tmp_path):
    find_own_code('mmseg::any.py')
    (tmp_path / 'broken_module.py').write_text('1 / 0')
    with pytest.raises(TypeError, match='ZeroDivisionError'):
        attack_class('broken_module.Attack')


def test_the_robust_test_takes_it(module, run_tool):  # noqa: F811
    results = run_tool('--attacks', f'{module}.Jensen', '--steps', '2',
                       '--limit', '1', '--check-images', '0')
    assert [attack['name'] for attack in results['attacks']] == ['Jensen']
