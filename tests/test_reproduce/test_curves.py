"""The figures over steps."""
import re

import pytest
from PIL import Image
from tiny_experiments import FULL, MINI, Measurement, likely, measured, steps

from mmseg_rppgd.reproduce.boards import boards_of
from mmseg_rppgd.reproduce.curves import COLOURS, DPI, PANEL, draw_curves


def draw(path, experiment, scale, values):
    draw_curves(str(path), experiment, boards_of(experiment, scale), values)
    return path


def colours_of(path, box=None):
    """Colours of a picture, or of a part of it in shares of its size."""
    with Image.open(path) as picture:
        picture = picture.convert('RGB')
        if box is not None:
            picture = picture.crop([round(share * picture.size[i % 2])
                                    for i, share in enumerate(box)])
        return {'#%02X%02X%02X' % colour: count
                for count, colour in picture.getcolors(1 << 24)}


@pytest.mark.parametrize('scale, rows', [(MINI, 1), (FULL, 2)])
def test_one_panel_for_each_system_and_data_set(tmp_path, scale, rows):
    experiment = steps()
    path = draw(tmp_path / 'x.png', experiment, scale,
                measured(experiment, scale, likely))
    with Image.open(path) as picture:
        width, height = picture.size
    assert width == pytest.approx(4 * PANEL[0] * DPI, abs=2)
    assert rows * PANEL[1] < height / DPI < rows * PANEL[1] + 1


def test_an_attack_has_one_colour_in_every_panel(tmp_path):
    experiment = steps()
    path = draw(tmp_path / 'x.png', experiment, MINI,
                measured(experiment, MINI, likely))
    for panel in range(4):
        found = colours_of(path, (panel / 4, 0, (panel + 1) / 4, 0.85))
        for colour in COLOURS[:4]:
            assert found[colour] > 50
        for colour in COLOURS[4:6]:
            assert colour not in found


def test_only_several_seeds_have_a_band(tmp_path):
    experiment = steps()
    shades = []
    for seeds in (1, 3):
        path = draw(tmp_path / f'{seeds}.png', experiment, MINI,
                    measured(experiment, MINI, likely, seeds))
        # The band is a fifth of #0072B2, on white.
        shades.append(sum(
            count for colour, count in colours_of(path).items()
            if re.match('#C[BCD]E[234](EF|F0)', colour)))
    assert shades[0] < 50 < shades[1]


def test_numbers_of_the_paper_are_drawn_too(tmp_path):
    pictures = []
    for paper in (False, True):
        experiment = steps(paper)
        values = measured(experiment, MINI, lambda *_: 50.)
        path = draw(tmp_path / f'{paper}.png', experiment, MINI, values)
        pictures.append(colours_of(path, (0, 0.3, 0.25, 0.75)))
    # Below our line at 50 there is nothing, but for the paper's.
    coloured = [sum(found.get(colour, 0) for colour in COLOURS[:4])
                for found in pictures]
    assert coloured[0] == 0 < coloured[1]


def test_missing_and_undefined_numbers_leave_gaps(tmp_path):
    experiment = steps()
    values = {cell: [Measurement(None, 0, {})] if cell.row == 'PGD' else []
              for cell in experiment.cells if cell.row != 'SegPGD'}
    values.update({cell: [Measurement(5., 0, {})]
                   for cell in experiment.cells
                   if cell.row == 'CosPGD' and cell.trial.steps > 7})
    path = draw(tmp_path / 'x.png', experiment, MINI, values)
    found = colours_of(path, (0, 0, 1, 0.85))
    assert COLOURS[2] in found
    assert not {COLOURS[0], COLOURS[1], COLOURS[3]} & set(found)


def test_nothing_measured_is_a_figure_too(tmp_path):
    assert draw(tmp_path / 'x.png', steps(), MINI, {}).stat().st_size


def test_pdf_is_a_vector_graphic_with_text(tmp_path):
    experiment = steps()
    values = measured(experiment, MINI, likely, 3)
    path = draw(tmp_path / 'x.pdf', experiment, MINI, values)
    content = path.read_bytes()
    assert content.startswith(b'%PDF')
    assert b'/Subtype /Image' not in content and b'/FontFile2' in content
    box = re.search(rb'/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]', content)
    assert float(box.group(1)) == pytest.approx(4 * PANEL[0] * 72, abs=1)
    again = draw(tmp_path / 'y.pdf', experiment, MINI, values)
    assert again.read_bytes() == content


def test_a_panel_without_measurements_says_so(tmp_path):
    experiment = steps()
    values = measured(experiment, MINI, likely)
    values = {cell: found for cell, found in values.items()
              if cell.system.model == 'PSPNet'}
    path = draw(tmp_path / 'x.pdf', experiment, MINI, values)
    whole = draw(tmp_path / 'whole.pdf', experiment, MINI,
                 measured(experiment, MINI, likely))
    left = colours_of(draw(tmp_path / 'x.png', experiment, MINI, values),
                      (0.6, 0.3, 0.7, 0.7))
    assert not (set(COLOURS) - {'#000000'}) & set(left)
    assert path.stat().st_size < whole.stat().st_size
