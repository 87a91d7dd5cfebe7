"""What stands in for other loaders while a command of this package runs.

``restricted_loading`` puts the one loader in the place of mmengine's and of
``torch.load``, for the code that runs inside and no longer. Importing this
package changes no loader of other people's programs.
"""
import pickle
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Callable, Iterator, List, Optional, Tuple

import torch
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from torch import nn

from .files import is_known, scheme
from .loader import RULE, Rule, load_checkpoint, read, under
from .messages import TRUST
from .weights import check_pretrained

# What init_cfg=dict(type='Pretrained') has loaded, while it is at work.
_SEEN: ContextVar[Optional[List[Any]]] = ContextVar('seen', default=None)


@contextmanager
def restricted_loading(trust: bool = False) -> Iterator[None]:
    """Let every checkpoint inside come through :func:`load_checkpoint`.

    That holds for mmengine's loader of any address, for weights that
    ``init_cfg`` asks for, and for ``torch.load`` itself, whatever
    ``weights_only`` it is given.

    Args:
        trust (bool): Whether to load, and so run, whatever a checkpoint
            holds. Inside another such block the outer one's trust remains.
            Defaults to False.
    """
    outer = RULE.get()
    rule = Rule(trust, {}, {}) if outer is None else outer._replace(
        trust=trust or outer.trust)
    _REPLACED.put()
    try:
        with under(rule):
            yield
    finally:
        _REPLACED.take_back()


def require_this_loader(name: str) -> None:
    """Raise a ValueError if an address is left to mmengine's own loaders.

    They run the code in what they download, and take another download of the
    same file name for it.
    """
    if scheme(name) and RULE.get() is None:
        raise ValueError(
            f"load_from {name!r} would be loaded by mmengine, which runs code "
            'that it may hold; download it and give the file, or test it by '
            'python -m mmseg_rppgd robust-test')


# --------------------------------------------------------- what stands in for
# Whose loader, its name, and what makes the stand-in of the original.
_Place = Tuple[Any, str, Callable[[Any], Any]]


class _Replaced:
    """Stand-ins for the loaders, in place while anybody needs them.

    They ask for the rule of their caller, and without one do what they stand
    in for.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.places: List[_Place] = [
            (torch, 'load', _torch_load),
            (torch.serialization, 'load', _torch_load),
            (CheckpointLoader, 'load_checkpoint', _mmengine_load),
            (PretrainedInit, '__call__', _pretrained)]
        self.put_there: List[Any] = []
        self.originals: List[Any] = []

    def put(self) -> None:
        with self.lock:
            self.users += 1
            if self.users > 1:
                return
            self.originals = [vars(owner)[name]
                              for owner, name, _ in self.places]
            self.put_there = [
                stand_in(original) for (_, _, stand_in), original in zip(
                    self.places, self.originals)]
            for (owner, name, _), new in zip(self.places, self.put_there):
                setattr(owner, name, new)

    def take_back(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users:
                return
            for (owner, name, _), new, original in zip(
                    self.places, self.put_there, self.originals):
                if vars(owner)[name] is new:  # and not put there by others
                    setattr(owner, name, original)


def _torch_load(original: Callable) -> Callable:

    @wraps(original)
    def load(f: Any, *args: Any, **kwargs: Any) -> Any:
        rule = RULE.get()
        if rule is None or rule.trust:
            return original(f, *args, **kwargs)
        return read(f, str(getattr(f, 'name', f)), *args, **kwargs)

    return load


def _mmengine_load(original: classmethod) -> classmethod:

    @wraps(original.__func__)
    def through_ours(cls: type, filename: Any, map_location: Any = None,
                     logger: Any = 'current') -> Any:
        rule = RULE.get()
        if rule is None:
            return original.__func__(cls, filename, map_location, logger)
        name = str(filename)
        if not is_known(name):  # registered by somebody
            if not rule.trust:
                raise pickle.UnpicklingError(
                    f'checkpoint {name!r} comes through a loader of '
                    f'{scheme(name)}:// that nothing restricts, and is '
                    f'refused. {TRUST}')
            return original.__func__(cls, filename, map_location, logger)
        checkpoint = load_checkpoint(name, map_location)
        seen = _SEEN.get()
        if seen is not None:
            seen.append(checkpoint)
        return checkpoint

    return classmethod(through_ours)


def _pretrained(original: Callable) -> Callable:

    @wraps(original)
    def __call__(self: PretrainedInit, module: nn.Module) -> None:
        if RULE.get() is None:
            return original(self, module)
        seen: List[Any] = []
        token = _SEEN.set(seen)
        try:
            original(self, module)
            for checkpoint in seen:
                check_pretrained(module, checkpoint, self.checkpoint,
                                 self.prefix)
        finally:
            _SEEN.reset(token)

    return __call__


_REPLACED = _Replaced()
