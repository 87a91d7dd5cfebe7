"""Colours of classes and lines."""
import numpy as np
import pytest

from mmseg_rppgd.evaluation.report.colours import (LINES, colour_classes,
                                                   default_palette,
                                                   full_palette)


def test_every_class_has_a_colour_and_void_is_black():
    palette = default_palette(30)
    assert len({tuple(colour) for colour in palette}) == 30
    painted = colour_classes(np.array([[0, 29, 255, -1]]), palette)
    assert (painted[0, :2] == palette[[0, 29]]).all()
    assert not painted[0, 2:].any()


def test_classes_without_a_colour_get_one():
    given = [[1, 2, 3], None]
    palette = full_palette(given, 3)
    assert palette[0] == [1, 2, 3]
    assert palette[1:] == default_palette(3).tolist()[1:]
    assert full_palette(None, 3) == default_palette(3).tolist()


def test_colours_of_more_classes_are_left_out():
    assert full_palette([[1, 2, 3], [4, 5, 6]], 1) == [[1, 2, 3]]


def luminance(colour):
    """Relative luminance of WCAG."""
    parts = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92,
                    ((parts + 0.055) / 1.055)**2.4) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize('place, ground', [(0, '#ffffff'), (1, '#1b2027')])
def test_lines_stand_out_from_the_page(place, ground):
    for pair in LINES:
        light, dark = sorted(map(luminance, (pair[place], ground)))[::-1]
        assert (light + 0.05) / (dark + 0.05) >= 3, pair
    assert len({pair[place] for pair in LINES}) == len(LINES)
