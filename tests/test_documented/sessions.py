"""Blocks that a user runs one after the other in one folder."""
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple, Union

from markdown_blocks import ROOT, Block, blocks_of, inline_code

# Words in capitals that a reader replaces.
PLACEHOLDERS = {
    'OTHER_CONFIG': 'config.py',
    'OTHER_CHECKPOINT': 'checkpoint.pth',
    'CONFIG': 'config.py',
    'CHECKPOINT': 'checkpoint.pth',
}
# A stock model and its data, in place of which there is a small one.
STOCK = re.compile(
    r'(?:mmseg::|mmseg_rppgd::(?!_base_/(?:suites|attacks)/)|\bconfigs/)'
    r'[\w./-]+\.py')
# What a command is given on top, so that it is soon done.
FEWER = '--limit 1 --check-images 0 --panels 1'
SHORTENED = ('robust-test', 'robust_test.py')


class Refused(NamedTuple):
    """A command that ends with a message here, where something is missing.

    Args:
        message (str): A pattern of what it says.
    """
    message: str


class NotRun(NamedTuple):
    """A command that no test can run.

    Args:
        why (str): What it needs.
        check (callable): Is given the command, and fails if it is wrong.
    """
    why: str
    check: Callable[[str], None]


@dataclass
class Session:
    """Blocks of one page in their order.

    Args:
        file (str): The page.
        blocks (list[str]): Of each block a piece that it alone has there.
        given (str): What the text takes as there: Python that is run first,
            in the same process. It must import nothing of this package, or
            a missing import is not noticed.
        swap (dict): Text that must be replaced here, and by what.
        lines (dict): For commands by how they begin, what else there is to
            it than to succeed: more words, or that they are refused.
        text (list[str]): Code inside the lines of the page: commands, and
            what is a config when put together, ``config_of_text.py``.
        then (list[str]): Commands that show that the files which the blocks
            are do what they should. Without any, a config is trained that
            no command of the blocks names.
        needs (list[str]): Sessions' blocks whose files are there.
    """
    file: str
    blocks: List[str] = field(default_factory=list)
    given: str = ''
    swap: Dict[str, str] = field(default_factory=dict)
    lines: Dict[str, Union[str, Refused, NotRun]] = field(
        default_factory=dict)
    text: List[str] = field(default_factory=list)
    then: List[str] = field(default_factory=list)
    needs: List[str] = field(default_factory=list)

    def __str__(self):
        return f'{Path(self.file).stem}: {(*self.blocks, *self.text)[0]}'

    def found(self) -> List[Block]:
        """Return the blocks."""
        return [the_block(self.file, piece) for piece in self.blocks]


def the_block(file: str, piece: str) -> Block:
    """Return the one block of a page that has a piece of text."""
    found = [block for block in blocks_of(file) if piece in block.text]
    assert len(found) == 1, f'{piece!r} is in {len(found)} blocks of {file}'
    return found[0]


class Folder:
    """Where one session takes place.

    Args:
        python (FreshPython): Runs what is Python.
        path (Path): An empty folder.
        project (Path): With a config, a checkpoint and images.
        never (dict): Commands by how they begin that are not run.
    """

    def __init__(self, python, path, project, never):
        self.python = python
        self.path = path
        self.never = never
        for name in ('config.py', 'checkpoint.pth'):
            (path / name).symlink_to(project / name)
        for name in ('tools', 'configs'):  # as in a checkout
            (path / name).symlink_to(ROOT / name)
        self.typed = ''

    def do(self, session: Session):
        """Run a session to its end."""
        self.typed = session.given
        blocks = session.found()
        for piece in session.needs:
            block = the_block(session.file, piece)
            (self.path / block.name).write_text(self.small(block.text, {}))
        configs = [name for name in (
            self.take(block, session) for block in blocks) if name]
        self.run_typed(session.given)
        configs += self.take_text(session)
        typed = [line for block in blocks for line in block.commands
                 if block.language == 'bash']
        then = session.then or [
            f'python -m mmseg_rppgd train {name}' for name in configs
            if name not in ' '.join(typed)]
        for command in then:
            self.command(command, session)

    def take(self, block: Block, session: Session) -> Optional[str]:
        """Do what a user does with a block; return the config that it is."""
        text = self.small(block.text, session.swap)
        if block.language == 'bash':
            self.run_typed(session.given)
            for command in block.commands:
                self.command(command, session)
            return None
        assert block.language == 'python', (
            f'{block} must say whether it is python or bash')
        if not (block.is_config or block.name):
            self.typed += text
            return None
        if block.is_config and '_base_' not in text:
            text = f"_base_ = ['config.py']\n{text}"
        name = block.name or f'config_of_line_{block.line}.py'
        (self.path / name).write_text(text)
        return name if block.is_config else None

    def take_text(self, session: Session) -> List[str]:
        """Do what the lines of the page say; return the config of them."""
        known = inline_code(session.file)
        for code in session.text:
            assert code in known, f'{code!r} is not in {session.file}'
        settings = []
        for code in session.text:
            if code.startswith('python '):
                self.command(code, session)
            else:
                settings.append(code)
        if not settings:
            return []
        (self.path / 'config_of_text.py').write_text('\n'.join(
            ["_base_ = ['config.py']", *settings]))
        return ['config_of_text.py']

    def small(self, text: str, swap: Dict[str, str]) -> str:
        """Put stand-ins into a text."""
        for old, new in swap.items():
            text = text.replace(old, new)
        text = STOCK.sub('config.py', text)
        for name, file in PLACEHOLDERS.items():
            text = re.sub(rf'\b{name}\b', file, text)
        return text

    def run_typed(self, given: str):
        """Run the Python that was typed so far, in one process."""
        if self.typed != given:
            (self.path / 'typed.py').write_text(self.typed)
            result = self.python.run(['typed.py'], self.path)
            assert result.code == 0, f'{self.typed}\n{result.text}'
        self.typed = given

    def command(self, line: str, session: Session):
        """Run a command, or check it in another way."""
        special = matching(session.lines, line)
        if special is None:
            special = matching(self.never, line)
        if isinstance(special, NotRun):
            special.check(line)
            return
        words = shlex.split(self.small(line, session.swap))
        if words[0] == 'srun':  # starts what follows
            words = words[1:]
        assert words[0] == 'python', (
            f'{line!r} of {session.file} is not run: say how in LINES')
        if isinstance(special, str):
            words += shlex.split(special)
        words += self.fewer(words)
        result = self.python.run(words[1:], self.path)
        shown = f'{" ".join(words)}\n{result.text}'
        if isinstance(special, Refused):
            assert result.code != 0 and 'Traceback' not in result.text, shown
            assert re.search(special.message, result.text), shown
        else:
            assert result.code == 0, shown

    @staticmethod
    def fewer(words: List[str]) -> List[str]:
        """Return options that make a test short and are not in it."""
        if not {Path(word).name for word in words[1:4]} & set(SHORTENED):
            return []
        pairs = shlex.split(FEWER)
        return [word for pair in zip(pairs[::2], pairs[1::2])
                if pair[0] not in words for word in pair]


def matching(table: Dict[str, object], line: str) -> Optional[object]:
    """Return what a table has for a line, by how it begins."""
    found = [key for key in table if line.startswith(key)]
    return table[max(found, key=len)] if found else None


def shown_once(sessions: List[Session]) -> Dict[Tuple[str, int], int]:
    """Count in how many sessions each block is."""
    counts: Dict[Tuple[str, int], int] = {}
    for session in sessions:
        for block in session.found():
            key = block.file, block.line
            counts[key] = counts.get(key, 0) + 1
    return counts
