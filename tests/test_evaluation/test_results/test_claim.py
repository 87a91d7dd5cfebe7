"""Whether a report supports a claim of robustness."""
import pytest
from tiny_results import (IMAGES, INFO, check, draw_records, results_of,
                          row_results, rows_of)

from mmseg_rppgd.evaluation.plan.suites import make_plan
from mmseg_rppgd.evaluation.results.balls import worst_balls
from mmseg_rppgd.evaluation.results.claim import doubts
from mmseg_rppgd.evaluation.results.results import RowResult

PROBED = check('gradients are there')


def within(rows):
    """What rows found, in balls of the radii that they have."""
    found = row_results(rows)
    for result in found:
        for record in result.records:
            record.update(eps=result.row.eps, rms=result.row.eps)
    return found


def of_reliable(eps='4/255', leave_out=(), **kwargs):
    """Results of the suite reliable, and doubts about its ball."""
    rows = [row for row in make_plan('reliable', eps=[eps]).rows
            if row.name not in leave_out]
    kwargs.setdefault('checks', [PROBED])
    results = results_of(within(rows), **kwargs)
    ball, = worst_balls(results)
    return doubts(results, ball, IMAGES)


def test_the_whole_suite_on_all_images_supports_a_claim():
    assert of_reliable() == []
    assert of_reliable(0.03) == []


def test_a_suite_that_has_more_supports_it_too():
    rows = make_plan('reliable-full').rows
    results = results_of(within(rows), checks=[PROBED])
    ball, = worst_balls(results)
    assert doubts(results, ball, IMAGES) == []


def test_counted_classes_are_those_of_the_data_set():
    plan = make_plan('reliable', counts=lambda: [5, 6, 7])
    results = results_of(within(plan.rows), checks=[PROBED])
    ball, = worst_balls(results)
    assert doubts(results, ball) == []


@pytest.mark.parametrize('kwargs, words', [
    (dict(leave_out=['DAG']), 'only 14 of the 15 attacks of the suite '
     'reliable ran'),
    (dict(checks=[PROBED, check(passed=False)]), '1 self-check failed'),
    (dict(checks=[check(passed=False)] * 2), '2 self-checks failed'),
    (dict(checks=[check()]), 'the self-checks did not probe the model'),
    (dict(checks=[]), 'the self-checks did not probe the model'),
    (dict(surrogate=INFO), 'the attacks know another model, not this one'),
    (dict(surface='crop'), 'every window was attacked by itself, which makes '
     'no adversarial image'),
    (dict(eps='0.5/255'), 'the ball is smaller than one level of a picture')])
def test_what_is_missing_is_said(kwargs, words):
    assert of_reliable(**kwargs) == [words]


def test_a_shortened_suite_is_not_the_suite():
    results = results_of(within(make_plan('reliable-mini').rows),
                         checks=[PROBED])
    ball, = worst_balls(results)
    found, = doubts(results, ball, IMAGES)
    assert found.startswith('only ') and found.endswith('reliable ran')
    results = results_of(within(rows_of('PGD')), checks=[PROBED])
    ball, = worst_balls(results)
    assert doubts(results, ball) == ['the suite reliable did not run']


def test_another_norm_has_not_the_suite():
    rows = rows_of(dict(type='APGD', norm='l2'))
    results = results_of([RowResult(row, draw_records(.5, row), 3)
                          for row in rows], checks=[PROBED])
    ball, = worst_balls(results)
    assert 'the suite reliable did not run' in doubts(results, ball)


def test_fewer_images_than_there_are_are_said():
    results = results_of(within(make_plan('reliable').rows), checks=[PROBED])
    ball, = worst_balls(results)
    assert doubts(results, ball, 101) == ['only 3 of 101 images were tested']
    assert doubts(results, ball) == []  # not known
