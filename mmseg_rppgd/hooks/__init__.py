"""Hooks that attack the batches of a stock model.

Every attack in ``ATTACKS`` has a hook of its name here, ``RPPGDHook`` for
``RPPGD``; see :mod:`.named_hooks`.
"""
from typing import Any

from .attack_hook import AttackHook
from .named_hooks import NamedAttackHook, named_hook
from .robust_val_hook import RobustValHook

__all__ = ['AttackHook', 'NamedAttackHook', 'RobustValHook']


def __getattr__(name: str) -> Any:
    hook = named_hook(name)
    if hook is None:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return hook
