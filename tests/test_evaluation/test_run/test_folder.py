"""The folder of a report: locked, set aside, cleaned."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_project import ROOT

from mmseg_rppgd.evaluation.run.folder import (FolderInUse, FolderLock,
                                               remove_leftovers, set_aside)

HOLD = '''
import sys
from mmseg_rppgd.evaluation.run.folder import FolderLock
FolderLock(sys.argv[1]).acquire()
print('held', flush=True)
sys.stdin.read()
'''


def write(folder, *names, text='old'):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob('*')
                  if p.is_file())


def test_a_second_test_of_a_process_is_refused(tmp_path):
    lock = FolderLock(str(tmp_path / 'out'))
    assert lock.acquire()
    with pytest.raises(FolderInUse, match='at work in .*out.*--out'):
        FolderLock(f'{tmp_path}/./out').acquire()
    lock.release()
    assert FolderLock(str(tmp_path / 'out')).acquire()


def test_a_lock_of_another_process_ends_with_it_however_it_ends(tmp_path):
    other = subprocess.Popen(
        [sys.executable, '-c', HOLD, str(tmp_path)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert other.stdout.readline() == 'held\n'
    lock = FolderLock(str(tmp_path))
    for _ in range(2):  # a refusal takes nothing away
        with pytest.raises(FolderInUse, match=rf'process {other.pid}\)'):
            lock.acquire()
    os.kill(other.pid, signal.SIGKILL)
    other.communicate()
    assert lock.acquire()
    lock.release()


def test_children_do_not_inherit_the_lock(tmp_path):
    lock = FolderLock(str(tmp_path))
    lock.acquire()
    child = os.fork()
    if not child:
        signal.pause()
    try:
        lock.release()
        code = HOLD.replace('sys.stdin.read()', '')
        subprocess.run([sys.executable, '-c', code, str(tmp_path)],
                       check=True, env=dict(os.environ, PYTHONPATH=str(ROOT)))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


OWN = ['results.json', 'report.html', 'panels/00001-PGD-0123abcd.pdf',
       'panels/00001-PGD-0123abcd.png', 'examples/clean/1.npz',
       'per_image/settings.json', 'per_image/clean.jsonl']


def test_a_report_moves_and_nothing_else_does(tmp_path):
    others = ['panels/holiday.png', 'examples/mine.txt', 'thesis.tex',
              'per_image/notes.txt', 'panels/sub/00001-PGD-0123abcd.png']
    write(tmp_path, *OWN, *others)
    earlier = set_aside(str(tmp_path))
    assert files(tmp_path) == sorted(
        others + [f'previous/{name}' for name in OWN])
    assert str(earlier).startswith('The earlier report')
    assert set_aside(str(tmp_path)) is None


def test_every_report_is_kept_under_a_name_of_its_own(tmp_path):
    write(tmp_path, 'previous/of somebody.txt')
    for number in (2, 3, 4):
        write(tmp_path, *OWN, text=str(number))
        moved = Path(set_aside(str(tmp_path)).folder)
        assert moved == tmp_path / f'previous-{number}'
        assert {(moved / name).read_text() for name in OWN} == {str(number)}
    assert files(tmp_path / 'previous') == ['of somebody.txt']
    assert not (tmp_path / 'examples').exists()


def test_work_that_is_not_finished_is_counted_and_can_be_gone_on_with(
        tmp_path):
    write(tmp_path, 'per_image/settings.json')
    write(tmp_path, 'per_image/clean.jsonl', text='{}\n{}\n{}\n')
    said = str(set_aside(str(tmp_path)))
    assert 'its 3 results' in said
    assert f'--out {tmp_path}/previous --resume' in said


def test_a_kill_while_moving_loses_nothing(tmp_path, monkeypatch):
    rename = os.rename
    for last in range(len(OWN)):
        folder = tmp_path / str(last)
        write(folder, *OWN)
        left = iter(range(last))

        def broken(*names):
            if next(left, None) is None:
                raise KeyboardInterrupt
            rename(*names)

        monkeypatch.setattr(os, 'rename', broken)
        with pytest.raises(KeyboardInterrupt):
            set_aside(str(folder))
        # Without its settings the rest would be nobody's.
        assert (folder / 'per_image/settings.json').exists()
        monkeypatch.setattr(os, 'rename', rename)
        set_aside(str(folder))
        moved = [Path(*Path(name).parts[1:]) for name in files(folder)]
        assert sorted(map(str, moved)) == sorted(OWN)


def test_leftovers_of_killed_tests_go_and_nothing_else_does(tmp_path):
    dead = 2**22 + 1  # more than there can be
    gone = [f'results.json.{dead}.tmp', f'per_image/clean.jsonl.{dead}.tmp',
            f'examples/clean/1.npz.{dead}.tmp.npz',
            f'adversaries/m/row/3-abc.npz.{dead}.tmp.npz',
            f'class_counts-0a.json.{dead}.tmp']
    stay = [f'thesis.tex.{dead}.tmp', f'results.json.{os.getppid()}.tmp',
            'results.json', 'per_image/clean.jsonl', 'a.tmp',
            f'mine/results.json.{dead}.tmp']
    write(tmp_path, *gone, *stay)
    remove_leftovers(str(tmp_path))
    assert files(tmp_path) == sorted(stay)
