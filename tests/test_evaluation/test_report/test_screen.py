"""What the standard output shows."""
import pytest
from test_tables import small_matrix, small_minimal
from tiny_results import check, results_of, row_results, rows_of

from mmseg_rppgd.evaluation.report.pace import Pace
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
        screen.plan(10, 'a plan')
        screen.begin('PGD', 2)
        screen.more(5)
        screen.advance(5)
        screen.end()
        screen.say('words')
        screen.row('more words')
    screen.show(results, 'folder')
    assert capsys.readouterr().out == ''


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 100.

    def __call__(self):
        return self.now


def show_rows(clock, seconds, processes=1, together=1):
    """A clean row, and one of four images that cost ten each."""
    screen = Screen(clock=clock)
    with screen:
        screen.plan(44, 'What is planned.', 2, processes)
        for name, cost, pause in (('clean', 1, 1), ('PGD', 10, seconds)):
            screen.begin(name, 4, together)
            for i in range(4):
                # A batch is done at once.
                clock.now += pause * together * (i % together == 0)
                screen.advance(cost)
            screen.end()
            screen.row(f'{name}: done')
    return screen


def test_the_plan_is_first_and_the_time_follows_the_first_image(capsys):
    show_rows(Clock(), 12)
    assert capsys.readouterr().out.splitlines() == [
        'What is planned.', 'clean: done',
        'About 36 s to go, as far as the first attacked image can tell.',
        'PGD: done']


def test_a_line_a_minute_in_a_log(capsys):
    show_rows(Clock(), 50)
    assert capsys.readouterr().out.splitlines() == [
        'What is planned.', 'clean: done',
        'About 2 min to go, as far as the first attacked image can tell.',
        'PGD: 2 of 4 images; 1 of 2 rows done; about 2 min left',
        'PGD: 4 of 4 images; 1 of 2 rows done; about 0 s left',
        'PGD: done']


def test_clean_images_have_lines_without_a_time(capsys):
    clock = Clock()
    screen = Screen(clock=clock)
    screen.plan(100, rows=2)
    screen.begin('clean', 50)
    for _ in range(3):
        clock.now += 61
        screen.advance(1)
    assert capsys.readouterr().out.splitlines() == [
        f'clean: {i} of 50 images; 0 of 2 rows done' for i in (1, 2, 3)]


def test_images_that_are_attacked_together_are_waited_for(capsys):
    show_rows(Clock(), 5, together=2)
    assert ('About 10 s to go, as far as the first attacked 2 images can tell.'
            ) in capsys.readouterr().out


def test_other_processes_are_not_counted(capsys):
    show_rows(Clock(), 100, processes=3)
    assert 'PGD: 2 of 4 images of this process; 1 of' in (
        capsys.readouterr().out)


def test_a_terminal_has_a_bar_instead_of_the_lines(capsys, monkeypatch):
    monkeypatch.setattr('sys.stdout.isatty', lambda: True, raising=False)
    show_rows(Clock(), 100)
    shown = capsys.readouterr().out
    assert 'What is planned.' in shown and 'About 5 min to go' in shown
    assert 'rows done' not in shown


def test_more_work_takes_longer():
    clock = Clock()
    pace = Pace(20, clock)
    pace.begin()
    assert pace.seconds_left is None
    clock.now += 7
    pace.advance(10)
    assert pace.seconds_left == 7
    clock.now += 100  # between rows
    pace.begin()
    pace.cost_left += 30
    assert pace.seconds_left == 28


def test_words_are_no_markup(capsys):
    Screen().say('[red]model[/] :smile:')
    assert '[red]model[/] :smile:' in capsys.readouterr().out


def test_a_row_in_words():
    metrics = dict(mIoU=12.345, aAcc=None, MisRatio=50., mAcc=1.)
    assert short_line('PGD', metrics, 3.14) == (
        'PGD: mIoU 12.35, aAcc -, MisRatio 50.00 (3.1 s)')
    assert short_line('clean', metrics) == (  # no attack took no time
        'clean: mIoU 12.35, aAcc -, MisRatio 50.00')
