"""Training by command, by tools/train.py and by tools/launch.sh."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mmengine.runner import CheckpointLoader
from tiny_project import forget_runs
from tiny_training import config  # noqa: F401

import mmseg_rppgd
from mmseg_rppgd.commands import train
from mmseg_rppgd.commands.work import train as work

ROOT = Path(mmseg_rppgd.__file__).parents[1]
TRAIN = ROOT / 'tools' / 'train.py'


def run_tool(*command, cwd):
    path = os.pathsep.join(filter(None, [str(ROOT),
                                         os.environ.get('PYTHONPATH')]))
    # The scripts say `python`: let that be the one the tests run on.
    folders = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, text=True,
        env={**os.environ, 'PYTHONPATH': path, 'PATH': folders},
        capture_output=True)


def load(file):
    return CheckpointLoader.load_checkpoint(str(file), 'cpu')


def parse(*argv):
    return train.parser().parse_args([str(word) for word in argv])


def test_trains_and_resumes(config, tmp_path):
    # With nothing there to go on from, it begins.
    first = run_tool(sys.executable, TRAIN, config, '--resume', cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    work_dir = tmp_path / 'work_dirs' / 'tiny'
    before = load(work_dir / 'iter_2.pth')
    second = run_tool(sys.executable, TRAIN, config, '--resume',
                      '--cfg-options', 'train_cfg.max_iters=4', cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    after = load(work_dir / 'iter_4.pth')
    assert (before['meta']['iter'], after['meta']['iter']) == (2, 4)
    losses = [c['message_hub']['log_scalars']['train/loss'].data[0]
              for c in (before, after)]
    assert len(losses[1]) == 4 and list(losses[1][:2]) == list(losses[0])
    record = json.loads((work_dir / 'training.json').read_text())
    assert [entry['resumed'] for entry in record] == [False, True]
    assert record[0]['seed'] == before['meta']['seed']
    assert record[0]['config'] == str(config)
    assert record[1]['command'].endswith(
        '--resume --cfg-options train_cfg.max_iters=4')


def test_two_processes_train_without_a_gpu(config, tmp_path):
    result = run_tool(
        'bash', ROOT / 'tools' / 'launch.sh', 2, TRAIN, config, '--work-dir',
        tmp_path, '--cfg-options', 'log_level=INFO', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert 'GPU number: 2' in result.stdout + result.stderr
    assert load(tmp_path / 'iter_2.pth')['meta']['iter'] == 2


def test_launch_without_a_number_shows_its_usage(tmp_path):
    result = run_tool('bash', ROOT / 'tools' / 'launch.sh', TRAIN, 'x.py',
                      cwd=tmp_path)
    assert result.returncode == 2
    assert 'usage' in result.stderr and 'NPROC' in result.stderr


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit):
        parse('--help')
    shown = capsys.readouterr().out
    for option in ('--work-dir', '--resume', '--amp', '--cfg-options',
                   '--launcher', 'slurm'):
        assert option in shown


@pytest.mark.parametrize('words, message', [
    (('nowhere/pspnet.py', ), "'nowhere/pspnet.py' does not exist"),
    (('HOOK', '--cfg-options', 'custom_hooks.0.eps=8'),
     r'eps must be in \[0, 1\].*8'),
    (('HOOK', '--cfg-options', 'custom_hooks.0.stages=tset'),
     'stages must be'),
    (('HOOK', '--cfg-options', 'custom_hooks.0.type=mmseg_rppgd.PDGHook'),
     'unknown hook mmseg_rppgd.PDGHook.*did you mean PGDHook'),
    (('CONFIG', '--cfg-options', 'load_from=no.pth'),
     "load_from 'no.pth' does not exist"),
    (('CONFIG', '--amp'), '--amp needs a GPU'),
    (('HOOK', '--cfg-options', 'custom_hooks.0.type=PGDHook'),
     "belongs to mmseg_rppgd: write type='mmseg_rppgd.PGDHook'"),
    (('LAMBDA', ), r'custom_hooks\[0\].region_weights .*function <lambda>.*'
     "import path in a string.*'my_module.weights'"),
    (('CONFIG', '--launcher', 'slurm'), 'SLURM_PROCID is not set'),
    (('CONFIG', '--cfg-options',
      'default_hooks.checkpoint.save_best=robust/mIoU'),
     "save_best='robust/mIoU' needs the hook that measures it"),
    (('CONFIG', '--cfg-options', 'train_dataloader.dataset.data_root=no'),
     'no/img'),
    (('HOOK', '--cfg-options', 'custom_hooks.0.adv_ratio=0.1'),
     'adv_ratio=0.1 of a batch of 2'),
    (('CONFIG', '--cfg-options', 'model.decode_head.type=PSPHed'), 'PSPHed'),
    (('EMPTY', ), 'must set model, .* but .*empty.py has None'),
])
def test_bad_input_gets_one_sentence(words, message, monkeypatch, config,
                                     tmp_path):
    forget_runs()
    monkeypatch.setattr(work, 'get_device', lambda: 'cpu')
    hooked = tmp_path / 'hooked.py'
    hooked.write_text(f"_base_ = {str(config)!r}\n"
                      "custom_hooks = [dict(type='mmseg_rppgd.PGDHook')]")
    function = tmp_path / 'function.py'
    function.write_text(
        f"_base_ = {str(config)!r}\n"
        "custom_hooks = [dict(type='mmseg_rppgd.RPPGDHook', "
        'region_weights=lambda step, steps: (1, 1, 1))]')
    empty = tmp_path / 'empty.py'
    empty.write_text('')
    files = dict(CONFIG=config, HOOK=hooked, LAMBDA=function, EMPTY=empty)
    words = [files.get(word, word) for word in words]
    work_dir = tmp_path / 'new' / 'work'
    words = [*map(str, words), '--work-dir', str(work_dir)]
    with pytest.raises(SystemExit, match=message) as error:
        train.main(words, 'mmseg_rppgd train')
    assert str(error.value).startswith('mmseg_rppgd train: ')
    assert not work_dir.parent.exists()  # nor log nor config


def test_a_file_gives_its_own_name(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tools/train.py', 'nowhere.py'])
    with pytest.raises(SystemExit, match='^train.py: .*nowhere.py'):
        train.main()


def test_a_defect_keeps_its_traceback(monkeypatch, config):
    def broken(cfg):
        raise ZeroDivisionError

    monkeypatch.setattr(work, 'build_runner', broken)
    with pytest.raises(ZeroDivisionError):
        train.main([str(config)])


def test_an_interrupt_says_how_to_go_on(config, tmp_path, monkeypatch,
                                        capsys):
    class Interrupted:
        def register_hook(self, hook, priority):
            pass

        def train(self):
            raise KeyboardInterrupt

    monkeypatch.setattr(work, 'build_runner', lambda cfg: Interrupted())
    monkeypatch.setattr(work, 'describe_attack', lambda runner, config: None)

    def said():
        with pytest.raises(SystemExit) as end:
            train.main([str(config), '--work-dir', str(tmp_path)],
                       'mmseg_rppgd train')
        assert end.value.code == 130
        return capsys.readouterr().err

    assert 'mmseg_rppgd train: stopped by Ctrl-C; there is no checkpoint to ' \
        'go on from yet; start the same command again' in said()
    (tmp_path / 'last_checkpoint').write_text('work/iter_2.pth')
    assert 'the latest checkpoint is work/iter_2.pth; the same command with ' \
        '--resume goes on from there' in said()


def test_a_training_that_is_terminated(config, tmp_path):
    """No traceback of mmengine or autograd, and the usual exit code."""
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    process = subprocess.Popen(
        [sys.executable, TRAIN, config, '--work-dir', tmp_path,
         '--cfg-options', 'train_cfg.max_iters=100000'], text=True,
        env={**os.environ, 'PYTHONPATH': path}, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while not (tmp_path / 'last_checkpoint').is_file():
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.1)
    process.terminate()
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert said.rstrip().endswith('--resume goes on from there')
    assert 'train.py: stopped by SIGTERM; the latest checkpoint is' in said
    assert 'Traceback' not in said


@pytest.mark.gpu
def test_trains_in_mixed_precision(config, tmp_path):
    result = run_tool(sys.executable, TRAIN, config, '--amp', '--work-dir',
                      tmp_path, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / 'iter_2.pth').is_file()
