"""Self-checks: is the evaluation itself to be believed?

Some read the rows, others probe the model on a few images: noise, a huge
eps, the gradient. Each gives a plain sentence and passed or failed.
"""
from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch

from ...attacks.base import (Attack, AttackInputs, AttackResult, CheckedModel,
                            full_precision)
from ...attacks.objectives import PixelObjective
from ..run.jobs import AttackJob, Predictor, Records, Sample, perturb
from ...metrics import accuracy
from .results import Record, RowResult, stack_counts
from ..plan.rows import AttackRun, Row

SLACK = 0.5  # points of aAcc that chance may move
BALL_SLACK = 1e-6
# Plain PGD would climb where pixels are wrong already and leave the rest: the
# check must fail for the model's gradients, not for the loss.
HUGE = dict(type='CosPGD', eps=1, alpha=0.1, steps=20, keep='best')
HUGE_LEAVES = 5  # percent of aAcc


class UniformNoise(Attack):
    """Noise drawn uniformly from the ball: no attack at all."""

    def _run(self, model: CheckedModel, inputs: AttackInputs, callback: Any,
             generator: Optional[torch.Generator]) -> AttackResult:
        ball = self.threat_model.around(inputs.images, inputs.mask)
        noise = torch.stack([ball.random_start(i, generator)
                             for i in range(len(inputs.images))])
        return AttackResult(ball.project(inputs.images + noise), None)


class GradientProbe(Attack):
    """Looks at the gradient of the cross-entropy at the clean image."""

    def _run(self, model: CheckedModel, inputs: AttackInputs, callback: Any,
             generator: Optional[torch.Generator]) -> AttackResult:
        images = inputs.images.requires_grad_()
        output = model(images)
        with full_precision(images.device):
            objective = PixelObjective('ce')
            objective.init(inputs, None)
            loss = objective.loss(output, 1, 1).sum()
            gradient, = torch.autograd.grad(loss, images)
        self.zero_share = float((gradient == 0).double().mean())
        self.finite = bool(gradient.isfinite().all())
        return AttackResult(inputs.images.detach(), None)


class GradientJob:
    """Record where the gradient of a model vanishes.

    Args:
        predictor (Predictor): The tested model.
        surface (str): ``'whole'``, ``'slide'`` or ``'crop'``.
    """
    key = 'check-gradient'
    name = 'check: gradient'
    cost = 1

    def __init__(self, predictor: Predictor, surface: str) -> None:
        self.predictor = predictor
        self.surface = surface
        self.keys = [self.key]

    def __call__(self, sample: Sample) -> Records:
        probe = GradientProbe()
        probe.zero_share, probe.finite = None, True  # nothing is labelled
        perturb(probe, self.predictor.segmentor, sample, self.surface,
                torch.Generator(), self.predictor.fp16)
        return {self.key: {'index': sample.index, 'image': sample.path,
                           'zero_share': probe.zero_share,
                           'finite': probe.finite}}


class Probes(NamedTuple):
    """Jobs that only the checks need, on a few images.

    Args:
        noise (list[AttackJob]): Noise in the ball of each kind of row.
        huge (AttackJob): A ball that holds every image.
        gradient (GradientJob): Looks at the gradient.
        white_box (list[AttackJob]): The rows of a transfer attack, run on
            the tested model itself.
        pgd (list[AttackJob]): PGD to compare APGD with, where it is no row.
        fewer (list[AttackJob]): A row with half its steps, where no two rows
            differ in steps alone.
    """
    noise: List[AttackJob]
    huge: AttackJob
    gradient: GradientJob
    white_box: List[AttackJob]
    pgd: List[AttackJob]
    fewer: List[AttackJob]

    @property
    def jobs(self) -> List[Any]:
        """list: All of them."""
        return [*self.noise, self.huge, self.gradient, *self.white_box,
                *self.pgd, *self.fewer]


def probe_row(name: str, row: Row, **changes: Any) -> Row:
    """A row of the checks, apart from those of the report."""
    return replace(row, name=f'check: {name}', trace=False, **changes)


