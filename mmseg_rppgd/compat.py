"""The only place that knows about framework versions.

``apply`` runs at ``import mmseg_rppgd`` and mends what the supported versions
of torch, mmengine and mmcv do not do by themselves. It looks before it
touches: where nothing is missing, nothing is patched. It imports neither of
them: what needs them is done when they have been imported.
"""
import atexit
import os
import sys
from datetime import timedelta
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Callable, Dict

from .imports import after_import

MMCV_RANGE = '>=2.0.0rc4,<2.2.0'
_HOW_TO_GET_MMCV = (
    f'pip install "mmcv-lite{MMCV_RANGE}" (pure Python, enough for this '
    f'package), or pip install "mmcv{MMCV_RANGE}" (with compiled operators; '
    'see https://mmcv.readthedocs.io/en/latest/get_started/installation.html '
    'for prebuilt wheels)')


# What mmseg needs, and the command that installs it.
HOW_TO_GET = {
    'torch': 'pip install torch==2.13.0, or the build for your GPU',
    'mmengine': 'pip install "mmengine>=0.10.7,<1"',
    'mmcv': _HOW_TO_GET_MMCV,
    'mmseg': 'pip install "mmsegmentation>=1.2.2,<2"',
    'pkg_resources': 'pip install "setuptools<81"',
    'ftfy': 'pip install ftfy',
    'regex': 'pip install regex',
}
# For two attacks. No requirement can ask for it without what it depends on:
# visdom does not build with today's setuptools, and torchvision asks for a
# torch of its own. Neither is used.
GET_ADV_LIB = 'pip install --no-deps adv-lib==0.2.8'


def apply() -> None:
    """Mend the installed frameworks. Safe to call more than once."""
    _add_placeholder_ops()
    after_import(('torch', 'mmengine'), _mend_imported)


def _mend_imported() -> None:
    """Mend those that have been imported."""
    if 'torch' in sys.modules:
        _allow_mmengine_checkpoints()
    if 'mmengine' in sys.modules:
        _add_config_package()


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
    return {module: command for module, command in HOW_TO_GET.items()
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
def _allow_mmengine_checkpoints() -> None:
    """Let ``torch.load(weights_only=True)`` read mmengine's checkpoints.

    It is the default from torch 2.6 on; mmengine 0.10.7 passes nothing and
    cannot resume from its own checkpoints. Older versions are left alone:
    they know no names for allowed globals, and what they load is not
    restricted (see ``checkpoints``).
    """
    import torch
    version = torch.__version__.split('+')[0].split('.')
    if (int(version[0]), int(version[1])) < (2, 6):
        return
    from .pickled import checkpoint_globals
    try:
        allowed = checkpoint_globals()
    except ImportError:  # whoever imports mmengine is told
        return
    torch.serialization.add_safe_globals([*allowed])
