"""The file that the name of a checkpoint stands for.

A name is a path, or one of the addresses that mmengine knows. What lies
elsewhere is fetched first, so that it is hashed and read like any file.
"""
import difflib
import hashlib
import os
import os.path as osp
import re
import uuid
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import BinaryIO, Callable, Dict, Iterator, Optional
from urllib.parse import urlparse
from urllib.request import Request, urlopen

TIMEOUT = 60  # seconds without a byte
# mmengine takes 'cluster:s3://...' as well.
_SCHEME = re.compile(r'(?:\S+:)?(s3|petrel)://|([\w.+-]+)://')
_HASH_IN_NAME = re.compile(r'-([0-9a-f]{8,64})\.\w+$')


# --------------------------------------------------------------------- hashes
def file_sha256(path: str) -> str:
    """SHA-256 of a file."""
    with open(path, 'rb') as file:
        return stream_sha256(file)


def stream_sha256(file: BinaryIO) -> str:
    """SHA-256 of what a file still holds."""
    result = hashlib.sha256()
    for block in iter(lambda: file.read(1 << 20), b''):
        result.update(block)
    return result.hexdigest()


# ---------------------------------------------------------------------- names
def scheme(name: str) -> str:
    """What stands before ``://``; empty for a path."""
    match = _SCHEME.match(name)
    return '' if match is None else match.group(1) or match.group(2)


def is_known(name: str) -> bool:
    """Whether there is a way to the file."""
    return scheme(name) in ('', *_FETCH)


@contextmanager
def local_file(name: str) -> Iterator[str]:
    """Give the path of a checkpoint's file, for as long as it is needed.

    Args:
        name (str): A path or an address: ``https://``, ``open-mmlab://``,
            ``mmcls://``, ``torchvision://``, ``s3://``, ``pavi://``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is a folder or empty, the address is unknown, or
            the download fails.
    """
    kind = scheme(name)
    if not kind:
        path = osp.expanduser(name)
        require_file(path, f'checkpoint {name!r}')
        yield path
    elif kind not in _FETCH:
        raise ValueError(
            f'checkpoint {name!r} has an unknown kind of address, {kind}://; '
            f'take a file, or one of {", ".join(_FETCH)}')
    else:
        with TemporaryDirectory(prefix='mmseg_rppgd-') as folder:
            path = _FETCH[kind](name, folder)
            require_file(path, f'the file {path!r} of checkpoint {name!r}')
            yield path


def require_file(path: str, what: str) -> None:
    """Raise if a path is no file with something in it.

    Args:
        path (str): The path.
        what (str): What the message calls it.
    """
    if osp.isdir(path):
        inside = sorted(file for file in os.listdir(path)
                        if file.endswith(('.pth', '.pt')))
        raise ValueError(
            f'{what} is a folder; give a file' + (
                f' in it, such as {osp.join(path, inside[-1])}'
                if inside else ''))
    if not osp.isfile(path):
        raise FileNotFoundError(f'{what} does not exist')
    if osp.getsize(path) == 0:
        raise ValueError(f'{what} is empty: it was cut off while it was '
                         'written or copied; take another copy')


def rest(name: str) -> str:
    """What stands behind ``://``."""
    return name.partition('://')[2]


# ------------------------------------------------------------------ addresses
def _from_http(url: str, folder: Optional[str] = None) -> str:
    """Download once. Two addresses are two files, whatever their last part.

    torch and mmengine name the copy by the last part alone. A copy of theirs
    is taken only where the name holds the hash of the content.
    """
    import torch
    from mmengine.dist import barrier, get_rank
    folder = osp.join(torch.hub.get_dir(), 'checkpoints')
    last = osp.basename(urlparse(url).path)
    path = osp.join(folder, last)
    match = _HASH_IN_NAME.search(last)
    if not (match and osp.isfile(path)
            and file_sha256(path).startswith(match.group(1))):
        last = re.sub(r'[^\w.-]', '_', last)[-100:]
        path = osp.join(
            folder, f'{hashlib.sha256(url.encode()).hexdigest()[:16]}-{last}')
    try:  # the first process downloads, and those of other machines after it
        if get_rank() == 0 and not osp.isfile(path):
            _download(url, path)
    finally:
        barrier()
    if not osp.isfile(path):
        _download(url, path)
    return path


