"""Reports of several models side by side, where they can be.

Numbers of different classes, images, surfaces or knowledge of the attacker
do not compare: such reports are refused, by name. Rows under other settings,
and worst cases over other attacks, are left out, and it is said.
"""
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ...metrics import LABEL
from ..plan.rows import format_eps
from .balls import worst_balls
from .finished import FinishedTest
from .intervals import difference, draw_images

Key = Tuple[Any, ...]  # name, norm, eps and steps of what was attacked how
WORST = {'mIoU': 'mIoU_greedy', 'aAcc': 'aAcc'}  # where there is a worst case
NAMED = ('name', 'norm', 'eps', 'steps')
CLEAN: Key = ('clean', None, None, None)
WORST_CASE = 'worst case'  # the name of its rows


@dataclass(frozen=True)
class Ball:
    """What a perturbation must lie in.

    Args:
        norm (str): Its norm.
        size (float): Its radius, where there is one as a root mean square
            over the pixel values of an image; six digits of it.
        text (str): The radius in words.
    """
    norm: str
    size: float
    text: str = field(compare=False)


@dataclass
class Entry:
    """A row of a report, as it is compared.

    Args:
        value (float, optional): The metric.
        counts (callable): Gives the class counts (N, 3, C) behind it.
        settings (dict): Settings that must be the same.
        ball (Ball, optional): Where the attack may go. Defaults to None,
            nowhere.
        per_class (dict): IoU of every class. Defaults to nothing known.
    """
    value: Optional[float]
    counts: Callable[[], np.ndarray]
    settings: Dict[str, Any] = field(default_factory=dict)
    ball: Optional[Ball] = None
    per_class: Dict[str, Optional[float]] = field(default_factory=dict)


