"""The robust test by one line of a config, behind Runner.test()."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from tiny_project import ROOT, forget_runs, numbers

from mmseg_rppgd.evaluation.robust_test_loop import flatten


def run(tiny, work_dir, hooks=(), **test_cfg):
    """What mmseg's own tools/test.py does with a config."""
    forget_runs()
    cfg = Config.fromfile(str(tiny / 'config.py'))
    cfg.work_dir = str(work_dir)
    cfg.load_from = str(tiny / 'checkpoint.pth')
    cfg.log_level = 'WARNING'
    cfg.custom_hooks = list(hooks)
    cfg.test_cfg = dict(type='mmseg_rppgd.RobustTestLoop', panels=1, probes=1,
                        **test_cfg)
    return Runner.from_cfg(cfg).test()


def test_one_line_gives_the_numbers_of_the_tool(tiny, run_tool, tmp_path):
    theirs = run_tool('--attacks', 'PGD', '--steps', 2)
    results = run(tiny, tmp_path / 'loop', attacks=['PGD'], steps=[2])
    assert numbers(results) == numbers(theirs)
    folder = tmp_path / 'loop' / 'robust'
    assert json.loads((folder / 'results.json').read_text()) == results
    assert (folder / 'report.html').exists()


def test_the_report_names_config_and_checkpoint_by_itself(tiny, tmp_path):
    model = run(tiny, tmp_path, attacks=['FGSM'], limit=1)['model']
    assert model['config'] == str(tiny / 'config.py')
    assert model['checkpoint'] == str(tiny / 'checkpoint.pth')
    assert len(model['sha256']) == 64


def test_quick_is_the_suite_of_an_empty_line(tiny, tmp_path):
    results = run(tiny, tmp_path, limit=1, steps=[1])
    assert {a['name'] for a in results['attacks']} == {
        'PGD', 'SegPGD', 'CosPGD', 'RPPGD'}


def test_a_hook_that_attacks_the_clean_images_is_refused(tiny, tmp_path):
    hook = dict(type='mmseg_rppgd.PGDHook', stages='test')
    with pytest.raises(ValueError, match='PGDHook of custom_hooks would'):
        run(tiny, tmp_path, [hook], attacks=['FGSM'])


def test_a_training_hook_may_stay(tiny, tmp_path):
    hook = dict(type='mmseg_rppgd.PGDHook')
    assert run(tiny, tmp_path, [hook], attacks=['FGSM'], limit=1)


def test_metrics_of_the_hooks_have_one_name_each(tiny, tmp_path):
    results = run(tiny, tmp_path, attacks=['PGD'], steps=[1, 2], limit=2)
    metrics = flatten(results)
    assert metrics['mIoU'] == results['clean']['mIoU']
    assert metrics['PGD-2@0.03/aAcc'] == results['attacks'][1]['aAcc']
    assert metrics['worst_case/mIoU'] == (
        results['worst_case']['mIoU_greedy'])


def test_wrong_arguments_stop_it_at_once(tiny, tmp_path):
    with pytest.raises(ValueError, match='limit must be >= 1'):
        run(tiny, tmp_path, limit=0)


def test_mmsegs_own_tool_runs_it(tiny, tmp_path):
    import mmseg
    tool = Path(mmseg.__file__).parent / '.mim' / 'tools' / 'test.py'
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = [{str(tiny / 'config.py')!r}]\n"
        "custom_imports = dict(imports=['mmseg_rppgd'])\n"
        "test_cfg = dict(_delete_=True, type='mmseg_rppgd.RobustTestLoop',"
        " attacks=['FGSM'], limit=1, panels=1, probes=1)\n")
    subprocess.run(
        [sys.executable, str(tool), str(config),
         str(tiny / 'checkpoint.pth'), '--work-dir', str(tmp_path / 'work')],
        check=True, capture_output=True, cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'))
    results = json.loads(
        (tmp_path / 'work' / 'robust' / 'results.json').read_text())
    assert results['attacks'][0]['name'] == 'FGSM'
    assert results['model']['checkpoint'] == str(tiny / 'checkpoint.pth')
