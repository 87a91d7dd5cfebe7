"""Registries: ``ATTACKS`` of this package, and a child of each of mmengine's.

The children let ``type='mmseg_rppgd.X'`` import itself in any MMSeg config.
And mmengine builds what a config inherits by a ``mmseg_rppgd::...`` name in
the scope of this package, most of which is mmseg's: a child looks there too.
"""
import inspect
from importlib import import_module
from typing import Any, List, Optional, Sequence, Type

from mmengine.registry import Registry, root

from .compat import require_mmseg
from .names import did_you_mean, find_name, plain

SCOPE = 'mmseg_rppgd'
HOOK_SUFFIX = 'Hook'


def attack_name(kind: Any) -> str:
    """Return the registered name of an attack, however it was typed.

    Args:
        kind (str | type): What :func:`attack_class` takes; of a class the
            name.

    Raises:
        TypeError: If it is neither.
        KeyError: If the name is unknown; the message lists the known ones.
    """
    found = attack_class(kind)
    names = {cls: name for name, cls in ATTACKS.module_dict.items()}
    return names.get(found, found.__name__)


def attack_class(kind: Any) -> Type[Any]:
    """Return the class of an attack from what a config has as ``type``.

    Args:
        kind (str | type): ``'RPPGD'`` or ``'mmseg_rppgd.RPPGD'``, the import
            path of a class of one's own, ``'my_module.MyAttack'``, or the
            class itself; neither need be registered. In names of ours case,
            hyphens and underscores do not matter.

    Raises:
        TypeError: If it is neither, or is no attack.
        KeyError: If the name is unknown; the message lists the known ones.
    """
    if callable(kind):
        return kind
    if not isinstance(kind, str):
        raise TypeError("the type of an attack must be a name such as "
                        f"'RPPGD', or a class, but got {kind!r}")
    ATTACKS.import_from_location()
    known = ATTACKS.module_dict
    scope, _, name = kind.rpartition('.')
    found = None
    if plain(scope) in ('', plain(SCOPE)):
        found = known.get(find_name(name, known))
    elif scope:
        found = imported_attack(kind)
    if found is None:
        raise KeyError(
            f'unknown attack {kind!r}{did_you_mean(name, known)}; known '
            f'attacks: {", ".join(sorted(known))}, and the import path of a '
            "class, such as 'my_module.MyAttack'")
    return found


def imported_attack(path: str) -> Optional[type]:
    """Return the class of an import path; None if there is nothing there.

    Raises:
        TypeError: If the module fails, or what it has is no attack.
    """
    module, _, name = path.rpartition('.')
    if not all(part.isidentifier() for part in path.split('.')):
        return None
    try:
        found = getattr(import_module(module), name, None)
    except Exception as error:  # whatever the module runs into
        if isinstance(error, ModuleNotFoundError) and module.startswith(
                str(error.name)):
            return None
        raise TypeError(f'the attack {path!r} cannot be imported: '
                        f'{type(error).__name__}: {error}') from error
    if found is not None and not hasattr(found, 'arguments'):
        raise TypeError(f'{path!r} must be a class that is a subclass of '
                        'mmseg_rppgd.attacks.Attack, but is '
                        f'{found!r}')
    return found


