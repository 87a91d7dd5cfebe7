"""The robust test by command: what its checkpoints may do, and its report."""
import json

import pytest
import torch
from malicious import served
from tiny_project import forget_runs

from mmseg_rppgd.checkpoints import file_sha256
from mmseg_rppgd.commands import robust_test


@pytest.fixture
def run(tiny, tmp_path):
    """Run the command on one image; gives results.json."""
    config = str(tiny / 'config.py')

    def run(checkpoint, *words):
        forget_runs()
        words = [config if word is CONFIG else str(word) for word in words]
        robust_test.main(
            [config, str(checkpoint), '--work-dir', str(tmp_path / 'work'),
             '--attacks', 'FGSM', '--limit', '1', '--check-images', '0',
             '--panels', '0', *words], 'robust-test')
        return json.loads((tmp_path / 'work' / 'robust' / 'results.json'
                           ).read_text())

    return run


CONFIG = object()  # stands for the path of the tiny project's config


@pytest.mark.parametrize('option', ['CHECKPOINT', '--surrogate', '--matrix'])
def test_code_runs_by_no_argument(option, run, tiny, trap, site):
    for evil in (trap.path, f'{site}/evil.pth'):
        words = [evil] if option == 'CHECKPOINT' else [
            tiny / 'checkpoint.pth', option, CONFIG, evil]
        with pytest.raises(SystemExit, match='^robust-test: .*asks for eval'):
            run(*words)
    assert not trap.has_run


@pytest.mark.parametrize('option', ['CHECKPOINT', '--surrogate', '--matrix'])
def test_nan_is_tested_by_no_argument(option, run, tiny, tmp_path):
    checkpoint = torch.load(tiny / 'checkpoint.pth')
    checkpoint['state_dict']['decode_head.conv_seg.bias'][1] = float('nan')
    bad = tmp_path / 'nan.pth'
    torch.save(checkpoint, bad)
    words = [bad] if option == 'CHECKPOINT' else [
        tiny / 'checkpoint.pth', option, CONFIG, bad]
    with pytest.raises(SystemExit, match='nan.pth.*conv_seg.bias holds 1'):
        run(*words)


def test_the_report_has_the_hash_of_an_address(run, tiny, tmp_path,
                                               monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with served(tiny) as site:
        model = run(f'{site}/checkpoint.pth')['model']
    assert model['checkpoint'] == f'{site}/checkpoint.pth'
    assert model['sha256'] == file_sha256(tiny / 'checkpoint.pth')


def test_swapped_arguments_are_told(run, tiny):
    with pytest.raises(SystemExit, match='config.py.*is a Python file'):
        run(tiny / 'config.py')


def test_mmengine_gets_no_address_to_load_for_a_report(tiny, trap, site):
    """As mmseg's own tools/test.py would do with the loop in its config."""
    from mmengine.runner import Runner

    from mmseg_rppgd.config import load_config
    cfg = load_config(str(tiny / 'config.py'))
    cfg.test_cfg = dict(type='mmseg_rppgd.RobustTestLoop')
    cfg.load_from = f'{site}/evil.pth'
    cfg.work_dir = str(trap.path.parent)
    forget_runs()
    with pytest.raises(ValueError, match='load_from.*evil.pth.*give the file'):
        Runner.from_cfg(cfg).test()
    assert not trap.has_run
