"""The commands of ``python -m mmseg_rppgd``.

A command is a module here, with ``parser(prog=None)`` and
``main(argv=None, prog=None)``, and a line below. It has the words that it
takes; ``work`` has what it then does.
"""
import argparse
import sys
from importlib import import_module
from typing import Optional, Sequence

from .. import __version__
from ..names import find_name
from ..output import ends_with_its_reader

COMMANDS = {
    'train': 'train a segmentor, adversarially if its config says so',
    'robust-test': 'test a segmentor on clean images and under attacks',
    'publish': 'write the weights of a checkpoint alone, for plain mmseg',
    'compare': 'put the reports of several models side by side',
    'reproduce': 'repeat tables and figures of the RP-PGD paper',
    'quickstart': 'train, harden, attack and report a small model on CPU',
    'list': 'show attacks, configs and suites',
    'info': 'show versions and device, and what is missing',
}
PROG = 'mmseg_rppgd'


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the command that is named first.

    Args:
        argv (Sequence[str], optional): The words of the command line.
            Defaults to None, those that the program was given.
    """
    words = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog=PROG, usage='%(prog)s COMMAND [ARGUMENTS]',
        description='Attack, harden and measure MMSegmentation segmentors.',
        epilog='commands (COMMAND --help shows the arguments):\n' + '\n'.join(
            f'  {name:13}{text}' for name, text in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND',
                        type=lambda text: find_name(text, COMMANDS) or text,
                        help='one of those below')
    parser.add_argument('--version', action='version',
                        version=f'{PROG} {__version__}')
    with ends_with_its_reader():
        name = parser.parse_args(words[:1]).command
        module = import_module(f'.{name.replace("-", "_")}', __name__)
        module.main(words[1:], f'{PROG} {name}')
