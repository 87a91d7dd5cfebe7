"""Functions by name, by import path and as they are."""
import pytest

from mmseg_rppgd.functions import find_function

OWN = '''
def difference(a, b):
    return a - b
class Sum:
    def __call__(self, a, b):
        return a + b
instance = Sum()
def lonely(a):
    return a
number = 3
'''
KNOWN = {'max': max, 'power': pow}


@pytest.fixture(autouse=True)
def own_functions(tmp_path, monkeypatch):
    """A module with functions in it, on the path of imports."""
    (tmp_path / 'own_functions.py').write_text(OWN)
    (tmp_path / 'broken_functions.py').write_text('1 / 0')
    monkeypatch.syspath_prepend(tmp_path)


def find(given):
    return find_function('merge', given, KNOWN, ('a', 'b'))


@pytest.mark.parametrize('given, result', [
    ('power', 9), (pow, 9), (lambda a, b: 2 * a, 6), ('max', 3),
    ('own_functions.difference', 1), ('own_functions.instance', 5),
    ('operator.mul', 6)])
def test_functions_are_found(given, result):
    assert find(given)(3, 2) == result


@pytest.mark.parametrize('given, message', [
    ('powers', r"merge must be one of \('max', 'power'\), a callable\(a, b\) "
     r"or the import path of one, such as 'my_module.function', but got "
     r"'powers' \(did you mean power\?\)"),
    (3, 'merge must be one of .*but got 3$'),
    (None, 'merge must be one of .*but got None$'),
    ('own functions.difference', 'merge must be one of'),
    ('own_functions.', 'merge must be one of'),
    ('own_functions.product', "'own_functions.product' cannot be imported: "
     'AttributeError: .*product.*PYTHONPATH'),
    ('no_such_functions.sum', 'cannot be imported: ModuleNotFoundError'),
    ('broken_functions.sum', 'cannot be imported: ZeroDivisionError'),
    ('own_functions.number', "'own_functions.number' is 3"),
    ('own_functions.lonely', r'must be a callable\(a, b\) with 2 arguments '
     "by position, but got 'own_functions.lonely': too many positional"),
])
def test_what_is_none_is_told_why(given, message):
    with pytest.raises(ValueError, match=message):
        find(given)


def test_the_message_says_what_else_there_may_be():
    with pytest.raises(ValueError, match='merge must be None or one of '):
        find_function('merge', 'x', KNOWN, ('a', 'b'), 'None or one of')
