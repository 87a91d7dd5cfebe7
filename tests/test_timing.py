"""Stopwatch and TimeShare, on a clock that the test turns."""
import pytest

from mmseg_rppgd.timing import Stopwatch, TimeShare


@pytest.fixture
def clock(monkeypatch):
    now = [100.]
    monkeypatch.setattr('mmseg_rppgd.timing.time.perf_counter',
                        lambda: now[0])
    return now


def test_stopwatch_runs_from_the_start_and_can_be_read(clock):
    watch = Stopwatch('cpu')
    clock[0] += 2
    assert watch.seconds == 2
    clock[0] += 1
    assert watch.stop() == 3


def test_stopped_watch_stands_still(clock):
    watch = Stopwatch('cpu')
    clock[0] += 2
    watch.stop()
    clock[0] += 5
    assert watch.seconds == 2 and watch.stop() == 2


def test_pauses_do_not_count(clock):
    watch = Stopwatch('cpu')
    for _ in range(2):
        clock[0] += 1
        with watch.paused():
            before = watch.seconds
            clock[0] += 10
            assert watch.seconds == before
    clock[0] += 1
    assert watch.stop() == 3


def test_watch_goes_on_after_a_pause_that_failed(clock):
    watch = Stopwatch('cpu')
    with pytest.raises(KeyError):
        with watch.paused():
            raise KeyError
    clock[0] += 1
    assert watch.stop() == 1


@pytest.mark.gpu
def test_work_of_a_gpu_is_waited_for():
    import time

    import torch
    matrix = torch.rand(4096, 4096, device='cuda')
    matrix @ matrix
    torch.cuda.synchronize()
    start = time.perf_counter()
    watch = Stopwatch('cuda')
    for _ in range(20):
        matrix @ matrix
    seconds = watch.stop()
    elapsed = time.perf_counter() - start
    assert .5 * elapsed < seconds <= elapsed


def test_share_is_that_of_the_iteration_before(clock):
    share = TimeShare()
    assert share.begin() is None
    share.spent(1)
    clock[0] += 4
    assert share.begin() == .25
    share.spent(2)
    clock[0] += 2
    assert share.begin() == 1


def test_attacks_of_one_iteration_add_up(clock):
    share = TimeShare()
    share.begin()
    share.spent(1)
    share.spent(2)
    clock[0] += 4
    assert share.begin() == .75
    clock[0] += 4
    assert share.begin() == 0


def test_paused_iteration_has_no_share(clock):
    share = TimeShare()
    share.begin()
    share.spent(1)
    share.pause()
    clock[0] += 4
    assert share.begin() is None
