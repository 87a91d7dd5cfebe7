"""Read a config from a file, or by the name a package knows it under."""
import difflib
import os.path as osp
import warnings
from functools import partial
from glob import escape, glob
from types import FunctionType, MethodType
from typing import Any, Optional

from mmengine.config import Config
from mmengine.hub import get_config

from .checkpoints.files import require_file, scheme

FORMATS = ('.py', '.json', '.yml', '.yaml')
# The default hooks that mmengine leaves out by itself where they are None.
MMENGINE_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger',
                  'param_scheduler', 'checkpoint')


def load_config(name: str, cfg_options: Optional[dict] = None) -> Config:
    """Read a config as the tools of this package take it.

    Args:
        name (str): Path of a config file, or the name of a packaged config:
            ``mmseg::pspnet/...py`` (stock) or ``mmseg_rppgd::...py``.
        cfg_options (dict, optional): Settings to override, as
            ``--cfg-options`` gives them. Defaults to None.

    Raises:
        FileNotFoundError: If there is no such config; the message lists
            packaged configs with a similar name.
        ValueError: If the package before ``::`` has no configs, the file
            is of another kind, such as a checkpoint, or cannot be read, or
            the config has no room for a setting.

    Example:
        >>> cfg = load_config('mmseg::pspnet/'
        ...                   'pspnet_r50-d8_4xb4-20k_voc12aug-512x512.py')
    """
    with warnings.catch_warnings():
        # mmengine reloads pkg_resources, which warns, for every `::`.
        warnings.filterwarnings('ignore', 'pkg_resources is deprecated')
        if '::' in name:
            cfg = _load_packaged(name)
        elif osp.isfile(name):
            if not name.endswith(FORMATS):
                raise ValueError(
                    f'config {name!r} must be a file of the kind '
                    f'{", ".join(FORMATS)}; CONFIG comes first and '
                    'CHECKPOINT second')
            cfg = _read(name)
        elif osp.isdir(name):
            raise ValueError(f'config {name!r} is a folder; give a file in '
                             'it')
        else:
            raise FileNotFoundError(
                f'config {name!r} does not exist. Give the path of a file, '
                'or a name such as mmseg::pspnet/...py or '
                f'mmseg_rppgd::rppgd3_at/...py.{_similar(name)}')
    if cfg_options is not None:
        try:
            cfg.merge_from_dict(cfg_options)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(
                '--cfg-options cannot be set in the config: '
                f'{error.args[0] if error.args else error}') from error
    if isinstance(cfg.get('custom_hooks'), dict):
        raise ValueError('custom_hooks must be a list, as in custom_hooks = '
                         "[dict(type='mmseg_rppgd.RPPGDHook')], but got "
                         f'{cfg.custom_hooks!r}')
    _leave_out_hooks(cfg)
    return cfg


def _leave_out_hooks(cfg: Config) -> None:
    """Take a default hook that is None for left out, as is meant by it.

    mmengine knows that of its own six hooks alone, and ends at others, such
    as mmseg's visualization, in an assertion.
    """
    hooks = cfg.get('default_hooks') or {}
    for name in [name for name, hook in hooks.items()
                 if hook is None and name not in MMENGINE_HOOKS]:
        del hooks[name]


def _read(path: str) -> Config:
    try:
        return Config.fromfile(path)
    except (OSError, ImportError):
        raise  # says itself what is not there
    except Exception as error:  # whatever the code of the file runs into
        raise ValueError(f'config {path!r} cannot be read: '
                         f'{type(error).__name__}: {error}') from error


def without_scopes(node: Any) -> Any:
    """Copy a part of a config without the scopes that mmengine notes in it.

    It does so in what was inherited by a ``package::...`` name, for builders
    of its own.
    """
    if isinstance(node, dict):
        return {key: without_scopes(value) for key, value in node.items()
                if key != '_scope_'}
    if isinstance(node, (list, tuple)):
        return type(node)(map(without_scopes, node))
    return node


def refuse_functions(node: Any, where: str = '') -> None:
    """Refuse functions in a config, which no file can hold.

    mmengine writes every config to the work dir, and ends in a syntax error
    at a function. Classes are fine.

    Args:
        node (Any): The config, or a part of it.
        where (str): What the message calls it. Defaults to none.

    Raises:
        ValueError: If there is one; names the place.
    """
    if isinstance(node, Config):
        node = node.to_dict()  # without the imports of a config in Python
    if isinstance(node, dict):
        for key, value in node.items():
            refuse_functions(value, f'{where}.{key}' if where else str(key))
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            refuse_functions(value, f'{where}[{index}]')
    elif isinstance(node, (FunctionType, MethodType, partial)):
        name = getattr(node, '__qualname__', repr(node))
        raise ValueError(
            f'{where} of the config must be plain data, but is the function '
            f'{name}. Put it into a module of its own and give its import '
            "path in a string, such as region_weights='my_module.weights'")


def require_checkpoint(checkpoint: str, name: str = 'checkpoint') -> None:
    """Raise if a local checkpoint is not there, a folder or empty.

    Args:
        checkpoint (str): Path, or an address such as ``https://...``.
        name (str): What the message calls it. Defaults to 'checkpoint'.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it cannot be a checkpoint.
    """
    if not scheme(checkpoint):
        require_file(osp.expanduser(checkpoint), f'{name} {checkpoint!r}')


def _load_packaged(name: str) -> Config:
    package, _, path = name.partition('::')
    folder = config_folder(package)
    if folder is None:
        raise ValueError(f'the part of {name!r} before :: must be a package '
                         f'with configs (mmseg, mmseg_rppgd), but got '
                         f'{package!r}')
    # The ending is easily forgotten: metafiles name configs without it.
    path = path if path.endswith('.py') else path + '.py'
    if not osp.isfile(osp.join(folder, path)):
        raise FileNotFoundError(f'config {name!r} does not exist in {folder}.'
                                f'{_similar(name)}')
    return get_config(f'{package}::{path}')


def config_folder(package: str) -> Optional[str]:
    """The folder of a package's configs; None if it has none."""
    from importlib.util import find_spec
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or spec.origin is None:
        return None
    folder = osp.join(osp.dirname(spec.origin), '.mim', 'configs')
    return folder if osp.isdir(folder) else None


def _similar(name: str) -> str:
    """Packaged configs whose file name resembles the one not found."""
    known = {}
    for package in ('mmseg_rppgd', 'mmseg'):
        folder = config_folder(package)
        for path in glob(osp.join(escape(folder or ''), '*', '*.py')):
            known[osp.basename(path)] = (
                f'{package}::{osp.relpath(path, folder)}')
    wanted = osp.basename(name.rpartition('::')[2])
    wanted = wanted if wanted.endswith('.py') else wanted + '.py'
    close = difflib.get_close_matches(wanted, known, n=3)
    if not close:
        return ''
    return '\nSimilar names:\n  ' + '\n  '.join(known[c] for c in close)
