"""What the quickstart runs, with a python that only takes notes."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_rppgd.commands import quickstart as command
from mmseg_rppgd.config import load_config

ROOT = Path(__file__).parents[2]
FAKE_PYTHON = '''#!/bin/sh
[ "$1" = - ] && exit 0  # asked what is missing: nothing
[ "$1" = -c ] && { dirname "$(dirname "$0")"; exit; }  # asked whose it is
printf '%s ' "$@" >> "$NOTES"
echo >> "$NOTES"
case "$3" in train)
    echo "11/22 - INFO - Iter(train) [ 50/800]  lr: 4.8e-03  eta: 0:01:00" \\
         " time: 0.1  data_time: 0.1  loss: 1.2  decode.loss_ce: 0.8"
    if [ -n "$FAIL" ]; then echo "the reason"; exit 3; fi ;;
esac
'''


@pytest.fixture
def python(tmp_path, monkeypatch):
    """The interpreter that takes notes, and what it noted."""
    file = tmp_path / 'bin' / 'python'
    file.parent.mkdir()
    file.write_text(FAKE_PYTHON)
    file.chmod(0o755)
    monkeypatch.setenv('NOTES', str(tmp_path / 'notes'))
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    return file


@pytest.fixture
def quickstart(python, tmp_path, monkeypatch):
    """Run the command in an empty folder; give the commands it ran."""
    monkeypatch.setattr(sys, 'executable', str(python))
    (tmp_path / 'empty').mkdir()
    monkeypatch.chdir(tmp_path / 'empty')

    def run():
        command.main(['out folder'])
        return notes(tmp_path)

    return run


def notes(tmp_path):
    lines = (tmp_path / 'notes').read_text().splitlines()
    start = '-m mmseg_rppgd '
    assert all(line.startswith(start) for line in lines)
    return [line[len(start):].strip() for line in lines]


def config_of(words):
    return next(word for word in words.split()
                if word.startswith('mmseg_rppgd::'))


def test_standard_then_hardened_then_both_are_tested(quickstart):
    commands = quickstart()
    assert [c.split()[0] for c in commands] == [
        'train', 'train', 'robust-test', 'robust-test', 'compare']
    assert [config_of(c) for c in commands[:2]] == [
        config_of(c) for c in commands[2:4]]


def test_checkpoints_are_those_that_the_configs_write(quickstart, tmp_path):
    commands = quickstart()
    for words, folder in zip(commands[:2], ('standard', 'rppgd3-at')):
        cfg = load_config(config_of(words))
        assert cfg.train_cfg.max_iters == cfg.default_hooks.checkpoint.interval
        written = tmp_path / 'empty' / 'out folder' / folder
        written = f'{written}/iter_{cfg.train_cfg.max_iters}.pth'
        assert any(written in c for c in commands[2:4])
        if folder == 'standard':
            assert f'load_from={written}' in commands[1]


def test_the_hardened_config_attacks_with_rppgd_in_three_steps(quickstart):
    commands = quickstart()
    assert 'custom_hooks' not in load_config(config_of(commands[0]))
    hooks = load_config(config_of(commands[1])).custom_hooks
    assert hooks == [dict(type='mmseg_rppgd.RPPGDHook', steps=3)]


def test_training_is_shown_in_short_lines(quickstart, tmp_path, capsys):
    quickstart()
    assert '  iteration 50 of 800, loss 1.2, 0:01:00 left\n' in (
        capsys.readouterr().out)
    log = tmp_path / 'empty' / 'out folder' / 'standard.log'
    assert 'decode.loss_ce: 0.8' in log.read_text()


def test_a_failed_training_shows_its_log_and_stops(quickstart, tmp_path,
                                                   monkeypatch):
    monkeypatch.setenv('FAIL', 'yes')
    with pytest.raises(SystemExit) as error:
        quickstart()
    assert len(notes(tmp_path)) == 1
    assert 'the reason' in error.value.code
    assert 'standard.log' in error.value.code


def test_script_runs_the_command_in_an_environment(python, tmp_path):
    result = subprocess.run(
        ['bash', str(ROOT / 'tools' / 'quickstart.sh'), 'out folder'],
        cwd=tmp_path, capture_output=True, text=True, env={
            **os.environ, 'VIRTUAL_ENV': str(python.parents[1]),
            'PATH': f'{python.parent}:{os.environ["PATH"]}'})
    assert result.returncode == 0, result.stderr
    assert notes(tmp_path) == [f'quickstart {tmp_path}/out folder']
