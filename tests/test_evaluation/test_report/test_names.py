"""How a report calls what was tested."""
import pytest

from mmseg_rppgd.evaluation.report.names import at, attack_words, readable_name


@pytest.mark.parametrize('config, name', [
    ('mmseg::pspnet/pspnet_r50-d8.py', 'pspnet_r50-d8'),
    ('mmseg_rppgd::short.py', 'short'),
    ('/home/me/my.config.py', 'my.config'),
    (r'C:\models\net.yaml', 'net'),
    ('TinyNet', 'TinyNet'),
    ('folder/', 'folder/')])
def test_a_model_is_called_after_its_config_file(config, name):
    assert readable_name(dict(config=config)) == name


def test_a_given_name_is_taken():
    assert readable_name(dict(config='a.py', name='Ours')) == 'Ours'


def test_attacks_and_balls_in_words():
    assert attack_words(dict(name='PGD', config=dict(steps=1))) == (
        'PGD with 1 step')
    assert attack_words(dict(name='CW', config={})) == 'CW'
    assert at(dict(norm='linf', eps=8 / 255, rms=8 / 255)) == 'linf 8/255'
