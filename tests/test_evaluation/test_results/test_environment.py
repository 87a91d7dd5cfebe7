"""Where the numbers of a report come from."""
import sys

import pytest
import torch

from mmseg_rppgd.evaluation.results import environment
from mmseg_rppgd.evaluation.results.environment import (describe_environment,
                                                        mask_address,
                                                        mask_secrets)


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


@pytest.mark.parametrize('typed, shown', [
    (['--token', 'abc', 'x.py'], ['--token', '***', 'x.py']),
    (['--api-key=abc'], ['--api-key=***']),
    (['model.hub_token=abc', 'root=/x'], ['model.hub_token=***', 'root=/x']),
    (['wandbApiKey=3', 'DB_PASSWORD=p'],
     ['wandbApiKey=***', 'DB_PASSWORD=***']),
    (["vis=dict(api_key='a b', name='x')"],
     ["vis=dict(api_key=***, name='x')"]),
    (['{"password": "abc", "a": 1}'], ['{"password": ***, "a": 1}']),
    (['https://me:pw@host/a.pth'], ['https://***@host/a.pth']),
    (['load_from=https://me:pw@host/a.pth'],
     ['load_from=https://***@host/a.pth']),
    (['load_from=https://host/a.pth?token=abc&v=1'],
     ['load_from=https://host/a.pth?token=***&v=1']),
    (['init.accesskey=abc', 'hftoken=abc', 'ssh_pass=abc', 'a.passwds=abc',
      'authentication=abc', 'AWS_SECRET_ACCESS_KEY=abc'],
     ['init.accesskey=***', 'hftoken=***', 'ssh_pass=***', 'a.passwds=***',
      'authentication=***', 'AWS_SECRET_ACCESS_KEY=***']),
    (['https://host/a.pth?x=1&signature=abc'],
     ['https://host/a.pth?x=1&signature=***']),
])
def test_what_looks_like_a_secret_is_masked(typed, shown):
    masked = mask_secrets(typed)
    assert not any('abc' in word or 'pw' in word for word in masked)
    if typed[0].startswith('https://host'):
        assert masked[0].endswith('=***')  # and perhaps more than it
    else:
        assert masked == shown


@pytest.mark.parametrize('words', [
    ['tokenizer=bert', 'author=me', 'compass=1', 'keyframe=2'],
    ['monkey=1', 'keyboard=2', 'configs/x.py', 'C:/a=b'],
    ['--attacks', "RPPGD(beta=1, regions='TB')", 'BIM(norm=l2)', '--eps',
     '8/255', '--seed', '3'],
])
def test_other_words_stay(words):
    assert mask_secrets(words) == words


def test_the_command_of_a_report_has_no_secrets(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tool.py', '--token', 'a b', 'c d'])
    assert describe_environment(0, torch.device('cpu'))['command'] == (
        "tool.py --token *** 'c d'")


@pytest.mark.parametrize('name, shown', [
    ('https://me:pw@host/a.pth', 'https://***@host/a.pth'),
    ('s3://bucket/a.pth?token=abc', 's3://bucket/a.pth?token=***'),
    ('work_dirs/key=1/a.pth', 'work_dirs/key=1/a.pth'),
])
def test_an_address_in_a_report_has_no_secrets(name, shown):
    assert mask_address(name) == shown
