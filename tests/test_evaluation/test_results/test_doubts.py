"""What is said where attacks leave more than there was."""
import pytest
from tiny_results import (Examples, clean_result, results_of, row_results,
                          rows_of)

from mmseg_rppgd.evaluation.report.report import Report
from mmseg_rppgd.evaluation.results.doubts import doubts


def report_of(clean, *left):
    """Results of a model with these shares of right pixels."""
    attacks = row_results(rows_of('PGD', 'SegPGD'), left)
    return results_of(attacks, clean=clean_result(clean)), attacks


@pytest.mark.parametrize('left', [(0.3, 0.2), (0.5, 0.5)])
def test_attacks_that_leave_no_more_need_no_words(left):
    assert doubts(*report_of(0.5, *left)) == []


def test_rows_above_the_clean_one_are_counted_and_the_highest_named():
    results, attacks = report_of(0.3, 0.2, 0.6)
    note, = doubts(results, attacks)
    left, clean = results['attacks'][1]['mIoU'], results['clean']['mIoU']
    assert note.startswith('1 of 2 rows leave more mIoU than the clean')
    label = attacks[1].row.label
    assert f'{label} most: {left:.1f} against {clean:.1f}.' in note
    assert 'nothing of robustness' in note


def test_the_page_says_so_above_its_headline(tmp_path):
    results, attacks = report_of(0.3, 0.2, 0.6)
    Report(results, clean_result(0.3), attacks, Examples()).write(
        str(tmp_path))
    page = (tmp_path / 'report.html').read_text()
    assert page.index('1 of 2 rows leave') < page.index('class="keep"')
