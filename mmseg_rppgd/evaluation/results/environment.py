"""Where numbers come from: versions, device, commit, command."""
import os.path as osp
import re
import shlex
import subprocess
import sys
from importlib import import_module
from typing import Any, Dict, List, Optional, Sequence

import torch

MASK = '***'
# Parts of names, as in accessToken or wandb_api_key.
SECRETS = ('token', 'key', 'password', 'passwd', 'passphrase', 'pass', 'pwd',
           'secret', 'credential', 'auth', 'authorization', 'authentication',
           'bearer', 'cookie', 'signature', 'sig', 'apikey', 'accesskey',
           'secretkey', 'privatekey', 'sshkey')
ENDINGS = ('token', 'secret', 'password', 'passwd')  # as in hftoken
LOGIN = re.compile(r'(\w+://)[^/@\s]+@')  # of an address on the web
QUERY = re.compile(r'([?&;]([\w.-]+)=)([^&;\s"\']+)')  # of one, too
# Inside a word: of a query, a dict or nested settings.
SETTING = re.compile(
    r'''((?<![\w.-])["']?([\w.-]+)["']?\s*[=:]\s*)'''
    r'''(?!//)("[^"]*"|'[^']*'|[^\s&,;=(){}\[\]]+)''')
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
        command=typed_command())
    return result


def mask_secrets(words: Sequence[str]) -> List[str]:
    """Replace what looks like a secret by ``***``.

    That is the value of an option or setting with a name such as
    ``api_key``, ``--token`` or ``model.password``, and the login or query of
    an address on the web.
    """
    masked, secret = [], False
    for word in words:
        name, equals, value = word.partition('=')
        if secret and not word.startswith('-'):
            word = MASK
        elif equals and _is_secret(name):
            word = f'{name}={MASK}'
        else:
            word = LOGIN.sub(rf'\1{MASK}@', word)
            for pattern in (QUERY, SETTING):
                word = pattern.sub(_masked, word)
        secret = (word.startswith('-') and not equals and _is_secret(word))
        masked.append(word)
    return masked


def mask_address(name: str) -> str:
    """The name of a file, without the secrets of an address on the web."""
    return mask_secrets([name])[0] if '://' in name else name


def _masked(found: 're.Match') -> str:
    if _is_secret(found.group(2)):
        return found.group(1) + MASK
    return found.group()


def _is_secret(name: str) -> bool:
    parts = [part.lower() for part in re.findall(
        '[A-Z]?[a-z]+|[A-Z]+(?![a-z])', name)]
    singular = [part.rstrip('s') for part in parts]
    return any(part in SECRETS or part.endswith(ENDINGS)
               for part in parts + singular)


def typed_command() -> str:
    """The command line, of ``python -m`` as it was typed."""
    folder, name = osp.split(sys.argv[0])
    program = (['python', '-m', osp.basename(folder)]
               if name == '__main__.py' else sys.argv[:1])
    return ' '.join(word if word == MASK else shlex.quote(word)
                    for word in program + mask_secrets(sys.argv[1:]))


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
