"""evaluate(): a model, its images and attacks -> results and a report.

.. code:: text

 evaluate(): plan -> jobs -> records -> results -> report
 Worker.do(job): images left to do, shared among the processes
 job(samples): attack -> predict -> count; stored at once
"""
import os.path as osp
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

import torch
from mmengine.dist import barrier, broadcast_object_list, get_dist_info

from .. import __version__
from ..metrics import compute_metrics
from .plan.rows import AttackRun, Row, group_rows
from .plan.suites import Plan, make_plan
from .report.report import Report
from .report.screen import Screen, short_line
from .results.checks import Checker
from .results.environment import describe_environment
from .results.results import RowResult, build_results
from .results.searches import build_minimal
from .results.transfer import build_matrix, matrix_check, model_names
from .run.images import AdversaryCache, ExampleStore, spread
from .run.jobs import (AttackJob, CleanJob, GradientJob, Job, SearchJob,
                       matrix_key)
from .run.models import TestedModel
from .run.probes import choose_probes
from .run.store import ImageStore, Record
from .run.worker import Worker

# Attacked together on a GPU, unless the caller says otherwise; where they do
# not fit, the batch is halved.
GPU_BATCH = 8


def evaluate(model: TestedModel,
             loader: Any,
             suite: Union[None, str, Dict[str, Any]] = None,
             attacks: Sequence[Union[str, Dict[str, Any]]] = (),
             eps: Sequence[Any] = (),
             steps: Sequence[int] = (),
             minimal: Sequence[Union[str, Dict[str, Any]]] = (),
             *,
             out_dir: Optional[str] = None,
             surrogate: Optional[TestedModel] = None,
             others: Sequence[TestedModel] = (),
             seed: int = 0,
             limit: Optional[int] = None,
             batch_size: Optional[int] = 1,
             resume: bool = False,
             panels: int = 4,
             probes: int = 4,
             cache: Optional[str] = None,
             before: Optional[Callable] = None,
             after: Optional[Callable] = None,
             visualizer: Any = None,
             quiet: bool = False) -> Dict[str, Any]:
    """Test a model on clean images and under attacks.

    Every image is attacked with noise that depends on nothing but the seed,
    the attack and the image: any number of processes, any batch size, and a
    run that was interrupted and resumed, give the same numbers.

    Args:
        model (TestedModel): The model under test: ``TestedModel(network,
            classes)``, or that of ``load_model(config, checkpoint)``.
        loader (DataLoader | Dataset): Its images, of a map-style data set:
            items (image, labels), or those of an MMSeg test loader.
        suite (str | dict, optional): Name or file of a suite, or the suite.
            Defaults to None, 'quick' if there are no attacks either.
        attacks (sequence): Attacks, as ``'PGD'``, ``'BIM(norm=l2)'`` or
            configs. Rows are attacks x eps x steps.
        eps (sequence): Radii in units of the [0, 1] pixel range. Defaults to
            those of the suite or attack.
        steps (sequence): Numbers of steps, likewise.
        minimal (sequence): Searches for the smallest perturbation.
        out_dir (str, optional): Folder of the report. Defaults to None:
            nothing is written.
        surrogate (TestedModel, optional): Model on which adversarial images
            are made. Defaults to None, the tested one.
        others (Sequence[TestedModel]): Further models of a transfer matrix.
        seed (int): Seed of all noise. Defaults to 0.
        limit (int, optional): Number of images, the first of the data set.
            Defaults to None, all.
        batch_size (int, optional): Most images of one size that are attacked
            together. None chooses: 1 on a CPU, 8 on a GPU. Defaults to 1.
        resume (bool): Whether to continue an interrupted test in ``out_dir``.
        panels (int): Number of images to draw. Defaults to 4.
        probes (int): Number of images for the self-checks that need attacks
            of their own; none are made if 0. Defaults to 4.
        cache (str, optional): Folder of adversarial images made on other
            models. Defaults to None, ``adversaries`` in ``out_dir``.
        before (callable, optional): ``before(sample)`` of each clean image.
        after (callable, optional): ``after(sample, outputs)``, likewise.
        visualizer (Visualizer, optional): mmengine's, to show results too.
        quiet (bool): Whether to show nothing while at work.

    Returns:
        dict: The content of results.json.

    Raises:
        KeyError: If an attack is unknown.
        TypeError: If an option of an attack, or a sample, has a wrong type.
        ValueError: If an argument is out of range, the models have other
            classes, or a resumed test had other settings.

    Example:
        >>> model, loader = load_model('pspnet.py', 'iter.pth')
        >>> results = evaluate(model, loader, suite='reliable', out_dir='x')
    """
    check_numbers(seed=seed, limit=limit, batch_size=batch_size,
                  panels=panels, probes=probes)
    if not isinstance(model, TestedModel):
        raise TypeError(
            'model must be a TestedModel, such as TestedModel(network, '
            'classes=[...]) or that of load_model(config, checkpoint), but '
            f'got {type(model).__name__}')
    if resume and out_dir is None:
        raise ValueError('resume needs out_dir, the folder of the report '
                         'that is to be continued')
    plan = make_plan(suite, attacks, eps, steps, minimal,
                     lambda: model.class_counts(out_dir))
    test = _Test(plan, model, loader, out_dir, surrogate, list(others), seed,
                 limit, batch_size, panels, probes, cache, quiet)
    with model.evaluating():
        return test.run(resume, before, after, visualizer)


