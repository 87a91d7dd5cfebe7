"""Suites: named lists of attacks, config fragments in configs/_base_/suites.

A suite is ``robustness = dict(attacks=[dict(attack=config), ...])``, where an
attack may have a ``name``, and suite or attack ``eps=[...]``, ``steps=[...]``
and ``trace=True`` (measure after every step). ``max_steps=N`` caps the steps
that the attacks of a base suite ask for. ``minimal=[config, ...]`` are
searches for the smallest perturbation, ``published=[...]`` numbers to show
beside ours. The eps of an l2 attack in a suite is a root mean square, so that
one number fits both norms and every image size.
"""
import difflib
import os.path as osp
from dataclasses import dataclass, field
from glob import glob
from typing import Any, Callable, Dict, List, Optional, Sequence

from mmengine.config import Config

from ...attacks.base import check_int
from .rows import Row, make_rows, parse_attack, typed_name

PACKAGE = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
FOLDERS = (osp.join(PACKAGE, '.mim', 'configs', '_base_', 'suites'),
           osp.join(osp.dirname(PACKAGE), 'configs', '_base_', 'suites'))
SUITE_KEYS = ('attacks', 'eps', 'steps', 'max_steps', 'trace', 'minimal',
              'published')
ATTACK_KEYS = ('attack', 'name', 'eps', 'steps', 'trace')
FROM_TRAINING = 'train'  # class_counts that are still to be counted

Counts = Optional[Callable[[], Optional[List[int]]]]


@dataclass
class Plan:
    """What a test consists of.

    Args:
        rows (list[Row]): Attacks of the table.
        minimal (list[Row]): Searches for the smallest perturbation.
        published (list[dict]): Published numbers.
    """
    rows: List[Row] = field(default_factory=list)
    minimal: List[Row] = field(default_factory=list)
    published: List[Dict[str, Any]] = field(default_factory=list)


def known_suites() -> List[str]:
    """Names of the suites that come with the package."""
    paths = [p for folder in FOLDERS for p in glob(osp.join(folder, '*.py'))]
    return sorted({osp.splitext(osp.basename(path))[0] for path in paths})


def load_suite(name: str) -> Dict[str, Any]:
    """Read a suite by its name, or from a file.

    Raises:
        ValueError: If there is no such suite; the message lists the known
            ones. If the file is no suite.
    """
    paths = [name] if name.endswith('.py') else [
        osp.join(folder, f'{name}.py') for folder in FOLDERS]
    for path in paths:
        if osp.isfile(path):
            suite = Config.fromfile(path).get('robustness')
            if not suite or 'attacks' not in suite:
                raise ValueError(f'{path} must set robustness = dict('
                                 'attacks=[...]), but does not')
            return suite.to_dict()
    close = difflib.get_close_matches(name, known_suites(), n=1)
    raise ValueError(
        f'unknown suite {name!r}' +
        (f' (did you mean {close[0]}?)' if close else '') +
        f'; known suites: {", ".join(known_suites())}, or a file of your own')


def _check_keys(given: Any, known: Sequence[str], what: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f'{what} has the keys {", ".join(known)}, but got '
                         f'{", ".join(unknown)}')


def _suite_rows(suite: Dict[str, Any], eps: Sequence[Any],
                steps: Sequence[int], counts: Counts) -> List[Row]:
    _check_keys(suite, SUITE_KEYS, 'a suite')
    max_steps = suite.get('max_steps')
    if max_steps is not None:
        check_int('max_steps', max_steps, least=1)
    rows: List[Row] = []
    for entry in suite['attacks']:
        _check_keys(entry, ATTACK_KEYS, 'an attack of a suite')
        entry = {**suite, **entry}
        rows += make_rows(
            _counted(_capped(entry['attack'], max_steps), counts),
            name=entry.get('name'),
            eps=eps or entry.get('eps') or (),
            steps=steps or entry.get('steps') or (),
            rms=True,
            trace=entry.get('trace', False))
    return rows


def _capped(attack: Dict[str, Any],
            max_steps: Optional[int]) -> Dict[str, Any]:
    """Lower the steps that a config asks for to a budget."""
    if max_steps is None or 'steps' not in attack:
        return attack
    return dict(attack, steps=min(attack['steps'], max_steps))


def _counted(attack: Dict[str, Any], counts: Counts) -> Dict[str, Any]:
    """Replace class_counts='train' by numbers, where somebody can count."""
    if attack.get('class_counts') != FROM_TRAINING:
        return attack
    return dict(attack, class_counts=None if counts is None else counts())


def make_plan(suite: Optional[str] = None,
              attacks: Sequence[str] = (),
              eps: Sequence[Any] = (),
              steps: Sequence[int] = (),
              minimal: Sequence[str] = (),
              counts: Counts = None) -> Plan:
    """What a command line asks for: attacks x eps x steps, and more.

    Args:
        suite (str, optional): Name or file of a suite. Defaults to None,
            'quick' if nothing else is asked for either.
        attacks (sequence): Attacks as typed, see :func:`parse_attack`.
        eps (sequence): Radii. Empty means those of the suite or attack.
        steps (sequence): Numbers of steps, likewise.
        minimal (sequence): Searches for the smallest perturbation, as typed.
        counts (callable, optional): Gives the pixels of each class in the
            training labels, for ``class_counts='train'``. Defaults to None,
            those of each image.

    Raises:
        KeyError: If an attack is unknown.
        TypeError: If an option of an attack is unknown.
        ValueError: If the suite is unknown or an option is out of range.
    """
    plan = Plan()
    searches = [parse_attack(text) for text in minimal]
    if suite is not None or not (attacks or minimal):
        loaded = load_suite(suite or 'quick')
        plan.rows += _suite_rows(loaded, eps, steps, counts)
        plan.published = loaded.get('published') or []
        searches = (loaded.get('minimal') or []) + searches
    for text in attacks:
        attack = parse_attack(text)
        plan.rows += make_rows(_counted(attack, counts),
                               name=typed_name(attack), eps=eps, steps=steps)
    for attack in searches:
        row, = make_rows(attack, name=typed_name(attack))
        if not hasattr(row.build(1), 'minimal'):
            raise ValueError(
                f'{row.name} cannot search for the smallest perturbation; '
                'DeepFool, DAG and ALMAProx can')
        plan.minimal.append(row)
    plan.rows = list({row.key: row for row in plan.rows}.values())
    return plan


def collect_rows(*args: Any, **kwargs: Any) -> List[Row]:
    """The rows of :func:`make_plan`."""
    return make_plan(*args, **kwargs).rows
