"""Suites: named lists of attacks, config fragments in configs/_base_/suites.

A suite is ``robustness = dict(eps=[...], attacks=[...])``; each of its
attacks is ``dict(attack=config, name=None, steps=[...], trace=False)``. The
eps of an l2 attack in a suite is a root mean square, so that one number fits
both norms and every image size.
"""
import os.path as osp
from glob import glob
from typing import Any, Dict, List, Optional, Sequence

from mmengine.config import Config

from .rows import Row, make_rows, parse_attack

PACKAGE = osp.dirname(osp.dirname(osp.abspath(__file__)))
FOLDERS = (osp.join(PACKAGE, '.mim', 'configs', '_base_', 'suites'),
           osp.join(osp.dirname(PACKAGE), 'configs', '_base_', 'suites'))
KEYS = ('attack', 'name', 'eps', 'steps', 'trace')


def known_suites() -> List[str]:
    """Names of the suites that come with the package."""
    paths = [p for folder in FOLDERS for p in glob(osp.join(folder, '*.py'))]
    return sorted({osp.splitext(osp.basename(path))[0] for path in paths})


def load_suite(name: str) -> Dict[str, Any]:
    """Read a suite by its name, or from a file.

    Raises:
        ValueError: If there is no such suite; the message lists the known
            ones.
    """
    paths = [name] if name.endswith('.py') else [
        osp.join(folder, f'{name}.py') for folder in FOLDERS]
    for path in paths:
        if osp.isfile(path):
            suite = Config.fromfile(path).get('robustness')
            if not suite or 'attacks' not in suite:
                raise ValueError(f'{path} must set robustness = dict(eps=['
                                 '...], attacks=[...]), but does not')
            return suite.to_dict()
    raise ValueError(f'unknown suite {name!r}; known suites: '
                     f'{", ".join(known_suites())}, or a file of your own')


def suite_rows(suite: Dict[str, Any], eps: Sequence[Any] = (),
               steps: Sequence[int] = ()) -> List[Row]:
    """The rows of a suite.

    Args:
        suite (dict): As :func:`load_suite` gives it.
        eps (sequence): Radii instead of the suite's.
        steps (sequence): Numbers of steps instead of the suite's.
    """
    rows: List[Row] = []
    for entry in suite['attacks']:
        unknown = set(entry) - set(KEYS)
        if unknown:
            raise ValueError(
                f'an attack of a suite has the keys {", ".join(KEYS)}, but '
                f'got {", ".join(sorted(unknown))}')
        rows += make_rows(
            entry['attack'],
            name=entry.get('name'),
            eps=eps or entry.get('eps') or suite.get('eps') or (),
            steps=steps or entry.get('steps') or (),
            rms=True,
            trace=entry.get('trace', False))
    return rows


def collect_rows(suite: Optional[str] = None,
                 attacks: Sequence[str] = (),
                 eps: Sequence[Any] = (),
                 steps: Sequence[int] = ()) -> List[Row]:
    """The rows that a command line asks for: attacks x eps x steps.

    Args:
        suite (str, optional): Name or file of a suite. Defaults to None,
            'quick' if there are no attacks either.
        attacks (sequence): Attacks as typed, see :func:`parse_attack`.
        eps (sequence): Radii. Empty means those of the suite or attack.
        steps (sequence): Numbers of steps, likewise.

    Raises:
        KeyError: If an attack is unknown.
        TypeError: If an option of an attack is unknown.
        ValueError: If the suite is unknown or an option is out of range.
    """
    rows: List[Row] = []
    if suite is not None or not attacks:
        rows += suite_rows(load_suite(suite or 'quick'), eps, steps)
    for text in attacks:
        rows += make_rows(parse_attack(text), eps=eps, steps=steps)
    unique = {row.key: row for row in rows}
    return list(unique.values())
