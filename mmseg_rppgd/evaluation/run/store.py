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
import shutil
from typing import Any, Dict, Iterator, List, Optional

from ..files import write_json, write_text

Record = Dict[str, Any]
SETTINGS = 'settings.json'
PREVIOUS = 'previous'
# What a test writes beside the results of single images.
OUTPUTS = ('results.json', 'intervals.json', 'results.csv', 'table.md',
           'minimal_norm.json', 'minimal_norm.md', 'transfer.json',
           'transfer.md', 'curves.png', 'report.html', 'panels', 'examples')
MOST_DIFFERENCES = 5  # that a refusal names


class SettingsChanged(ValueError):
    """The settings of a resumed run are not those it was started with."""


class ImageStore:
    """One line of JSON per image and row.

    Args:
        folder (str, optional): Where the files are. None keeps nothing: what
            a job gives is then all there is.
        rank (int): Rank of this process. Defaults to 0.
    """

    def __init__(self, folder: Optional[str], rank: int = 0) -> None:
        self.folder = folder
        self.rank = rank

    def start(self, settings: Dict[str, Any], resume: bool) -> bool:
        """Prepare the folder; only the first process does this.

        Args:
            settings (dict): What decides the numbers, as plain data.
            resume (bool): Whether to continue what is there. If not, it
                moves to the folder ``previous`` beside it, reports and all,
                so that no old file stands beside new numbers.

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
            for file_path in glob.glob(
                    osp.join(glob.escape(self.folder), '*.jsonl')):
                _drop_torn_line(file_path)
            return True
        if osp.exists(path):
            self._set_aside()
        os.makedirs(self.folder, exist_ok=True)
        write_json(path, settings)
        return False

    def _set_aside(self) -> None:
        parent, name = osp.split(self.folder)
        previous = osp.join(parent, PREVIOUS)
        shutil.rmtree(previous, ignore_errors=True)
        os.makedirs(previous)
        for output in (name, *OUTPUTS):
            if osp.exists(osp.join(parent, output)):
                os.rename(osp.join(parent, output),
                          osp.join(previous, output))

    def append(self, key: str, record: Record) -> None:
        """Add the result of one image to a row, on disk at once."""
        if self.folder is None:
            return
        with open(self._path(key), 'a', encoding='utf-8') as file:
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
                os.remove(path)

    def _path(self, key: str) -> str:
        suffix = f'.rank{self.rank}' if self.rank else ''
        return osp.join(self.folder, f'{key}{suffix}.jsonl')

    def _paths(self, key: str) -> List[str]:
        if self.folder is None:
            return []
        others = glob.glob(
            osp.join(glob.escape(self.folder), f'{glob.escape(key)}.rank*'))
        first = osp.join(self.folder, f'{key}.jsonl')
        return [p for p in [first] + sorted(others) if osp.exists(p)]


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
            return json.load(file)
    except json.JSONDecodeError:
        raise ValueError(f'{path} must hold the settings of the test that is '
                         'to be resumed, but cannot be read; leave out '
                         '--resume to start again') from None


def _drop_torn_line(path: str) -> None:
    """Cut a file after its last complete line, so that lines never join."""
    with open(path, 'rb+') as file:
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
