"""Show what there is: attacks, configs and suites."""
import argparse
from typing import Optional, Sequence

from ..cli import errors_in_a_sentence
from .words import CommandLine

# What configs are chosen by, in the order of their columns.
FILTERS = dict(strategy='rppgd3-at', model='pspnet or r50', data='camvid')
EXAMPLES = (
    'attacks',
    'attacks RPPGD',
    'configs --strategy rppgd3-at --model pspnet --data camvid',
    'suites',
)


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = CommandLine(
        prog, '{attacks,configs,suites} [NAME] [options]',
        'Show attacks, configs or suites, one a line', EXAMPLES)
    result.add_argument(
        'what', type=str.lower, choices=['attacks', 'configs', 'suites'],
        help='what is shown')
    attacks = result.add_argument_group('attacks')
    attacks.add_argument(
        'name', nargs='?', metavar='NAME',
        help='an attack, to be shown with its parameters and what they mean')
    attacks.add_argument(
        '--params', action='store_true',
        help='show all attacks with their parameters and defaults')
    configs = result.add_argument_group('configs')
    for part, example in FILTERS.items():
        configs.add_argument(
            f'--{part}', metavar='WORD',
            help=f'show the configs whose {part} begins so, such as '
            f'{example}')
    return result


def check(command_line: argparse.ArgumentParser,
          args: argparse.Namespace) -> None:
    """Refuse what cannot be, before anything is loaded."""
    if args.what != 'attacks' and (args.name or args.params):
        command_line.error('NAME and --params are for attacks, but got '
                           f'{args.what}')
    if args.what != 'configs' and any(
            getattr(args, part) is not None for part in FILTERS):
        command_line.error(f'--{", --".join(FILTERS)} are for configs, but '
                           f'got {args.what}')


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Print the lines."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    check(command_line, args)
    with errors_in_a_sentence(command_line.prog):
        from .work.list import run
        run(args)
