"""Self-checks: is the evaluation itself to be believed?

Some compare rows, others probe the model on a few images: noise, a huge
eps, its gradient, attacks of another kind. Each gives passed or failed, and
says what it found and what to do next.
"""
from typing import List, Tuple

from . import attack_checks, model_checks, row_checks
from .evidence import SLACK, Check, Evidence, aacc

__all__ = ['SLACK', 'Checker', 'aacc']

OF_ROWS = (row_checks.in_the_ball, row_checks.no_nan, row_checks.more_steps,
           row_checks.apgd)
OF_MODEL = (model_checks.gradient_there, model_checks.loss_follows,
            model_checks.something_to_climb, model_checks.real_logits,
            model_checks.one_answer)
OF_PROBES = (attack_checks.huge_eps, attack_checks.noise, *OF_MODEL,
             attack_checks.white_box, attack_checks.gradient_free,
             attack_checks.scale_free)
# They say nothing about the gradients of the model.
NO_DOUBT: Tuple[str, ...] = ('in the ball', 'no NaN')


class Checker(Evidence):
    """Turns rows and probes into checks; its arguments are those of
    :class:`Evidence`."""

    def checks(self) -> List[Check]:
        """All checks that apply, in the order of the report."""
        kinds = OF_ROWS + (OF_PROBES if self.is_probed else ())
        found = [kind(self) for kind in kinds]
        return [check for check in found if check is not None]

    def doubts(self) -> bool:
        """Whether a check asks for attacks of another kind."""
        return any(not check['passed'] and check['name'] not in NO_DOUBT
                   for check in self.checks())
