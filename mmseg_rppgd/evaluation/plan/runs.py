"""The attack runs that give the rows of a robustness test.

Rows that differ in the number of steps alone are read off one run where the
attack does not plan with the number of steps, so that a curve costs one run.
"""
from dataclasses import dataclass, field
from typing import Dict, List, Sequence

import torch

from ..files import digest
from .rows import Row


@dataclass
class AttackRun:
    """One run of an attack and the rows that are read off it.

    Args:
        rows (list[Row]): Alike but for the steps; the last has the most.
    """
    rows: List[Row] = field(default_factory=list)

    @property
    def longest(self) -> Row:
        """Row: The row whose attack is run."""
        return self.rows[-1]

    def generator(self, seed: int, index: int) -> torch.Generator:
        """Source of noise for one image.

        It depends on the seed, the attack (but not on its number of steps:
        rows that differ in that start alike) and the index in the data set,
        and so not on batch, rank, order or resume. Restart r + 1 draws where
        restart r stopped, so more restarts never lose one. It lives on the
        CPU, whose numbers are the same on every device.
        """
        settings = self.longest.settings
        settings['attack'] = {
            k: v for k, v in settings['attack'].items() if k != 'steps'}
        del settings['trace'], settings['name']
        number = int(digest([seed, settings, index])[:15], 16)
        return torch.Generator().manual_seed(number)


def group_rows(rows: Sequence[Row]) -> List[AttackRun]:
    """Collect rows into the runs that give them, in the order of the rows."""
    runs: List[AttackRun] = []
    shared: Dict[str, AttackRun] = {}
    for row in rows:
        if not row.can_share:
            runs.append(AttackRun([row]))
            continue
        key = row.alike
        if key not in shared:
            shared[key] = AttackRun()
            runs.append(shared[key])
        shared[key].rows.append(row)
    for run in runs:
        run.rows.sort(key=lambda row: row.steps or 0)
    return runs
