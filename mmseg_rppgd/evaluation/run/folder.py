"""The folder of a report: one test at a time, and nothing in it is lost."""
import errno
import os
import os.path as osp
import re
import sys
from typing import Iterator, List, NamedTuple, Optional, Set, Tuple

from ..files import TEMPORARY, writing

LOCK = '.robust_test.lock'
PREVIOUS = 'previous'
RECORDS, SETTINGS = 'per_image', 'settings.json'
# What a test writes, by folder. A file of another name is somebody else's,
# and stays where it is.
OWN = {
    '': re.compile(r'results\.(json|csv)|intervals\.json|table\.md|'
                   r'curves\.png|report\.html|'
                   r'(minimal_norm|transfer)\.(json|md)|recovered\.json'),
    'panels': re.compile(r'\d{5,}-.+-[0-9a-f]{8}\.(png|pdf)'),
    RECORDS: re.compile(r'.+\.jsonl|settings\.json|skipped\.json'),
    'examples': re.compile(r'\d+\.npz'),
}
KEPT = {'': re.compile(r'class_counts-[0-9a-f]+\.json'),
        'adversaries': re.compile(r'\d+-[0-9a-f]+\.(npz|png)')}
PANEL = OWN['panels']
# The last byte that a file may have; the lock is not on what can be read.
LOCKED_BYTE = 2**31 - 2


class FolderInUse(ValueError):
    """Another test is at work in a folder."""


class FolderLock:
    """Keeps a second test out of a folder while one is at work in it.

    The system gives it up when the process ends, however it ends: a kill
    leaves nothing behind. Of several processes of one test the first holds
    it for all.

    Args:
        folder (str): The folder.
        option (str): What names another one on a command line. Defaults to
            '--out', that of the report.
    """

    # A lock belongs to a process, which could take its own again.
    _held: Set[str] = set()

    def __init__(self, folder: str, option: str = '--out') -> None:
        self.folder = folder
        self.option = option
        self.path = osp.join(osp.realpath(folder), LOCK)
        self._file: Optional[int] = None

    def acquire(self) -> bool:
        """Take the lock.

        Returns:
            bool: Whether there are locks on this file system; without them
            nothing keeps a second test out.

        Raises:
            FolderInUse: If another test has it.
        """
        # To open and close the file would give up the lock of another test
        # of this process.
        if self.path in self._held:
            raise self._refusal(str(os.getpid()))
        with writing(self.path):
            os.makedirs(osp.dirname(self.path), exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(file)
        except OSError as error:
            holder = os.read(file, 32).decode(errors='replace').strip()
            os.close(file)
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise self._refusal(holder) from None
            return False
        self._held.add(self.path)
        self._file = file
        with writing(self.path):
            os.ftruncate(file, 0)
            os.write(file, f'{os.getpid()}\n'.encode())
        return True

    def release(self) -> None:
        """Give the lock up. The file stays: another test may wait for it."""
        if self._file is not None:
            self._held.discard(self.path)
            os.close(self._file)
            self._file = None

    def _refusal(self, holder: str) -> FolderInUse:
        by = f' (process {holder})' if holder.isdigit() else ''
        return FolderInUse(
            f'another test{by} is at work in {self.folder}: wait for it, or '
            f'name another folder by {self.option}')


def _lock(file: int) -> None:
    """Lock a file for this process, or raise an OSError."""
    if sys.platform == 'win32':
        import msvcrt
        os.lseek(file, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        # Not flock(): children that load images would inherit that lock, and
        # hold it for a while after a kill.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, LOCKED_BYTE)


class Earlier(NamedTuple):
    """An earlier report, set aside.

    Args:
        folder (str): Where it is now.
        records (int): Results of single images that it has.
        finished (bool): Whether it has a report.
    """
    folder: str
    records: int
    finished: bool

    def __str__(self) -> str:
        if self.finished or not self.records:
            return f'The earlier report of this folder is now in {self.folder}'
        return (f'A test in this folder had not finished: its {self.records} '
                f'results of single images are now in {self.folder}. To go '
                'on with it instead, stop this test and repeat the command '
                f'with --out {self.folder} --resume')


def set_aside(folder: str) -> Optional[Earlier]:
    """Move what an earlier test wrote to a folder of its own inside.

    Only what a test writes is moved, and nothing is removed: a folder
    ``previous`` that is there already stays, and the next is ``previous-2``.

    Returns:
        Earlier: None if there is nothing to be moved.
    """
    names = list(_own_files(folder, OWN))
    if not names:
        return None
    # The settings last: a kill in between leaves a test to be resumed.
    names.sort(key=lambda name: name[1] == SETTINGS)
    records = sum(_count_lines(osp.join(folder, *name)) for name in names
                  if name[1].endswith('.jsonl'))
    target = _next_folder(folder)
    for part, name in names:
        with writing(osp.join(target, part, name)):
            os.makedirs(osp.join(target, part), exist_ok=True)
            os.rename(osp.join(folder, part, name),
                      osp.join(target, part, name))
    for part in sorted({part for part, _ in names if part}, key=len,
                       reverse=True) + ['examples']:
        _remove_if_empty(osp.join(folder, part))
    return Earlier(target, records, ('', 'results.json') in names)


def _next_folder(folder: str) -> str:
    number = 1
    while True:
        name = PREVIOUS if number == 1 else f'{PREVIOUS}-{number}'
        target = osp.join(folder, name)
        try:
            with writing(target):
                os.mkdir(target)
        except OSError:
            if not osp.lexists(target):
                raise
            number += 1
        else:
            return target


def remove_leftovers(folder: str) -> None:
    """Remove files that killed tests of this package left half written."""
    for part, name in _own_files(folder, OWN, KEPT, temporary=True):
        remove_if_left(osp.join(folder, part), name)


def remove_if_left(folder: str, name: str) -> None:
    """Remove a file that is half written if nobody is writing it."""
    found = TEMPORARY.fullmatch(name)
    if found and not _is_running(int(found.group('pid'))):
        os.remove(osp.join(folder, name))


def _own_files(folder: str, *tables: dict,
               temporary: bool = False) -> Iterator[Tuple[str, str]]:
    """Yield (folder inside, name) of the files that a test wrote."""
    for table in tables:
        for top, pattern in table.items():
            for part in _folders(folder, top):
                for name in sorted(os.listdir(osp.join(folder, part))):
                    found = TEMPORARY.fullmatch(name)
                    whole = found.group('name') if found else name
                    if bool(found) == temporary and pattern.fullmatch(
                            whole) and osp.isfile(
                                osp.join(folder, part, name)):
                        yield part, name


def _folders(folder: str, top: str) -> List[str]:
    """A folder, and those inside it where rows have folders of their own."""
    if not osp.isdir(osp.join(folder, top)):
        return []
    if top not in ('examples', 'adversaries'):
        return [top]
    return [osp.relpath(path, folder)
            for path, _, _ in os.walk(osp.join(folder, top))]


def _is_running(pid: int) -> bool:
    """Whether another process of that number may be at work."""
    if pid == os.getpid():
        return False  # a number that was given again, as in containers
    if os.name == 'nt':
        return True  # asking would interrupt it there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True


def _remove_if_empty(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:
        pass  # not there, or with something of somebody else's


def _count_lines(path: str) -> int:
    with open(path, 'rb') as file:
        return sum(1 for _ in file)
