"""What a refused run takes back, and what it never touches."""
import logging
from types import SimpleNamespace

import pytest
from mmengine.logging import MMLogger

from mmseg_rppgd.commands.work.traces import WorkBegins, taken_back_if_refused
from mmseg_rppgd.evaluation.run.folder import FolderLock
from mmseg_rppgd.registry import attack_class


@pytest.fixture
def pretend(tmp_path):
    """Do in a folder what MMEngine does before the model is there."""

    def run(work_dir):
        logs = work_dir / '20250101_000000'
        (logs / 'vis_data').mkdir(parents=True)
        (logs / 'vis_data' / 'config.py').write_text('a = 1')
        logger = MMLogger.get_instance(
            f'pretend {tmp_path}', log_file=str(logs / 'run.log'))
        logger.info('begins')
        (work_dir / 'config.py').write_text('a = 1')

    yield run
    logger = MMLogger._instance_dict.pop(f'pretend {tmp_path}', None)
    for handler in logger.handlers if logger else []:
        if isinstance(handler, logging.FileHandler):
            handler.close()


def refuse():
    attack_class('PDG')  # an error that is for the user


def test_nothing_is_left_of_new_folders(tmp_path, pretend):
    work_dir = tmp_path / 'work_dirs' / 'tiny'
    with pytest.raises(KeyError):
        with taken_back_if_refused(str(work_dir), str(work_dir / 'robust')):
            pretend(work_dir)
            (work_dir / 'robust' / 'per_image').mkdir(parents=True)
            refuse()
    assert not list(tmp_path.iterdir())


def test_later_messages_do_not_go_to_a_log_that_is_gone(tmp_path, pretend):
    with pytest.raises(KeyError):
        with taken_back_if_refused(str(tmp_path / 'work')):
            pretend(tmp_path / 'work')
            refuse()
    MMLogger.get_current_instance().info('later')
    pretend(tmp_path / 'another')  # a run of the same name
    assert [path.name for path in tmp_path.iterdir()] == ['another']
    assert list((tmp_path / 'another').glob('*/run.log'))


def test_what_was_there_stays(tmp_path, pretend):
    earlier = tmp_path / '20240101_000000' / 'run.log'
    earlier.parent.mkdir()
    for file in (earlier, tmp_path / 'iter_2.pth', tmp_path / 'config.py'):
        file.write_text('earlier')
    before = sorted(tmp_path.rglob('*'))
    with pytest.raises(KeyError):
        with taken_back_if_refused(str(tmp_path)):
            pretend(tmp_path)
            refuse()
    assert sorted(tmp_path.rglob('*')) == before


def test_the_log_of_another_run_stays(tmp_path, pretend):
    other = tmp_path / 'work' / '20250101_000001' / 'run.log'
    with pytest.raises(KeyError):
        with taken_back_if_refused(str(tmp_path / 'work')):
            pretend(tmp_path / 'work')
            other.parent.mkdir()
            other.write_text('at work')
            refuse()
    assert [*(tmp_path / 'work').iterdir()] == [other.parent]


@pytest.mark.parametrize('result', [True, False])
def test_a_report_with_results_or_of_another_test_stays(tmp_path, result):
    report = tmp_path / 'robust'
    lock = FolderLock(str(report))
    with pytest.raises(KeyError):
        with taken_back_if_refused(str(tmp_path), str(report)):
            (report / 'per_image').mkdir(parents=True)
            if result:
                (report / 'per_image' / 'clean.jsonl').write_text('{}')
            else:
                lock.acquire()
            refuse()
    lock.release()
    assert (report / 'per_image').is_dir()


def test_a_run_that_has_begun_leaves_everything(tmp_path, pretend):
    work_dir = tmp_path / 'work'
    with pytest.raises(KeyError):
        with taken_back_if_refused(str(work_dir)) as traces:
            pretend(work_dir)
            WorkBegins(lambda runner: traces.keep()).before_train(
                SimpleNamespace())
            refuse()
    assert (work_dir / '20250101_000000' / 'run.log').is_file()


def test_a_defect_leaves_its_log(tmp_path, pretend):
    with pytest.raises(ZeroDivisionError):
        with taken_back_if_refused(str(tmp_path / 'work')):
            pretend(tmp_path / 'work')
            raise ZeroDivisionError
    assert (tmp_path / 'work' / '20250101_000000' / 'run.log').is_file()
