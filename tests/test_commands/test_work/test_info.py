"""What ``info`` shows of this installation."""
import pytest
import torch
from mmengine.device import get_device

from mmseg_rppgd import __version__, compat
from mmseg_rppgd.commands.work import info


@pytest.fixture
def show(capsys):
    """What the command prints."""

    def run():
        info.run()
        return capsys.readouterr().out

    return run


def test_versions_device_and_threads(show, monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    lines = dict(line.split(maxsplit=1) for line in show().splitlines()
                 if len(line.split()) > 1)
    assert lines['torch'] == info.installed('torch')
    assert lines['mmseg_rppgd'].startswith(__version__)
    assert lines['mmcv'].endswith(
        '(full)' if compat.has_mmcv_ops() else 'no compiled operators)')
    assert lines['device'].startswith(get_device())
    assert lines['threads'] == (
        f'{torch.get_num_threads()} (OMP_NUM_THREADS=3)')


def test_missing_packages_come_with_the_command(show, monkeypatch):
    monkeypatch.setattr(info, 'missing_packages',
                        lambda: {'ftfy': 'pip install ftfy'})
    installed = info.installed
    monkeypatch.setattr(
        info, 'installed', lambda name: 'not installed'
        if name == 'adv-lib' else installed(name))
    lines = show().splitlines()
    assert 'ftfy is missing. Run: pip install ftfy' in lines
    assert lines[-1].startswith('adv-lib is missing')
    assert lines[-1].endswith('Run: pip install --no-deps adv-lib==0.2.8')


def test_an_mmcv_that_mmseg_refuses_is_told(show, monkeypatch):
    def refuse():
        raise ImportError('MMCV==2.2.0 is used. Run: pip install mmcv')

    monkeypatch.setattr(info, 'require_mmseg', refuse)
    assert 'MMCV==2.2.0 is used. Run: pip install mmcv\n' in show()


def test_nothing_is_missing(show, monkeypatch):
    monkeypatch.setattr(info, 'missing_packages', dict)
    monkeypatch.setattr(info, 'require_mmseg', lambda: None)
    monkeypatch.setattr(info, 'installed', lambda name: '1.0')
    assert show().endswith('\n\nNothing is missing.\n')
