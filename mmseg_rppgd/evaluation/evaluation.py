"""What :func:`evaluate` does, step by step.

.. code:: text

 run(): clean row -> attacks -> probes -> more probes if a check fails
        -> searches -> matrix -> results
 Worker.do(job): images left to do, shared among the processes
 job(samples): attack -> predict -> count; stored at once
"""
import os.path as osp
import sys
from typing import Any, Callable, Dict, List, Optional, Sequence

import torch
from mmengine.dist import barrier, get_dist_info

from .. import __version__
from ..metrics import compute_metrics
from .plan.runs import AttackRun, group_rows
from .plan.sentence import plan_sentence
from .plan.suites import Plan
from .report.report import Report
from .report.screen import Screen, short_line
from .results.doubts import doubts
from .results.environment import describe_environment, mask_secrets
from .results.results import (CleanResult, ImageResults, RowResult,
                              build_results)
from .results.searches import build_minimal
from .results.transfer import build_matrix, matrix_check, model_names
from .run.attack_job import AttackJob, matrix_clean_key, matrix_key
from .run.bad_data import BadSample, data_set_of
from .run.images import AdversaryCache, ExampleStore, spread
from .run.jobs import CleanJob, Job, SearchJob
from .run.models import TestedModel
from .run.processes import on_first
from .run.saved import saving
from .run.start import (report_skipped, say_interrupted, say_limits, say_size,
                        start)
from .run.store import ImageStore, Record
from .run.worker import Worker
from .self_checks import SelfChecks

# Attacked together on a GPU, unless the caller says otherwise; where they do
# not fit, the batch is halved.
GPU_BATCH = 8


