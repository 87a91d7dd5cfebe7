"""Which of several models keeps most, ball by ball."""
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from .comparison import CLEAN, WORST_CASE, Ball, Comparison, Entry, Key
from .intervals import Interval, difference, interval, resampled_metrics

LOWER_IS_BETTER = ('MisRatio', )


@dataclass(frozen=True)
class Standing:
    """What a model has of a metric, and what it keeps of it.

    Args:
        name (str): The model.
        clean (float, optional): The metric on clean images.
        left (float): In the worst case, or under the strongest attack.
        clean_ends (sequence[float], optional): Interval of ``clean``.
        left_ends (sequence[float], optional): Interval of ``left``.
        attacks (dict): The metric under each attack, by row.
    """
    name: str
    clean: Optional[float]
    left: float
    clean_ends: Interval
    left_ends: Interval
    attacks: Dict[Key, Optional[float]]


@dataclass(frozen=True)
class Verdict:
    """Which model keeps most in a ball.

    Args:
        ball (Ball): The ball.
        worst_case (bool): Whether it is of the worst case over attacks, not
            of the strongest attack on each model.
        attacks (int): Number of these attacks.
        standings (list[Standing]): The models, the best one first.
        lead (dict, optional): How much larger the metric is for the best
            than for the next, see :func:`difference`; None for one model,
            and without stored counts.
    """
    ball: Ball
    worst_case: bool
    attacks: int
    standings: List[Standing]
    lead: Optional[Dict[str, Any]]


def verdicts(found: Comparison) -> List[Verdict]:
    """Say who keeps most in each ball in which there are attacks on all.

    Balls in which the metric is undefined for a model have no verdict.
    """
    balls = dict.fromkeys(entries[0].ball for entries in found.rows.values())
    given = [_verdict(found, ball) for ball in balls if ball is not None]
    return [verdict for verdict in given if verdict is not None]


def _verdict(found: Comparison, ball: Ball) -> Optional[Verdict]:
    inside = {key: entries for key, entries in found.rows.items()
              if entries[0].ball == ball}
    worst = [inside.pop(key) for key in list(inside) if key[0] == WORST_CASE]
    sign = -1 if found.metric in LOWER_IS_BETTER else 1
    chosen: List[Tuple[float, Entry]] = []
    for i in range(len(found.names)):
        values = [(entries[i].value, entries[i])
                  for entries in worst or inside.values()]
        known = [(value, entry) for value, entry in values
                 if value is not None]
        if not known:
            return None
        chosen.append(min(known, key=lambda one: sign * one[0]))
    order = sorted(range(len(chosen)), key=lambda i: -sign * chosen[i][0])
    return Verdict(
        ball, bool(worst), _members(worst[0][0]) if worst else len(inside),
        [_standing(found, i, *chosen[i], {
            key: entries[i].value for key, entries in inside.items()})
         for i in order], _lead(found, [chosen[i][1] for i in order]))


def _members(entry: Entry) -> int:
    """Number of attacks in a worst case, in which clean takes part."""
    names = [member['name'] if isinstance(member, dict) else member
             for member in entry.settings['members']]
    return sum(name != 'clean' for name in names)


def _standing(found: Comparison, place: int, left: float, entry: Entry,
              attacks: Dict[Key, Optional[float]]) -> Standing:
    clean = found.rows[CLEAN][place]
    return Standing(found.names[place], clean.value, left,
                    _ends(found, clean), _ends(found, entry), attacks)


def _ends(found: Comparison, entry: Entry) -> Interval:
    if found.weights is None or found.weights.shape[1] < 2:
        return None
    return interval(resampled_metrics(
        entry.counts(), found.weights)[found.metric])


def _lead(found: Comparison,
          order: List[Entry]) -> Optional[Dict[str, Any]]:
    if found.weights is None or len(order) < 2:
        return None
    return difference(order[1].counts(), order[0].counts(), found.metric,
                      found.weights)
