"""Suites: named lists of attacks, config fragments in configs/_base_/suites.

A suite is ``robustness = dict(attacks=[dict(attack=config), ...])``, where an
attack may have a ``name``, and suite or attack ``eps=[...]``, ``steps=[...]``
and ``trace=True`` (measure after every step). ``max_steps=N`` caps the steps
that the attacks of a base suite ask for. ``minimal=[config, ...]`` are
searches for the smallest perturbation. The ``eps`` of a suite, or beside an
attack, is a root mean square for an l2 attack, as on the command line.
"""
import os.path as osp
from dataclasses import dataclass, field
from fractions import Fraction
from glob import escape, glob
from typing import (Any, Callable, Dict, Iterable, List, Optional, Sequence,
                    Union)

from mmengine.config import Config

from ...attacks.base import check_int, refuse_targets
from ...config import refuse_functions, without_scopes
from ...names import did_you_mean, find_name
from .rows import Row, make_rows
from .typed import Typed, parse_attack, typed_name

PACKAGE = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
FOLDERS = (osp.join(PACKAGE, '.mim', 'configs', '_base_', 'suites'),
           osp.join(osp.dirname(PACKAGE), 'configs', '_base_', 'suites'))
SUITE_KEYS = ('attacks', 'eps', 'steps', 'max_steps', 'trace', 'minimal')
ATTACK_KEYS = ('attack', 'name', 'eps', 'steps', 'trace')
FROM_TRAINING = 'train'  # class_counts that are still to be counted

Counts = Optional[Callable[[], Optional[List[int]]]]


@dataclass
class Plan:
    """What a test consists of.

    Args:
        rows (list[Row]): Attacks of the table.
        minimal (list[Row]): Searches for the smallest perturbation.
    """
    rows: List[Row] = field(default_factory=list)
    minimal: List[Row] = field(default_factory=list)


def make_plan(suite: Union[None, str, Dict[str, Any]] = None,
              attacks: Sequence[Typed] = (),
              eps: Sequence[Any] = (),
              steps: Sequence[int] = (),
              minimal: Sequence[Typed] = (),
              counts: Counts = None) -> Plan:
    """What a command line asks for: attacks x eps x steps, and more.

    Args:
        suite (str | dict, optional): Name or file of a suite, or the suite
            itself. Defaults to None, 'quick' if nothing else is asked for
            either.
        attacks (sequence): Attacks as typed, see :func:`parse_attack`, or
            their configs.
        eps (sequence): Radii; of l2 attacks root mean squares. Empty means
            those of the suite or attack.
        steps (sequence): Numbers of steps, likewise.
        minimal (sequence): Searches for the smallest perturbation, as typed
            or as configs.
        counts (callable, optional): Gives the pixels of each class in the
            training labels, for ``class_counts='train'``. Defaults to None,
            those of each image.

    Raises:
        KeyError: If an attack is unknown.
        TypeError: If an option of an attack is unknown.
        ValueError: If the suite is unknown or an option is out of range.
    """
    plan = Plan()
    attacks, minimal = listed('attacks', attacks), listed('minimal', minimal)
    eps, steps = listed('eps', eps), listed('steps', steps)
    if suite is not None or not (attacks or minimal):
        loaded = load_suite('quick' if suite is None else suite)
        plan.rows += _suite_rows(loaded, eps, steps, counts)
        minimal = listed('minimal', loaded.get('minimal')) + minimal
    searches = [parse_attack(typed) for typed in minimal]
    for typed in attacks:
        attack = parse_attack(typed)
        plan.rows += make_rows(_counted(attack, counts),
                               name=typed_name(attack), eps=eps, steps=steps)
    for attack in searches:
        row, = make_rows(attack, name=typed_name(attack))
        row.build_search(1)  # refuses what does not search
        plan.minimal.append(row)
    for row in plan.rows + plan.minimal:
        refuse_targets(row.build(1), f'the robust test ({row.label})')
    plan.rows = list({row.key: row for row in plan.rows}.values())
    return plan