def make_probes(rows: Sequence[Row], predictor: Predictor, surface: str,
                seed: int, transfer: bool) -> Probes:
    """Choose the probes that the rows need.

    Args:
        rows (Sequence[Row]): Rows of the report.
        predictor (Predictor): The tested model.
        surface (str): How the tested model is attacked.
        seed (int): Seed of the evaluation.
        transfer (bool): Whether the rows are attacks from a surrogate.
    """

    def job(row: Row) -> AttackJob:
        return AttackJob(AttackRun([row]), predictor, predictor.segmentor,
                         surface, seed)

    balls: Dict[Tuple, Row] = {}
    for row in rows:
        balls.setdefault(ball_of(row), row)
    noise = []
    for row in balls.values():
        config = dict(type=UniformNoise, norm=row.norm)
        if row.rms is None:
            config['eps'] = row.eps
        noise.append(job(probe_row('random noise', row, attack=config,
                                   steps=None)))
    huge = Row('check: huge eps', HUGE, 'linf', 1., None, HUGE['steps'])
    white_box = [job(probe_row(f'white-box {row.name}', row))
                 for row in (rows if transfer else ())]
    pgd = [] if transfer else [job(_pgd_like(row)) for row in rows_of(
        'APGD', rows).values() if ball_of(row) not in rows_of('PGD', rows)]
    fewer = [] if transfer else [job(row) for row in _fewer_steps(rows)]
    return Probes(noise, job(huge), GradientJob(predictor, surface),
                  white_box, pgd, fewer)


