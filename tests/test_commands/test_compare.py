"""The table of several models, read from their reports."""
import json
import re
from pathlib import Path

import pytest
from tiny_results import row_results, rows_of
from tiny_results import write_report as write_whole_report

from mmseg_rppgd.commands.compare import main


def write_report(folder, clean, attacked, num_images=4, steps=(10, 20)):
    """A results.json with what the tool reads."""
    threat = dict(norm='linf', eps=0.03, rms=None, surface='whole',
                  surrogate=None)
    folder.mkdir()
    (folder / 'results.json').write_text(json.dumps(dict(
        schema=1,
        dataset=dict(num_images=num_images),
        clean=dict(mIoU=clean, aAcc=90.),
        attacks=[dict(name='PGD', config=dict(steps=n), threat=threat,
                      mIoU=attacked / n, aAcc=None) for n in steps],
        worst_case=dict(aAcc=1.25, mIoU_greedy=0.5, members=['PGD']))))
    return folder


@pytest.fixture
def compare(capsys):
    """Run the command in this process; give what it wrote."""

    def run(*reports, **options):
        arguments = [str(report) for report in reports]
        for name, value in options.items():
            arguments += [f'--{name}', value]
        main(arguments, 'compare.py')
        return capsys.readouterr().out

    return run


def rows_of_output(output):
    """Cells of the lines of the table."""
    lines = [line for line in output.splitlines() if line.startswith('│')]
    return [[cell.strip() for cell in line.strip('│').split('│')]
            for line in lines]


def rows_of_table(output, title):
    """Cells of the lines of the table of this title."""
    return rows_of_output(output[output.index(title):])


@pytest.fixture
def reports(tmp_path):
    first = write_report(tmp_path / 'standard', 68.125, 70.)
    second = write_report(tmp_path / 'at', 61., 250., steps=(10, ))
    return f'standard={first}', f'AT={second}'


def test_rows_that_all_reports_have(compare, reports):
    assert rows_of_output(compare(*reports)) == [
        ['clean', '-', '-', '-', '68.12', '61.00'],
        ['PGD', 'linf', '0.03', '10', '7.00', '25.00'],
        ['worst case', 'linf', '0.03', '-', '0.50', '0.50']]


def test_worst_cases_of_different_balls_are_not_mixed(compare, reports):
    file = Path(reports[0].partition('=')[2]) / 'results.json'
    report = json.loads(file.read_text())
    report['worst_case']['by_ball'] = [
        dict(norm='linf', eps=eps, rms=eps, aAcc=9., mIoU_greedy=100 * eps)
        for eps in (0.01, 0.02)]
    file.write_text(json.dumps(report))
    assert rows_of_output(compare(reports[0]))[-2:] == [
        ['worst case', 'linf', '0.01', '-', '1.00'],
        ['worst case', 'linf', '0.02', '-', '2.00']]


def test_another_metric(compare, reports):
    rows = rows_of_output(compare(reports[0], metric='aAcc'))
    assert [row[4] for row in rows] == ['90.00', '-', '-', '1.25']


def test_a_file_does_as_well_as_its_folder(compare, reports):
    by_file = compare(f'{reports[0]}/results.json')
    assert by_file == compare(reports[0])


def test_a_report_that_is_not_there_is_named(compare):
    with pytest.raises(SystemExit, match='nowhere does not exist: run '
                       'python -m mmseg_rppgd robust-test'):
        compare('a=nowhere')


def test_a_report_without_a_name_is_refused(compare, capsys):
    with pytest.raises(SystemExit):
        compare('folder')
    message = "a report must be NAME=DIR, but got 'folder'"
    assert message in capsys.readouterr().err


def test_reports_of_different_images_are_not_compared(
        compare, tmp_path, reports):
    other = write_report(tmp_path / 'other', 1., 1., num_images=8)
    with pytest.raises(SystemExit,
                       match=r'different numbers of images: \[4, 8\]'):
        compare(reports[0], f'other={other}')


def test_worst_case_of_reports_of_one_model(monkeypatch, capsys):
    from mmseg_rppgd.evaluation.results import finished
    worst = dict(aAcc=1.5, mIoU_greedy=0.5, members=['clean', 'PGD'])
    asked = []
    monkeypatch.setattr(finished, 'worst_case_of',
                        lambda *words: asked.append(words) or worst)
    main(['--worst-case', 'a', 'b=c', '--seed', '3'])
    assert asked == [(['a', 'b=c'], 3)]
    assert json.loads(capsys.readouterr().out) == worst


def test_worst_case_without_a_report_is_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match='^compare.py: .*results.json'):
        main(['--worst-case', str(tmp_path)], 'compare.py')


def test_differences_have_intervals(compare, tmp_path):
    for name, right in (('a', 0.6), ('b', 0.3)):
        write_whole_report(tmp_path / name, row_results(
            rows_of('PGD'), [right]))
    output = compare(f'one={tmp_path / "a"}', f'two={tmp_path / "b"}')
    assert 'Difference in mIoU to one' in output
    clean, pgd, worst = rows_of_table(output, 'Difference')
    assert clean[4] == '+0.00 [+0.00, +0.00] no difference'
    assert re.fullmatch(r'-\d\d\.\d\d \[-\d+\.\d\d, -\d+\.\d\d\]', pgd[4])
    assert worst[0] == 'worst case' and 'no difference' not in worst[4]
    assert '"no difference" where they hold 0' in output


def test_what_does_not_compare_is_one_sentence(compare, tmp_path):
    for name, surface in (('a', 'whole'), ('b', 'slide')):
        write_whole_report(tmp_path / name, row_results(rows_of('PGD')),
                           surface=surface)
    with pytest.raises(SystemExit, match='^compare.py: one and two do not '
                       'compare: attacked surface whole in one, slide in '
                       'two'):
        compare(f'one={tmp_path / "a"}', f'two={tmp_path / "b"}')


def test_who_keeps_most_is_said_first(compare, reports):
    output = ' '.join(compare(*reports).split())
    # Of the worst cases, which both are 0.5 here.
    assert output.startswith('standard and AT keep the same mIoU at linf '
                             '0.03: 0.5 of 68.1')


def test_files_are_written_where_they_are_asked_for(
        compare, reports, tmp_path):
    folder = tmp_path / 'new' / 'comparison'
    output = compare(*reports, out=str(folder))
    assert f'The comparison is in {folder}' in ' '.join(output.split())
    assert {path.name for path in folder.iterdir()} == {
        'comparison.html', 'comparison.md'}


@pytest.mark.parametrize('words, message', [
    (['a=nowhere'], 'nowhere does not exist'),
    (['nowhere', '--worst-case'], '--worst-case prints JSON and writes no '
     'file: leave --out out')])
def test_refused_commands_leave_no_folder(tmp_path, capsys, words, message):
    folder = tmp_path / 'comparison'
    with pytest.raises(SystemExit) as refused:
        main([*words, '--out', str(folder)], 'compare.py')
    assert message in f'{refused.value} {capsys.readouterr().err}'
    assert not folder.exists()
