"""What ``list`` shows of attacks, configs and suites."""
from pathlib import Path

import pytest

from mmseg_rppgd.commands.list import main
from mmseg_rppgd.config import load_config
from mmseg_rppgd.registry import ATTACKS

ROOT = Path(__file__).parents[2]


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
    head, *rows = [line.split() for line in show('configs') if line]
    assert head[0] == 'name'
    row, = [row for row in rows if 'rppgd3-at-full_r18-d8_1xb6-5' in row[0]]
    assert row[1:] == ['rppgd3-at-full', 'pspnet_r18-d8', 'camvid-120x160']
    assert load_config(row[0]).model.type == 'EncoderDecoder'
    assert all(len(row) == 4 for row in rows)  # the parts of every name
    files = (ROOT / 'configs').glob('[!_]*/*.py')
    assert {row[0].partition('::')[2] for row in rows} == {
        f'{file.parent.name}/{file.name}' for file in files}


def test_configs_of_a_folder_stand_together(show):
    _, *lines = show('configs')
    groups = [group.splitlines()
              for group in '\n'.join(lines).split('\n\n')]
    folders = [{line.partition('/')[0] for line in group} for group in groups]
    assert all(len(names) == 1 for names in folders)
    assert len(set.union(*folders)) == len(groups) > 5
    for group in groups:
        strategies = [line.split()[1] for line in group]
        assert strategies == sorted(strategies)


@pytest.mark.parametrize('words, column, shown', [
    (('--strategy', 'RP-PGD3-AT'), 1, {'rppgd3-at', 'rppgd3-at-full',
                                       'rppgd3-at-wrapper'}),
    (('--strategy', 'pgd3'), 1, {'pgd3-at'}),
    (('--model', 'PSPNet_r18-w'), 2, {'pspnet_r18-w32-d8'}),
    (('--model', 'R50'), 2, {'pspnet_r50-d8', 'deeplabv3_r50-d8'}),
    (('--data', 'CamVid'), 3, {'camvid-120x160'}),
    (('--strategy', 'segpgd', '--model', 'pspnet', '--data', 'cityscapes'), 1,
     {'segpgd3-at', 'segpgd7-at'}),
])
def test_configs_are_chosen_by_what_they_are(words, column, shown, show):
    _, *rows = [line.split() for line in show('configs', *words) if line]
    assert {row[column] for row in rows} == shown


def test_a_choice_without_configs_names_what_there_is(show):
    with pytest.raises(SystemExit, match="^mmseg_rppgd list: no config has a "
                       "data that begins with 'kitti'; there are camvid-"
                       '120x160, synthetic-shapes-64x64$'):
        show('configs', '--strategy', 'standard', '--data', 'kitti')


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


@pytest.mark.parametrize('what', ['attacks', 'suites'])
def test_what_is_for_configs_alone_is_refused_elsewhere(what, show, capsys):
    with pytest.raises(SystemExit):
        show(what, '--data', 'camvid')
    assert f'--data are for configs, but got {what}' in (
        capsys.readouterr().err)