def _fewer_steps(rows: Sequence[Row]) -> List[Row]:
    """The cheapest row with half its steps, where no rows can be compared."""
    if any(_same_but_steps(few, many) for few in rows for many in rows):
        return []
    able = [row for row in rows if (row.steps or 0) > 1
            and 'steps' in row.attack and 'attacks' not in row.attack]
    for row in sorted(able, key=lambda row: row.steps)[:1]:
        steps = row.steps // 2
        return [probe_row(f'{steps} steps of {row.name}', row, steps=steps,
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


def _pgd_like(row: Row) -> Row:
    """PGD in the ball of a row, with as many steps."""
    config = dict(type='PGD', norm=row.norm, steps=row.steps)
    if row.rms is None:
        config['eps'] = row.eps
    return probe_row('PGD', row, attack=config)


def ball_of(row: Row) -> Tuple:
    """What two rows share that attack in the same ball."""
    return row.norm, row.eps, row.rms


class Checker:
    """Turns rows and probes into checks.

    Args:
        rows (Sequence[RowResult]): Rows of the report.
        probes (Probes, optional): The probes; None if none were run.
        records (dict): Records of the probes by key.
        surface (str): ``'whole'``, ``'slide'`` or ``'crop'``.
        transfer (bool): Whether the rows are attacks from a surrogate.
        num_classes (int): Classes of the data set.
    """

    def __init__(self, rows: Sequence[RowResult], probes: Optional[Probes],
                 records: Dict[str, List[Record]], surface: str,
                 transfer: bool, num_classes: int) -> None:
        self.rows = rows
        self.probes = probes
        self.records = records
        self.surface = surface
        self.transfer = transfer
        self.num_classes = num_classes

    def checks(self) -> List[Dict[str, Any]]:
        """All checks that apply, in the order of the report."""
        found = [self.in_the_ball(), self.no_nan(), self.more_steps(),
                 self.apgd()]
        if self.probes is not None:
            found += [self.huge_eps(), self.noise(), self.gradient(),
                      self.white_box()]
        return [check for check in found if check is not None]

    def in_the_ball(self) -> Optional[Dict[str, Any]]:
        """Every image is an image, and no farther than eps."""
        if not self.rows:
            return None
        worst, outside = 0., []
        for result in self.rows:
            # A window of 'crop' has an l2 ball of its own.
            measured = self.surface != 'crop' or result.row.norm == 'linf'
            for r in result.records:
                excess = r['norm'] - r['eps'] if measured else 0.
                worst = max(worst, excess)
                if (excess > BALL_SLACK * max(1, r['eps']) or r['min'] < 0
                        or r['max'] > 1):
                    outside.append(f'{result.row.label}, {r["image"]}')
        if outside:
            return _check(
                'in the ball', False, f'{len(outside)} attacked images lie '
                'outside the ball or the pixel range, the first is '
                f'{outside[0]}.')
        return _check(
            'in the ball', True, 'Every attacked image lies in [0, 1] and in '
            f'its ball (largest excess {worst:.1e}).')

    def no_nan(self) -> Optional[Dict[str, Any]]:
        """No pixel is not a number."""
        if not self.rows:
            return None
        count = sum(r['nan'] for result in self.rows for r in result.records)
        return _check('no NaN', count == 0,
                      f'{count} pixel values are not numbers.')

    def more_steps(self) -> Optional[Dict[str, Any]]:
        """The same attack with more steps is not weaker."""
        if self.transfer:  # where an attack overfits its surrogate it may be
            return None
        pairs = [(few.row, many.row, aacc(many) - aacc(few))
                 for few in self.rows for many in self.rows
                 if _same_but_steps(few.row, many.row)]
        for job in self.probes.fewer if self.probes else ():
            few = job.run.longest
            pairs += [(few, many.row, self._on_probed(many) -
                       self._probe_aacc(job)) for many in self.rows
                      if _same_but_steps(few, many.row)]
        if not pairs:
            return None
        weaker = [f'{many.label} leaves {gain:.2f} points of aAcc more than '
                  f'{few.steps} steps' for few, many, gain in pairs
                  if gain > SLACK]
        compared = ', '.join(f'{many.label} against {few.steps}'
                             for few, many, _ in pairs[:3])
        if len(pairs) > 3:
            compared += f' and {len(pairs) - 3} more pairs'
        return _check(
            'more steps are not weaker', not weaker,
            '; '.join(weaker) + '.' if weaker else
            'The attack with more steps leaves no more aAcc (up to '
            f'{SLACK} points): {compared}.')

    def apgd(self) -> Optional[Dict[str, Any]]:
        """APGD is not weaker than PGD with as many steps or fewer."""
        if self.transfer:
            return None
        best = self._strongest(lambda row: row.attack['type'] == 'APGD')
        pairs = [(best[ball_of(r.row)], r.row, aacc(r)) for r in self.rows
                 if r.row.attack['type'] == 'PGD' and ball_of(r.row) in best]
        pairs = [(apgd, row, left, aacc(apgd)) for apgd, row, left in pairs
                 if apgd.row.steps >= row.steps]
        for job in self.probes.pgd if self.probes else ():
            apgd = best[ball_of(job.run.longest)]
            pairs.append((apgd, job.run.longest, self._probe_aacc(job),
                          self._on_probed(apgd)))
        weaker, compared = [], len(pairs)
        for apgd, row, left, left_by_apgd in pairs:
            if left_by_apgd > left + SLACK:
                weaker.append(f'{apgd.row.label} leaves '
                              f'{left_by_apgd - left:.2f} points of aAcc more'
                              f' than PGD with {row.steps} steps')
        if not compared:
            return None
        return _check(
            'APGD is not weaker than PGD', not weaker,
            '; '.join(weaker) + '.' if weaker else
            'APGD leaves no more aAcc than PGD with as many steps or fewer '
            f'(up to {SLACK} points).')

    def huge_eps(self) -> Optional[Dict[str, Any]]:
        """With every image allowed, almost no pixel is right."""
        records = self.records[self.probes.huge.keys[0]]
        if not any(any(r['label']) for r in records):
            return None  # nothing is labelled that could be wrong
        left = self._probe_aacc(self.probes.huge)
        return _check(
            'a huge eps breaks the model', left < HUGE_LEAVES,
            f'{HUGE["type"]} with eps=1, alpha=0.1 and 20 steps leaves '
            f'{left:.2f} aAcc; it should leave under {HUGE_LEAVES}, or the '
            'gradients mislead.')

    def noise(self) -> Optional[Dict[str, Any]]:
        """Random noise does less than each attack."""
        if not self.probes.noise:
            return None
        noise = {ball_of(job.run.longest): self._probe_aacc(job)
                 for job in self.probes.noise}
        stronger = [
            f'{row.label} leaves {left:.2f} aAcc, noise in its ball '
            f'{noise[ball_of(row)]:.2f}' for row, left in self._white_box()
            if noise[ball_of(row)] < left - SLACK]
        return _check(
            'random noise is not stronger', not stronger,
            '; '.join(stronger) + '.' if stronger else
            'Random noise in the ball leaves no less aAcc than any attack '
            f'(up to {SLACK} points).')

    def gradient(self) -> Dict[str, Any]:
        """The model has a gradient to follow."""
        records = self.records[GradientJob.key]
        shares = [r['zero_share'] for r in records
                  if r['zero_share'] is not None]
        share = 100 * float(np.mean(shares)) if shares else 0.
        finite = all(r['finite'] for r in records)
        return _check(
            'gradients are there', finite and share < 50,
            f'{share:.2f} % of the pixel values have a gradient of exactly '
            'zero' + ('.' if finite else ', and some are not finite.'))

    def white_box(self) -> Optional[Dict[str, Any]]:
        """Knowing the model is no disadvantage."""
        if not self.probes.white_box:
            return None
        stronger = []
        for result, job in zip(self.rows, self.probes.white_box):
            white, black = self._probe_aacc(job), self._on_probed(result)
            if black < white - SLACK:
                stronger.append(f'{result.row.label} leaves {black:.2f} aAcc '
                                f'by transfer and {white:.2f} white-box')
        return _check(
            'transfer is not stronger than white-box', not stronger,
            '; '.join(stronger) + '.' if stronger else
            'Every attack leaves more aAcc when it is made on the surrogate.')

    def _strongest(self, wanted: Any) -> Dict[Tuple, RowResult]:
        """The strongest of the wanted rows, by ball."""
        best: Dict[Tuple, RowResult] = {}
        for result in self.rows:
            ball = ball_of(result.row)
            if wanted(result.row) and (ball not in best or aacc(result) <
                                       aacc(best[ball])):
                best[ball] = result
        return best

    def _white_box(self) -> List[Tuple[Row, float]]:
        """White-box attacks, and the aAcc they leave on probed images."""
        if self.transfer:
            return [(job.run.longest, self._probe_aacc(job))
                    for job in self.probes.white_box]
        return [(r.row, self._on_probed(r)) for r in self.rows]

    def _probe_aacc(self, job: AttackJob) -> float:
        return _aacc(self.records[job.keys[0]], self.num_classes)

    def _on_probed(self, result: RowResult) -> float:
        """The aAcc of a row on the images that were probed."""
        probed = {r['index'] for r in self.records[GradientJob.key]}
        return _aacc([r for r in result.records if r['index'] in probed],
                     result.num_classes)


def aacc(result: RowResult) -> float:
    """The aAcc of a row; 100 if no pixel is labelled."""
    return _aacc(result.records, result.num_classes)


def _aacc(records: Sequence[Record], num_classes: int) -> float:
    value = accuracy(stack_counts(records, num_classes).sum(axis=0))
    return float(np.nan_to_num(value, nan=100.))


def _same_but_steps(few: Row, many: Row) -> bool:
    if few.steps is None or many.steps is None or few.steps >= many.steps:
        return False
    a, b = (dict(row.attack, steps=None) for row in (few, many))
    return a == b and ball_of(few) == ball_of(many)


def _check(name: str, passed: bool, detail: str) -> Dict[str, Any]:
    return {'name': name, 'passed': bool(passed), 'detail': detail}