def check_numbers(**numbers: Any) -> None:
    """Check the arguments of a test that are whole numbers."""
    least = dict(limit=1, batch_size=1)
    for name, value in numbers.items():
        if value is None and name in least:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f'{name} must be a whole number, but got '
                            f'{value!r}')
        if value < least.get(name, 0):
            raise ValueError(f'{name} must be >= {least.get(name, 0)}, but '
                             f'got {value}')
        if name == 'seed' and value >= 2**32:
            raise ValueError(f'seed must be less than 2**32, but got {value}')


class _Test:
    """One evaluation; the arguments are those of :func:`evaluate`."""

    def __init__(self, plan: Plan, model: TestedModel, loader: Any,
                 out_dir: Optional[str], surrogate: Optional[TestedModel],
                 others: List[TestedModel], seed: int, limit: Optional[int],
                 batch_size: Optional[int], panels: int, probes: int,
                 cache: Optional[str], quiet: bool) -> None:
        self.plan = plan
        self.rows = plan.rows
        self.model = model
        self.out_dir = out_dir
        self.surrogate = surrogate
        self.source = surrogate or model
        self.seed = seed
        self.cache = cache
        if cache is None and out_dir is not None:
            self.cache = osp.join(out_dir, 'adversaries')
        check_models(model, surrogate, others, bool(plan.minimal))
        dataset = getattr(loader, 'dataset', loader)
        if not (hasattr(dataset, '__len__')
                and hasattr(dataset, '__getitem__')):
            raise TypeError(
                'loader must have a data set whose samples can be asked for '
                'by index (with __len__ and __getitem__), but got '
                f'{type(dataset).__name__}; list its samples')
        self.dataset = type(dataset).__name__
        self.indices = list(range(len(dataset)))[:limit]
        if not self.indices:
            raise ValueError('the test set has no images; check data_root '
                             'and data_prefix of test_dataloader.dataset')
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

    @property
    def settings(self) -> Dict[str, Any]:
        """dict: All that decides the numbers, to be compared on resume."""
        model, others = self.model, list(self.targets.values())[1:]
        return dict(
            model.resume_settings, version=__version__,
            torch=torch.__version__, seed=self.seed,
            images=len(self.indices), probed_images=len(self.probed),
            surface=self.source.surface, model=model.settings,
            surrogate=self.surrogate and self.surrogate.settings,
            matrix=[other.settings for other in others],
            surfaces={name: other.surface for name, other in
                      self.targets.items()},
            ignore_index=model.ignore_index, fp16=model.fp16,
            rows={row.label: row.settings for row in self.rows},
            keys=[row.key for row in self.rows],
            minimal=[row.settings for row in self.plan.minimal])

    def run(self, resume: bool, before: Optional[Callable],
            after: Optional[Callable], visualizer: Any) -> Dict[str, Any]:
        """Do everything, and return the content of results.json."""
        self._start(resume)
        clean = CleanJob(self.model, before=before, after=after,
                         keep=self.examples.keep)
        attacks, matrix_jobs = self._attack_jobs(), self._matrix_jobs()
        searches = [SearchJob(row, self.model) for row in self.plan.minimal]
        probes, probe_jobs = None, []
        if self.probed and (self.rows or self.plan.minimal):
            probes = choose_probes(self.rows, self.surrogate is not None)
            probe_jobs = [
                AttackJob(AttackRun([row]), self.model, {'': self.model},
                          self.seed) for row in probes.rows]
            probe_jobs.append(GradientJob(self.model))
        with self.screen:
            self.screen.plan(
                (self._cost([clean, *attacks, *searches, *matrix_jobs]) *
                 len(self.indices) + self._cost(probe_jobs) *
                 len(self.probed)) / self.worker.world_size)
            done = {'clean': self._done(None, self.worker.do(clean)[0])}
            found: Dict[str, List[Record]] = {}
            for job in attacks:
                for row, records in zip(job.run.rows, self.worker.do(job)):
                    done[row.key] = self._done(row, records)
                    found[row.key] = records
            probed = {job.keys[0]: self.worker.do(job, self.probed)[0]
                      for job in probe_jobs}
            searched = [self.worker.do(job)[0] for job in searches]
            for job in matrix_jobs:
                found.update(zip(job.keys, self.worker.do(job)))
        matrix = self._matrix(found) if len(self.targets) > 1 else None
        attacked = [done[row.key] for row in self.rows]
        checks = Checker(attacked, probes, probed, self.source.surface,
                         self.surrogate is not None,
                         len(self.model.classes)).checks()
        if attacked and matrix:
            checks.append(matrix_check(matrix))
        results = build_results(
            model=self.model.info,
            dataset=dict(type=self.dataset, num_images=len(self.indices),
                         classes=self.model.classes),
            environment=describe_environment(self.seed, self.model.device),
            surface=self.source.surface,
            surrogate=self.surrogate and self.surrogate.info,
            clean=done['clean'], attacks=attacked, checks=checks,
            seed=self.seed)
        minimal = None
        if searched:
            minimal = build_minimal(self.plan.minimal, searched)
        notes = self._notes()
        if self.rank == 0 and self.out_dir is not None:
            Report(results, done['clean'], attacked, self.examples,
                   self.model.palette, minimal, matrix, notes
                   ).write(self.out_dir, visualizer)
        barrier()
        self.screen.show(results, self.out_dir, notes, matrix, minimal)
        return results

    def _start(self, resume: bool) -> None:
        """Let the first process prepare the store; all learn if it fails."""
        outcome: List[Any] = [None]
        if self.rank == 0:
            try:
                self.store.start(self.settings, resume)
            except Exception as error:  # whatever it is, all must stop
                outcome = [error]
        broadcast_object_list(outcome)
        if outcome[0] is not None:
            raise outcome[0]
        crop = self.source.surface == 'crop'
        if crop:
            self.screen.say(
                "surface 'crop' attacks every window by itself: overlapping "
                'windows disagree, so this is not one adversarial image, and '
                'the numbers compare with DDC-AT and RP-PGD alone.', 'yellow')
        if any(row.trace for row in self.rows) and (
                crop or self.surrogate is not None):
            self.screen.say('There are no curves over the steps: windows of '
                            'their own, and images of a surrogate, are not '
                            'measured between the steps.', 'yellow')

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
                          self.examples.keep, cache) for run in runs]

    def _matrix_jobs(self) -> List[Job]:
        """Jobs that give the matrix alone."""
        if len(self.targets) == 1:
            return []
        jobs: List[Job] = [
            CleanJob(model, f'matrix-clean-{name}')
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
            source.surface, self.seed)

    def _matrix(self, found: Dict[str, List[Record]]) -> Dict[str, Any]:
        own = next(iter(self.targets))
        return build_matrix(
            {name: dict(model.info, surface=model.surface)
             for name, model in self.targets.items()},
            self.rows,
            {name: found[f'matrix-clean-{name}'] for name in self.targets},
            {(row.key, name): found[
                row.key if name == own and self.surrogate is None else
                matrix_key(row, name)]
             for row in self.rows for name in self.targets},
            self.model.classes)

    @staticmethod
    def _cost(jobs: Sequence[Job]) -> float:
        return sum(job.cost for job in jobs)

    def _done(self, row: Optional[Row], records: List[Record]) -> RowResult:
        """Take in a row that is done, and say so."""
        result = RowResult(row, records, len(self.model.classes))
        metrics = compute_metrics(result.counts, self.model.classes)
        seconds = sum(r.get('seconds', 0) for r in records)
        self.screen.say(
            short_line(row.label if row else 'clean', metrics, seconds))
        return result

    def _notes(self) -> List[str]:
        size = self.worker.batch_size
        return [] if size == 1 else [
            f'Images of one size were attacked together, {size} at most.']


