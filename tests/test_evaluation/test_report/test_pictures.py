"""Panels of attacked images."""
import numpy as np
import pytest
from PIL import Image
from tiny_results import Examples

from mmseg_rppgd.evaluation.report.pictures import (colour_classes,
                                                    default_palette,
                                                    draw_panel, magnify,
                                                    save_panel)


def test_every_class_has_a_colour_and_void_is_black():
    palette = default_palette(30)
    assert len({tuple(colour) for colour in palette}) == 30
    painted = colour_classes(np.array([[0, 29, 255, -1]]), palette)
    assert (painted[0, :2] == palette[[0, 29]]).all()
    assert not painted[0, 2:].any()


def test_magnified_perturbation_is_around_grey():
    picture, factor = magnify(np.array([[[0., 0.03, -0.03]]]))
    assert picture[0, 0].tolist() == [128, 255, 0]
    assert factor == pytest.approx(0.5 / 0.03)


def test_no_perturbation_is_grey():
    picture, factor = magnify(np.full((2, 2, 3), 0.))
    assert factor == 1 and (picture == 128).all()


def test_panel_shows_five_pictures_in_the_colours_of_the_classes(tmp_path):
    clean, attacked = (Examples(0).load(key, 0) for key in ('clean', 'PGD'))
    palette = [[90, 60, 30], [200, 40, 40], [80, 160, 240]]
    panel = draw_panel(clean, attacked, palette, 'PGD eps=0.03')
    assert panel.width > 5 * 160 > panel.height
    save_panel(str(tmp_path / 'panels'), 'name', panel)
    with Image.open(tmp_path / 'panels' / 'name.png') as picture:
        colours = {colour for _, colour in picture.getcolors(1 << 20)}
    assert {tuple(colour) for colour in palette} <= colours
