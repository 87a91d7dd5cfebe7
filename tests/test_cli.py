"""Which errors are answered in a sentence, and which keep a traceback."""
import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, HOOKS
from mmseg.registry import MODELS as MMSEG
from tiny_project import forget_runs

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.cli import (errors_in_a_sentence, interruptible,
                             require_launcher, start_processes)
from mmseg_rppgd.commands.words import add_run_options
from mmseg_rppgd.registry import ATTACKS


def import_torch_that_is_missing():
    raise ModuleNotFoundError("No module named 'torch'", name='torch')


def raise_ours():
    PGD(eps=8)  # the statement has several lines


def raise_unknown():
    ATTACKS.build(dict(type='PDG'))


def open_nothing():
    open(os.path.join('no', 'such', 'file'))


def import_what_is_missing():
    import no_such_module  # noqa: F401


@pytest.mark.parametrize('cause, message', [
    (raise_ours, r'^tool: eps must be in \[0, 1\]'),
    (raise_unknown, "^tool: unknown attack 'PDG'"),  # without its quotes
    (open_nothing, '^tool: .*such'),
    (import_what_is_missing, "^tool: No module named 'no_such_module'$"),
    (import_torch_that_is_missing,
     "^tool: No module named 'torch'. Run: pip install torch"),
])
def test_input_at_fault_gets_a_sentence(cause, message):
    with pytest.raises(SystemExit, match=message):
        with errors_in_a_sentence('tool'):
            cause()


def import_what_we_lack():
    from mmseg_rppgd.cli import no_such_name  # noqa: F401


def raise_elsewhere():
    raise ValueError('not of this package')


def convert_in_our_code():
    # The innermost line is of this package, and no raise statement.
    from mmseg_rppgd.config import require_checkpoint
    require_checkpoint(None)


def fail_otherwise():
    raise ZeroDivisionError


@pytest.mark.parametrize('cause, kind', [
    (raise_elsewhere, ValueError),
    (convert_in_our_code, TypeError),
    (import_what_we_lack, ImportError),
    (fail_otherwise, ZeroDivisionError),
])
def test_a_defect_keeps_its_traceback(cause, kind):
    with pytest.raises(kind):
        with errors_in_a_sentence('tool'):
            cause()


