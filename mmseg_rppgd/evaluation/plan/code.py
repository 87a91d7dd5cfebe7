"""What identifies code that decides numbers, so that a change is noticed.

A name does not tell two lambdas apart, nor an attack of somebody's own from
what it was before an edit.
"""
import hashlib
import inspect
import re
import sys
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, Iterator, Optional, Set

import numpy as np
import torch
from torch import nn

from ...functions import closure_values
from ...registry import SCOPE, attack_class
from ..files import jsonable

# Their versions are in the settings of a test, or decide no number.
KNOWN = (SCOPE, 'torch', 'mmengine', 'mmcv', 'mmseg', 'numpy', 'builtins',
         'abc', 'typing', 'functools', 'collections')
PATH = re.compile(r'([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\.([A-Za-z_]\w*)')
PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))
# Of a class, what is not its code.
NOT_CODE = ('__doc__', '__dict__', '__weakref__', '__firstlineno__',
            '__static_attributes__', '_abc_impl', '__abstractmethods__')


def code_digest(value: Any, deep: bool = True) -> Optional[str]:
    """Hash of the code in a config, a function or a network.

    It has the source file of every class or function that is not of the
    known packages, its own code, and what a function was bound to. A path
    such as ``'module.function'`` stands for the function.

    Args:
        value (Any): What has the code.
        deep (bool): Whether the state of objects decides numbers, too.
            Defaults to True.

    Returns:
        str: None if all of it is plain data and known.
    """
    code = _Code(deep)
    code.take(value)
    return code.content.hexdigest()[:16] if code.found else None


def classes_digest(network: nn.Module) -> Optional[str]:
    """Hash of the code of a network's classes, without its weights.

    Returns:
        str: None if all of them are of the known packages.
    """
    classes = dict.fromkeys(map(type, network.modules()))
    return code_digest(sorted(classes, key=repr), deep=False)


class _Code:
    """A hash of what was taken in."""

    def __init__(self, deep: bool) -> None:
        self.content = hashlib.sha256()
        self.found = False
        self.deep = deep
        self._inside: Set[int] = set()

    def put(self, value: Any) -> None:
        self.content.update(f'{value!r};'.encode(errors='replace'))

    def take(self, value: Any) -> None:
        """Take in a value and all that it holds."""
        if isinstance(value, PLAIN):
            self.put(value)
            self._take_path(value)
        elif isinstance(value, (torch.Tensor, np.ndarray, np.generic)):
            # Printed, it lacks digits, or all of its middle.
            self.found = True
            self._take_array(value)
        elif id(value) not in self._inside:
            self._inside.add(id(value))
            self._take_object(value)
            self._inside.remove(id(value))

    def _take_object(self, value: Any) -> None:
        if isinstance(value, dict):
            self._take_config(value)
        elif isinstance(value, (list, tuple)):
            self._take_all(value)
        elif isinstance(value, (set, frozenset)):
            self.put(sorted(map(repr, value)))
        elif isinstance(value, type):
            self._take_class(value)
        elif isinstance(value, nn.Module):
            self._take_network(value)
        elif isinstance(value, CodeType):
            self.put((value.co_name, value.co_code, value.co_names))
            self._take_all(value.co_consts)
        elif isinstance(value, FunctionType):
            self._take_function(value)
        elif isinstance(value, (MethodType, staticmethod, classmethod)):
            self.take(value.__func__)
            self.take(getattr(value, '__self__', None))
        elif isinstance(value, property):
            self._take_all([value.fget, value.fset, value.fdel])
        elif isinstance(value, partial):
            self._take_all([value.func, value.args, value.keywords])
        else:
            self.put(type(value).__qualname__)
            self._take_class(type(value))
            if self.deep:
                self.found = True
                self.take(getattr(value, '__dict__', jsonable(value)))

    def _take_all(self, values: Any) -> None:
        self.put(len(values))
        for value in values:
            self.take(value)

    def _take_config(self, config: dict) -> None:
        kind = config.get('type')
        if isinstance(kind, str):
            try:
                attack = attack_class(kind)
            except (KeyError, TypeError):  # something else has a type, too
                attack = None
            if attack is not None:
                self._take_class(attack)
        for key in sorted(config, key=str):
            self.put(key)
            self.take(config[key])

    def _take_path(self, value: Any) -> None:
        match = PATH.fullmatch(value) if isinstance(value, str) else None
        target = match and getattr(
            sys.modules.get(match.group(1)), match.group(2), None)
        if callable(target):
            self.take(target)

    def _take_class(self, cls: type) -> None:
        deep, self.deep = self.deep, False  # a class may hold a logger
        for base in foreign([cls]):
            self.found = True
            self.put(base.__qualname__)
            self._take_file(base)
            for name, value in sorted(vars(base).items()):
                if name not in NOT_CODE and not isinstance(value, type):
                    self.put(name)
                    self.take(value)
        self.deep = deep

    def _take_function(self, function: FunctionType) -> None:
        if _is_known(function):
            self.put(function.__qualname__)
            return
        self.found = True
        self._take_file(function)
        self.take(function.__code__)
        self.take(function.__defaults__)
        self.take(function.__kwdefaults__)
        for value in closure_values(function):
            self.take(value)

    def _take_network(self, network: nn.Module) -> None:
        self._take_all(list(dict.fromkeys(map(type, network.modules()))))
        for name, tensor in network.state_dict().items():
            self.put(name)
            self.take(tensor)

    def _take_array(self, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            self.put(str(value.dtype))
            value = value.detach().cpu().contiguous().flatten().view(
                torch.uint8).numpy()
        content = hashlib.sha256(value.tobytes()).hexdigest()
        self.put((str(value.dtype), value.shape, content))

    def _take_file(self, value: Any) -> None:
        """The whole file: what is called may be defined beside it."""
        try:
            with open(inspect.getsourcefile(value) or '', 'rb') as file:
                source = file.read()
        except (OSError, TypeError):  # typed by hand, or built in
            return
        self.put(hashlib.sha256(source).hexdigest())


def foreign(classes: Any) -> Iterator[type]:
    """Yield classes, and their bases, that are not of the known packages."""
    bases = dict.fromkeys(base for cls in classes for base in cls.__mro__)
    yield from (base for base in bases if not _is_known(base))


def _is_known(value: Any) -> bool:
    module = getattr(value, '__module__', None) or ''
    return module.partition('.')[0] in KNOWN
