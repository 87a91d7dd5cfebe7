"""Self-checks that compare rows with each other and with their balls."""
from typing import List, Optional, Tuple

from ..plan.rows import Row, ball_of, same_but_steps
from ..run.probes import like_pgd
from .evidence import SLACK, Check, Evidence, aacc, make_check

BALL_SLACK = 1e-6
# Points of aAcc: on sound models PGD was up to 1.7 points stronger.
APGD_SLACK = 3


def in_the_ball(evidence: Evidence) -> Optional[Check]:
    """Every image is an image, and no farther than eps."""
    if not evidence.rows:
        return None
    worst, outside = 0., []
    for result in evidence.rows:
        # A window of 'crop' has an l2 ball of its own.
        measured = evidence.surface != 'crop' or result.row.norm == 'linf'
        for r in result.records:
            excess = r['norm'] - r['eps'] if measured else 0.
            worst = max(worst, excess)
            if (excess > BALL_SLACK * max(1, r['eps']) or r['min'] < 0
                    or r['max'] > 1):
                outside.append(f'{result.row.label}, {r["image"]}')
    if outside:
        return make_check(
            'in the ball', False, f'{len(outside)} attacked images lie '
            'outside the ball or the pixel range, the first is '
            f'{outside[0]}. It is a bug of the attack: do not use its row, '
            'and report it.')
    return make_check(
        'in the ball', True, 'Every attacked image lies in [0, 1] and in '
        f'its ball (largest excess {worst:.1e}).')


def no_nan(evidence: Evidence) -> Optional[Check]:
    """No pixel is not a number."""
    if not evidence.rows:
        return None
    count = sum(r['nan'] for result in evidence.rows for r in result.records)
    return make_check(
        'no NaN', count == 0, f'{count} pixel values are not numbers' +
        ('. It is a bug of the attack or an overflow of the model: do not '
         'use such rows, and report it.' if count else '.'))


def more_steps(evidence: Evidence) -> Optional[Check]:
    """The same attack with more steps is not weaker."""
    if evidence.transfer:  # where an attack overfits its surrogate it may be
        return None
    pairs: List[Tuple[Row, Row, float]] = [
        (few.row, many.row, aacc(many) - aacc(few))
        for few in evidence.rows for many in evidence.rows
        if same_but_steps(few.row, many.row)]
    for few in evidence.probes.fewer:
        pairs += [(few, many.row, evidence.on_probed(many) -
                   evidence.probe_aacc(few)) for many in evidence.rows
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
    return make_check(
        'more steps are not weaker', not weaker,
        '; '.join(weaker) + '. It does not converge: try a smaller alpha, '
        'or trust APGD, which chooses its own.' if weaker else
        'The attack with more steps leaves no more aAcc (up to '
        f'{SLACK} points): {compared}.')


def apgd(evidence: Evidence) -> Optional[Check]:
    """APGD is not weaker than PGD with as many steps or fewer.

    Only where it climbs the cross-entropy as well, and has the steps that
    its phases and its step size need.
    """
    if evidence.transfer:
        return None
    best = evidence.strongest(like_pgd)
    pairs = [(best[ball_of(r.row)], r.row, aacc(r)) for r in evidence.rows
             if r.row.attack['type'] == 'PGD' and ball_of(r.row) in best]
    compared = [(apgd, row, left, aacc(apgd)) for apgd, row, left in pairs
                if (apgd.row.steps or 0) >= (row.steps or 0)]
    for row in evidence.probes.pgd:
        compared.append((best[ball_of(row)], row, evidence.probe_aacc(row),
                         evidence.on_probed(best[ball_of(row)])))
    if not compared:
        return None
    weaker = [f'{apgd.row.label} leaves {left_by_apgd - left:.2f} points of '
              f'aAcc more than PGD with {row.steps} steps'
              for apgd, row, left, left_by_apgd in compared
              if left_by_apgd > left + APGD_SLACK]
    return make_check(
        'APGD is not weaker than PGD', not weaker,
        '; '.join(weaker) + '. Its objective or its step size misleads: '
        'trust the worst case over several attacks, not APGD.' if weaker else
        'APGD leaves no more aAcc than PGD with as many steps or fewer '
        f'(up to {APGD_SLACK} points).')
