"""Do something once a module has been imported, without importing it."""
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Callable, Collection, Optional, Set


def after_import(names: Collection[str], action: Callable[[], Any]) -> None:
    """Call a function when modules are there, now or later.

    It is called at once if one of the modules has been imported already, and
    again after the import of each of them, unless another one is half way
    through its own import: that one's end is waited for. The function must
    therefore bear to be called more than once.

    Args:
        names (Collection[str]): Modules of the top level.
        action (callable): What to call, without arguments.
    """
    if not all(name in sys.modules for name in names):
        if not any(isinstance(finder, _Watcher) and finder.action == action
                   for finder in sys.meta_path):
            sys.meta_path.insert(0, _Watcher(names, action))
    if any(name in sys.modules for name in names):
        action()


class _Watcher(MetaPathFinder):
    """Finds nothing itself, and hears when what others found is imported.

    Args:
        names (Collection[str]): Modules to watch.
        action (callable): What to call, see :func:`after_import`.
    """

    def __init__(self, names: Collection[str],
                 action: Callable[[], Any]) -> None:
        self.names = names
        self.action = action
        self._half_way: Set[str] = set()

    def find_spec(self, name: str, path: Any = None,
                  target: Optional[ModuleType] = None
                  ) -> Optional[ModuleSpec]:
        """Let the finders behind this one find a module, and watch it."""
        if name not in self.names or self not in sys.meta_path:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1:]:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    self._watch(name, spec.loader)
                return spec
        return None

    def _watch(self, name: str, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            loader.exec_module = execute
            self._half_way.add(name)
            try:
                execute(module)
            finally:
                self._half_way.discard(name)
            if not self._half_way:
                self._imported()

        loader.exec_module = exec_module

    def _imported(self) -> None:
        self.action()
        if self in sys.meta_path and all(
                name in sys.modules for name in self.names):
            sys.meta_path.remove(self)
