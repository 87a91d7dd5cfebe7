"""README and docs work as they are written."""
import re
from types import SimpleNamespace

import pytest
from documented import NEVER, SESSIONS, parses
from markdown_blocks import ROOT, blocks_of, inline_code, pages, read
from sessions import Folder, shown_once
from stand_ins import project, python  # noqa: F401

from mmseg_rppgd.config import load_config
from mmseg_rppgd.evaluation.plan import make_plan
from mmseg_rppgd.registry import HOOKS, LOOPS, MODELS

COMMAND = 'python -m mmseg_rppgd '


@pytest.mark.parametrize('file', pages())
def test_every_block_is_run_by_one_session(file):
    counts = shown_once([s for s in SESSIONS if s.file == file])
    for block in blocks_of(file):
        assert counts.get((file, block.line)) == 1, (
            f'{block} must be in one session of documented.py:\n{block.text}')


def test_the_installed_package_is_the_one_that_runs(
        python, tmp_path):  # noqa: F811
    (tmp_path / 'where.py').write_text(
        'import sys\nassert not {"mmcv", "mmseg"} & set(sys.modules)\n'
        'import mmseg_rppgd\nprint(mmseg_rppgd.__file__)')
    result = python.run(['where.py'], tmp_path)
    assert result.code == 0
    assert result.text.startswith(str(python.folder))


@pytest.mark.parametrize('session', SESSIONS, ids=str)
def test_what_is_shown_works(
        session, python, project, tmp_path):  # noqa: F811
    Folder(python, tmp_path, project, NEVER).do(session)


@pytest.mark.parametrize('line', sorted({
    line for file in pages() for line in (
        *(line for block in blocks_of(file) if block.language == 'bash'
          for line in block.commands), *inline_code(file))
    if line.startswith(COMMAND)}))
def test_commands_take_the_words_that_are_shown(line):
    parses(line)


@pytest.mark.parametrize('name', sorted({
    name for file in pages() for name in re.findall(
        r'(?:mmseg::|mmseg_rppgd::|(?<![\w/.])configs/)[\w./-]+\.py',
        read(file))}))
def test_named_configs_are_there(name):
    load_config(name if '::' in name else str(ROOT / name))


@pytest.mark.parametrize('code', sorted({
    code for file in pages() for code in inline_code(file)
    if "type='mmseg_rppgd." in code and '...' not in code
    and code not in sum((s.text for s in SESSIONS), [])}))
def test_what_a_config_may_hold_is_there(code):
    """Types in the lines of the pages; hooks are built as well."""
    if re.match(r'type=\S+$', code):
        code = f'dict({code})'
    names = dict(_base_=SimpleNamespace(model={}))
    value = eval(code.partition(' = ')[2] or code, names)
    for config in value if isinstance(value, list) else [value]:
        name = config['type'].partition('.')[2]
        if HOOKS.own(name):
            HOOKS.build(config)
        else:
            assert MODELS.own(name) or LOOPS.own(name), name


@pytest.mark.parametrize('mistake, message', re.findall(
    r'^\| `(--suite \S+|robustness = .+)` \| (.+) \|$',
    read('docs/suites.md'), re.M))
def test_what_is_no_suite_is_told(mistake, message, tmp_path):
    suite = mistake.replace('--suite ', '')
    if suite == mistake:
        suite = str(tmp_path / 'suite.py')
        (tmp_path / 'suite.py').write_text(mistake)
    with pytest.raises((KeyError, TypeError, ValueError)) as error:
        make_plan(suite)
    assert message in str(error.value.args[0])