class Evaluation:
    """One evaluation.

    Args:
        plan (Plan): What is tested.
        notes (Sequence[str]): Sentences for the report.
        others: The arguments of :func:`evaluate`.
    """

    def __init__(self, plan: Plan, model: TestedModel, loader: Any,
                 out_dir: Optional[str], surrogate: Optional[TestedModel],
                 others: List[TestedModel], seed: int, limit: Optional[int],
                 batch_size: Optional[int], panels: int, probes: int,
                 cache: Optional[str], save_adv: Optional[str],
                 skip_bad: bool, quiet: bool,
                 notes: Sequence[str] = ()) -> None:
        self.plan = plan
        self.rows = plan.rows
        self.model = model
        self.out_dir = out_dir
        self.surrogate = surrogate
        self.source = surrogate or model
        self.seed = seed
        self.notes = list(notes)
        self.skip_bad = skip_bad
        self.cache = cache
        if cache is None and out_dir is not None:
            self.cache = osp.join(out_dir, 'adversaries')
        dataset = data_set_of(loader)
        self.dataset = type(dataset).__name__
        self.available = len(dataset)
        self.indices: Sequence[int] = range(self.available)[:limit]
        self.probes = probes
        self.probed = list(spread(self.indices, probes))
        self.targets = {'': model}
        if others:
            everyone = [model, *others]
            self.targets = dict(zip(
                model_names([m.info for m in everyone]), everyone))
        rank, world_size = get_dist_info()
        self.rank = rank
        self.store = ImageStore(
            out_dir and osp.join(out_dir, 'per_image'), rank)
        self.examples = ExampleStore(
            out_dir and osp.join(out_dir, 'examples'),
            spread(self.indices, panels))
        self.screen = Screen(quiet=quiet or rank > 0)
        if batch_size is None:
            batch_size = GPU_BATCH if model.device.type == 'cuda' else 1
        self.worker = Worker(
            model, loader, self.indices, self.store, self.screen, seed,
            batch_size, rank, world_size)

        self.saved = saving(save_adv, plan, model, surrogate, self.dataset,
                            seed)

    @property
    def settings(self) -> Dict[str, Any]:
        """dict: All that decides the numbers, to be compared on resume."""
        model, others = self.model, list(self.targets.values())[1:]
        return dict(
            model.resume_settings, version=__version__,
            torch=torch.__version__, seed=self.seed,
            images=len(self.indices), available=self.available,
            probed_images=len(self.probed),
            surface=self.source.surface, model=model.settings,
            surrogate=self.surrogate and self.surrogate.settings,
            matrix=[other.settings for other in others],
            surfaces={name: other.surface for name, other in
                      self.targets.items()},
            ignore_index=model.ignore_index, fp16=model.fp16,
            source_code={row.label: row.code for row in (
                *self.rows, *self.plan.minimal) if row.code is not None},
            rows={row.label: row.settings for row in self.rows},
            keys=[row.key for row in self.rows],
            minimal=[row.settings for row in self.plan.minimal])

    def run(self, resume: bool, before: Optional[Callable],
            after: Optional[Callable], visualizer: Any) -> Dict[str, Any]:
        """Do everything, and return the content of results.json."""
        try:
            return self._run(resume, before, after, visualizer)
        except KeyboardInterrupt:
            say_interrupted(self.worker, self.screen)
            raise

    def _run(self, resume: bool, before: Optional[Callable],
             after: Optional[Callable], visualizer: Any) -> Dict[str, Any]:
        start(self.worker, self.examples, lambda: self.settings, resume,
              self.saved)
        say_limits(self.screen, self.rows, self.source.surface,
                   self.surrogate is not None)
        clean_job = CleanJob(self.model, before=before, after=after,
                             keep=self.examples.keep)
        attacks, matrix_jobs = self._attack_jobs(), self._matrix_jobs()
        searches = [SearchJob(row, self.model, self.saved)
                    for row in self.plan.minimal]
        self_checks = SelfChecks(
            self.worker, self.model, self.rows, self.source.surface,
            transfer=self.surrogate is not None,
            probe=bool(self.probed and (self.rows or self.plan.minimal)))
        with self.screen:
            self._say_plan([clean_job, *attacks, *searches, *matrix_jobs],
                           self_checks.jobs())
            records, bad = self.worker.screen_out(clean_job, self.skip_bad)
            self._leave_out(bad)
            if self.saved is not None:
                say_size(self.worker, self.saved)
            num_classes = len(self.model.classes)
            clean = CleanResult(records, num_classes)
            self._say_done('clean', clean)
            done: Dict[str, RowResult] = {}
            found: Dict[str, List[Record]] = {}
            for attack in attacks:
                for row, records in zip(attack.run.rows,
                                        self.worker.do(attack)):
                    done[row.key] = RowResult(row, records, num_classes)
                    found[row.key] = records
                    self._say_done(row.label, done[row.key])
            attacked = [done[row.key] for row in self.rows]
            checks = self_checks.run(self.probed, clean, attacked)
            searched = [self.worker.do(search)[0] for search in searches]
            if self.saved is not None:
                self.saved.finish({**found, **dict(zip(
                    (row.search_key for row in self.plan.minimal),
                    searched))})
            for job in matrix_jobs:
                found.update(zip(job.keys, self.worker.do(job)))
        matrix = self._matrix(found) if len(self.targets) > 1 else None
        if attacked and matrix:
            checks.append(matrix_check(matrix))
        results = build_results(
            model=self.model.info,
            dataset=dict(type=self.dataset, num_images=len(self.indices),
                         classes=self.model.classes),
            environment=describe_environment(self.seed, self.model.device),
            surface=self.source.surface,
            surrogate=None if self.surrogate is None else self.surrogate.info,
            clean=clean, attacks=attacked, checks=checks, seed=self.seed)
        minimal = None
        if searched:
            minimal = build_minimal(self.plan.minimal, searched)
        notes = self._notes() + doubts(results, attacked)
        out_dir = self.out_dir
        if out_dir is not None:
            palette = self.model.palette
            report = Report(results, clean, attacked, self.examples,
                            () if palette is None else palette, minimal,
                            matrix, notes, self.available)
            on_first(lambda: report.write(out_dir, visualizer))
        barrier()
        self.screen.show(results, out_dir, notes, matrix, minimal)
        return results

    def _say_plan(self, jobs: Sequence[Job], probes: Sequence[Job]) -> None:
        """Say what is going to be done, and how much that is."""
        work = [(job, self.indices) for job in jobs] + [
            (job, self.probed) for job in probes]
        left = sum(job.cost * self.worker.left(job, indices)
                   for job, indices in work)
        processes = self.worker.world_size
        self.screen.plan(
            left / processes,
            plan_sentence(
                self.plan, len(self.indices), len(self.probed) if probes else
                0, len(self.targets), processes,
                sum(job.cost * len(indices) for job, indices in work), left),
            len(self.rows) + 1, processes)

    def _leave_out(self, bad: List[BadSample]) -> None:
        """Go on without images that cannot be tested."""
        self.indices = self.worker.indices
        self.probed = list(spread(self.indices, self.probes))
        left = set(self.examples.indices).intersection(self.indices)
        self.examples.indices = sorted(left)
        self.notes += report_skipped(self.store.folder, bad)

    def _attack_jobs(self) -> List[AttackJob]:
        """Jobs that give the rows of the report."""
        runs = group_rows(self.rows)
        if self.source.surface == 'crop':  # windows have no common iterate
            runs = [AttackRun([row]) for row in self.rows]
        transfer = self.surrogate is not None
        # With no surrogate the rows are a column of the matrix already.
        targets = {'': self.model} if transfer else self.targets
        cache = None
        if transfer or len(targets) > 1:
            cache = self._cache(self.source)
        return [AttackJob(run, self.source, targets, self.seed,
                          self.examples.keep, cache, saved=self.saved)
                for run in runs]

    def _matrix_jobs(self) -> List[Job]:
        """Jobs that give the matrix alone."""
        if len(self.targets) == 1:
            return []
        jobs: List[Job] = [
            CleanJob(model, matrix_clean_key(name))
            for name, model in self.targets.items()]
        return jobs + [
            AttackJob(run, source, self.targets, self.seed,
                      cache=self._cache(source), name=name)
            for run in group_rows(self.rows)
            for name, source in self.targets.items()
            if self.surrogate is not None or source is not self.model]

    def _cache(self, source: TestedModel) -> Optional[AdversaryCache]:
        if self.cache is None:
            return None
        return AdversaryCache(
            self.cache, dict(source.settings, fp16=source.fp16),
            source.surface, self.seed,
            lambda text: self.screen.say(text, 'yellow'))

    def _matrix(self, found: Dict[str, List[Record]]) -> Dict[str, Any]:
        own = next(iter(self.targets))
        return build_matrix(
            {name: dict(model.info, surface=model.surface)
             for name, model in self.targets.items()},
            self.rows,
            {name: found[matrix_clean_key(name)] for name in self.targets},
            {(row.key, name): found[
                row.key if name == own and self.surrogate is None else
                matrix_key(row, name)]
             for row in self.rows for name in self.targets},
            self.model.classes)

    def _say_done(self, label: str, result: ImageResults) -> None:
        """Say what the clean images, or those of a row, have given."""
        metrics = compute_metrics(result.counts, self.model.classes)
        seconds = [r['seconds'] for r in result.records if 'seconds' in r]
        self.screen.row(short_line(label, metrics,
                                   sum(seconds) if seconds else None))

    def _notes(self) -> List[str]:
        size = self.worker.batch_size
        together = [] if size == 1 else [
            f'Images of one size were attacked together, {size} at most.']
        masked = ['The command is shown with *** in the place of values '
                  'whose names look like secrets.'] if (
                      mask_secrets(sys.argv) != sys.argv) else []
        return self.notes + together + masked
