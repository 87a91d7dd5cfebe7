"""A hook for every attack: ``RPPGDHook(steps=3)`` for ``RPPGD(steps=3)``."""
from typing import Any, Optional, Sequence, Type, Union

from ..registry import ATTACKS, HOOKS
from .attack_hook import AttackHook

SUFFIX = 'Hook'


class NamedAttackHook(AttackHook):
    """An :class:`AttackHook` that takes the arguments of its attack.

    Args:
        stages (str | list[str]): See :class:`AttackHook`.
        adv_ratio (float): See :class:`AttackHook`.
        attack_args: Arguments of the attack.

    Example:
        >>> custom_hooks = [dict(type='mmseg_rppgd.RPPGDHook', steps=3)]
    """

    attack_type: str

    def __init__(self,
                 *,
                 stages: Union[str, Sequence[str]] = 'train',
                 adv_ratio: float = 0.5,
                 **attack_args) -> None:
        super().__init__(
            dict(attack_args, type=self.attack_type), stages, adv_ratio)


def add_named_hooks() -> None:
    """Register a hook for each attack that has none yet."""
    for name in list(ATTACKS.module_dict):
        hook_name = name + SUFFIX
        if hook_name not in HOOKS.module_dict:
            hook = type(
                hook_name, (NamedAttackHook, ),
                dict(
                    attack_type=name,
                    __doc__=NamedAttackHook.__doc__,
                    __module__=AttackHook.__module__.rpartition('.')[0]))
            HOOKS.register_module(name=hook_name, module=hook)


def named_hook(name: str) -> Optional[Type[NamedAttackHook]]:
    """Return the hook of this name, or None where there is no such attack."""
    hook = HOOKS.module_dict.get(name)
    is_named = isinstance(hook, type) and issubclass(hook, NamedAttackHook)
    return hook if is_named else None


def _follow_registrations() -> None:
    """Let attacks that are registered later, by users too, get their hook."""
    register = ATTACKS._register_module

    def register_with_hook(*args: Any, **kwargs: Any) -> None:
        register(*args, **kwargs)
        add_named_hooks()

    ATTACKS._register_module = register_with_hook


ATTACKS.import_from_location()
add_named_hooks()
_follow_registrations()
