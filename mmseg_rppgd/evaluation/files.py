"""Plain data on disk, whole or not at all, and what identifies it."""
import hashlib
import json
import os
from typing import Any


def write_text(path: str, text: str) -> None:
    """Write a file so that a kill leaves the old one or the new one."""
    temporary = f'{path}.{os.getpid()}.tmp'  # of this process alone
    with open(temporary, 'w', encoding='utf-8') as file:
        file.write(text)
    os.replace(temporary, path)


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
    return getattr(value, '__name__', None) or repr(value)
