"""What a config may hold."""
import os.path as osp
from functools import partial

import pytest
from mmengine.config import Config

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.config import load_config, refuse_functions


def weights(step, steps):
    return 1, 1, 1


@pytest.mark.parametrize('function', [
    weights, lambda step, steps: (1, 1, 1), partial(weights, 1), PGD.run])
def test_a_function_in_a_config_is_refused_by_its_place(function):
    cfg = Config(dict(custom_hooks=[dict(type='mmseg_rppgd.RPPGDHook',
                                         region_weights=function)]))
    with pytest.raises(ValueError, match=r'custom_hooks\[0\].region_weights '
                       'of the config must be plain data, but is the '
                       'function.*'
                       "import path in a string.*'my_module.weights'"):
        refuse_functions(cfg)


def test_what_can_be_written_is_allowed():
    refuse_functions(Config(dict(
        hook=dict(type=PGD, region_weights='my_module.weights'),
        numbers=[1, 2.5, None, (True, 'a')])))


def test_imports_of_a_config_in_python_are_allowed(tmp_path):
    path = osp.join(tmp_path, 'lazy.py')
    with open(path, 'w') as file:
        file.write('from mmengine.runner import Runner\n'
                   'from os.path import join\n'
                   'tool = dict(type=Runner, path=join)\n')
    refuse_functions(Config.fromfile(path))


@pytest.mark.parametrize('text, message', [
    ('model = dict(', 'cannot be read: SyntaxError'),
    ('model = no_such_name', "cannot be read: NameError: name 'no_such_name'"),
    ("custom_hooks = dict(type='mmseg_rppgd.PGDHook')",
     'custom_hooks must be a list, as in'),
])
def test_a_config_that_cannot_be_read_is_one_sentence(tmp_path, text,
                                                      message):
    path = tmp_path / 'mine.py'
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_config(str(path))


@pytest.mark.parametrize('setting', ['pipeline.9.type', 'number.x'])
def test_a_setting_without_a_place_is_one_sentence(tmp_path, setting):
    path = tmp_path / 'mine.py'
    path.write_text('pipeline = [dict(type=1)]\nnumber = 3')
    with pytest.raises(ValueError, match='--cfg-options cannot be set in the '
                       'config: '):
        load_config(str(path), {setting: 3})


def test_a_default_hook_that_is_none_is_left_out(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text('default_hooks = dict(visualization=None, logger=None, '
                    "timer=dict(type='IterTimerHook'))")
    # That of logger is left to mmengine, which would else add its own.
    assert load_config(str(path)).default_hooks == dict(
        logger=None, timer=dict(type='IterTimerHook'))
