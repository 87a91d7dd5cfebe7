"""What is odd about the radii of a test, in words."""
from typing import List, Sequence

from ...attacks.gradient_attack import GradientAttack
from ...attacks.threat_model import LEVEL
from .results import RowResult


def radius_notes(attacks: Sequence[RowResult]) -> List[str]:
    """Say which rows hardly attack, so that nobody reads them as robustness.

    Args:
        attacks (Sequence[RowResult]): The rows of the report.

    Returns:
        list[str]: A sentence for each ball that is smaller than a level of
        an 8-bit picture, and for each step size that cannot cross its ball.
    """
    notes = []
    for result in attacks:
        if not result.records:
            continue
        row = result.row
        rms = max(record['rms'] for record in result.records)
        if rms < LEVEL:
            unit = ('' if row.norm == 'linf' else
                    'a root mean square of ')
            note = (f'{row.label}: the radius is {unit}{255 * rms:.2g}/255, '
                    'less than one level of a picture, which is hardly an '
                    'attack; its numbers say nothing of robustness.')
            if row.norm == 'l2' and row.rms is None:
                note += (' An eps inside an l2 attack is a length; beside '
                         'it (--eps) it is a root mean square.')
            notes.append(note)
        attack = row.build(1)
        if (row.norm == 'l2' and isinstance(attack, GradientAttack)
                and attack.alpha is not None):
            alpha, steps = attack.alpha, attack.steps
            eps = min(record['eps'] for record in result.records)
            if alpha * steps < eps:
                notes.append(
                    f'{row.label}: {steps} steps of alpha {alpha:.4g} move '
                    f'{alpha * steps:.4g} at most in a ball of radius '
                    f'{eps:.4g}; alpha of an l2 attack is a length, eps / 4 '
                    'where it is left out.')
    return list(dict.fromkeys(notes))
