"""What tools/quickstart.sh runs, with a python that only takes notes."""
import os
import subprocess
from pathlib import Path

import pytest

from mmseg_rppgd.config import load_config

ROOT = Path(__file__).parents[2]
FAKE_PYTHON = '''#!/bin/sh
[ "$1" = - ] && exit 0  # asked what is missing: nothing
printf '%s ' "$@" >> "$NOTES"
echo >> "$NOTES"
case "$1" in tools/train.py)
    echo "11/22 - INFO - Iter(train) [ 50/800]  lr: 4.8e-03  eta: 0:01:00" \\
         " time: 0.1  data_time: 0.1  loss: 1.2  decode.loss_ce: 0.8"
    if [ -n "$FAIL" ]; then echo "the reason"; exit 3; fi ;;
esac
'''


@pytest.fixture
def quickstart(tmp_path):
    """Run the script; give its result and the commands it ran."""
    python = tmp_path / 'bin' / 'python'
    python.parent.mkdir()
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    notes = tmp_path / 'notes'

    def run(**env):
        result = subprocess.run(
            ['bash', str(ROOT / 'tools' / 'quickstart.sh'), 'out folder'],
            cwd=tmp_path, capture_output=True, text=True, env={
                **os.environ, 'NOTES': str(notes), 'VIRTUAL_ENV': 'active',
                'PATH': f'{python.parent}:{os.environ["PATH"]}', **env})
        return result, notes.read_text().splitlines()

    return run


def config_of(command):
    return next(word for word in command.split()
                if word.startswith('configs/'))


def test_standard_then_hardened_then_both_are_tested(quickstart):
    result, commands = quickstart()
    assert result.returncode == 0, result.stderr
    assert [c.split()[0] for c in commands] == [
        'tools/train.py', 'tools/train.py', 'tools/robust_test.py',
        'tools/robust_test.py', 'tools/compare.py']
    assert [config_of(c) for c in commands[:2]] == [
        config_of(c) for c in commands[2:4]]


def test_checkpoints_are_those_that_the_configs_write(quickstart, tmp_path):
    _, commands = quickstart()
    for command, folder in zip(commands[:2], ('standard', 'rppgd3-at')):
        cfg = load_config(str(ROOT / config_of(command)))
        assert cfg.train_cfg.max_iters == cfg.default_hooks.checkpoint.interval
        written = tmp_path / 'out folder' / folder
        written = f'{written}/iter_{cfg.train_cfg.max_iters}.pth'
        assert any(written in c for c in commands[2:4])
        if folder == 'standard':
            assert f'load_from={written}' in commands[1]


def test_the_hardened_config_attacks_with_rppgd_in_three_steps(quickstart):
    _, commands = quickstart()
    assert 'custom_hooks' not in load_config(
        str(ROOT / config_of(commands[0])))
    hooks = load_config(str(ROOT / config_of(commands[1]))).custom_hooks
    assert hooks == [dict(type='mmseg_rppgd.RPPGDHook', steps=3)]


def test_training_is_shown_in_short_lines(quickstart):
    result, _ = quickstart()
    assert '  iteration [ 50/800]  loss 1.2  left 0:01:00' in result.stdout


def test_a_failed_training_shows_its_log_and_stops(quickstart):
    result, commands = quickstart(FAIL='yes')
    assert result.returncode == 1
    assert len(commands) == 1
    assert 'the reason' in result.stderr
    assert 'standard.log' in result.stdout
