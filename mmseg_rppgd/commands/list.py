"""Show what there is: attacks, configs and suites."""
import argparse
import ast
import inspect
import os
import os.path as osp
import textwrap
from glob import escape, glob
from typing import Any, Dict, List, Optional, Sequence

from mmengine.config import Config

from ..cli import errors_in_a_sentence
from ..config import config_folder
from ..registry import ATTACKS, attack_class, attack_name

PACKAGE = 'mmseg_rppgd'
WIDTH = 79


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = argparse.ArgumentParser(
        prog, description='Show attacks, configs or suites, one a line')
    result.add_argument('what', type=str.lower,
                        choices=['attacks', 'configs', 'suites'])
    result.add_argument(
        'name', nargs='?', metavar='NAME',
        help='an attack, to be shown with its parameters and what they mean')
    result.add_argument(
        '--params', action='store_true',
        help='show all attacks with their parameters and defaults')
    return result


def attack_lines(name: Optional[str], params: bool) -> List[str]:
    """Names and what they do; if asked, parameters too; of one attack, all.

    Raises:
        KeyError: If there is no such attack; the message lists the known.
    """
    if name is None:
        ATTACKS.import_from_location()
        chosen: Dict[str, Any] = dict(sorted(ATTACKS.module_dict.items()))
    else:
        name = attack_name(name)
        chosen = {name: attack_class(name)}
    lines = []
    for line, attack in zip(
            aligned([[key, first_line(attack.__doc__)]
                     for key, attack in chosen.items()]), chosen.values()):
        lines.append(line)
        if params or name is not None:
            options = ', '.join(f'{key}={default!r}' for key, default
                                in attack.arguments().items())
            lines += textwrap.wrap(options, WIDTH, initial_indent='    ',
                                   subsequent_indent='    ')
    if name is not None:
        lines += inspect.getdoc(chosen[name]).splitlines()[1:]
    return lines


def config_lines() -> List[str]:
    """Names for the command line, and what the paths say."""
    folder = config_folder(PACKAGE)
    rows = [['name', 'strategy', 'model', 'data set']]
    for path in sorted(glob(osp.join(escape(folder), '[!_]*', '*.py'))):
        relative = osp.relpath(path, folder).replace(os.sep, '/')
        rows.append([f'{PACKAGE}::{relative}', *parts_of(relative)])
    return aligned(rows)


def parts_of(path: str) -> List[str]:
    """Strategy, model and data set of a config.

    Names are METHOD_STRATEGY_BACKBONE_SCHEDULE_DATASET.
    """
    folder, _, file = path.rpartition('/')
    parts = osp.splitext(file)[0].split('_')
    if len(parts) != 5:
        return [folder, '', '']
    method, strategy, backbone, _, dataset = parts
    return [strategy, f'{method}_{backbone}', dataset]


def suite_lines() -> List[str]:
    """Names, numbers of attacks, and the first lines of the files."""
    folder = osp.join(config_folder(PACKAGE), '_base_', 'suites')
    rows = [['name', 'attacks', '']]
    for path in sorted(glob(osp.join(escape(folder), '*.py'))):
        suite = Config.fromfile(path).robustness
        number = len(suite.attacks) + len(suite.get('minimal', ()))
        with open(path, encoding='utf-8') as file:
            text = ast.get_docstring(ast.parse(file.read()))
        rows.append([osp.splitext(osp.basename(path))[0], str(number),
                     first_line(text)])
    return aligned(rows)


def first_line(text: Optional[str]) -> str:
    """The first line of a docstring; nothing where there is none."""
    return (text or '').partition('\n')[0]


def aligned(rows: Sequence[Sequence[str]]) -> List[str]:
    """Lines in which the cells of a column begin below each other."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ['  '.join(cell.ljust(width)
                      for cell, width in zip(row, widths)).rstrip()
            for row in rows]


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Print the lines."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    if args.what != 'attacks' and (args.name or args.params):
        command_line.error('NAME and --params are for attacks, but got '
                           f'{args.what}')
    with errors_in_a_sentence(command_line.prog):
        if args.what == 'attacks':
            lines = attack_lines(args.name, args.params)
        else:
            lines = dict(configs=config_lines, suites=suite_lines)[
                args.what]()
        print('\n'.join(lines))