def listed(name: str, value: Any) -> List[Any]:
    """Return a list; a single name, number or config is one of one.

    Raises:
        TypeError: If it is nothing of the kind.
    """
    if value is None:
        return []
    if isinstance(value, (str, int, float, Fraction, dict)):
        return [value]
    if not isinstance(value, Iterable):
        raise TypeError(f'{name} must be a list, but got {value!r}')
    return list(value)


def known_suites() -> List[str]:
    """Names of the suites that come with the package."""
    paths = [p for folder in FOLDERS for p in glob(
        osp.join(escape(folder), '*.py'))]
    return sorted({osp.splitext(osp.basename(path))[0] for path in paths})


def load_suite(suite: Union[str, Dict[str, Any]]) -> Dict[str, Any]:
    """Read a suite by its name, or from a file; a dict is one already.

    Raises:
        TypeError: If it is neither a name nor a dict.
        ValueError: If there is no such suite; the message lists the known
            ones. If the file is no suite.
    """
    if isinstance(suite, dict):
        return _checked(suite, 'suite')
    if not isinstance(suite, str):
        raise TypeError("suite must be a name such as 'quick', the path of a "
                        'file, or a dict(attacks=[...]), but got '
                        f'{suite!r}')
    known = known_suites()
    name = find_name(suite, known) or suite
    paths = [suite] if suite.endswith('.py') else [
        osp.join(folder, f'{name}.py') for folder in FOLDERS]
    for path in paths:
        if osp.isfile(path):
            return _read(path)
    raise ValueError(
        f'unknown suite {suite!r}{did_you_mean(suite, known)}; known suites: '
        f'{", ".join(known)}, or a file of your own')


def _read(path: str) -> Dict[str, Any]:
    where = f'{path}: robustness'
    try:
        suite = Config.fromfile(path).get('robustness')
    except SyntaxError as error:
        raise ValueError(f'{path} is no Python file that can be read: '
                         f'{error}') from None
    except Exception as error:  # whatever the code of the file runs into
        raise ValueError(f'{path} cannot be read: {type(error).__name__}: '
                         f'{error}') from error
    refuse_functions(suite, where)
    return _checked(suite, where)


def _checked(suite: Any, where: str) -> Dict[str, Any]:
    if not isinstance(suite, dict) or not isinstance(
            suite.get('attacks'), (list, tuple)):
        raise ValueError(f'{where} must be a dict(attacks=[dict(attack='
                         f"dict(type='PGD')), ...]), but got {suite!r}")
    suite = without_scopes(suite)
    _check_keys(suite, SUITE_KEYS, where)
    for entry in suite['attacks']:
        if not isinstance(entry, dict) or not isinstance(
                entry.get('attack'), dict):
            raise ValueError(
                f'{where}: each of attacks must be a dict(attack=dict('
                f"type='PGD', ...)), but got {entry!r}")
        _check_keys(entry, ATTACK_KEYS, f'{where}: an attack')
    return suite


def _check_keys(given: Any, known: Sequence[str], what: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f'{what} has the keys {", ".join(known)}, but got '
                         f'{", ".join(unknown)}')


def _suite_rows(suite: Dict[str, Any], eps: Sequence[Any],
                steps: Sequence[int], counts: Counts) -> List[Row]:
    max_steps = suite.get('max_steps')
    if max_steps is not None:
        check_int('max_steps', max_steps, least=1)
    rows: List[Row] = []
    for entry in suite['attacks']:
        entry = {**suite, **entry}
        rows += make_rows(
            _counted(_capped(entry['attack'], max_steps), counts),
            name=entry.get('name'),
            eps=eps or listed('eps', entry.get('eps')),
            steps=steps or listed('steps', entry.get('steps')),
            trace=entry.get('trace', False))
    return rows


def _capped(attack: Dict[str, Any],
            max_steps: Optional[int]) -> Dict[str, Any]:
    """Lower the steps that a config asks for to a budget."""
    if max_steps is None or 'steps' not in attack:
        return attack
    check_int('steps', attack['steps'], least=1)
    return dict(attack, steps=min(attack['steps'], max_steps))


def _counted(attack: Dict[str, Any], counts: Counts) -> Dict[str, Any]:
    """Replace class_counts='train' by numbers, where somebody can count."""
    if attack.get('class_counts') != FROM_TRAINING:
        return attack
    return dict(attack, class_counts=None if counts is None else counts())
