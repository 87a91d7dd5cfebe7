"""Colours of classes."""
import numpy as np

from mmseg_rppgd.evaluation.report.colours import (colour_classes,
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
