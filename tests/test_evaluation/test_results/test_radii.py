"""What is said of radii that hardly attack."""
import pytest
from tiny_results import (Examples, clean_result, results_of, row_results,
                          rows_of)

from mmseg_rppgd.evaluation.report.report import Report
from mmseg_rppgd.evaluation.results.radii import radius_notes

L2 = dict(type='BIM', norm='l2')  # images of the records have 3600 values


def within(rows, eps):
    """Results of linf rows of another radius than the stored images have."""
    results = row_results(rows)
    for result in results:
        for record in result.records:
            record.update(eps=eps, rms=eps)
    return results


def notes(*attacks, **kwargs):
    return radius_notes(row_results(rows_of(*attacks, **kwargs)))


def test_a_usual_radius_needs_no_words():
    assert notes('PGD', L2) == []
    assert notes('PGD', eps=('1/255', )) == []
    assert radius_notes([]) == []


def test_less_than_a_level_of_a_picture_is_said():
    note, = radius_notes(within(rows_of('PGD', eps=('0.5/255', )), .5 / 255))
    assert note.startswith('PGD eps=0.001961 steps=10: the radius is '
                           '0.5/255')
    assert 'less than one level of a picture' in note


def test_a_length_typed_for_a_root_mean_square_is_explained():
    rows = rows_of(dict(L2, eps='8/255'))
    results = row_results(rows)
    for record in results[0].records:
        record.update(eps=8 / 255, rms=8 / 255 / 60)
    note, = radius_notes(results)
    assert note.startswith('BIM l2 eps=8/255 steps=10: the radius is a root '
                           'mean square of 0.13/255')
    assert 'inside an l2 attack is a length' in note


@pytest.mark.parametrize('alpha, count', [(0.01, 1), (0.2, 0), (None, 0)])
def test_steps_that_cannot_cross_their_ball_are_said(alpha, count):
    attack = dict(L2) if alpha is None else dict(L2, alpha=alpha)
    found = notes(attack)  # eps of the records: 0.5
    assert len(found) == count
    assert all('10 steps of alpha 0.01 move 0.1 at most' in note
               for note in found)


def test_the_page_warns_above_its_headlines(tmp_path):
    attacks = within(rows_of('PGD', eps=('0.5/255', )), .5 / 255)
    Report(results_of(attacks), clean_result(), attacks, Examples()
           ).write(str(tmp_path))
    page = (tmp_path / 'report.html').read_text()
    assert 'id="doubts"' in page
    assert page.index('less than one level') < page.index('class="keep"')
