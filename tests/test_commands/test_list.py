"""What ``list`` shows of attacks, configs and suites."""
import pytest

from mmseg_rppgd.commands.list import main
from mmseg_rppgd.config import load_config
from mmseg_rppgd.registry import ATTACKS


@pytest.fixture
def show(capsys):
    """Lines that the command prints."""

    def run(*words):
        main(words, 'mmseg_rppgd list')
        return capsys.readouterr().out.splitlines()

    return run


def test_attacks_are_one_line_each(show):
    lines = show('attacks')
    assert [line.split()[0] for line in lines] == sorted(ATTACKS.module_dict)
    assert 'RPPGD           Attack by regions of pixels' in '\n'.join(lines)


def test_an_attack_is_shown_with_its_parameters(show):
    first, *rest = show('attacks', 'PGD')
    assert first.startswith('PGD  Climb the mean cross-entropy')
    text = ' '.join(line.strip() for line in rest)
    options, _, meaning = text.partition('  ')
    for option in ('eps=None', 'steps=10', "norm='linf'", 'restarts=1'):
        assert f'{option}, ' in options
    assert 'objective' not in options  # a part of it, set by the class
    assert 'steps (int): Number of steps. Defaults to 10.' in meaning


def test_all_attacks_may_be_shown_with_parameters(show):
    lines = show('attacks', '--params')
    assert sum(not line.startswith(' ') for line in lines) == len(
        ATTACKS.module_dict)
    assert 'beta=0.75' in '\n'.join(lines)
    assert max(map(len, lines)) < 100


def test_an_unknown_attack_names_similar_ones(show):
    with pytest.raises(SystemExit, match='^mmseg_rppgd list: unknown attack '
                       "'PDG'.*did you mean PGD"):
        show('attacks', 'PDG')


def test_configs_are_shown_by_names_that_load(show):
    head, *rows = [line.split() for line in show('configs')]
    assert head[0] == 'name'
    row, = [row for row in rows if 'rppgd3-at-full_r18-d8_1xb6-5' in row[0]]
    assert row[1:] == ['rppgd3-at-full', 'pspnet_r18-d8', 'camvid-120x160']
    assert load_config(row[0]).model.type == 'EncoderDecoder'
    assert all(len(row) == 4 for row in rows)  # the parts of every name


def test_suites_are_shown_with_their_numbers_of_attacks(show):
    suites = {line.split()[0]: line.split(maxsplit=2)[1:]
              for line in show('suites')[1:]}
    assert suites['quick'][0] == '4'
    # That of its base; its own attacks are none.
    assert suites['reliable-mini'][0] == suites['reliable'][0] == '15'
    assert all(len(text) == 2 for text in suites.values())


@pytest.mark.parametrize('words', [
    ('suites', 'quick'), ('configs', '--params')])
def test_what_is_for_attacks_alone_is_refused_elsewhere(words, show, capsys):
    with pytest.raises(SystemExit):
        show(*words)
    assert f'for attacks, but got {words[0]}' in capsys.readouterr().err
