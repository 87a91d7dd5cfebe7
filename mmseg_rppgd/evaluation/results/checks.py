"""Self-checks: is the evaluation itself to be believed?

Some read the rows, others probe the model on a few images: noise, a huge
eps, the gradient. Each gives a plain sentence and passed or failed.
"""
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ...metrics import accuracy
from ..plan.rows import Row, ball_of, same_but_steps
from ..run.probes import GRADIENT, HUGE, Probes
from .results import Record, RowResult, stack_counts

SLACK = 0.5  # points of aAcc that chance may move
BALL_SLACK = 1e-6
HUGE_LEAVES = 5  # percent of aAcc


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
                 if same_but_steps(few.row, many.row)]
        for few in self.probes.fewer if self.probes else ():
            pairs += [(few, many.row, self._on_probed(many) -
                       self._probe_aacc(few)) for many in self.rows
                      if same_but_steps(few, many.row)]
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
        for row in self.probes.pgd if self.probes else ():
            apgd = best[ball_of(row)]
            pairs.append((apgd, row, self._probe_aacc(row),
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
        huge, = self.probes.huge
        records = self.records[huge.key]
        if not any(any(r['label']) for r in records):
            return None  # nothing is labelled that could be wrong
        left = self._probe_aacc(huge)
        return _check(
            'a huge eps breaks the model', left < HUGE_LEAVES,
            f'{HUGE["type"]} with eps=1, alpha=0.1 and 20 steps leaves '
            f'{left:.2f} aAcc; it should leave under {HUGE_LEAVES}, or the '
            'gradients mislead.')

    def noise(self) -> Optional[Dict[str, Any]]:
        """Random noise does less than each attack."""
        if not self.probes.noise:
            return None
        noise = {ball_of(row): self._probe_aacc(row)
                 for row in self.probes.noise}
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
        records = self.records[GRADIENT]
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
        for result, row in zip(self.rows, self.probes.white_box):
            white, black = self._probe_aacc(row), self._on_probed(result)
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
            return [(row, self._probe_aacc(row))
                    for row in self.probes.white_box]
        return [(r.row, self._on_probed(r)) for r in self.rows]

    def _probe_aacc(self, row: Row) -> float:
        return _aacc(self.records[row.key], self.num_classes)

    def _on_probed(self, result: RowResult) -> float:
        """The aAcc of a row on the images that were probed."""
        probed = {r['index'] for r in self.records[GRADIENT]}
        return _aacc([r for r in result.records if r['index'] in probed],
                     result.num_classes)


def aacc(result: RowResult) -> float:
    """The aAcc of a row; 100 if no pixel is labelled."""
    return _aacc(result.records, result.num_classes)


def _aacc(records: Sequence[Record], num_classes: int) -> float:
    value = accuracy(stack_counts(records, num_classes).sum(axis=0))
    return float(np.nan_to_num(value, nan=100.))


def _check(name: str, passed: bool, detail: str) -> Dict[str, Any]:
    return {'name': name, 'passed': bool(passed), 'detail': detail}
