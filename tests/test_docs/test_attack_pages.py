"""The attack reference has every attack and option, as the code has them."""
import ast
import re
from functools import lru_cache
from pathlib import Path

import attack_pages
import pytest

from mmseg_rppgd.attacks import Attack
from mmseg_rppgd.evaluation.plan import make_plan
from mmseg_rppgd.registry import ATTACKS, HOOKS

ROOT = Path(__file__).parents[2]
ALL = attack_pages.attacks()
every_attack = pytest.mark.parametrize('name', ALL)


@lru_cache(maxsize=None)
def page(name):
    return attack_pages.page(name, {})


def blocks(name, language):
    return re.findall(rf'```{language}\n(.*?)```', page(name), re.DOTALL)


def rows(text, columns):
    """Cells of the tables with this number of columns, heads left out."""
    cells = [[cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]
             for line in text.splitlines() if line.startswith('| ')]
    return [row for row in cells if len(row) == columns and row[1] != '---']


def spelled(default, text):
    """Whether a text begins with a default, however it is written."""
    words = {repr(default), str(default)}
    if isinstance(default, float):
        words.add(f'{default:g}')
    return any(re.match(rf'{re.escape(word)}(?![\w.]\w)', text)
               for word in words)


def test_all_of_the_registry_have_a_page():
    ATTACKS.import_from_location()
    assert set(ATTACKS.module_dict) <= set(ALL) and len(ALL) > 10
    overview = attack_pages.overview()
    for name in ALL:
        assert f'[`{name}`]({attack_pages.page_name(name)})' in overview


@every_attack
def test_every_argument_is_there_with_its_default(name):
    shown = {row[0]: row[2] for row in rows(page(name), 4)}
    assert {f'`{key}`': f'`{default!r}`' for key, default in
            ALL[name].arguments().items()}.items() <= shown.items()


@every_attack
def test_signature_has_every_default(name):
    shown = blocks(name, 'python')[0].replace('    *,\n', '')
    keywords = ast.parse(shown, mode='eval').body.keywords
    assert {keyword.arg: ast.literal_eval(keyword.value)
            for keyword in keywords} == ALL[name].arguments()


@every_attack
def test_texts_name_the_defaults_of_the_code(name):
    for key, default in ALL[name].arguments().items():
        meaning = attack_pages.documented(ALL[name], key).meaning
        said = re.search('Defaults to (.*)', meaning)
        assert said is None or spelled(default, said[1]), (key, meaning)


def test_default_of_a_base_is_not_told_of_a_subclass():
    assert 'Defaults to 10' in attack_pages.documented(
        ALL['PGD'], 'steps').meaning
    assert 'Defaults' not in attack_pages.documented(
        ALL['FGSM'], 'steps').meaning


def test_argument_without_a_text_is_an_error():

    class Silent(Attack):
        def __init__(self, secret=1):
            super().__init__()

    with pytest.raises(LookupError, match='Silent .* secret'):
        attack_pages.documented(Silent, 'secret')


@every_attack
def test_python_form_builds(name):
    lines = blocks(name, 'python')[1].splitlines()
    space = {}
    exec('\n'.join(lines[:-1]), space)  # the last calls it
    assert type(space['attack']) is ALL[name]
    assert space['attack'].eps == pytest.approx(8 / 255)


@every_attack
def test_config_form_builds_the_hook(name):
    space = {}
    exec(blocks(name, 'python')[2], space)
    hook = HOOKS.build(space['custom_hooks'][0])
    assert type(hook.attack) is ALL[name]


@every_attack
def test_typed_form_is_understood(name):
    command, = blocks(name, 'bash')
    typed = re.search(r"--attacks '(.*)'", command)[1]
    row, = make_plan(attacks=[typed]).rows
    assert type(row.build(1)) is ALL[name]


@every_attack
def test_source_is_named(name):
    source = page(name).split('## Source')[1]
    assert name == 'EnsembleAttack' or re.search(r'(19|20)\d\d', source)
    assert (ROOT / re.search(r'`(mmseg_rppgd/\S+\.py)`', source)[1]).is_file()


def test_objectives_are_losses_times_weights():
    glances = {name: dict(rows(page(name), 2)) for name in
               ('PGD', 'CosPGD', 'RPPGD', 'Square', 'MIFGSM')}
    assert glances['PGD']['objective'].startswith('`ce`')
    assert '; times `cosine`' in glances['CosPGD']['objective']
    assert 'Eq. 7' in glances['RPPGD']['objective']
    assert glances['RPPGD']['reads features of the model'] == 'yes'
    assert glances['Square']['objective'] == 'a loop of its own'
    assert glances['MIFGSM']['update'].startswith('`MomentumStep`')


def test_fragments_to_inherit_are_named():
    assert '_base_/attacks/rppgd3_at.py`' in page('RPPGD')
    assert '_base_/attacks' not in page('Square')


def test_sections_of_the_guide_are_linked():
    text = attack_pages.page('ALMAProx', {'ALMA-prox and DAG': 'alma',
                                          'APGD': 'apgd'})
    assert '[ALMA-prox and DAG](../../attacks.md#alma)' in text
    assert '#apgd' not in text


def test_tables_written_by_hand_agree_with_the_code():
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    norms = {name: cells[2] for cells in rows(readme, 5)
             for name in re.findall(r'`(\w+)`', cells[0])}
    assert set(norms) == set(ALL)
    for name, shown in norms.items():
        assert shown in (', '.join(ALL[name].defined_for), 'any')
    guide = (ROOT / 'docs' / 'attacks.md').read_text(encoding='utf-8')
    steps = {re.sub('`', '', row[0]): row[2] for row in rows(guide, 7)}
    assert set(ALL) - {'CW'} <= set(steps)
    for name in set(ALL) - {'CW', 'EnsembleAttack'}:
        assert steps[name].split()[0] == str(ALL[name].arguments()['steps'])
