"""The config that the command line of the robust test becomes."""
import pytest
from tiny_project import CONFIG

from mmseg_rppgd.commands.robust_test import parser
from mmseg_rppgd.commands.work import robust_test


@pytest.fixture
def files(tmp_path):
    """A config and a checkpoint of which only the name is looked at."""
    (tmp_path / 'tiny.py').write_text(CONFIG.format(root=str(tmp_path)))
    (tmp_path / 'tiny.pth').write_bytes(b'weights')
    return [str(tmp_path / 'tiny.py'), str(tmp_path / 'tiny.pth')]


def build(files, *words):
    args = parser().parse_args([*files, *words])
    return robust_test.build_config(args)


def test_defaults_are_those_of_the_loop(files):
    loop = build(files).test_cfg
    assert loop.pop('model_info')['checkpoint'] == files[1]
    assert loop.pop('type') == 'mmseg_rppgd.RobustTestLoop'
    assert loop == dict(
        suite=None, attacks=[], eps=[], steps=[], minimal=[], out_dir=None,
        surrogate=None, others=[], cache=None, save_adv=None, surface=None,
        seed=0, limit=None, resume=False, batch_size=None, panels=4,
        probes=4, skip_bad=False, pixel_range=None, fp16=False)


def test_what_is_tested_comes_from_the_command_line(files):
    loop = build(
        files, '--suite', 'quick', '--attacks', 'PGD', 'BIM(norm=l2)',
        '--eps', '8/255', '0.01', '--steps', '2', '5', '--minimal', 'DAG',
        '--surface', 'whole', '--seed', '3', '--limit', '7', '--batch-size',
        '4', '--check-images', '0', '--panels', '1', '--out', 'here',
        '--resume').test_cfg
    assert (loop.suite, loop.attacks) == ('quick', ['PGD', 'BIM(norm=l2)'])
    assert (loop.eps, loop.steps) == (['8/255', '0.01'], [2, 5])
    assert (loop.minimal, loop.surface) == (['DAG'], 'whole')
    assert (loop.seed, loop.limit, loop.batch_size) == (3, 7, 4)
    assert (loop.probes, loop.panels) == (0, 1)
    assert (loop.out_dir, loop.resume) == ('here', True)


def test_other_models_are_named_by_their_files(files):
    loop = build(files, '--surrogate', 'a.py', 'a.pth', '--matrix', 'b.py',
                 'b.pth', '--matrix', 'c.py', 'c.pth', '--cache',
                 'there').test_cfg
    assert list(loop.surrogate) == ['a.py', 'a.pth']
    assert loop.others == [['b.py', 'b.pth'], ['c.py', 'c.pth']]
    assert loop.cache == 'there'


def test_autocast_of_the_config_stays(files):
    assert build(files, '--cfg-options', 'test_cfg.fp16=True').test_cfg.fp16


def test_the_rest_is_as_in_a_test_of_mmseg(files, monkeypatch):
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    cfg = build(files, '--launcher', 'slurm', '--seed', '3', '--show-dir',
                'painted', '--show', '--wait-time', '0.5')
    assert cfg.load_from == files[1]
    assert cfg.launcher == 'slurm'
    assert cfg.randomness == dict(seed=3)
    assert cfg.work_dir.endswith('work_dirs/tiny')
    assert cfg.visualizer.save_dir == 'painted'
    hook = cfg.default_hooks.visualization
    assert (hook.draw, hook.show, hook.wait_time) == (True, True, 0.5)


@pytest.mark.parametrize('option, timeout', [
    ('env_cfg=None', 24 * 60 * 60),
    ('env_cfg.dist_cfg.backend=gloo', 24 * 60 * 60),
    ('env_cfg.dist_cfg.timeout=5', 5),
])
def test_processes_wait_a_day_for_each_other(files, option, timeout):
    dist_cfg = build(files, '--cfg-options', option).env_cfg.dist_cfg
    assert dist_cfg.timeout == timeout


def test_painting_needs_its_hook(files):
    with pytest.raises(ValueError, match='need the visualization hook'):
        build(files, '--show', '--cfg-options',
              'default_hooks.visualization=None')
