"""Results of single images on disk, written as they come, and resumed.

``per_image/ROW.jsonl`` holds one line per image; a second process writes
``per_image/ROW.rank1.jsonl``, merged into the first when the row is done.
``per_image/settings.json`` holds the settings that decide the numbers.
A line that was cut off by a kill is dropped and its image done again.
"""
import glob
import json
import os
import os.path as osp
import re
from typing import Any, Collection, Dict, Iterator, List, Optional, Set

from ..files import digest, write_json, write_text, writing
from .folder import SETTINGS, Earlier, set_aside

Record = Dict[str, Any]
MOST_DIFFERENCES = 5  # that a refusal names


class SettingsChanged(ValueError):
    """The settings of a resumed run are not those it was started with."""


class ImageStore:
    """One line of JSON per image and row.

    Args:
        folder (str, optional): Where the files are, in the folder of the
            report. None keeps nothing: what a job gives is then all there
            is.
        rank (int): Rank of this process. Defaults to 0.
    """

    def __init__(self, folder: Optional[str], rank: int = 0) -> None:
        self.folder = folder
        self.rank = rank
        self.earlier: Optional[Earlier] = None

    def start(self, settings: Dict[str, Any], resume: bool) -> bool:
        """Prepare the folder; only the first process does this.

        Args:
            settings (dict): What decides the numbers, as plain data.
            resume (bool): Whether to continue what is there. If not, or if
                nobody knows what settings it had, it moves to a folder of
                its own, reports and all, which ``earlier`` then names: no
                old file stands beside new numbers, and none is lost.

        Returns:
            bool: Whether there is something to continue.

        Raises:
            SettingsChanged: If the settings differ from the stored ones.
        """
        if self.folder is None:
            return False
        path = osp.join(self.folder, SETTINGS)
        if resume and osp.exists(path):
            changes = differences(_read_settings(path),
                                  json.loads(json.dumps(settings)))
            if changes:
                more = len(changes) - MOST_DIFFERENCES
                changes = changes[:MOST_DIFFERENCES]
                if more > 0:
                    changes.append(f'and {more} more')
                raise SettingsChanged(
                    f'cannot resume {osp.dirname(self.folder) or "."}, whose '
                    f'settings were different: {"; ".join(changes)}. Repeat '
                    'the command with the old settings, or leave out '
                    '--resume to start again')
            for file_path in self._files():
                _drop_torn_line(file_path)
            return True
        self.earlier = set_aside(osp.dirname(self.folder))
        with writing(self.folder):
            os.makedirs(self.folder, exist_ok=True)
        write_json(path, settings)
        return False

    def append(self, key: str, record: Record) -> None:
        """Add the result of one image to a row, on disk at once."""
        if self.folder is None:
            return
        path = self._path(key)
        with writing(path), open(path, 'a', encoding='utf-8') as file:
            file.write(json.dumps(record) + '\n')

    def load(self, key: str) -> Dict[int, Record]:
        """Read what all processes have stored of a row, by image index."""
        records = {}
        for path in self._paths(key):
            for record in _read_lines(path):
                records[record['index']] = record
        return records

    def merge(self, key: str, records: Dict[int, Record]) -> None:
        """Replace the lines of all processes by one file in image order."""
        if self.folder is None:
            return
        paths = self._paths(key)
        target = osp.join(self.folder, f'{key}.jsonl')
        text = ''.join(
            json.dumps(records[i]) + '\n' for i in sorted(records))
        write_text(target, text)
        for path in paths:
            if path != target:
                with writing(path):
                    os.remove(path)

    def keys(self) -> Set[str]:
        """Keys of all rows that something is stored of."""
        names = (osp.basename(path)[:-len('.jsonl')]
                 for path in self._files())
        return {re.sub(r'\.rank\d+$', '', name) for name in names}

    def drop(self, indices: Collection[int],
             keys: Optional[Collection[str]] = None) -> None:
        """Forget images, which are then done again.

        Args:
            indices (Collection[int]): Which images.
            keys (Collection[str], optional): In which rows. Defaults to
                None, all.
        """
        for key in self.keys() if keys is None else keys:
            records = self.load(key)
            if any(index in records for index in indices):
                self.merge(key, {i: record for i, record in records.items()
                                 if i not in indices})

    def _files(self) -> List[str]:
        if self.folder is None:
            return []
        return glob.glob(osp.join(glob.escape(self.folder), '*.jsonl'))

    def _path(self, key: str) -> str:
        assert self.folder is not None  # without one nothing is stored
        suffix = f'.rank{self.rank}' if self.rank else ''
        return osp.join(self.folder, f'{key}{suffix}.jsonl')

    def _paths(self, key: str) -> List[str]:
        if self.folder is None:
            return []
        others = glob.glob(osp.join(
            glob.escape(self.folder), f'{glob.escape(key)}.rank*.jsonl'))
        first = osp.join(self.folder, f'{key}.jsonl')
        return [p for p in [first] + sorted(others) if osp.exists(p)]


def stamp_of(settings: Dict[str, Any]) -> str:
    """What the records of a test have of its settings, model and weights.

    A record of other settings does not count, wherever it came from.
    """
    return digest(settings)[:12]


def _read_lines(path: str) -> Iterator[Record]:
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue  # cut off by a kill; the image is done again
            if isinstance(record, dict) and 'index' in record:
                yield record


def _read_settings(path: str) -> Dict[str, Any]:
    try:
        with open(path, encoding='utf-8') as file:
            settings = json.load(file)
        if isinstance(settings, dict):
            return settings
    except ValueError:  # of JSON or of UTF-8
        pass
    raise ValueError(f'{path} must hold the settings of the test that is '
                     'to be resumed, but cannot be read; leave out '
                     '--resume to start again')


def _drop_torn_line(path: str) -> None:
    """Cut a file after its last complete line, so that lines never join."""
    with writing(path), open(path, 'rb+') as file:
        content = file.read()
        end = content.rfind(b'\n') + 1
        if end < len(content):
            file.truncate(end)


def differences(old: Any, new: Any, name: str = '') -> List[str]:
    """Say in words how two settings differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        changes = []
        for key in list(old) + [k for k in new if k not in old]:
            path = f'{name}.{key}' if name else key
            if key not in new:
                changes.append(f'{path} was there and is not now')
            elif key not in old:
                changes.append(f'{path} was not there and is now')
            else:
                changes += differences(old[key], new[key], path)
        return changes
    return [] if old == new else [f'{name} was {old!r} and is {new!r}']
