"""Colours of lines."""
import numpy as np
import pytest

from mmseg_rppgd.evaluation.report.colours import LINES


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
