"""The extra rows that only the self-checks need, on a few images."""
from dataclasses import replace
from typing import (Any, Dict, Iterable, List, NamedTuple, Optional, Sequence,
                    Tuple)

import torch

from ...attacks.base import Attack, AttackInputs, AttackResult, CheckedModel
from ..plan.rows import Row, ball_of, same_but_steps

# Plain PGD would climb where pixels are wrong already and leave the rest: the
# check must fail for the model's gradients, not for the loss.
HUGE: Dict[str, Any] = dict(
    type='CosPGD', eps=1, alpha=0.1, steps=20, keep='best')
GRADIENT = 'check-model'  # key of the records of the gradient
# APGD is made for so many steps: with 10, PGD was up to 13 points stronger on
# sound models.
APGD_NEEDS = 100
SQUARE_STEPS = 100  # a forward pass each
# Attacks whose losses do not depend on the size of the logits.
SCALE_FREE = {
    'APGD, spherical loss': dict(type='APGD', pixel_loss='spherical'),
    'PAdam, cosine loss': dict(type='PAdam', pixel_loss='cosine'),
    'CW': dict(type='CW'),
}
SCALE_FREE_STEPS = (20, 100)  # at least, at most


class UniformNoise(Attack):
    """Noise drawn uniformly from the ball: no attack at all."""

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Any) -> AttackResult:
        ball = self.threat_model.around(inputs.images, inputs.mask)
        noise = torch.stack([
            ball.random_start(i, generator)
            for i, generator in enumerate(inputs.generators)])
        return AttackResult(ball.project(inputs.images + noise), None)


class Probes(NamedTuple):
    """Rows of the checks, apart from those of the report.

    Args:
        noise (list[Row]): Noise in the ball of each kind of row.
        huge (list[Row]): A ball that holds every image.
        huge_noise (list[Row]): Noise in that ball: what a model gets right
            without looking.
        white_box (list[Row]): The rows of a transfer attack, run on the
            tested model itself.
        pgd (list[Row]): PGD to compare APGD with, where it is no row.
        fewer (list[Row]): A row with half its steps, where no two rows
            differ in steps alone.
        square (list[Row]): A search without gradients in each linf ball.
        scale_free (list[Row]): What :func:`follow_up` adds. Defaults to
            none.
    """
    noise: List[Row]
    huge: List[Row]
    huge_noise: List[Row]
    white_box: List[Row]
    pgd: List[Row]
    fewer: List[Row]
    square: List[Row]
    scale_free: Tuple[Row, ...] = ()

    @property
    def rows(self) -> List[Row]:
        """list[Row]: All of them."""
        return [row for kind in self for row in kind]


NO_PROBES = Probes([], [], [], [], [], [], [])


def choose_probes(rows: Sequence[Row], transfer: bool) -> Probes:
    """Choose the probes that the rows need.

    Args:
        rows (Sequence[Row]): Rows of the report.
        transfer (bool): Whether the rows are attacks from a surrogate.
    """
    balls: Dict[Tuple, Row] = {}
    for row in rows:
        balls.setdefault(ball_of(row), row)
    noise = [_in_ball_of(row, 'random noise', dict(type=UniformNoise), None)
             for row in balls.values()]
    huge = Row('check: huge eps', HUGE, 'linf', 1., None, HUGE['steps'])
    huge_noise = Row('check: huge noise', dict(type=UniformNoise, eps=1.),
                     'linf', 1.)
    white_box = [_probe(f'white-box {row.name}', row)
                 for row in (rows if transfer else ())]
    pgd = [] if transfer else [
        _in_ball_of(row, 'PGD', dict(type='PGD', steps=row.steps), row.steps)
        for row in longest(filter(like_pgd, rows)).values()
        if ball_of(row) not in {ball_of(row) for row in rows
                                if row.attack['type'] == 'PGD'}]
    fewer = [] if transfer else _fewer_steps(rows)
    square = [_in_ball_of(row, 'Square', dict(type='Square',
                                              steps=SQUARE_STEPS),
                          SQUARE_STEPS)
              for row in balls.values() if row.norm == 'linf' and row.eps]
    return Probes(noise, [huge], [huge_noise], white_box, pgd, fewer, square)


def follow_up(probes: Probes, rows: Sequence[Row]) -> Probes:
    """Add what is to be run when a check has failed: scale-free attacks.

    In the largest ball of each norm, unless they are rows of the report.

    Args:
        probes (Probes): The probes so far.
        rows (Sequence[Row]): Rows of the report.
    """
    largest: Dict[str, Row] = {}
    for row in rows:
        best = largest.setdefault(row.norm, row)
        if (row.eps or row.rms or 0) > (best.eps or best.rms or 0):
            largest[row.norm] = row
    least, most = SCALE_FREE_STEPS
    more = []
    for row in largest.values():
        mates = [r for r in rows if ball_of(r) == ball_of(row)]
        steps = max([least] + [r.steps or 0 for r in mates])
        steps = min(steps, most)
        more += [
            _in_ball_of(row, name, dict(attack, steps=steps), steps)
            for name, attack in SCALE_FREE.items()
            if not any(attack.items() <= r.attack.items() for r in mates)]
    return probes._replace(scale_free=tuple(more))


def _probe(name: str, row: Row, **changes: Any) -> Row:
    return replace(row, name=f'check: {name}', trace=False, **changes)


def _in_ball_of(row: Row, name: str, config: Dict[str, Any],
                steps: Optional[int]) -> Row:
    """Another attack in the ball of a row."""
    config = dict(config, norm=row.norm)
    if row.rms is None:
        config['eps'] = row.eps
    return _probe(name, row, attack=config, steps=steps)


def _fewer_steps(rows: Sequence[Row]) -> List[Row]:
    """The cheapest row with half its steps, where no rows can be compared."""
    if any(same_but_steps(few, many) for few in rows for many in rows):
        return []
    able = [row for row in rows if (row.steps or 0) > 1
            and 'steps' in row.attack and 'attacks' not in row.attack]
    for row in sorted(able, key=lambda row: row.steps or 0)[:1]:
        steps = (row.steps or 0) // 2
        return [_probe(f'{steps} steps of {row.name}', row, steps=steps,
                       attack=dict(row.attack, steps=steps))]
    return []


def like_pgd(row: Row) -> bool:
    """Whether a row is an APGD that PGD can be compared with.

    It climbs the cross-entropy as well, and has the steps that it needs.
    """
    return (row.attack['type'] == 'APGD' and (row.steps or 0) >= APGD_NEEDS
            and row.attack.get('pixel_loss', 'ce') == 'ce'
            and row.attack.get('objective') is None)


def longest(rows: Iterable[Row]) -> Dict[Tuple, Row]:
    """The row with most steps, by ball."""
    found: Dict[Tuple, Row] = {}
    for row in rows:
        best = found.setdefault(ball_of(row), row)
        if (row.steps or 0) > (best.steps or 0):
            found[ball_of(row)] = row
    return found
