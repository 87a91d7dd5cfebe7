"""What an attack flipped."""
import numpy as np
import pytest

from mmseg_rppgd.evaluation.report.page.flips import KINDS, flips

LABEL = np.array([[0, 0, 0, 0, 1]])
CLEAN = np.array([[0, 0, 1, 1, 1]])
ATTACKED = np.array([[0, 1, 1, 0, 0]])
COLOURS = [tuple(int(code[i:i + 2], 16) for i in (1, 3, 5))
           for _, code in KINDS]


def test_every_pixel_is_of_one_kind():
    found = flips(CLEAN, ATTACKED, LABEL, np.array([[0] * 4 + [1]], bool))
    assert [tuple(pixel) for pixel in found.picture[0][:4]] == COLOURS
    assert tuple(found.picture[0][4]) not in COLOURS
    assert found.percent == [25, 25, 25, 25]


def test_wrong_in_another_way_is_wrong_before_and_after():
    found = flips(LABEL + 1, LABEL + 2, LABEL, np.zeros((1, 5), bool))
    assert found.percent == [0, 0, 100, 0]


def test_without_a_pixel_that_counts_there_are_no_shares():
    found = flips(CLEAN, ATTACKED, LABEL, np.ones((1, 5), bool))
    assert found.percent == []
    assert not {tuple(pixel) for pixel in found.picture[0]} & {*COLOURS}


def test_shares_are_of_the_pixels_that_count():
    found = flips(CLEAN, ATTACKED, LABEL, np.array([[0, 0, 1, 1, 1]], bool))
    assert found.percent == pytest.approx([50, 50, 0, 0])
