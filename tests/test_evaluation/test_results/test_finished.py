"""The worst case recomputed from what is on disk."""
import pytest

from mmseg_rppgd.evaluation.results.finished import worst_case_of


def attack(run_tool, out, *names, seed=0):
    return run_tool('--attacks', *names, '--steps', 3, '--seed', seed,
                    '--check-images', 0, '--panels', 0, out=out)


def test_stored_counts_give_the_worst_case_of_the_report(run_tool, tmp_path):
    results = attack(run_tool, tmp_path / 'a', 'PGD', 'RPPGD')
    assert worst_case_of([str(tmp_path / 'a')]) == results['worst_case']


def test_an_ensemble_may_be_run_in_parts(run_tool, tmp_path):
    whole = attack(run_tool, tmp_path / 'whole', 'PGD', 'RPPGD')
    attack(run_tool, tmp_path / 'a', 'PGD')
    attack(run_tool, tmp_path / 'b', 'RPPGD')
    parts = [str(tmp_path / name) for name in 'ab']
    assert worst_case_of(parts) == whole['worst_case']


def test_reports_of_different_images_are_not_joined(run_tool, tmp_path):
    attack(run_tool, tmp_path / 'a', 'FGSM')
    run_tool('--attacks', 'FGSM', '--limit', 2, out=tmp_path / 'b')
    with pytest.raises(ValueError, match='one model on the same images'):
        worst_case_of([str(tmp_path / 'a'), str(tmp_path / 'b')])


def test_a_folder_without_a_report_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='results.json'):
        worst_case_of([str(tmp_path)])
