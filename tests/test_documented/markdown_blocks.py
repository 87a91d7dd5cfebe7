"""What README and docs show: blocks of code, and code inside the lines."""
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r'^( *)```(\w*)\n(.*?)^\1```', re.M | re.S)
INLINE = re.compile(r'(?<!`)`([^`\n]+)`(?!`)')
NOT_CODE = ('bibtex', 'text', 'yaml', 'mermaid')


class Block(NamedTuple):
    """A block of code.

    Args:
        file (str): Where it is shown.
        line (int): In which line it begins.
        language (str): As it is marked, such as ``'python'``.
        text (str): The code.
    """
    file: str
    line: int
    language: str
    text: str

    def __str__(self):
        return f'{self.file}:{self.line}'

    @property
    def name(self):
        """str: Of the file that the text tells a user to make, or None."""
        found = re.match(r'# ([\w-]+\.py)', self.text)
        return found and found[1]

    @property
    def is_config(self):
        """bool: Whether it is a config, or lines that are added to one.

        A suite is none: it cannot be trained.
        """
        sets = re.findall(r'^(\w+) = ', self.text, re.M)
        return (self.language == 'python' and 'robustness' not in sets
                and bool({'_base_', 'custom_hooks', 'default_hooks'}
                         & set(sets)))

    @property
    def commands(self):
        """list[str]: Lines of a shell, whole and without comments."""
        text = re.sub(r'\\\n\s*', ' ', self.text)
        lines = [re.sub(r'(^|\s+)#.*', '', line) for line in text.split('\n')]
        return [line for line in lines if line.strip()]


def pages():
    """Names of the files that are read, from the root."""
    return ['README.md', *sorted(
        str(path.relative_to(ROOT)) for path in ROOT.glob('docs/**/*.md'))]


def read(file):
    return (ROOT / file).read_text(encoding='utf-8')


def blocks_of(file):
    """Return the blocks of code of a page."""
    text = read(file)
    return [
        Block(file, text.count('\n', 0, match.start()) + 1, match[2],
              textwrap.dedent(match[3]))
        for match in BLOCK.finditer(text) if match[2] not in NOT_CODE]


def inline_code(file):
    """Return the code inside the lines of a page."""
    return INLINE.findall(BLOCK.sub('', read(file)))
