"""Where the numbers of a report come from."""
import sys

import pytest
import torch

from mmseg_rppgd.evaluation.results import environment
from mmseg_rppgd.evaluation.results.environment import describe_environment


def test_what_a_reader_needs_to_repeat_a_result(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tool.py', 'a b.py', '--eps', '0.03'])
    found = describe_environment(7, torch.device('cpu'))
    assert set(found) == {'torch', 'mmengine', 'mmcv', 'mmseg',
                          'mmseg_rppgd', 'device', 'seed', 'commit',
                          'command'}
    assert found['torch'] == torch.__version__
    assert (found['device'], found['seed']) == ('cpu', 7)
    assert found['command'] == "tool.py 'a b.py' --eps 0.03"


def test_a_copy_inside_another_repository_has_no_commit(tmp_path,
                                                        monkeypatch):
    import subprocess
    subprocess.run(['git', 'init', '-q', tmp_path], check=True)
    copy = tmp_path / 'environment.py'
    copy.write_text('')
    monkeypatch.setattr(environment, '__file__', str(copy))
    found = describe_environment(0, torch.device('cpu'))
    assert found['commit'] is None


@pytest.mark.parametrize('program, words, command', [
    ('tools/robust_test.py', ['a b.py'], "tools/robust_test.py 'a b.py'"),
    ('/x/mmseg_rppgd/__main__.py', ['robust-test', 'a.py'],
     'python -m mmseg_rppgd robust-test a.py'),
])
def test_command_is_one_that_can_be_typed(monkeypatch, program, words,
                                          command):
    monkeypatch.setattr(sys, 'argv', [program, *words])
    found = describe_environment(0, torch.device('cpu'))
    assert found['command'] == command
