"""Registries: ``ATTACKS`` of this package, and children of mmengine's.

The children let ``type='mmseg_rppgd.X'`` import itself in any MMSeg config.
"""
import difflib
from typing import Any, Iterable, Optional

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry

SCOPE = 'mmseg_rppgd'


def build_attack(cfg: dict, *, registry: Registry) -> Any:
    """Build an attack without switching the default scope.

    Args:
        cfg (dict): ``type`` is a name (``'RPPGD'`` or
            ``'mmseg_rppgd.RPPGD'``) or a class; the rest are its arguments.
        registry (Registry): Where the name is looked up.

    Raises:
        TypeError: If ``cfg`` is not a dict with a ``type``.
        KeyError: If the name is unknown; the message lists the known ones.
    """
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise TypeError('attack must be a dict with a type, such as '
                        f"dict(type='RPPGD', steps=3), but got {cfg!r}")
    kwargs = dict(cfg)
    kind = kwargs.pop('type')
    if callable(kind):
        return kind(**kwargs)
    if not isinstance(kind, str):
        raise TypeError("the type of an attack must be a name such as "
                        f"'RPPGD', or a class, but got {kind!r}")
    registry.import_from_location()
    name = kind[len(SCOPE) + 1:] if kind.startswith(SCOPE + '.') else kind
    known = registry.module_dict
    if name not in known:
        raise KeyError(f'unknown attack {kind!r}' +
                       _known('attacks', name, known))
    return known[name](**kwargs)


def _known(what: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f' (did you mean {close[0]}?)' if close else ''
    return f'{hint}; known {what}: {", ".join(sorted(known))}'


class NamingRegistry(Registry):
    """A registry that lists what this package has on a typo."""

    def get(self, key: str) -> Optional[type]:
        """Return what has this name.

        Raises:
            KeyError: If neither this registry nor a parent knows it.
        """
        found = super().get(key)
        if found is None:
            raise KeyError(f'unknown {self.name} {SCOPE}.{key}' +
                           _known(f'{self.name}s', key, self.module_dict))
        return found

    def __contains__(self, key: str) -> bool:
        return super().get(key) is not None


ATTACKS = Registry(
    'attack', build_func=build_attack, scope=SCOPE,
    locations=['mmseg_rppgd.attacks'])
MODELS = NamingRegistry(
    'model', parent=mmengine_registry.MODELS, scope=SCOPE,
    locations=['mmseg_rppgd.segmentors'])
HOOKS = NamingRegistry(
    'hook', parent=mmengine_registry.HOOKS, scope=SCOPE,
    locations=['mmseg_rppgd.hooks'])
DATASETS = NamingRegistry(
    'dataset', parent=mmengine_registry.DATASETS, scope=SCOPE,
    locations=['mmseg_rppgd.datasets'])
