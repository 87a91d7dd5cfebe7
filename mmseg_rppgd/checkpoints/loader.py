"""The one loader of checkpoints: nothing in them runs, and all are hashed."""
import os
import pickle
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Dict, Iterator, NamedTuple, Optional

import torch
from mmengine.logging import print_log
from mmengine.utils import digit_version

from .files import file_sha256, local_file, scheme, stream_sha256
from .messages import TRUST, explain
from .weights import check_state_dict

# What torch raises for a file that it cannot read. Code in a trusted
# checkpoint may fail in other ways, which are its own.
_DAMAGED = (EOFError, IndexError, KeyError, OSError, RuntimeError,
            UnicodeDecodeError, pickle.UnpicklingError)


class Rule(NamedTuple):
    """How checkpoints are loaded inside ``restricted_loading``."""

    trust: bool
    loaded: Dict[str, str]  # SHA-256 of what was loaded, by name
    reported: Dict[str, str]  # SHA-256 of what is yet to be loaded


# Of the thread that asked for it: others keep torch as it is.
RULE: ContextVar[Optional[Rule]] = ContextVar('rule', default=None)


@contextmanager
def under(rule: Optional[Rule]) -> Iterator[None]:
    """Follow a rule inside, and the one of before afterwards."""
    token = RULE.set(rule)
    try:
        yield
    finally:
        RULE.reset(token)


def load_checkpoint(name: str,
                    map_location: Any = 'cpu',
                    *,
                    trust: bool = False) -> Any:
    """Load a checkpoint without running code that it may hold.

    Args:
        name (str): Path or address; see :func:`local_file`.
        map_location (str | callable): As of ``torch.load``. Defaults to
            'cpu'.
        trust (bool): Whether to load whatever it holds. Defaults to False.

    Raises:
        FileNotFoundError: If it is not there.
        UnpicklingError: If it holds more than weights and plain data.
        ValueError: If it is no checkpoint, or damaged, or has changed since
            its hash was reported.
    """
    rule = RULE.get()
    trust = trust or rule is not None and rule.trust
    with local_file(name) as path, open(path, 'rb') as file:
        sha256 = stream_sha256(file)
        file.seek(0)
        print_log(f'Loads checkpoint {name} with SHA-256 {sha256}',
                  logger='current')
        checkpoint = read(
            path if path.endswith('.safetensors') else file, name,
            map_location=map_location, trust=trust)
    if rule is not None:
        if rule.reported.get(name, sha256) != sha256:
            raise ValueError(f'checkpoint {name!r} has changed since this '
                             'run began; start it again')
        rule.loaded[name] = sha256
    check_state_dict(checkpoint, name)
    if scheme(name) == 'mmcls':
        checkpoint = _backbone_of(checkpoint)
    return checkpoint if trust else _without_config(checkpoint)


def checkpoint_sha256(name: str) -> str:
    """SHA-256 of a checkpoint's file, fetched if need be.

    Inside ``restricted_loading`` it is that of what was loaded, and what
    is loaded later has to have it.
    """
    rule = RULE.get()
    if rule is not None and name in rule.loaded:
        return rule.loaded[name]
    with local_file(name) as path:
        sha256 = file_sha256(path)
    if rule is not None:
        rule.reported[name] = sha256
    return sha256


# -------------------------------------------------------------------- reading
def read(file: Any, name: str, *args: Any, trust: bool = False,
         **kwargs: Any) -> Any:
    """``torch.load``, restricted or not, with errors of one sentence."""
    if trust:
        try:
            return _torch_load(file, *args,
                               **{**kwargs, 'weights_only': False})
        except _DAMAGED as error:
            raise explain(error, name, _start_of(file), trust) from error
    if digit_version(torch.__version__) < digit_version('2.6.0'):
        raise pickle.UnpicklingError(
            f'checkpoint {name!r} cannot be loaded by torch '
            f'{torch.__version__} without running code that it may hold: '
            'weights_only holds from torch 2.6 on (CVE-2025-32434). Upgrade '
            f'torch; or else {TRUST}')
    try:
        with warnings.catch_warnings():
            # Told in our own words, or of no use: pickle protocols.
            warnings.simplefilter('ignore', UserWarning)
            return _torch_load(file, *args,
                               **{**kwargs, 'weights_only': True})
    except Exception as error:
        raise explain(error, name, _start_of(file)) from None


def _torch_load(*args: Any, **kwargs: Any) -> Any:
    """The ``torch.load`` behind what stands in for it."""
    with under(None):
        return torch.load(*args, **kwargs)


def _start_of(file: Any) -> bytes:
    """The first bytes of a file, open or not."""
    try:
        if isinstance(file, (str, os.PathLike)):
            with open(file, 'rb') as opened:
                return opened.read(512)
        file.seek(0)
        return file.read(512)
    except (OSError, ValueError, AttributeError):
        return b''


def _without_config(checkpoint: Any) -> Any:
    """Leave out the config that old checkpoints bring along as text.

    mmengine runs it as Python when it resumes, to compare a number of GPUs
    that configs no longer name.
    """
    if isinstance(checkpoint, dict) and isinstance(
            checkpoint.get('meta'), dict):
        checkpoint['meta'].pop('config', None)
    return checkpoint


def _backbone_of(checkpoint: Any) -> Dict[str, Any]:
    """The backbone of a classifier, as mmengine gives it for ``mmcls://``."""
    weights = checkpoint.get('state_dict', checkpoint)
    prefix = 'backbone.'
    return dict(state_dict={key[len(prefix):]: value for key, value in
                            weights.items() if key.startswith(prefix)})
