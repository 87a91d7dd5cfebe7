"""The extra rows that only the self-checks need, on a few images."""
from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch

from ...attacks.base import (Attack, AttackInputs, AttackResult, CheckedModel,
                             full_precision)
from ...attacks.objectives import PixelObjective
from ..plan.rows import Row, ball_of, same_but_steps

# Plain PGD would climb where pixels are wrong already and leave the rest: the
# check must fail for the model's gradients, not for the loss.
HUGE = dict(type='CosPGD', eps=1, alpha=0.1, steps=20, keep='best')
GRADIENT = 'check-gradient'  # key of the records of the gradient


class UniformNoise(Attack):
    """Noise drawn uniformly from the ball: no attack at all."""

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Any) -> AttackResult:
        ball = self.threat_model.around(inputs.images, inputs.mask)
        noise = torch.stack([
            ball.random_start(i, generator)
            for i, generator in enumerate(inputs.generators)])
        return AttackResult(ball.project(inputs.images + noise), None)


class GradientProbe(Attack):
    """Looks at the gradient of the cross-entropy at the clean image.

    ``seen`` has, for each image, the share of exact zeros and whether all
    values are finite.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: List[Tuple[float, bool]] = []

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Any) -> AttackResult:
        images = inputs.images.requires_grad_()
        output = model(images)
        with full_precision(images.device):
            objective = PixelObjective('ce')
            objective.init(inputs, None)
            loss = objective.loss(output, 1, 1).sum()
            gradient, = torch.autograd.grad(loss, images)
        self.seen += [(float((g == 0).double().mean()),
                       bool(g.isfinite().all())) for g in gradient]
        return AttackResult(inputs.images.detach(), None)


class Probes(NamedTuple):
    """Rows of the checks, apart from those of the report.

    Args:
        noise (list[Row]): Noise in the ball of each kind of row.
        huge (list[Row]): A ball that holds every image.
        white_box (list[Row]): The rows of a transfer attack, run on the
            tested model itself.
        pgd (list[Row]): PGD to compare APGD with, where it is no row.
        fewer (list[Row]): A row with half its steps, where no two rows
            differ in steps alone.
    """
    noise: List[Row]
    huge: List[Row]
    white_box: List[Row]
    pgd: List[Row]
    fewer: List[Row]

    @property
    def rows(self) -> List[Row]:
        """list[Row]: All of them."""
        return [row for kind in self for row in kind]


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
    white_box = [_probe(f'white-box {row.name}', row)
                 for row in (rows if transfer else ())]
    pgd = [] if transfer else [
        _in_ball_of(row, 'PGD', dict(type='PGD', steps=row.steps), row.steps)
        for row in rows_of('APGD', rows).values()
        if ball_of(row) not in rows_of('PGD', rows)]
    fewer = [] if transfer else _fewer_steps(rows)
    return Probes(noise, [huge], white_box, pgd, fewer)


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
    for row in sorted(able, key=lambda row: row.steps)[:1]:
        steps = row.steps // 2
        return [_probe(f'{steps} steps of {row.name}', row, steps=steps,
                       attack=dict(row.attack, steps=steps))]
    return []


def rows_of(kind: str, rows: Sequence[Row]) -> Dict[Tuple, Row]:
    """The row of a type of attack with most steps, by ball."""
    found: Dict[Tuple, Row] = {}
    for row in rows:
        best = found.get(ball_of(row))
        if row.attack['type'] == kind and (
                best is None or row.steps > best.steps):
            found[ball_of(row)] = row
    return found
