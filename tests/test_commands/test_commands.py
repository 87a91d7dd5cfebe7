"""``python -m mmseg_rppgd``: the overview, and the way to a command."""
import pytest

from mmseg_rppgd import __version__, commands


@pytest.mark.parametrize('name', commands.COMMANDS)
def test_every_command_shows_its_help_under_its_name(name, capsys):
    with pytest.raises(SystemExit) as error:
        commands.main([name, '--help'])
    assert error.value.code == 0
    assert f'usage: mmseg_rppgd {name}' in capsys.readouterr().out


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        commands.main(['--help'])
    shown = capsys.readouterr().out
    for name, text in commands.COMMANDS.items():
        assert f'{name} ' in shown and text in shown


@pytest.mark.parametrize('words', [[], ['tarin']])
def test_what_is_no_command_is_told_which_there_are(words, capsys):
    with pytest.raises(SystemExit) as error:
        commands.main(words)
    assert error.value.code == 2
    assert 'COMMAND' in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit):
        commands.main(['--version'])
    assert capsys.readouterr().out == f'mmseg_rppgd {__version__}\n'


def test_messages_begin_with_the_command(tmp_path):
    with pytest.raises(SystemExit,
                       match='^mmseg_rppgd train: .*nowhere.py'):
        commands.main(['train', 'nowhere.py'])