@dataclass
class Comparison:
    """What several reports say of one metric.

    Args:
        names (list[str]): What the reports are called.
        metric (str): The metric.
        rows (dict): The rows that every report has, of each report.
        differences (dict): For every report but the first, how much larger
            the metric is there, by row, see :func:`difference`; empty
            without stored counts.
        notes (list[str]): What was left out, and why.
        weights (np.ndarray, optional): The resamples, of
            :func:`draw_images`; None without stored counts.
        threat (dict): What all attackers know and show: ``surrogate`` and
            ``surface``, as in results.json. Defaults to nothing known.
    """
    names: List[str]
    metric: str
    rows: Dict[Key, List[Entry]]
    differences: Dict[Key, List[Dict[str, Any]]]
    notes: List[str]
    weights: Optional[np.ndarray] = None
    threat: Dict[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> Dict[Key, List[Optional[float]]]:
        """dict: The metric in every report, by row."""
        return {key: [entry.value for entry in found]
                for key, found in self.rows.items()}


def compare_tests(names: Sequence[str], tests: Sequence[FinishedTest],
                  metric: str, seed: int = 0) -> Comparison:
    """Put the rows that every report has side by side.

    Args:
        names (Sequence[str]): What the reports are called.
        tests (Sequence[FinishedTest]): The reports.
        metric (str): One of the metrics.
        seed (int): Seed of the resamples. Defaults to 0.

    Raises:
        ValueError: If the reports do not compare.
    """
    for name, test in zip(names[1:], tests[1:]):
        check_alike(names[0], tests[0], name, test)
    rows = [entries(test, metric) for test in tests]
    notes, shared = [], []
    for key in rows[0]:
        found = [row[key] for row in rows if key in row]
        if len(found) < len(rows):
            continue
        other = _other_settings(key, names, found)
        notes += [other] if other else []
        shared += [] if other else [key]
    without = [name for name, test in zip(names, tests)
               if not test.has_counts]
    weights = None if without else draw_images(
        tests[0].results['dataset']['num_images'], seed)
    differences: Dict[Key, List[Dict[str, Any]]] = {}
    if without and len(tests) > 1:
        notes.append(f'No intervals: {", ".join(without)} has no counts of '
                     'single images (the folder per_image of its report).')
    elif weights is not None and len(tests) > 1:
        for key in shared:
            first = rows[0][key].counts()
            differences[key] = [
                difference(first, row[key].counts(), metric, weights)
                for row in rows[1:]]
    return Comparison(
        list(names), metric, {key: [row[key] for row in rows]
                              for key in shared},
        differences, notes, weights, _threat(tests[0].results))


def entries(test: FinishedTest, metric: str) -> Dict[Key, Entry]:
    """The rows of a report by what was attacked how, the clean row first."""
    results = test.results
    keys = test.keys if test.has_counts else [''] * len(results['attacks'])
    found: Dict[Key, Entry] = {CLEAN: Entry(
        results['clean'][metric], partial(test.counts, 'clean'),
        per_class=results['clean'].get('per_class', {}))}
    for attack, stored in zip(results['attacks'], keys):
        threat = attack['threat']
        key: Key = (attack['name'], threat['norm'], _radius(threat),
                    attack['config'].get('steps'))
        found[key] = Entry(
            attack[metric], partial(test.counts, stored),
            {**attack['config'], 'rms': threat['rms']}, _ball(threat),
            attack.get('per_class', {}))
    for ball in worst_balls(results) if metric in WORST else ():
        key = (WORST_CASE, ball['norm'], _radius(ball), None)
        members = [
            {k: m.get(k) for k in NAMED} if isinstance(m, dict) else m
            for m in ball.get('members', ())]
        # Chosen anew each time they are asked for, which is slow.
        counts = lru_cache(maxsize=1)(
            partial(_worst_counts, test, ball, WORST[metric]))
        found[key] = Entry(ball[WORST[metric]], counts, {'members': members},
                           _ball(ball))
    return found


def _worst_counts(test: FinishedTest, ball: Dict[str, Any],
                  name: str) -> np.ndarray:
    return test.worst_counts(ball)[name]


def _ball(threat: Dict[str, Any]) -> Ball:
    norm, eps, rms = threat['norm'], threat['eps'], threat['rms']
    if norm != 'linf' and rms is not None:
        return Ball(norm, float(f'{rms:.6g}'), format_eps(None, rms))
    if eps is None:  # of no image
        return Ball(norm, 0., '-')
    return Ball(norm, float(f'{eps:.6g}'), format_eps(eps))


def _radius(threat: Dict[str, Any]) -> Any:
    """The radius of a ball; as a root mean square where eps differs."""
    eps, rms = threat['eps'], threat['rms']
    return f'rms {rms:.4g}' if eps is None and rms is not None else eps


def _other_settings(key: Key, names: Sequence[str],
                    found: Sequence[Entry]) -> str:
    """Why a row does not compare, or nothing.

    A setting that one of the reports does not know is of another version.
    """
    first = found[0].settings
    for name, entry in zip(names[1:], found[1:]):
        other = entry.settings
        for setting in first:
            if setting in other and first[setting] != other[setting]:
                label = ' '.join(str(k) for k in key if k is not None)
                if setting == 'members':
                    return (f'Left out: {label}, which is over other attacks '
                            f'in {name} than in {names[0]}; run the same '
                            'suite for both.')
                return (f'Left out: {label}, which has {setting} '
                        f'{first[setting]} in {names[0]} and '
                        f'{other[setting]} in {name}.')
    return ''


def check_alike(first_name: str, first: FinishedTest, name: str,
                other: FinishedTest) -> None:
    """Refuse two reports whose numbers do not compare.

    Raises:
        ValueError: If classes, images, surface, or what the attacker knows,
            differ.
    """
    for what, one, two, advice in _what_must_agree(first, other):
        if one != two:
            raise ValueError(
                f'{first_name} and {name} do not compare: {what} {one} in '
                f'{first_name}, {two} in {name}; {advice}')
    if first.has_counts and other.has_counts:
        labels = [test.counts('clean')[:, LABEL] for test in (first, other)]
        differ = np.flatnonzero((labels[0] != labels[1]).any(axis=1))
        if len(differ):
            raise ValueError(
                f'{first_name} and {name} do not compare: {len(differ)} of '
                f'{len(labels[0])} images have other labels, first image '
                f'{differ[0]}; test both models on the same images')
    elif (first.results['dataset'].get('type') !=
          other.results['dataset'].get('type')):
        raise ValueError(
            f'{first_name} and {name} do not compare: data set '
            f'{first.results["dataset"].get("type")} in {first_name}, '
            f'{other.results["dataset"].get("type")} in {name}; test both '
            'models on the same images')


def _what_must_agree(first: FinishedTest, other: FinishedTest
                     ) -> List[Tuple[str, Any, Any, str]]:
    """What, its value in both reports, and what to do about it."""
    classes, knowledge, surfaces = (
        [read(test.results) for test in (first, other)]
        for read in (_classes, _knowledge, _surface))
    needed: List[Tuple[str, Any, Any, str]] = [
        ('classes', classes[0], classes[1],
         'test both models on the same data set')]
    if None not in knowledge:
        needed += [
            ('attacked', knowledge[0], knowledge[1],
             'attack both white-box, or both on the same surrogate'),
            ('attacked surface', surfaces[0], surfaces[1],
             'repeat one test with the --surface of the other')]
    return needed


def _classes(results: Dict[str, Any]) -> Any:
    return results['dataset'].get('classes')


def _knowledge(results: Dict[str, Any]) -> Optional[str]:
    """What the attacker knows, in words; None without an attack."""
    if not results['attacks']:
        return None
    surrogate = results['attacks'][0]['threat']['surrogate']
    if surrogate is None:
        return 'white-box'
    return (f'black-box on the surrogate {surrogate["config"]} '
            f'{surrogate["checkpoint"]} ({str(surrogate["sha256"])[:8]})')


def _surface(results: Dict[str, Any]) -> Optional[str]:
    return _threat(results).get('surface')


def _threat(results: Dict[str, Any]) -> Dict[str, Any]:
    """What the attacker of all rows knows and shows; empty without one."""
    return results['attacks'][0]['threat'] if results['attacks'] else {}
