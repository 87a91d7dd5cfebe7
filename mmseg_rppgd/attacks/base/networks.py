"""The networks behind a function, which are looked after like modules.

A lambda around a network in training mode would be attacked with batch
statistics, and change them: nothing tells an attack of its network but what
the function holds.
"""
import dis
import threading
import warnings
from collections import deque
from collections.abc import Mapping
from contextlib import contextmanager
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, Deque, Dict, Iterable, Iterator, List, Set, Tuple

import numpy as np
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.module import register_module_forward_pre_hook

from ...functions import closure_values

# Packages whose functions use no network of a user but those they hold.
LIBRARIES = ('torch', 'builtins')
# A longer list holds data, not networks.
LONGEST = 1000
GLOBALS = ('LOAD_GLOBAL', 'LOAD_NAME')
# Of a class, what its objects may run.
METHODS = (MethodType, staticmethod, classmethod)
PARTS = (nn.Module, FunctionType, staticmethod, classmethod)
# What holds nothing, of which data may have a lot.
DATA = (type(None), int, float, complex, str, bytes, np.ndarray, Tensor)

Names = Tuple[str, ...]


def networks_in(model: Any) -> List[nn.Module]:
    """Return the networks that a callable holds or names.

    They are looked for in the closure and the defaults of a function, in the
    global names that it uses, in other functions there, in partials, in the
    object of a bound method, in the attributes of a callable object, and in
    lists and dicts of all these; of a module also in attributes that it does
    not register. What a function makes or imports as it runs is not found:
    see :func:`strangers_named`.

    Args:
        model (callable): A module or a function.

    Returns:
        list[nn.Module]: The networks, in the same order in every process.
    """
    search = _Search()
    search.visit(model)
    search.follow()
    return list(search.networks.values())


@contextmanager
def strangers_named(networks: Iterable[nn.Module],
                    name: str) -> Iterator[None]:
    """Warn if a network runs in training mode that is not looked after.

    Not where one that is looked after is compiled, which would be compiled
    once more for being watched.

    Args:
        networks (iterable[nn.Module]): Those that are looked after.
        name (str): Who says so.
    """
    modules = [m for network in networks for m in network.modules()]
    if any('_orig_mod' in m._modules for m in modules):
        yield
        return
    known = set(map(id, modules))
    thread = threading.get_ident()
    strangers: List[str] = []

    def look(module: nn.Module, args: Any) -> None:
        if (module.training and id(module) not in known
                and threading.get_ident() == thread and _has_modes(module)):
            strangers.append(type(module).__name__)

    handle = register_module_forward_pre_hook(look)
    try:
        yield
    finally:
        handle.remove()
    if strangers:
        warnings.warn(
            f'{name}: the model is a function that runs a {strangers[0]} in '
            'training mode, which cannot be found in it. It is attacked with '
            'batch statistics and dropout, and its statistics change: call '
            'its eval(), or give the network itself', RuntimeWarning,
            stacklevel=3)  # 2 is in contextlib


def _has_modes(module: nn.Module) -> bool:
    """Whether it may differ in training mode: an activation does not."""
    return any(
        isinstance(part, _DropoutNd) or part._parameters or part._buffers
        for part in module.modules())


class _Search:
    """Follows what a function holds, each object once.

    One after the other, since functions may call each other a thousand deep.

    Attributes:
        networks (dict): Modules found, by their id.
    """

    def __init__(self) -> None:
        self.networks: Dict[int, nn.Module] = {}
        # The objects, too, so that none of another gets the id of one.
        self._seen: Dict[Tuple[int, Names], Any] = {}
        self._inside: Set[int] = set()
        self._waiting: Deque[Tuple[Any, Names]] = deque()

    def visit(self, value: Any, names: Names = ()) -> None:
        """Note a value, of which code reads the attributes ``names``."""
        if isinstance(value, DATA):
            return
        if callable(value):  # of which all is looked at
            names = ()
        if (id(value), names) not in self._seen:
            self._seen[id(value), names] = value
            self._waiting.append((value, names))

    def follow(self) -> None:
        """Look into what was noted, and into all that this holds."""
        while self._waiting:
            self._look_into(*self._waiting.popleft())

    def _look_into(self, value: Any, names: Names) -> None:
        if isinstance(value, nn.Module):
            self._visit_network(value)
        elif isinstance(value, FunctionType):
            self._visit_function(value)
        elif isinstance(value, METHODS):
            self.visit(value.__func__)
            self._visit_object(getattr(value, '__self__', None))
        elif isinstance(value, partial):
            self._visit_all((value.func, value.args, value.keywords))
        elif isinstance(value, Mapping):
            self._visit_items(value.values())
        elif isinstance(value, (list, tuple, set)):
            self._visit_items(value)
        elif not callable(value):
            held = getattr(value, '__dict__', {})
            self._visit_all((held.get(name) for name in names), names)
        elif not isinstance(value, type):  # that makes networks, has none
            self._visit_object(value)

    def _visit_all(self, values: Iterable[Any], names: Names = ()) -> None:
        for value in values:
            self.visit(value, names)

    def _visit_items(self, values: Any) -> None:
        if len(values) <= LONGEST:
            self._visit_all(values)

    def _visit_network(self, network: nn.Module) -> None:
        if id(network) in self._inside:  # of one that was found
            return
        self.networks[id(network)] = network
        modules = list(network.modules())
        self._inside.update(map(id, modules))
        for module in modules:
            for value in vars(module).values():
                self._visit_all(v for v in _items(value)
                                if isinstance(v, nn.Module))

    def _visit_function(self, function: FunctionType) -> None:
        self.visit(getattr(function, '__wrapped__', None))
        self.visit(function.__defaults__)
        self.visit(function.__kwdefaults__)
        names = tuple(dict.fromkeys(_names(function.__code__)))
        self._visit_all(closure_values(function), names)
        if not _is_library(function):
            for name in _globals(function.__code__):
                self.visit(function.__globals__.get(name), names)

    def _visit_object(self, value: Any) -> None:
        if isinstance(value, (nn.Module, type)):
            self.visit(value)
            return
        self._visit_all(list(getattr(value, '__dict__', {}).values()))
        for base in type(value).__mro__:
            if not _is_library(base):
                self._visit_all(part for part in list(vars(base).values())
                                if isinstance(part, PARTS))


def _items(value: Any) -> Iterable[Any]:
    """Return what an attribute of a module holds."""
    if isinstance(value, (list, tuple, dict)):
        held = value.values() if isinstance(value, dict) else value
        return list(held) if len(held) <= LONGEST else ()
    return (value, )


def _is_library(value: Any) -> bool:
    module = getattr(value, '__module__', None) or ''
    return module.partition('.')[0] in LIBRARIES


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield code and that of the lambdas and comprehensions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names of attributes, among others, that code reads."""
    for part in _codes(code):
        yield from part.co_names


def _globals(code: CodeType) -> Iterator[str]:
    """Yield the global names that code reads."""
    for part in _codes(code):
        for instruction in dis.get_instructions(part):
            if instruction.opname in GLOBALS:
                yield instruction.argval
