"""Show versions and device, and what is missing."""
import argparse
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Dict, List, Optional, Sequence

import torch
from mmengine.device import get_device

from .. import __version__
from ..attacks.adv_lib import INSTALL as GET_ADV_LIB
from ..cli import PACKAGE
from ..compat import has_mmcv_ops, missing_packages, require_mmseg

NOT_INSTALLED = 'not installed'
PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmcv-lite', 'mmsegmentation',
            'adv-lib')


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    return argparse.ArgumentParser(
        prog, description='Show versions, device and threads, and what is '
        'missing, with the command that mends it')


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


def devices() -> str:
    """What a run here computes on."""
    device = get_device()
    if device != 'cuda':
        return f'{device} ({os.cpu_count()} cores)'
    names = [torch.cuda.get_device_name(i)
             for i in range(torch.cuda.device_count())]
    return f'cuda ({", ".join(names)})'


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
            found.append(f'{name} is missing, for ALMAProx and DAG alone. '
                         f'Run: {command}')
    return found


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Print what there is and what is not."""
    parser(prog).parse_args(argv)
    threads = os.environ.get('OMP_NUM_THREADS')
    lines = {
        **versions(), 'device': devices(),
        'threads': f'{torch.get_num_threads()}' +
        (f' (OMP_NUM_THREADS={threads})' if threads else '')}
    for name, text in lines.items():
        print(f'{name:15} {text}')
    print('\n' + ('\n'.join(troubles()) or 'Nothing is missing.'))
