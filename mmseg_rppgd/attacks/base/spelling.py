"""What an attack was made with, and how that is written."""
import functools
import inspect
import re
import sys
from typing import Any, Callable, Dict, Optional

PLAIN = (bool, int, float, str)


def remembering(init: Callable) -> Callable:
    """Make a constructor keep its arguments, by name, as ``_given``.

    Of the constructors of a class and its bases the outermost does, which is
    what was called. Its signature stays as it is; ``remembers`` tells it.
    """

    @functools.wraps(init)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        if '_given' not in vars(self):
            self._given = given_arguments(init, self, *args, **kwargs)
        init(self, *args, **kwargs)

    setattr(construct, 'remembers', True)
    return construct


def let_remember(cls: type) -> None:
    """Make the constructor of a class keep its arguments.

    It may be that of a base which is no attack; those of attacks do already.
    """
    init = getattr(cls, '__init__')
    if not hasattr(init, 'remembers'):
        setattr(cls, '__init__', remembering(init))


def given_arguments(function: Callable, *args: Any,
                    **kwargs: Any) -> Dict[str, Any]:
    """Return the arguments of a call by their names, without the first.

    Empty where the call is wrong, which it will say itself.
    """
    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return {}
    first, *names = given
    found: Dict[str, Any] = {}
    for name in names:
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(given[name])
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            found[name] = given[name]
    return found


def spell_call(name: str, arguments: Dict[str, Any]) -> str:
    """Write a call with arguments by name."""
    return f'{name}(' + ', '.join(
        f'{key}={spell(value)}' for key, value in arguments.items()) + ')'


def spell(value: Any) -> str:
    """Write an argument of an attack as one could type it, if one could.

    A function is written as its import path, which the arguments take;
    another object without its address in memory, and one that takes several
    lines, such as a large tensor, by its type alone.
    """
    if isinstance(value, dict):
        return '{' + ', '.join(f'{key!r}: {spell(each)}'
                               for key, each in value.items()) + '}'
    if isinstance(value, (list, tuple)):
        content = ', '.join(map(spell, value))
        if isinstance(value, list):
            return f'[{content}]'
        return f'({content},)' if len(value) == 1 else f'({content})'
    path = import_path(value) if callable(value) else None
    if path is not None:
        return repr(path)
    text = re.sub(' at 0x[0-9a-fA-F]+', '', repr(value))
    return f'<{type(value).__name__}>' if '\n' in text else text


def import_path(value: Callable) -> Optional[str]:
    """Return the path that a function or class is imported by, or None."""
    module = getattr(value, '__module__', '')
    name = getattr(value, '__qualname__', '')
    found = getattr(sys.modules.get(module), name, None)
    if found is not value or module == '__main__':
        return None
    return f'{module}.{name}'
