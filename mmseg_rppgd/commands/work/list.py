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

from ...config import config_folder
from ...names import plain
from ...registry import ATTACKS, attack_class, attack_name
from ..list import FILTERS

PACKAGE = 'mmseg_rppgd'
WIDTH = 79


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
        lines += (inspect.getdoc(chosen[name]) or '').splitlines()[1:]
    return lines


def config_lines(**filters: Optional[str]) -> List[str]:
    """Names for the command line, and what they say, by strategy.

    Args:
        filters (str, optional): What the ``strategy``, ``model`` and
            ``data`` of a config must begin with; case, hyphens and
            underscores do not matter. Of the model, its backbone may.

    Raises:
        ValueError: If there is no such config.
    """
    folder = own_folder()
    paths = [osp.relpath(path, folder).replace(os.sep, '/') for path in
             glob(osp.join(escape(folder), '[!_]*', '*.py'))]
    rows = sorted(
        ([f'{PACKAGE}::{path}', *parts_of(path)] for path in paths),
        key=lambda row: (folder_of(row), row[1], row[0]))
    for column, (part, word) in enumerate(filters.items(), 1):
        if word is None:
            continue
        known = sorted({row[column] for row in rows})
        rows = [row for row in rows if begins(row[column], word)]
        if not rows:
            raise ValueError(f'no config has a {part} that begins with '
                             f'{word!r}; there are {", ".join(known)}')
    head, *lines = aligned([['name', 'strategy', 'model', 'data set'], *rows])
    result = [head]
    for before, row, line in zip([None, *rows], rows, lines):
        if before is not None and folder_of(before) != folder_of(row):
            result.append('')
        result.append(line)
    return result


def own_folder() -> str:
    """Return the folder of this package's configs.

    Raises:
        FileNotFoundError: If the package lacks it.
    """
    folder = config_folder(PACKAGE)
    if folder is None:
        raise FileNotFoundError(f'{PACKAGE} is here without its configs; '
                                'install it again')
    return folder


def folder_of(row: Sequence[str]) -> str:
    """Return the folder of a config, which is that of its strategy."""
    return row[0].partition('/')[0]


def begins(name: str, word: str) -> bool:
    """Whether a name, or what comes behind its first ``_``, begins so."""
    parts = (name, name.partition('_')[2])
    return any(plain(part).startswith(plain(word)) for part in parts)


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
    folder = osp.join(own_folder(), '_base_', 'suites')
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


def run(args: argparse.Namespace) -> None:
    """Print the lines."""
    if args.what == 'attacks':
        lines = attack_lines(args.name, args.params)
    elif args.what == 'configs':
        lines = config_lines(**{part: getattr(args, part)
                                for part in FILTERS})
    else:
        lines = suite_lines()
    print('\n'.join(lines))
