"""The self-checks of one evaluation: probes, more probes, checks."""
from typing import Any, Dict, List, Sequence

from .plan.rows import Row
from .plan.runs import AttackRun
from .results.checks import Checker
from .results.results import CleanResult, RowResult
from .run.attack_job import AttackJob
from .run.jobs import GradientJob, Job
from .run.models import TestedModel
from .run.probes import choose_probes, follow_up
from .run.store import Record
from .run.worker import Worker


class SelfChecks:
    """Runs what the self-checks need.

    Args:
        worker (Worker): Does the work.
        model (TestedModel): The tested model.
        rows (Sequence[Row]): Rows of the report.
        surface (str): Where they attack: 'whole', 'slide' or 'crop'.
        transfer (bool): Whether they are attacks from a surrogate.
        probe (bool): Whether to probe the model, rather than compare the
            rows alone.
    """

    def __init__(self, worker: Worker, model: TestedModel,
                 rows: Sequence[Row], surface: str, transfer: bool,
                 probe: bool) -> None:
        self.worker = worker
        self.model = model
        self.rows = rows
        self.surface = surface
        self.transfer = transfer
        self.probes = choose_probes(rows, transfer) if probe else None

    def run(self, indices: Sequence[int], clean: CleanResult,
            attacked: Sequence[RowResult]) -> List[Dict[str, Any]]:
        """Probe images; where a check then fails, try other attacks.

        Args:
            indices (Sequence[int]): The images to probe.
            clean (CleanResult): The clean images.
            attacked (Sequence[RowResult]): What the rows gave.
        """
        records = self._do(self.jobs(), indices)
        checker = self._checker(records, clean, attacked)
        if self.probes is not None and checker.doubts():
            self.probes = follow_up(self.probes, self.rows)
            jobs = [self._job(row) for row in self.probes.scale_free]
            self.worker.screen.more(
                sum(job.cost for job in jobs) * len(indices) /
                self.worker.world_size)
            records.update(self._do(jobs, indices))
            checker = self._checker(records, clean, attacked)
        return checker.checks()

    def jobs(self) -> List[Job]:
        """What is done on the probed images in any case."""
        if self.probes is None:
            return []
        return [*map(self._job, self.probes.rows), GradientJob(self.model)]

    def _job(self, row: Row) -> Job:
        """A row of the checks is a white-box attack on the tested model."""
        return AttackJob(AttackRun([row]), self.model, {'': self.model},
                         self.worker.seed)

    def _do(self, jobs: Sequence[Job],
            indices: Sequence[int]) -> Dict[str, List[Record]]:
        """Do jobs on images, and return the records by key."""
        return {job.keys[0]: self.worker.do(job, indices)[0] for job in jobs}

    def _checker(self, records: Dict[str, List[Record]], clean: CleanResult,
                 attacked: Sequence[RowResult]) -> Checker:
        return Checker(attacked, self.probes, records, self.surface,
                       self.transfer, len(self.model.classes), clean)
