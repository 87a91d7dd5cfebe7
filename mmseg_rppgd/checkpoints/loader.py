"""The one loader of checkpoints: nothing in them runs, and all are hashed.

``restricted_loading`` puts it in the place of mmengine's loaders and of
``torch.load``, for the code that runs inside and no longer. Importing this
package changes no loader of other people's programs.
"""
import os
import pickle
import threading
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

import torch
from mmengine.logging import print_log
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from mmengine.utils import digit_version

from .files import file_sha256, is_known, local_file, scheme, stream_sha256
from .messages import TRUST, explain
from .weights import check_pretrained, check_state_dict


class Rule(NamedTuple):
    """How checkpoints are loaded inside :func:`restricted_loading`."""

    trust: bool
    loaded: Dict[str, str]  # SHA-256 of what was loaded, by name
    reported: Dict[str, str]  # SHA-256 of what is yet to be loaded


# Of the thread that asked for it: others keep torch as it is.
_RULE: ContextVar[Optional[Rule]] = ContextVar('rule', default=None)
# What init_cfg=dict(type='Pretrained') has loaded, while it is at work.
_SEEN: ContextVar[Optional[List[Any]]] = ContextVar('seen', default=None)


@contextmanager
def restricted_loading(trust: bool = False) -> Iterator[None]:
    """Let every checkpoint inside come through :func:`load_checkpoint`.

    That holds for mmengine's loader of any address, for weights that
    ``init_cfg`` asks for, and for ``torch.load`` itself, whatever
    ``weights_only`` it is given.

    Args:
        trust (bool): Whether to load, and so run, whatever a checkpoint
            holds. Inside another such block the outer one's trust remains.
            Defaults to False.
    """
    outer = _RULE.get()
    rule = Rule(trust, {}, {}) if outer is None else outer._replace(
        trust=trust or outer.trust)
    token = _RULE.set(rule)
    _REPLACED.put()
    try:
        yield
    finally:
        _REPLACED.take_back()
        _RULE.reset(token)


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
    rule = _RULE.get()
    trust = trust or rule is not None and rule.trust
    with local_file(name) as path, open(path, 'rb') as file:
        sha256 = stream_sha256(file)
        file.seek(0)
        print_log(f'Loads checkpoint {name} with SHA-256 {sha256}',
                  logger='current')
        checkpoint = _read(
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

    Inside :func:`restricted_loading` it is that of what was loaded, and what
    is loaded later has to have it.
    """
    rule = _RULE.get()
    if rule is not None and name in rule.loaded:
        return rule.loaded[name]
    with local_file(name) as path:
        sha256 = file_sha256(path)
    if rule is not None:
        rule.reported[name] = sha256
    return sha256


def require_this_loader(name: str) -> None:
    """Raise a ValueError if an address is left to mmengine's own loaders.

    They run the code in what they download, and take another download of the
    same file name for it.
    """
    if scheme(name) and _RULE.get() is None:
        raise ValueError(
            f"load_from {name!r} would be loaded by mmengine, which runs code "
            'that it may hold; download it and give the file, or test it by '
            'python -m mmseg_rppgd robust-test')


# -------------------------------------------------------------------- reading
def _read(file: Any, name: str, *args: Any, trust: bool = False,
          **kwargs: Any) -> Any:
    """``torch.load``, restricted or not, with errors of one sentence."""
    if trust:
        return _REPLACED.torch_load(file, *args,
                                    **{**kwargs, 'weights_only': False})
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
            return _REPLACED.torch_load(file, *args,
                                        **{**kwargs, 'weights_only': True})
    except Exception as error:
        raise explain(error, name, _start_of(file)) from None


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


# --------------------------------------------------------- what stands in for
class _Replaced:
    """Stand-ins for the loaders, in place while anybody needs them.

    They ask for the rule of their caller, and without one do what they stand
    in for.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.places = [(torch, 'load', _torch_load),
                       (torch.serialization, 'load', _torch_load),
                       (CheckpointLoader, 'load_checkpoint', _mmengine_load),
                       (PretrainedInit, '__call__', _pretrained)]
        self.put_there: List[Any] = []
        self.originals: List[Any] = []

    @property
    def torch_load(self) -> Callable:
        return self.originals[0] if self.users else torch.load

    def put(self) -> None:
        with self.lock:
            self.users += 1
            if self.users > 1:
                return
            self.originals = [vars(owner)[name]
                              for owner, name, _ in self.places]
            self.put_there = [
                stand_in(original) for (_, _, stand_in), original in zip(
                    self.places, self.originals)]
            for (owner, name, _), new in zip(self.places, self.put_there):
                setattr(owner, name, new)

    def take_back(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users:
                return
            for (owner, name, _), new, original in zip(
                    self.places, self.put_there, self.originals):
                if vars(owner)[name] is new:  # and not put there by others
                    setattr(owner, name, original)


def _torch_load(original: Callable) -> Callable:

    @wraps(original)
    def load(f, *args, **kwargs):
        rule = _RULE.get()
        if rule is None or rule.trust:
            return original(f, *args, **kwargs)
        return _read(f, str(getattr(f, 'name', f)), *args, **kwargs)

    return load


def _mmengine_load(original: classmethod) -> classmethod:

    @wraps(original.__func__)
    def load_checkpoint_(cls, filename, map_location=None, logger='current'):
        rule = _RULE.get()
        if rule is None:
            return original.__func__(cls, filename, map_location, logger)
        name = str(filename)
        if not is_known(name):  # registered by somebody
            if not rule.trust:
                raise pickle.UnpicklingError(
                    f'checkpoint {name!r} comes through a loader of '
                    f'{scheme(name)}:// that nothing restricts, and is '
                    f'refused. {TRUST}')
            return original.__func__(cls, filename, map_location, logger)
        checkpoint = load_checkpoint(name, map_location)
        seen = _SEEN.get()
        if seen is not None:
            seen.append(checkpoint)
        return checkpoint

    return classmethod(load_checkpoint_)


def _pretrained(original: Callable) -> Callable:

    @wraps(original)
    def __call__(self, module):
        if _RULE.get() is None:
            return original(self, module)
        token = _SEEN.set([])
        try:
            original(self, module)
            for checkpoint in _SEEN.get():
                check_pretrained(module, checkpoint, self.checkpoint,
                                 self.prefix)
        finally:
            _SEEN.reset(token)

    return __call__


_REPLACED = _Replaced()