def _download(url: str, path: str) -> None:
    """Download a file whole or not at all."""
    os.makedirs(osp.dirname(path), exist_ok=True)
    part = f'{path}.{uuid.uuid4().hex}.part'
    try:
        request = Request(url, headers={'User-Agent': 'mmseg_rppgd'})
        with urlopen(request, timeout=TIMEOUT) as answer, open(
                part, 'wb') as file:
            for block in iter(lambda: answer.read(1 << 20), b''):
                file.write(block)
            size, whole = file.tell(), answer.headers.get('Content-Length')
        if whole is not None and size != int(whole):
            raise ValueError(f'checkpoint {url!r} came in incomplete ({size} '
                             f'of {whole} bytes); try again')
        os.replace(part, path)
    except OSError as error:  # also that of an address without an answer
        raise ValueError(f'checkpoint {url!r} could not be downloaded: '
                         f'{error}. Download it by other means, and give '
                         'the file') from error
    finally:
        if osp.exists(part):
            os.remove(part)


def _by_name(name: str, known: Dict[str, str],
             renamed: Optional[Dict[str, str]] = None) -> str:
    """Look a name of a model zoo up."""
    model = (renamed or {}).get(rest(name), rest(name))
    if model not in known:
        close = difflib.get_close_matches(model, known, n=3)
        raise ValueError(f'checkpoint {name!r} is not known to mmengine' + (
            f'; similar names: {", ".join(close)}' if close else ''))
    return known[model]


def _from_openmmlab(name: str, folder: str) -> str:
    from mmengine.runner.checkpoint import (_get_mmengine_home,
                                            get_deprecated_model_names,
                                            get_external_models)
    found = _by_name(name, get_external_models(),
                     get_deprecated_model_names())
    if scheme(found) in ('http', 'https'):
        return _from_http(found)
    return osp.join(_get_mmengine_home(), found)


def _from_mmcls(name: str, folder: str) -> str:
    from mmengine.runner.checkpoint import get_mmcls_models
    return _from_http(_by_name(name, get_mmcls_models()))


def _from_torchvision(name: str, folder: str) -> str:
    from mmengine.runner.checkpoint import get_torchvision_models
    try:
        known = get_torchvision_models()
    except ImportError as error:
        raise ImportError(f'checkpoint {name!r} needs torchvision. Run: pip '
                          'install torchvision') from error
    return _from_http(_by_name(name, known))


def _from_s3(name: str, folder: str) -> str:
    from mmengine.fileio import get_file_backend
    backend = get_file_backend(name, backend_args={'backend': 'petrel'})
    path = osp.join(folder, 'checkpoint.pth')
    with open(path, 'wb') as file:
        file.write(backend.get(name))
    return path


def _from_pavi(name: str, folder: str) -> str:
    try:
        from pavi import modelcloud
    except ImportError as error:
        raise ImportError(f'checkpoint {name!r} needs the package pavi, which '
                          'is not installed; give a file') from error
    model = modelcloud.get(rest(name))
    path = osp.join(folder, 'checkpoint.pth')
    model.download(path)
    return path


_FETCH: Dict[str, Callable[[str, str], str]] = {
    'http': _from_http,
    'https': _from_http,
    'open-mmlab': _from_openmmlab,
    'openmmlab': _from_openmmlab,
    'mmcls': _from_mmcls,
    'torchvision': _from_torchvision,
    'modelzoo': _from_torchvision,
    's3': _from_s3,
    'petrel': _from_s3,
    'pavi': _from_pavi,
}
