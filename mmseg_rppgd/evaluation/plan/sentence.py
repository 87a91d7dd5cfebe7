"""What a test is going to do, in a sentence."""
from typing import Sequence

from ...words import counted
from .rows import Row
from .suites import Plan


def plan_sentence(plan: Plan, images: int, probed: int, models: int,
                  processes: int, cost: float, cost_left: float) -> str:
    """Say what is planned before anything is done.

    Args:
        plan (Plan): What is tested.
        images (int): Number of images.
        probed (int): Number of those for self-checks with attacks of their
            own.
        models (int): Number of models of a transfer matrix; 1 is none.
        processes (int): How many share the work.
        cost (float): All of it, in attack steps x images.
        cost_left (float): What of it was not done by an earlier run.
    """
    parts = [f'{counted(len(plan.rows) + 1, "row")} ({_rows(plan.rows)}) x '
             f'{counted(images, "image")}']
    if plan.minimal:
        parts.append(counted(len(plan.minimal), 'search', 'searches')
                     + ' for the smallest perturbation')
    if models > 1:
        parts.append(f'a transfer matrix of {models} models')
    if probed:
        parts.append('self-checks that attack '
                     + counted(probed, 'image'))
    sentence = (f'Plan: {", ".join(parts)}. That is {cost:,.0f} attack steps '
                'x images')
    if cost_left < cost:
        sentence += (f', {cost_left:,.0f} of them left to do' if cost_left > 0
                     else ', and all of it is done already')
    if processes > 1:
        sentence += f', shared by {processes} processes'
    if cost_left > 0 and (plan.rows or plan.minimal):
        sentence += ('; how long they take is said when the first images '
                     'have been attacked')
    return sentence + '.'


def _rows(rows: Sequence[Row]) -> str:
    return 'clean' + (f' and {counted(len(rows), "attack")}' if rows else '')
