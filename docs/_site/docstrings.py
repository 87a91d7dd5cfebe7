"""Docstrings in the form of this package, read and written as Markdown."""
import inspect
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

SECTIONS = ('Args', 'Note', 'Shape', 'Returns', 'Raises', 'Example')
HEADING = re.compile(rf'({"|".join(SECTIONS)}):')
ITEM = re.compile(r'(\w[\w.,\s]*?)(?: \(([^:]*)\))?:\s?(.*)', re.DOTALL)
ROLE = re.compile(r':\w+:`~?([^`]+)`')
CODE = re.compile(r'(``?)(.+?)\1', re.DOTALL)
# What Markdown would read as a mark; *one* word is emphasis in both.
MARKS = re.compile(r'(?<!\w)\*\w+\*(?!\w)|([*<|\\])')

Link = Callable[[str], Optional[str]]


class Docstring(NamedTuple):
    """A docstring in its parts.

    Args:
        summary (str): Its first paragraph, which is one line.
        text (list[str]): The paragraphs after that.
        sections (dict[str, str]): What is below ``Args:`` and the like, by
            that word, without the indentation.
    """
    summary: str
    text: List[str]
    sections: Dict[str, str]


class Item(NamedTuple):
    """One argument, or one error.

    Args:
        name (str): What it is called.
        kind (str): Its type as written, empty where there is none.
        meaning (str): What is said of it, in one line.
    """
    name: str
    kind: str
    meaning: str


def parse(documented: Any) -> Docstring:
    """Read the docstring of a class or function; empty if it has none."""
    lines = (inspect.cleandoc(documented.__doc__ or '')).splitlines()
    free: List[str] = []
    sections: Dict[str, List[str]] = {}
    inside = free
    for line in lines:
        heading = HEADING.fullmatch(line)
        if heading:
            inside = sections.setdefault(heading[1], [])
        elif inside is not free and line and not line.startswith(' '):
            inside = free  # a paragraph behind a section
            inside += ['', line]
        else:
            inside.append(line)
    summary, *text = paragraphs('\n'.join(free)) or ['']
    return Docstring(one_line(summary), text, {
        name: inspect.cleandoc('\n'.join(['', *body])).strip()
        for name, body in sections.items()})


def paragraphs(text: str) -> List[str]:
    """Return what blank lines separate."""
    return [part for part in re.split(r'\n\s*\n', text.strip('\n')) if part]


def one_line(text: str) -> str:
    """Return a text without its line breaks."""
    return ' '.join(text.split())


def items(section: str) -> List[Item]:
    """Return the entries of ``Args:`` or ``Raises:``.

    Text that is no entry, such as "As of another.", is one without a name.
    """
    entries: List[str] = []
    for line in section.splitlines():
        goes_on = line.startswith(' ') or entries and entries[-1][-1] == ','
        if goes_on and entries:
            entries[-1] += f'\n{line}'
        elif line.strip():
            entries.append(line)
    found = []
    for entry in entries:
        match = ITEM.fullmatch(entry)
        name, kind, meaning = match.groups() if match else ('', '', entry)
        found.append(Item(one_line(name), one_line(kind or ''),
                          one_line(meaning)))
    return found


def inline(text: str, link: Link = lambda name: None) -> str:
    """Return a line of a docstring as Markdown, also for a cell of a table.

    Args:
        text (str): The line.
        link (callable): Gives the address of a class that a role names, or
            None. Defaults to none that has one.
    """
    result, end = [], 0
    text = ROLE.sub(r'`\1`', text)
    for code in CODE.finditer(text):
        result.append(plain(text[end:code.start()]))
        shown = f'`{code[2]}`'.replace('|', r'\|')
        address = link(code[2])
        result.append(f'[{shown}]({address})' if address else shown)
        end = code.end()
    return ''.join([*result, plain(text[end:])])


def plain(text: str) -> str:
    """Return a text without code, so that Markdown shows it as it is."""
    return MARKS.sub(lambda mark: f'\\{mark[1]}' if mark[1] else mark[0],
                     text)


def block(text: str, link: Link = lambda name: None) -> List[str]:
    """Return a paragraph, list or drawing as lines of Markdown."""
    if text.startswith('.. code::'):
        return []
    if text.startswith('  '):
        return ['', '```text', *inspect.cleandoc(f'\n{text}').splitlines(),
                '```', '']
    if re.match(r'[-*] ', text):
        entries = re.split(r'^[-*] ', text, flags=re.M)[1:]
        return ['', *(f'- {inline(one_line(entry), link)}'
                      for entry in entries), '']
    return ['', inline(one_line(text), link), '']


def example(section: str) -> List[str]:
    """Return the statements of an ``Example:`` as a block of code."""
    lines = [re.sub(r'^(>>>|\.\.\.) ?', '', line)
             for line in section.splitlines()]
    return ['', '```python', *lines, '```', '']


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> List[str]:
    """Return a table, whose cells are Markdown already."""
    return ['', *(f'| {" | ".join(row)} |' for row in
                  [head, ['---'] * len(head), *rows]), '']


def call(name: str, arguments: Sequence[str]) -> List[str]:
    """Return a call as a block of code, one argument a line if it is long.

    Args:
        name (str): What is called.
        arguments (sequence[str]): Its arguments, with defaults.
    """
    line = f'{name}({", ".join(arguments)})'
    lines = [line] if len(line) < 80 else [
        f'{name}(', *(f'    {argument},' if argument != '*' else '    *,'
                      for argument in arguments), ')']
    return ['', '```python', *lines, '```', '']
