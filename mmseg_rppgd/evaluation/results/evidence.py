"""What the self-checks look at: rows, and probes on a few images."""
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ...metrics import accuracy
from ..plan.rows import Row, ball_of
from ..run.probes import GRADIENT, NO_PROBES, Probes
from .results import CleanResult, ImageResults, Record, RowResult, stack_counts

SLACK = 0.5  # points of aAcc that chance may move

Check = Dict[str, Any]  # name, passed, detail


class Evidence:
    """Rows and probes, and what they leave on which images.

    Args:
        rows (Sequence[RowResult]): Rows of the report.
        probes (Probes, optional): The probes; None if none were run.
        records (dict): Records of the probes by key.
        surface (str): ``'whole'``, ``'slide'`` or ``'crop'``.
        transfer (bool): Whether the rows are attacks from a surrogate.
        num_classes (int): Classes of the data set.
        clean (CleanResult, optional): The clean images. Defaults to None.
    """

    def __init__(self, rows: Sequence[RowResult], probes: Optional[Probes],
                 records: Dict[str, List[Record]], surface: str,
                 transfer: bool, num_classes: int,
                 clean: Optional[CleanResult] = None) -> None:
        self.rows = rows
        self.is_probed = probes is not None
        self.probes = NO_PROBES if probes is None else probes
        self.records = records
        self.surface = surface
        self.transfer = transfer
        self.num_classes = num_classes
        self.clean = clean

    @property
    def seen(self) -> List[Dict[str, Any]]:
        """list[dict]: What was measured at each probed image."""
        return [seen for record in self.records[GRADIENT]
                for seen in record['seen']]

    @property
    def points(self) -> List[List[Dict[str, Any]]]:
        """list[list[dict]]: The same, of the images and of noisy ones."""
        return [list(column) for column in zip(
            *(seen['points'] for seen in self.seen))]

    def strongest(self, wanted: Callable[[Row], bool]
                  ) -> Dict[Tuple, RowResult]:
        """The strongest of the wanted rows, by ball."""
        best: Dict[Tuple, RowResult] = {}
        for result in self.rows:
            ball = ball_of(result.row)
            if wanted(result.row) and (ball not in best or aacc(result) <
                                       aacc(best[ball])):
                best[ball] = result
        return best

    def white_box(self) -> List[Tuple[Row, float]]:
        """White-box attacks, and the aAcc they leave on probed images."""
        if self.transfer:
            return [(row, self.probe_aacc(row))
                    for row in self.probes.white_box]
        return [(r.row, self.on_probed(r)) for r in self.rows]

    def strongest_white_box(self) -> Dict[Tuple, Tuple[Row, float]]:
        """The white-box attack that leaves least, by ball."""
        best: Dict[Tuple, Tuple[Row, float]] = {}
        for row, left in self.white_box():
            ball = ball_of(row)
            if ball not in best or left < best[ball][1]:
                best[ball] = row, left
        return best

    def probe_aacc(self, row: Row) -> float:
        """The aAcc that a probe leaves."""
        return aacc_of(self.records[row.key], self.num_classes)

    def on_probed(self, result: RowResult) -> float:
        """The aAcc of a row on the images that were probed."""
        probed = {r['index'] for r in self.records[GRADIENT]}
        return aacc_of([r for r in result.records if r['index'] in probed],
                       result.num_classes)


def aacc(result: ImageResults) -> float:
    """The aAcc of a row; 100 if no pixel is labelled."""
    return aacc_of(result.records, result.num_classes)


def aacc_of(records: Sequence[Record], num_classes: int) -> float:
    """The aAcc of records; 100 if no pixel is labelled."""
    value = accuracy(stack_counts(records, num_classes).sum(axis=0))
    return float(np.nan_to_num(value, nan=100.))


def make_check(name: str, passed: bool, detail: str) -> Check:
    """One check, as results.json has it.

    Args:
        name (str): For programs; it stays the same.
        passed (bool): Whether all is well.
        detail (str): For people: what was found, and what to do next.
    """
    return {'name': name, 'passed': bool(passed), 'detail': detail}
