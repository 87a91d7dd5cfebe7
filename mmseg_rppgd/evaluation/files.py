"""Plain data on disk, whole or not at all, and what identifies it."""
import hashlib
import json
import os
import os.path as osp
import re
from contextlib import contextmanager
from typing import Any, Iterator

# What write_text and others call a file until it is whole, with their pid.
TEMPORARY = re.compile(r'(?P<name>.+)\.(?P<pid>\d+)\.tmp(\.npz|\.png)?')


class CannotWrite(OSError):
    """A file cannot be written; names it, and says how to go on."""


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Name the file in an error of the disk."""
    try:
        yield
    except CannotWrite:
        raise
    except OSError as error:
        raise CannotWrite(
            f'cannot write {path}: {error.strerror or error}. What was '
            'finished before is kept: make room, or allow writing there, and '
            'repeat the command, with --resume where it has that') from error


def temporary_name(path: str, ending: str = '') -> str:
    """Name of a file that is not whole yet, of this process alone."""
    return f'{path}.{os.getpid()}.tmp{ending}'


@contextmanager
def replacing(path: str, ending: str = '') -> Iterator[str]:
    """Give a name to write to; what is there then replaces the file.

    A kill leaves the old file or the new one.

    Args:
        path (str): The file.
        ending (str): That of the temporary name, where a writer looks at it.
    """
    temporary = temporary_name(path, ending)
    with writing(path):
        os.makedirs(osp.dirname(path) or '.', exist_ok=True)
        try:
            yield temporary
            os.replace(temporary, path)
        except BaseException:
            if osp.exists(temporary):
                os.remove(temporary)
            raise


def write_text(path: str, text: str) -> None:
    """Write a file so that a kill leaves the old one or the new one."""
    with replacing(path) as temporary:
        with open(temporary, 'w', encoding='utf-8') as file:
            file.write(text)


def write_json(path: str, value: Any) -> None:
    """Write JSON that other programs can read: no NaN, no Infinity."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + '\n')


def digest(value: Any) -> str:
    """Hash of plain data, whatever the order of its keys."""
    text = json.dumps(jsonable(value), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def jsonable(value: Any) -> Any:
    """Turn a config into what JSON can hold."""
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    # An address in memory is another one in every process.
    return getattr(value, '__name__', None) or re.sub(
        ' at 0x[0-9a-fA-F]+', '', repr(value))


def short_name(name: str, most: int) -> str:
    """A file name of so many characters, which is still that name's alone."""
    if len(name) <= most:
        return name
    return f'{name[:most - 9]}-{digest(name)[:8]}'
