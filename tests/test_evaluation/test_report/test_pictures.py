"""The panel of an attacked image."""
from PIL import Image
from printed import pdf_texts
from tiny_results import CLASSES, Examples

from mmseg_rppgd.evaluation.report.pictures import draw_panel

PALETTE = [[90, 60, 30], [200, 40, 40], [80, 160, 240]]


def test_panel_shows_six_pictures_in_the_colours_of_the_classes(tmp_path):
    clean, attacked = (Examples(0).load(key, 0) for key in ('clean', 'PGD'))
    path = tmp_path / 'panels' / 'name'
    draw_panel(str(path), clean, attacked, PALETTE, CLASSES, 'PGD eps=0.03')
    with Image.open(f'{path}.png') as picture:
        assert picture.width > 6 * 300 > picture.height
        colours = {colour for _, colour in picture.convert('RGB').getcolors(
            1 << 24)}
    assert {tuple(colour) for colour in PALETTE} <= colours
    assert {'PGD eps=0.03', *CLASSES} <= set(pdf_texts(
        path.with_suffix('.pdf')))
