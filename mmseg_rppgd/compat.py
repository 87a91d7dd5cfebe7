"""The only place that knows about framework versions.

``apply`` runs at ``import mmseg_rppgd`` and mends what the supported versions
of torch, mmengine and mmcv do not do by themselves. It looks before it
touches: where nothing is missing, nothing is patched.
"""
import atexit
import os
import pickle
import sys
from datetime import timedelta
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Callable, Dict, List, Tuple

MMCV_RANGE = '>=2.0.0rc4,<2.2.0'
_HOW_TO_GET_MMCV = (
    f'pip install "mmcv-lite{MMCV_RANGE}" (pure Python, enough for this '
    f'package), or pip install "mmcv{MMCV_RANGE}" (with compiled operators; '
    'see https://mmcv.readthedocs.io/en/latest/get_started/installation.html '
    'for prebuilt wheels)')


def apply() -> None:
    """Mend the installed frameworks. Safe to call more than once."""
    _add_placeholder_ops()
    _add_config_package()
    _allow_mmengine_checkpoints()


# ---------------------------------------------------------------- mmcv-lite
class _PlaceholderOps(ModuleType):
    """Stands in for the compiled ``mmcv._ext`` that mmcv-lite lacks.

    mmseg imports ``mmcv.ops``, whose modules ask ``mmcv._ext`` for every
    compiled operator at import. They get a function here that fails only
    when it is called, so every model without such an operator works.
    """

    # Asked for by mmcv.utils.collect_env, which reports rather than computes.
    _REPORTS = ('get_compiler_version', 'get_compiling_cuda_version')

    def __getattr__(self, name: str) -> Callable:
        if name.startswith('__'):
            raise AttributeError(name)

        def operator(*args: Any, **kwargs: Any) -> str:
            if name in self._REPORTS:
                return 'n/a (mmcv-lite)'
            raise RuntimeError(
                f'the compiled mmcv operator {name!r} was called, but the '
                'installed mmcv has no compiled operators (mmcv-lite). '
                'Choose a model without it, or install the full mmcv: '
                f'pip uninstall mmcv-lite; pip install "mmcv{MMCV_RANGE}"')

        operator.__name__ = name
        return operator


def has_mmcv_ops() -> bool:
    """Whether an mmcv with compiled operators is installed."""
    mmcv = find_spec('mmcv')
    return mmcv is not None and PathFinder.find_spec(
        'mmcv._ext', mmcv.submodule_search_locations) is not None


def _add_placeholder_ops() -> None:
    name = 'mmcv._ext'
    if find_spec('mmcv') is None or name in sys.modules or has_mmcv_ops():
        return
    module = _PlaceholderOps(name)
    # find_spec() refuses modules without a spec. It has no loader, so that
    # mmcv's own check for compiled operators still answers no.
    module.__spec__ = ModuleSpec(name, loader=None)
    sys.modules[name] = module


# ------------------------------------------------------------ missing parts
def missing_packages() -> Dict[str, str]:
    """What mmseg needs and lacks, with the command that installs it."""
    needs = {'mmcv': _HOW_TO_GET_MMCV,
             'mmseg': 'pip install "mmsegmentation>=1.2.2,<2"',
             'pkg_resources': 'pip install "setuptools<81"',
             'ftfy': 'pip install ftfy',
             'regex': 'pip install regex'}
    return {module: command for module, command in needs.items()
            if find_spec(module) is None}


def require_mmseg() -> None:
    """Import mmseg, or say which command installs what is missing.

    Raises:
        ImportError: If mmcv, mmsegmentation or one of the packages they
            forget to declare is missing, or mmcv has the wrong version.
    """
    for module, command in missing_packages().items():
        raise ImportError(f'{module} is not installed. Run: {command}')
    _add_placeholder_ops()
    try:
        import mmseg  # noqa: F401
    except AssertionError as error:
        # mmseg's own message names only the lower limit.
        raise ImportError(f'{error} mmseg 1.2.2 needs mmcv{MMCV_RANGE}. Run: '
                          f'{_HOW_TO_GET_MMCV}') from error


# ------------------------------------------------------------------ configs
def _add_config_package() -> None:
    """Let ``mmseg_rppgd::...`` name a config, as ``mmseg::...`` does."""
    from mmengine.config.utils import MODULE2PACKAGE

    # mmengine asks for the location of a *distribution* first, which is
    # site-packages even when the package is installed in editable mode and
    # lies elsewhere. The name of a module is no distribution: mmengine then
    # asks importlib, and takes the folder this file lies in.
    MODULE2PACKAGE.setdefault('mmseg_rppgd', __name__)


# ------------------------------------------------- several processes, no GPU
def distribute_without_gpu(cfg: Any) -> None:
    """Let a run of several processes go without a GPU.

    mmengine calls ``torch.cuda.set_device`` whatever the backend, and gives
    DDP a GPU to run on. So the process group is started here (mmengine keeps
    the one it finds), and the config asks for DDP without a device.

    Args:
        cfg (Config): Config of the run, ``launcher`` included; changed in
            place. Left alone on a machine with a GPU, for one process, and
            for launchers other than 'pytorch'.
    """
    from mmengine.device import get_device
    if cfg.get('launcher') != 'pytorch' or get_device() != 'cpu':
        return
    import torch.distributed as dist
    if not dist.is_initialized():
        dist_cfg = (cfg.get('env_cfg') or {}).get('dist_cfg') or {}
        options: Dict[str, Any] = {}
        if dist_cfg.get('timeout') is not None:
            options['timeout'] = timedelta(seconds=dist_cfg['timeout'])
        dist.init_process_group('gloo', **options)
    wrapper = dict(type='MMDistributedDataParallel', broadcast_buffers=False,
                   find_unused_parameters=cfg.get('find_unused_parameters',
                                                  False))
    cfg.model_wrapper_cfg = {**wrapper, **(cfg.get('model_wrapper_cfg') or {}),
                             'device_ids': None}
    _replace_sync_bn(cfg.model)


