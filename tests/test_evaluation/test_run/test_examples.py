"""Which images are kept for pictures."""
from mmseg_rppgd.evaluation.run.examples import spread


def test_pictures_are_spread_over_the_data_set():
    assert list(spread(range(100), 4)) == [0, 33, 66, 99]
    assert list(spread(range(3), 9)) == [0, 1, 2]
    assert list(spread(range(3), 0)) == []
