"""Show versions and device, and what is missing."""
import os
import os.path as osp
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Dict, List

from ... import __version__
from ...cli import PACKAGE
from ...compat import (GET_ADV_LIB, has_mmcv_ops, missing_packages,
                       require_mmseg)

NOT_INSTALLED = 'not installed'
PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmcv-lite', 'mmsegmentation',
            'adv-lib')


def versions() -> Dict[str, str]:
    """Versions of what this package works with."""
    found = {name: installed(name) for name in PACKAGES}
    # Both install the package mmcv, so there is one of them.
    lite = found.pop('mmcv-lite')
    if found['mmcv'] == NOT_INSTALLED and lite != NOT_INSTALLED:
        found['mmcv'] = lite
    if found['mmcv'] != NOT_INSTALLED:
        found['mmcv'] += (' (full)' if has_mmcv_ops() else
                          ' (lite: no compiled operators)')
    return {'python': platform.python_version(), **found,
            'mmseg_rppgd': f'{__version__} ({PACKAGE})'}


def installed(distribution: str) -> str:
    """The version of an installed distribution."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return NOT_INSTALLED


def computing() -> Dict[str, str]:
    """What a run here computes on; nothing if that cannot be asked."""
    if {'torch', 'mmengine'} & set(missing_packages()):
        return {}
    import torch
    from mmengine.device import get_device
    device = get_device()
    names = [f'{os.cpu_count()} cores']
    if device == 'cuda':
        names = [torch.cuda.get_device_name(i)
                 for i in range(torch.cuda.device_count())]
    set_by_user = os.environ.get('OMP_NUM_THREADS')
    return {'device': f'{device} ({", ".join(names)})',
            'threads': f'{torch.get_num_threads()}' +
            (f' (OMP_NUM_THREADS={set_by_user})' if set_by_user else '')}


def troubles() -> List[str]:
    """What keeps parts of this package from working, and what mends it."""
    found = [f'{name} is missing. Run: {command}'
             for name, command in missing_packages().items()]
    if not found:
        try:
            require_mmseg()
        except ImportError as error:
            found.append(str(error))
    for name, command in (('adv-lib', GET_ADV_LIB),
                          ('tqdm', 'pip install tqdm')):
        if installed(name) == NOT_INSTALLED:
            found.append(f'{name} is missing, for ALMAProx and DAG alone, '
                         f'which the suite reliable has. Run: {command}')
    return found


def run() -> None:
    """Print what there is and what is not."""
    docs = osp.join(PACKAGE, '.mim', 'docs')
    for name, text in {**versions(), **computing(), 'docs': docs}.items():
        print(f'{name:15} {text}')
    print('\n' + ('\n'.join(troubles()) or 'Nothing is missing.'))
