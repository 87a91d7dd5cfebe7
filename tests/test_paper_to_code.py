"""What docs/paper_to_code.md names is there, and the whole paper is in it."""
import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

from mmseg_rppgd.registry import ATTACKS
from mmseg_rppgd.reproduce import EXPERIMENTS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / 'docs' / 'paper_to_code.md').read_text(encoding='utf-8')
SPANS = sorted(set(re.findall(r'`([^`\n]+)`', TEXT)))
PLACES = [span for span in SPANS if re.match(r'[\w/]+\.py\b', span)
          and not span.startswith(('tool_train/', 'model/'))]  # of others
COMMANDS = re.findall(r'reproduce ([a-z][\w-]+)(?=[` ])', TEXT)


def file_of(path):
    folder = 'tests' if path.startswith('test_') else 'mmseg_rppgd'
    return ROOT / folder / path


@lru_cache(maxsize=None)
def names_in(path):
    """Names of a file: functions, classes, their methods, constants."""
    names = set()

    def collect(body, prefix):
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(prefix + node.name)
                if isinstance(node, ast.ClassDef):
                    collect(node.body, f'{prefix}{node.name}.')
            elif isinstance(node, ast.Assign):
                names.update(prefix + target.id for target in node.targets
                             if isinstance(target, ast.Name))

    collect(ast.parse(file_of(path).read_text(encoding='utf-8')).body, '')
    return names


@pytest.mark.parametrize('place', PLACES)
def test_files_and_what_they_hold_exist(place):
    path, _, name = place.partition(': ')
    assert file_of(path).is_file()
    assert not name or name in names_in(path)


def test_every_test_is_named_with_its_function():
    tests = [place for place in PLACES if place.startswith('test_')]
    assert len(tests) > 20
    assert all(': ' in place for place in tests)


def test_commands_are_experiments_and_all_of_them():
    assert set(COMMANDS) == {*EXPERIMENTS}


@pytest.mark.parametrize('parts', [
    [f'Eq. {i}' for i in range(1, 10)],
    [f'Definition {i}' for i in (1, 2, 3)], ['Theorem 1', 'Theorem 2'],
    [f'Table {i}' for i in range(1, 7)], [f'Figure {i}' for i in (1, 2, 3)],
    [f'Appendix {letter}' for letter in 'BCDEI']],
    ids=lambda parts: parts[0].split()[0])
def test_the_whole_paper_has_a_line(parts):
    lines = re.findall(r'^\| ([^|]+) \|', TEXT, re.M)
    assert [part for part in parts if part not in lines] == []


def test_every_line_of_the_algorithm_is_placed():
    table = TEXT[TEXT.index('\n## Algorithm 1'):TEXT.index('\n## Tables')]
    cells = re.findall(r'^\| ([\d, ]+),', table, re.M)
    numbers = [int(n) for cell in cells for n in cell.split(', ')]
    assert sorted(numbers) == [*range(1, 13)]


def test_options_are_those_of_the_attack():
    rppgd = ATTACKS.module_dict['RPPGD'].arguments()
    table = TEXT[TEXT.index('\n## Where the released'):]
    options = re.findall(r'`(\w+)(?:=\S+)?`(?: by a function)? \|$', table,
                         re.M)
    assert len(options) > 5 and set(options) <= {*rppgd}


def test_links_lead_somewhere():
    headings = {re.sub(r'[^\w -]', '', line).strip().lower().replace(' ', '-')
                for line in re.findall(r'^#+ (.+)$', TEXT, re.M)}
    for link in re.findall(r'\]\(([^)]+)\)', TEXT):
        file, _, anchor = link.partition('#')
        assert (ROOT / 'docs' / file).exists() if file else anchor in headings