def check_models(model: TestedModel, surrogate: Optional[TestedModel],
                 others: Sequence[TestedModel], searches: bool) -> None:
    """Refuse models that cannot be tested together, or not in this way."""
    everyone = [*([surrogate] if surrogate else []), *others]
    for name, other in [('surrogate', surrogate)] * bool(surrogate) + [
            ('others', other) for other in others]:
        if not isinstance(other, TestedModel):
            raise TypeError(f'{name} must be a TestedModel, but got '
                            f'{type(other).__name__}')
    for other in everyone:
        ours, theirs = ([m.num_logits or len(m.classes)] for m in
                        (model, other))
        if ours != theirs:
            raise ValueError(
                f'{other.info["config"]} must have the {ours[0]} classes of '
                'the tested model for a transfer attack, but has '
                f'{theirs[0]}')
    if 'crop' in [m.surface for m in (model, *everyone)]:
        if everyone:
            raise ValueError(
                "surface 'crop' cannot go with a surrogate or a matrix: it "
                'attacks every window by itself and so makes no adversarial '
                "image that another model could be shown; take 'slide' or "
                "'whole', or leave --surface out")
        if searches:
            raise ValueError(
                "surface 'crop' makes no adversarial image whose distance "
                'could be searched for; leave out --minimal, or take '
                "'slide' or 'whole'")
