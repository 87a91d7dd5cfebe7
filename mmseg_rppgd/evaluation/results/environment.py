"""Where numbers come from: versions, device, commit, command."""
import os.path as osp
import shlex
import subprocess
import sys
from importlib import import_module
from typing import Any, Dict, Optional

import torch

PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmseg', 'mmseg_rppgd')


def describe_environment(seed: int, device: torch.device) -> Dict[str, Any]:
    """Collect what a reader needs to repeat a result.

    Args:
        seed (int): Seed of the evaluation.
        device (torch.device): Where the model is.
    """
    result: Dict[str, Any] = {name: _version(name) for name in PACKAGES}
    result.update(
        device=_device_name(device),
        seed=seed,
        commit=_commit(),
        command=_command())
    return result


def _command() -> str:
    """The command line, of ``python -m`` as it was typed."""
    folder, name = osp.split(sys.argv[0])
    program = (['python', '-m', osp.basename(folder)]
               if name == '__main__.py' else sys.argv[:1])
    return ' '.join(shlex.quote(word) for word in program + sys.argv[1:])


def _version(name: str) -> Optional[str]:
    try:
        return getattr(import_module(name), '__version__', None)
    except ImportError:
        return None


def _device_name(device: torch.device) -> str:
    if device.type == 'cuda':
        return f'{device} ({torch.cuda.get_device_name(device)})'
    return str(device)


def _commit() -> Optional[str]:
    """Commit of this package; None where it is not in a git repository."""
    folder = osp.dirname(osp.abspath(__file__))

    def git(*words: str) -> str:
        return subprocess.run(
            ('git', '-C', folder) + words, check=True, capture_output=True,
            text=True, timeout=10).stdout.strip()

    try:
        # An installed copy may lie inside somebody else's repository.
        git('ls-files', '--error-unmatch', osp.basename(__file__))
        dirty = git('status', '--porcelain', '--untracked-files=no', '.')
        return git('rev-parse', 'HEAD') + ('+changes' if dirty else '')
    except (OSError, subprocess.SubprocessError):
        return None
