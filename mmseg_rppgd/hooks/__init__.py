"""Hooks that attack the batches of a stock model.

Every attack in ``ATTACKS`` has a hook of its name here, ``RPPGDHook`` for
``RPPGD``; see :class:`NamedAttackHook`.
"""
from ..registry import HOOKS
from .adversary_pictures_hook import AdversaryPicturesHook
from .attack_hook import AttackHook, NamedAttackHook
from .robust_val_hook import RobustValHook

__all__ = ['AdversaryPicturesHook', 'AttackHook', 'NamedAttackHook',
           'RobustValHook']


def __getattr__(name: str) -> type:
    hook = HOOKS.own(name)
    if hook is None:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return hook
