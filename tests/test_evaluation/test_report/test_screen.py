"""What the standard output shows."""
import pytest
from test_tables import small_matrix, small_minimal
from tiny_results import check, results_of, row_results, rows_of

from mmseg_rppgd.evaluation.report.screen import Screen, short_line


@pytest.fixture
def results():
    return results_of(row_results(rows_of('PGD')))


def test_tables_notes_and_where_the_report_is(results, capsys):
    Screen().show(results, 'some/folder', ['A note.'], small_matrix(),
                  small_minimal(0.1))
    shown = capsys.readouterr().out
    for words in (f'{results["attacks"][0]["mIoU"]:.2f}', 'worst case',
                  'A note.', 'Transfer: PGD eps=8/255', 'DeepFool (linf)',
                  'passed  0 pixel values are odd.',
                  'The report is in some/folder'):
        assert words in shown
    assert 'IoU of each class' not in shown  # for the page alone
    assert 'failed' not in shown


def test_without_a_folder_no_report_is_named(results, capsys):
    Screen().show(results)
    assert 'report is in' not in capsys.readouterr().out


def test_a_failed_check_is_loud(capsys):
    checks = [check('a', False, 'why'), check('b')]
    Screen().show(results_of([], checks=checks))
    shown = capsys.readouterr().out
    assert 'FAILED  why' in shown
    assert '1 of 2 self-checks failed: do not believe' in shown


def test_a_log_is_not_cut_off(capsys):
    results = results_of(row_results(rows_of(dict(
        type='PGD', alpha=0.001), 'BIM', eps=(0.01, 0.02))))
    Screen().show(results)
    shown = capsys.readouterr().out
    assert '…' not in shown and 'CmIoU' in shown
    assert '\x1b' not in shown  # nor coloured


def test_quiet_shows_nothing(results, capsys):
    screen = Screen(quiet=True)
    with screen:
        screen.plan(10)
        screen.begin('PGD', 2)
        screen.skip(5)
        screen.advance(5)
        screen.end()
        screen.say('words')
    screen.show(results, 'folder')
    assert capsys.readouterr().out == ''


def test_words_are_no_markup(capsys):
    Screen().say('[red]model[/] :smile:')
    assert '[red]model[/] :smile:' in capsys.readouterr().out


def test_a_row_in_words():
    metrics = dict(mIoU=12.345, aAcc=None, MisRatio=50., mAcc=1.)
    assert short_line('PGD', metrics, 3.14) == (
        'PGD: mIoU 12.35, aAcc -, MisRatio 50.00 (3.1 s)')