class TestInterrupts:

    @pytest.fixture(autouse=True)
    def handlers(self):
        """Those of a program in the foreground, whatever pytest runs in."""
        before = {number: signal.getsignal(number)
                  for number in (signal.SIGINT, signal.SIGTERM)}
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        yield
        for number, handler in before.items():
            signal.signal(number, handler)

    @pytest.mark.parametrize('number, name, code', [
        (signal.SIGINT, 'Ctrl-C', 130), (signal.SIGTERM, 'SIGTERM', 143)])
    def test_they_get_a_sentence_and_the_usual_code(self, number, name, code,
                                                    capsys):
        with pytest.raises(SystemExit) as end:
            with interruptible('tool', 'add --resume'):
                with errors_in_a_sentence('tool'):
                    os.kill(os.getpid(), number)
        assert end.value.code == code
        assert capsys.readouterr().err == (
            f'\ntool: stopped by {name}; add --resume\n')
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

    def test_one_while_torch_is_loaded_is_a_sentence_too(
            self, monkeypatch, capsys):
        for name in [n for n in sys.modules if n.startswith(
                ('mmengine.dist', 'torch.distributed'))]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, 'torch', None)  # no import succeeds
        with pytest.raises(SystemExit) as end:
            with interruptible('tool', 'begin again'):
                os.kill(os.getpid(), signal.SIGINT)
        assert end.value.code == 130
        assert capsys.readouterr().err == (
            '\ntool: stopped by Ctrl-C; begin again\n')

    def test_the_hint_is_asked_after_the_command_has_stopped(self, capsys):
        written = []
        with pytest.raises(SystemExit):
            with interruptible('tool', lambda: f'{written} is there'):
                try:
                    os.kill(os.getpid(), signal.SIGTERM)
                finally:
                    written.append('a.txt')
        assert "['a.txt'] is there" in capsys.readouterr().err

    def test_what_fails_on_the_way_out_is_no_defect(self):
        with pytest.raises(SystemExit) as end:
            with interruptible('tool', ''):
                try:
                    os.kill(os.getpid(), signal.SIGTERM)
                finally:
                    raise RuntimeError('a worker is gone')
        assert end.value.code == 143

    def test_other_errors_pass(self):
        with pytest.raises(ZeroDivisionError):
            with interruptible('tool', ''):
                fail_otherwise()

    def test_a_job_that_ignores_ctrl_c_goes_on_doing_so(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with interruptible('tool', ''):
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN

    def test_another_thread_has_no_signals_of_its_own(self):
        codes = []

        def command():
            try:
                with interruptible('tool', ''):
                    raise KeyboardInterrupt
            except SystemExit as end:
                codes.append(end.code)

        thread = threading.Thread(target=command)
        thread.start()
        thread.join()
        assert codes == [130]

    def test_of_several_processes_the_first_one_speaks(self, tmp_path):
        """None waits for what the others may never do."""
        code = (
            'import os, sys, signal, torch.distributed as dist\n'
            'from mmseg_rppgd.cli import interruptible\n'
            'rank = int(sys.argv[1])\n'
            'dist.init_process_group("gloo", rank=rank, world_size=2,\n'
            f'    init_method="file://{tmp_path}/meet")\n'
            'with interruptible("tool", "add --resume"):\n'
            '    os.kill(os.getpid(), signal.SIGTERM)\n')
        root = Path(__file__).resolve().parents[1]
        processes = [subprocess.Popen(
            [sys.executable, '-c', code, str(rank)], text=True,
            env=dict(os.environ, PYTHONPATH=str(root)),
            stderr=subprocess.PIPE) for rank in range(2)]
        said = [process.communicate(timeout=120)[1] for process in processes]
        assert [process.returncode for process in processes] == [143, 143]
        assert said[0].endswith(
            '\ntool: stopped by SIGTERM; add --resume\n')
        assert 'tool' not in said[1]


@pytest.mark.parametrize('registry, config, message', [
    (MMSEG, dict(type='PSPHed'), 'PSPHed is not in the mmseg::model registry'),
    (MMSEG, dict(type='PSPHead', chanels=3, channels=3, num_classes=2,
                 in_channels=2), 'got an unexpected keyword argument'),
    (MMSEG, dict(type='FCNHead'), r'missing \d required'),
    (HOOKS, dict(type='RPPGDHook'), 'RPPGDHook is not in .*It belongs to '
     "mmseg_rppgd: write type='mmseg_rppgd.RPPGDHook'"),
    (HOOKS, dict(type='rppgd_hook'), "write type='mmseg_rppgd.RPPGDHook'"),
    (HOOKS, dict(type='AttackHook'), "type='mmseg_rppgd.AttackHook'"),
    (MMSEG, dict(type='AdversarialSegmentor'),
     "type='mmseg_rppgd.AdversarialSegmentor'"),
    (DATASETS, dict(type='CamVid'), "type='mmseg_rppgd.CamVid'"),
    (HOOKS, dict(type='mmseg_rppgd.AttackHook'), 'missing 1 required'),
])
def test_what_a_config_cannot_build_gets_a_sentence(registry, config,
                                                    message):
    forget_runs()  # whose scope is another one
    with pytest.raises(SystemExit, match='^tool: .*' + message):
        with errors_in_a_sentence('tool'):
            registry.build(config)


def test_a_defect_inside_what_is_built_keeps_its_traceback():

    class Broken:

        def __init__(self):
            len(3)

    with pytest.raises(TypeError):
        with errors_in_a_sentence('tool'):
            HOOKS.build(dict(type=Broken))


@pytest.mark.parametrize('settings', [dict(batch_size=0),
                                      dict(num_workers=-1)])
def test_a_loader_that_cannot_be_gets_a_sentence(settings):
    from torch.utils.data import DataLoader
    with pytest.raises(SystemExit, match='^tool: .*' + next(iter(settings))):
        with errors_in_a_sentence('tool'):
            DataLoader([1], **settings)


def parse(*words):
    parser = argparse.ArgumentParser('tool')
    add_run_options(parser, 'logs')
    return parser.parse_args(words)


@pytest.mark.parametrize('launcher, variable', [
    ('pytorch', 'RANK'), ('slurm', 'SLURM_PROCID'),
    ('mpi', 'OMPI_COMM_WORLD_LOCAL_RANK')])
def test_a_launcher_that_did_not_launch_is_said(monkeypatch, launcher,
                                                variable):
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ValueError, match=f'--launcher {launcher}.*{variable} '
                       'is not set.*tools/launch.sh'):
        require_launcher(parse('--launcher', launcher))
    monkeypatch.setenv(variable, '0')
    require_launcher(parse('--launcher', launcher))


@pytest.mark.parametrize('seed', [-1, 2**32])
def test_a_seed_that_numpy_does_not_take_is_refused(seed):
    with pytest.raises(ValueError, match='randomness.seed must be from 0 to '
                       f'2.*32 - 1.*got {seed}'):
        start_processes(Config(dict(randomness=dict(seed=seed))), parse())