def build_attack(cfg: dict, *, registry: Registry) -> Any:
    """Build an attack without switching the default scope.

    Args:
        cfg (dict): ``type`` is what :func:`attack_class` takes; the rest are
            the arguments of the attack.
        registry (Registry): ``ATTACKS``, as mmengine hands it over.

    Raises:
        TypeError: If ``cfg`` is not a dict with a ``type``, or lacks an
            argument that the attack cannot do without.
        KeyError: If the name is unknown; the message lists the known ones.
    """
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise TypeError('attack must be a dict with a type, such as '
                        f"dict(type='RPPGD', steps=3), but got {cfg!r}")
    kwargs = dict(cfg)
    kwargs.pop('_scope_', None)  # mmengine's note of a base that it was in
    cls = attack_class(kwargs.pop('type'))
    missing = [
        p.name for p in inspect.signature(cls).parameters.values()
        if p.default is p.empty and p.name not in kwargs
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if missing:
        raise TypeError(f'{cls.__name__} needs {", ".join(missing)}; give it '
                        'in the config of the attack, as in '
                        f"dict(type='{cls.__name__}', {missing[0]}=...)")
    return cls(**kwargs)


class ChildRegistry(Registry):
    """What this package has of a kind, then what mmseg and mmengine have.

    Args:
        parent (Registry): mmengine's registry of the kind.
        locations (sequence[str]): Modules that fill this one when it is
            first asked. Defaults to none that do.
    """

    def __init__(self, parent: Registry,
                 locations: Sequence[str] = ()) -> None:
        # Without a location mmengine looks for one in an old way, and warns.
        super().__init__(
            parent.name, parent=parent, scope=SCOPE,
            locations=list(locations) or [SCOPE])

    def own(self, name: str) -> Optional[type]:
        """Return what of this package has this name, or None."""
        self.import_from_location()
        return self.module_dict.get(name)

    def own_names(self) -> List[str]:
        """Return the names that :meth:`own` knows."""
        self.import_from_location()
        return list(self.module_dict)

    def get(self, key: str) -> Optional[type]:
        """Return what has this name.

        Raises:
            KeyError: If neither this package nor mmseg nor mmengine has it.
        """
        found = self._find(key)
        scope, name = self.split_scope_key(key)
        if found is None and scope in (None, SCOPE):
            own = sorted(self.own_names())
            names = [*own, *self._stock().module_dict,
                     *self.parent.module_dict]
            raise KeyError(
                f'unknown {self.name} {SCOPE}.{name}'
                f'{did_you_mean(name, names)}; known {self.name}s: '
                f'{", ".join([*own, "those of mmseg and mmengine"])}')
        return found

    def __contains__(self, key: str) -> bool:
        return self._find(key) is not None

    def _find(self, key: str) -> Optional[type]:
        scope, name = self.split_scope_key(key)
        if scope not in (None, SCOPE) or '.' in name:  # a path, if it is ours
            return super().get(key)
        found = self.own(name)
        if found is None:
            # mmseg before mmengine, whose LoadAnnotations is another one.
            found = self._stock().get(name)
        if found is None:  # typed in another way
            meant = find_name(name, self.own_names())
            found = None if meant is None else self.own(meant)
        return found

    def _stock(self) -> Registry:
        """Return mmseg's registry of the kind, or mmengine's for want of it.

        Importing this package must not import mmseg, which takes seconds.
        """
        require_mmseg()
        import_module('mmseg.registry')
        return self.parent.children.get('mmseg', self.parent)


class HookRegistry(ChildRegistry):
    """Makes ``<Attack>Hook`` of an attack when it is first asked for."""

    def own(self, name: str) -> Optional[type]:
        found = super().own(name)
        if found is None and name in self.own_names():
            from .hooks.attack_hook import NamedAttackHook
            found = NamedAttackHook.of(name[:-len(HOOK_SUFFIX)])
            self.register_module(name=name, module=found)
        return found

    def own_names(self) -> List[str]:
        ATTACKS.import_from_location()
        named = [name + HOOK_SUFFIX for name in ATTACKS.module_dict]
        return list(dict.fromkeys(super().own_names() + named))


ATTACKS = Registry(
    'attack', build_func=build_attack, scope=SCOPE,
    locations=['mmseg_rppgd.attacks'])
HOOKS = HookRegistry(root.HOOKS, ['mmseg_rppgd.hooks'])
MODELS = ChildRegistry(root.MODELS, ['mmseg_rppgd.segmentors'])
DATASETS = ChildRegistry(root.DATASETS, ['mmseg_rppgd.datasets'])
TRANSFORMS = ChildRegistry(root.TRANSFORMS, ['mmseg_rppgd.datasets'])
LOOPS = ChildRegistry(root.LOOPS, ['mmseg_rppgd.evaluation'])


def whose_name(name: str) -> str:
    """Return a hint for a message: our name of what has no scope."""
    for registry in (HOOKS, MODELS, DATASETS, TRANSFORMS, LOOPS):
        found = find_name(name, registry.own_names())
        if found is not None:
            return (f". It belongs to {SCOPE}: write type='{SCOPE}.{found}'")
    return ''


# mmengine looks for a scope in the registry of every kind that it builds.
for _registry in vars(root).values():
    if isinstance(_registry, Registry) and SCOPE not in _registry.children:
        ChildRegistry(_registry)
