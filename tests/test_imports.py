"""What is done once a module has been imported."""
import importlib
import inspect
import sys
from importlib.util import find_spec

import pytest

from mmseg_rppgd.imports import after_import

OUTER = '''
import inner_{0}
here = True
'''
INNER = '''
here = True
'''


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Names of a module that imports another one, and of that one."""
    name = tmp_path.name.strip('0_').replace('-', '_') + 'x'
    (tmp_path / f'outer_{name}.py').write_text(OUTER.format(name))
    (tmp_path / f'inner_{name}.py').write_text(INNER)
    monkeypatch.setattr(sys, 'path', [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, 'meta_path', list(sys.meta_path))
    importlib.invalidate_caches()
    names = f'outer_{name}', f'inner_{name}'
    yield names
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def watched(modules):
    """What was whole at each call of what is done after an import."""
    calls = []

    def action():
        calls.append([name for name in modules
                      if hasattr(sys.modules.get(name), 'here')])

    after_import(modules, action)
    return calls


def test_nothing_is_done_or_imported_before(modules, watched):
    assert find_spec(modules[0]) is not None
    assert watched == [] and not set(modules) & set(sys.modules)


def test_the_end_of_the_outer_import_is_waited_for(modules, watched):
    importlib.import_module(modules[0])
    assert watched == [list(modules)]


def test_one_alone_is_enough_and_the_other_is_heard_too(modules, watched):
    importlib.import_module(modules[1])
    assert watched == [[modules[1]]]
    importlib.import_module(modules[0])
    assert watched == [[modules[1]], list(modules)]


def test_what_is_there_already_is_not_waited_for(modules):
    importlib.import_module(modules[1])
    calls = []
    after_import(modules, lambda: calls.append(1))
    assert calls == [1]
    importlib.import_module(modules[0])
    assert calls == [1, 1]


def test_the_way_of_importing_is_as_before_when_all_are_there(modules):
    before = list(sys.meta_path)
    calls = []
    after_import(modules, lambda: calls.append(1))
    assert sys.meta_path != before
    module = importlib.import_module(modules[0])
    assert sys.meta_path == before
    assert importlib.reload(module) is module and calls == [1]
    assert inspect.getsource(module) == OUTER.format(modules[0][6:])


def test_two_that_wait_are_both_called(modules, watched):
    calls = []
    after_import(modules, lambda: calls.append(1))
    importlib.import_module(modules[0])
    assert calls == [1] and watched == [list(modules)]


def test_asked_twice_it_is_done_once(modules):
    calls = []

    def action():
        calls.append(1)

    after_import(modules, action)
    after_import(modules, action)
    importlib.import_module(modules[0])
    assert calls == [1]


def test_a_module_that_fails_is_heard_when_it_does_not(modules, watched,
                                                       tmp_path):
    file = tmp_path / f'{modules[1]}.py'
    file.write_text('1 / 0')
    for name in modules:
        with pytest.raises(ZeroDivisionError):
            importlib.import_module(name)
    assert watched == []
    file.write_text(INNER + '# whole')
    importlib.invalidate_caches()
    importlib.import_module(modules[0])
    assert watched == [list(modules)]
