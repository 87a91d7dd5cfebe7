"""The charts of a report as one picture."""
import pytest
from PIL import Image
from test_tables import small_minimal
from tiny_results import results_of, row_results, rows_of

from mmseg_rppgd.evaluation.plan.rows import make_rows
from mmseg_rppgd.evaluation.report.curves import draw_curves, plain_text
from mmseg_rppgd.evaluation.results.results import success_over_eps


def size(tmp_path, attacks, minimal=None):
    path = tmp_path / 'curves.png'
    draw_curves(str(path), results_of(attacks), minimal,
                success_over_eps(attacks))
    with Image.open(path) as picture:
        assert len(picture.getcolors(1 << 20)) > 5
        return picture.size


@pytest.fixture(scope='module')
def plot(tmp_path_factory):
    """Size of one chart."""
    return size(tmp_path_factory.mktemp('one'), row_results(rows_of('PGD')))


def test_no_attack_at_all_is_a_picture_too(tmp_path, plot):
    assert size(tmp_path, []) == plot


def test_bars_have_their_intervals(tmp_path):
    results = results_of(row_results(rows_of('PGD')))
    pictures = []
    for shown in (results, dict(results)):
        draw_curves(str(tmp_path / 'curves.png'), shown)
        with Image.open(tmp_path / 'curves.png') as picture:
            colours = {colour: count for count, colour in picture.convert(
                'RGB').getcolors(1 << 20)}
        pictures.append(colours[0, 0, 0])
    assert pictures[0] > pictures[1]  # black pixels


def test_charts_stand_in_rows(tmp_path, plot):
    rows = rows_of('PGD', 'SegPGD', trace=True)
    # Five metrics: a row of three and a row of two.
    width, height = size(tmp_path, row_results(rows, steps=4))
    assert (width, height) == (pytest.approx(3 * plot[0], abs=3),
                               pytest.approx(2 * plot[1], abs=2))


def test_every_kind_of_chart_is_drawn(tmp_path, plot):
    rows = rows_of('PGD', dict(type='BIM', norm='l2'), eps=(0.01, 0.02),
                   steps=(1, 3))
    # Steps in four balls, radii and wrong images of two norms, two searches.
    width, height = size(tmp_path, row_results(rows), small_minimal(0.01))
    assert (width, height) == (pytest.approx(3 * plot[0], abs=3),
                               pytest.approx(4 * plot[1], abs=4))


def test_many_lines_and_names_of_any_length(tmp_path, plot):
    rows = [row for i in range(1, 9) for row in make_rows(
        dict(type='PGD', alpha=0.001 * i), name=f'{i} ' + 'long name ' * 30,
        steps=(1, 3))]
    assert size(tmp_path, row_results(rows)) == plot
    assert size(tmp_path, row_results(rows[::2])) == plot  # bars


@pytest.mark.parametrize('name', [r'x$\frac$', '$a$b', '_hidden', 'a|<b>\n'])
@pytest.mark.parametrize('steps', [(10, ), (3, 10)])
def test_no_name_is_taken_for_a_formula(tmp_path, name, steps):
    rows = [row for number in steps for row in make_rows(
        dict(type='PGD'), name=name, steps=[number])]
    size(tmp_path, row_results(rows))


def test_a_name_that_begins_with_a_line_is_shown():
    assert plain_text('_PGD') == ' _PGD'
    assert plain_text('PGD $1') == r'PGD \$1'
