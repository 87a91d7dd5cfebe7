"""RP-PGD adversarial training and robustness tests for MMSegmentation."""
from importlib import import_module
from typing import Any, List

from .compat import apply as _apply_compat

__version__ = '0.1.0'

# Public name -> module that defines it. Loaded on first use, because most of
# them import mmseg, which takes seconds.
_MODULES = {
    'ATTACKS': 'registry',
    'Attack': 'attacks',
    'SegOutput': 'attacks',
    'PixelModel': 'pixel_model',
    'perturb_batch': 'pixel_model',
    'AdversarialSegmentor': 'segmentors',
    'DDCATSegmentor': 'segmentors',
    'AttackHook': 'hooks',
    'RobustValHook': 'hooks',
    'load_config': 'config',
}
_NEED_MMSEG = ('pixel_model', 'segmentors', 'hooks')

__all__ = ['__version__', *_MODULES]

_apply_compat()


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    if _MODULES[name] in _NEED_MMSEG:
        from .compat import require_mmseg
        require_mmseg()
    module = import_module(f'.{_MODULES[name]}', __name__)
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted([*globals(), *_MODULES])
