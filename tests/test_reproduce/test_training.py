"""Trainings in processes of their own, and who waits for whom."""
import json
import threading
import time

import pytest

from mmseg_rppgd.evaluation.run.folder import FolderInUse
from mmseg_rppgd.reproduce import training
from mmseg_rppgd.reproduce.training import (alone_in, finished_checkpoint,
                                            read_record)


def test_a_training_is_finished_when_its_last_checkpoint_is_whole(tmp_path):
    assert finished_checkpoint(str(tmp_path), 20) is None
    path = tmp_path / 'iter_20.pth'
    path.write_text('half of it')  # a kill while it is written
    assert finished_checkpoint(str(tmp_path), 20) is None
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_10.pth'))
    assert finished_checkpoint(str(tmp_path), 20) is None
    (tmp_path / 'last_checkpoint').write_text(str(path))
    assert finished_checkpoint(str(tmp_path), 20) == str(path)


def test_the_last_start_is_the_record(tmp_path):
    assert read_record(str(tmp_path)) is None
    (tmp_path / 'training.json').write_text(json.dumps(
        [dict(commit='a'), dict(commit='b')]))
    assert read_record(str(tmp_path)) == dict(commit='b')


def test_waits_for_another_at_work(monkeypatch):
    monkeypatch.setattr(training, 'WAIT', 0.01)
    free, said = threading.Event(), []

    def work():
        if not free.is_set():
            raise FolderInUse('busy')
        return 'done'

    threading.Timer(0.1, free.set).start()
    began = time.monotonic()
    assert alone_in('here', said.append, work) == 'done'
    assert time.monotonic() - began > 0.05
    assert said == ['  waiting for another process at work in here']


def test_other_errors_are_not_waited_for():
    with pytest.raises(ZeroDivisionError):
        alone_in('here', print, lambda: 1 / 0)