def leave_processes() -> None:
    """Leave the process group, and with gloo the process: the run is done.

    mmengine does not leave the group. With gloo, torch 2.13 now and then
    aborts in the destructors that run after Python has ended, and the
    launcher then counts a finished run as failed; they are passed over.
    """
    import torch.distributed as dist
    if not (dist.is_available() and dist.is_initialized()):
        return
    backend = dist.get_backend()
    dist.destroy_process_group()
    if backend == 'gloo':
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _replace_sync_bn(node: Any) -> None:
    """SyncBN exists on GPUs only; mmengine reverts it for one process."""
    if isinstance(node, dict):
        if node.get('type') == 'SyncBN':
            node['type'] = 'BN'
        for value in node.values():
            _replace_sync_bn(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _replace_sync_bn(value)


# -------------------------------------------------------------- checkpoints
def _restricted_getattr(obj: Any, name: str) -> Callable:
    """Answer only what a pickled HistoryBuffer asks ``getattr`` for.

    HistoryBuffer pickles its statistics methods as calls of
    ``builtins.getattr``. The real one would open a way to run code.
    """
    from mmengine.logging import HistoryBuffer
    if obj is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(
        'a checkpoint may only ask for the statistics of mmengine\'s '
        f'HistoryBuffer, but this one asks for {name!r} of {obj!r}. Load it '
        'only if you trust where it comes from')


def _restricted_dtype(spec: Any, *args: Any) -> Any:
    """Answer ``numpy.dtype`` for plain numbers only.

    A pickle can give a *copied* dtype any flags, also the one which makes
    numpy read raw bytes as object pointers. It cannot change a shared one.
    """
    import numpy as np
    dtype = np.dtype(spec)
    if dtype.kind not in 'biufc' or not dtype.isbuiltin:
        raise pickle.UnpicklingError(
            'a checkpoint may only hold numpy arrays of plain numbers, but '
            f'this one has dtype {dtype}')
    return dtype


def _named_array(*args: Any, **kwargs: Any) -> None:
    """Stand for the name ``numpy.ndarray``, which arrays are pickled with.

    The class itself, called with the dtype ``'O'``, would read raw bytes as
    object pointers.
    """
    raise pickle.UnpicklingError(
        'a checkpoint may name numpy.ndarray but not call it. Load it only '
        'if you trust where it comes from')


def _restricted_reconstruct(kind: Any, *args: Any) -> Any:
    """Answer numpy's ``_reconstruct`` with an empty array to be filled."""
    import numpy as np
    if kind is not _named_array:
        raise pickle.UnpicklingError(
            f'a checkpoint may only hold plain numpy arrays, but got {kind!r}')
    return np.ndarray.__new__(np.ndarray, (0, ), 'b')


def _checkpoint_globals() -> List[Tuple[Any, str]]:
    """What mmengine's checkpoints hold besides tensors, by pickled name."""
    import numpy as np
    from mmengine.logging import HistoryBuffer
    try:
        multiarray: Any = import_module('numpy._core.multiarray')
    except ImportError:
        multiarray = import_module('numpy.core.multiarray')

    allowed = [(HistoryBuffer, 'mmengine.logging.history_buffer.'
                'HistoryBuffer'),
               (_restricted_getattr, 'builtins.getattr'),
               (_restricted_dtype, 'numpy.dtype'),
               (_named_array, 'numpy.ndarray'),
               # To be filled an array must be of an allowed class; no pickle
               # can spell a name without a module.
               (np.ndarray, 'ndarray')]
    # Checkpoints of numpy 1 and 2 name the same functions differently.
    for core in ('numpy.core', 'numpy._core'):
        allowed += [(_restricted_reconstruct,
                     f'{core}.multiarray._reconstruct'),
                    (multiarray.scalar, f'{core}.multiarray.scalar')]
    # The class of a restored dtype has to be known too.
    for kind in {type(np.dtype(code)) for code in '?bBhHiIlLqQefdgFDG'}:
        allowed.append((kind, f'{kind.__module__}.{kind.__qualname__}'))
    return allowed


def _allow_mmengine_checkpoints() -> None:
    """Let ``torch.load(weights_only=True)`` read mmengine's checkpoints.

    It is the default from torch 2.6 on; mmengine 0.10.7 passes nothing and
    cannot resume from its own checkpoints. Older versions are left alone:
    they know no names for allowed globals, and what they load is not
    restricted (see ``checkpoints``).
    """
    if find_spec('torch') is None:
        raise ImportError('torch is not installed. Run: pip install '
                          '"torch>=2.0"')
    import torch
    version = torch.__version__.split('+')[0].split('.')
    if (int(version[0]), int(version[1])) < (2, 6):
        return
    torch.serialization.add_safe_globals([*_checkpoint_globals()])
