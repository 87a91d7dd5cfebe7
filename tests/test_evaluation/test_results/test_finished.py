"""Finished reports read back, and the worst case recomputed from them."""
import pytest
from tiny_results import clean_result, row_results, rows_of, write_report

from mmseg_rppgd.evaluation.results.finished import (FinishedTest,
                                                     read_results,
                                                     worst_case_of)


def test_stored_counts_give_the_worst_case_of_the_report(run_tool, tmp_path):
    results = run_tool('--attacks', 'PGD', 'RPPGD', '--steps', 3,
                       '--check-images', 0, '--panels', 0,
                       out=tmp_path / 'a')
    assert worst_case_of([str(tmp_path / 'a')]) == results['worst_case']
    assert read_results(str(tmp_path / 'a')) == results


def test_how_many_images_a_part_was_taken_of_is_known(run_tool, tmp_path):
    results = run_tool('--attacks', 'FGSM', '--limit', 1, '--check-images', 0,
                       '--panels', 0, out=tmp_path / 'a')
    test = FinishedTest(str(tmp_path / 'a'))
    assert results['dataset']['num_images'] == 1 < test.available
    (tmp_path / 'a' / 'per_image' / 'settings.json').unlink()
    assert test.available is None


def test_an_ensemble_may_be_run_in_parts(tmp_path):
    attacks = row_results(rows_of('PGD', 'RPPGD'), [0.5, 0.49])
    whole = write_report(tmp_path / 'whole', attacks)
    for name, attack in zip('ab', attacks):
        write_report(tmp_path / name, [attack])
    parts = [str(tmp_path / name) for name in 'ab']
    assert worst_case_of(parts) == whole['worst_case']


@pytest.mark.parametrize('other', [
    dict(sha256='1' * 64), dict(clean=clean_result(0.8))])
def test_reports_of_different_models_are_not_joined(tmp_path, other):
    attacks = row_results(rows_of('PGD'))
    write_report(tmp_path / 'a', attacks)
    write_report(tmp_path / 'b', attacks, **other)
    with pytest.raises(ValueError, match='one model on the same images'):
        worst_case_of([str(tmp_path / 'a'), str(tmp_path / 'b')])


def test_a_file_does_as_well_as_its_folder(tmp_path):
    results = write_report(tmp_path / 'a', row_results(rows_of('PGD')))
    assert read_results(str(tmp_path / 'a' / 'results.json')) == results


def test_a_folder_without_a_report_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='results.json does not exist'
                       ': run .*--out first'):
        worst_case_of([str(tmp_path)])


@pytest.mark.parametrize('content, message', [
    (b'', 'is empty: repeat the test, with --resume'),
    (b'{"schema": 1, "model": {"con', 'is cut off or no JSON: repeat'),
    (b'\x89PNG\xff', 'is cut off or no JSON: repeat'),
    (b'[1, 2]', 'has no "schema": name the report folder'),
    (b'{"mIoU": 70}', 'has no "schema": name the report folder'),
    (b'{"schema": 2}', 'must have schema 1, but has 2: read it with the'),
    (b'{"schema": 1, "clean": {}}', 'lacks dataset, attacks, worst_case'),
])
def test_what_is_no_report_gets_one_sentence(tmp_path, content, message):
    file = tmp_path / 'results.json'
    file.write_bytes(content)
    with pytest.raises(ValueError) as error:
        read_results(str(tmp_path))
    assert str(file) in str(error.value) and message in str(error.value)
    assert '\n' not in str(error.value)


def test_counts_that_are_gone_are_named(tmp_path):
    attacks = row_results(rows_of('PGD'))
    write_report(tmp_path, attacks)
    (tmp_path / 'per_image' / 'clean.jsonl').unlink()
    with pytest.raises(ValueError, match='3 images of clean, but holds 0'):
        worst_case_of([str(tmp_path)])
    (tmp_path / 'per_image' / 'settings.json').unlink()
    with pytest.raises(FileNotFoundError, match='the whole report folder'):
        worst_case_of([str(tmp_path)])


def test_no_folder_at_all_is_refused():
    with pytest.raises(ValueError, match='one report at least'):
        worst_case_of([])
