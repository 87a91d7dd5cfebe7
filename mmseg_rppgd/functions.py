"""Functions that an argument has by name, by import path or as they are."""
import inspect
from importlib import import_module
from types import FunctionType
from typing import Any, Callable, Dict, List, Sequence

from .names import did_you_mean


def find_function(name: str,
                  given: Any,
                  known: Dict[str, Callable],
                  parameters: Sequence[str],
                  among: str = 'one of') -> Callable:
    """Return a function that an argument has by name, path or as it is.

    A config is a file, which can hold the import path of a function and not
    the function.

    Args:
        name (str): Name of the argument, for the error message.
        given (str | callable): One of the names, an import path such as
            ``'package.module.function'``, or the function.
        known (dict): Functions by name.
        parameters (sequence[str]): What the function is called with, by
            position.
        among (str): What of the names the argument may be, for the message.
            Defaults to 'one of'.

    Raises:
        ValueError: If there is no such function, or it takes something else.
    """
    function = given
    if isinstance(given, str):
        function = known.get(given)
        if function is None and '.' in given:
            function = _import_function(name, given)
    call = f'callable({", ".join(parameters)})'
    if not callable(function):
        hint = did_you_mean(given, known) if isinstance(given, str) else ''
        raise ValueError(
            f'{name} must be {among} {tuple(known)}, a {call} or the import '
            f"path of one, such as 'my_module.function', but got {given!r}"
            f'{hint}')
    try:
        inspect.signature(function).bind(*parameters)
    except TypeError as error:
        raise ValueError(
            f'{name} must be a {call} with {len(parameters)} arguments by '
            f'position, but got {given!r}: {error}') from None
    except ValueError:  # of a callable that has no signature
        pass
    return function


def _import_function(name: str, path: str) -> Any:
    module, _, function = path.rpartition('.')
    if not all(part.isidentifier() for part in path.split('.')):
        return None
    try:
        found = getattr(import_module(module), function)
    except Exception as error:  # whatever the module runs into
        raise ValueError(
            f'{name} must be the import path of a function, but {path!r} '
            f'cannot be imported: {type(error).__name__}: {error}. Its '
            'module must lie in a folder of PYTHONPATH') from error
    if not callable(found):
        raise ValueError(f'{name} must be the import path of a function, but '
                         f'{path!r} is {found!r}')
    return found


def closure_values(function: FunctionType) -> List[Any]:
    """Return what a function was bound to where it was made.

    A variable that is not set yet has no value, and is left out.
    """
    values = []
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:
            continue
    return values
