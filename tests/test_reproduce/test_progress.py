"""How far the work is, in words."""
import pytest

from mmseg_rppgd.reproduce import progress as module
from mmseg_rppgd.reproduce.progress import Progress, in_words


@pytest.fixture
def clock(monkeypatch):
    now = [0.]
    monkeypatch.setattr(module.time, 'monotonic', lambda: now[0])
    return now


def test_time_left_follows_from_the_cost_of_what_is_done(clock):
    said = []
    progress = Progress(said.append)
    for cost in (10, 30):
        progress.expect(cost)
    progress.begin('first')
    clock[0] = 120
    progress.done(10)
    progress.begin('second')
    assert said == ['[1/2] first',
                    '[2/2; 2 min passed, about 6 min left] second']


@pytest.mark.parametrize('seconds, words', [
    (0.4, '0 s'), (59, '59 s'), (60, '1 min'), (3599, '1 h 0 min'),
    (12000, '3 h 20 min')])
def test_durations(seconds, words):
    assert in_words(seconds) == words
