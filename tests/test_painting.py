"""Classes and perturbations as pictures."""
import numpy as np
import pytest

from mmseg_rppgd.painting import (Tile, colour_classes, default_palette,
                                  full_palette, magnify, tile)


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


def test_colours_may_be_an_array():
    given = np.array([[1, 2, 3], [4, 5, 6]])
    assert full_palette(given, 2) == given.tolist()


def test_colours_of_more_classes_are_left_out():
    assert full_palette([[1, 2, 3], [4, 5, 6]], 1) == [[1, 2, 3]]


def test_magnified_perturbation_is_around_grey():
    picture, factor = magnify(np.array([[[0., 0.03, -0.03]]]))
    assert picture[0, 0].tolist() == [128, 255, 0]
    assert factor == pytest.approx(0.5 / 0.03)


def test_no_perturbation_is_grey():
    picture, factor = magnify(np.full((2, 2, 3), 0.))
    assert factor == 1 and (picture == 128).all()


@pytest.mark.parametrize('size, shown', [
    ((30, 40), (150, 200)), ((300, 400), (300, 400)),
    ((1000, 2000), (320, 640))])
def test_tiles_are_of_a_size_that_can_be_looked_at(size, shown):
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    tiles = [Tile(np.full((*size, 3), colour, np.uint8), 'title')
             for colour in colours]
    sheet = tile(tiles, columns=2)
    for colour in colours:
        rows, columns = np.nonzero((sheet == colour).all(-1))
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == shown
        assert len(rows) == shown[0] * shown[1], 'nothing is written on it'
    places = [np.argwhere((sheet == c).all(-1))[0] for c in colours]
    assert places[0][0] == places[1][0] < places[2][0]
    assert places[0][1] == places[2][1] < places[1][1]
    assert (sheet < 100).all(-1).any(), 'the titles'
