"""The test loop that measures robustness instead of clean accuracy alone."""
import os.path as osp
from typing import Any, Dict, Iterator, List, Optional, Sequence

import torch
from mmengine.dist import (all_gather_object, barrier, broadcast_object_list,
                           get_dist_info)
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.utils.data import DataLoader, Subset

from .. import __version__
from ..pixel_model import PixelModel, unwrap_segmentor
from ..windows import check_windows
from .results.checks import Checker, Probes, make_probes
from .report.screen import Screen, short_line
from .results.environment import describe_environment
from .run.examples import ExampleStore, spread
from .run.jobs import AttackJob, CleanJob, Predictor, Sample
from ..metrics import compute_metrics
from .results.searches import MinimalJob, build_minimal
from .report.report import Report
from .results.results import Record, RowResult, build_results, worst_balls
from .plan.rows import AttackRun, Row, group_rows
from .run.store import ImageStore
from .plan.suites import Plan
from .results.transfer import (MatrixJob, OtherModel, Source, TransferJob,
                       build_matrix, matrix_check, model_names, surface_of)

# An image is decoded far faster than it is attacked.
MAX_WORKERS = 2


class RobustTestLoop(BaseLoop):
    """Test a segmentor clean and under attacks, and write the report.

    .. code:: text

     run(): clean row -> runs of attacks -> probes -> results, report
     _do(job): images left to do, shared among the processes
     job(sample): attack -> predict -> count; stored at once

    Hooks see the clean images as in mmseg's own test. Every image is
    attacked by itself, with noise that depends on nothing but the seed, the
    attack and the image: any number of processes, and a run that was
    interrupted and resumed, give the same numbers.

    Args:
        runner (Runner): Holds the model, loaded before :meth:`run`.
        dataloader (DataLoader | dict): The test loader.
        plan (Plan): Attacks of the report.
        out_dir (str): Where the report goes.
        model_info (dict): ``config``, ``checkpoint`` and ``sha256``.
        settings (dict, optional): What else decides the numbers, to be
            compared when resuming. Defaults to None.
        seed (int): Seed of all noise. Defaults to 0.
        limit (int, optional): Number of images, the first of the data set.
            Defaults to None, all.
        resume (bool): Whether to continue an interrupted test. Defaults to
            False.
        surface (str, optional): ``'whole'``, ``'slide'`` or ``'crop'``.
            Defaults to None, the inference mode of each attacked model.
        surrogate (OtherModel, optional): Model on which adversarial images
            are made. Defaults to None, the tested one.
        others (Sequence[OtherModel]): Further models of a transfer matrix.
            Defaults to none.
        cache (str, optional): Folder of adversarial images made for other
            models. Defaults to None, ``adversaries`` in ``out_dir``.
        ignore_index (int, optional): Void label of the evaluator. Defaults
            to 255.
        panels (int): Number of images to draw. Defaults to 4.
        probes (int): Number of images for the checks that need attacks of
            their own; none are made if 0. Defaults to 4.
        fp16 (bool): Whether to test under autocast. Defaults to False.
    """

    def __init__(self,
                 runner: Runner,
                 dataloader: Any,
                 *,
                 plan: Plan,
                 out_dir: str,
                 model_info: Dict[str, Any],
                 settings: Optional[Dict[str, Any]] = None,
                 seed: int = 0,
                 limit: Optional[int] = None,
                 resume: bool = False,
                 surface: Optional[str] = None,
                 surrogate: Optional[OtherModel] = None,
                 others: Sequence[OtherModel] = (),
                 cache: Optional[str] = None,
                 ignore_index: Optional[int] = 255,
                 panels: int = 4,
                 probes: int = 4,
                 fp16: bool = False) -> None:
        super().__init__(runner, dataloader)
        self.plan = plan
        self.rows = plan.rows
        self.out_dir = out_dir
        self.model_info = model_info
        self.seed = seed
        self.resume = resume
        self.surrogate = surrogate
        self.cache = cache or osp.join(out_dir, 'adversaries')
        self.fp16 = fp16
        self.rank, self.world_size = get_dist_info()
        self.segmentor = unwrap_segmentor(runner.model)
        self._check_crop(surface, surrogate is not None or bool(others))
        self.surface = surface if surface == 'crop' else surface_of(
            *((surrogate.segmentor, surrogate.info) if surrogate else
              (self.segmentor, model_info)), surface)
        # How the tested model is attacked where a surrogate is not.
        self.own_surface = self.surface if surrogate is None else surface_of(
            self.segmentor, model_info, None)
        for other in [*([surrogate] if surrogate else []), *others]:
            self._check_classes(other)
        dataset = self.dataloader.dataset
        self.indices = list(range(len(dataset)))[:limit]
        if not self.indices:
            raise ValueError('the test set has no images; check data_root '
                             'and data_prefix of test_dataloader.dataset')
        self.probed = list(spread(self.indices, probes))
        self.classes = list(dataset.metainfo['classes'])
        self.predictor = self._predictor(self.segmentor, ignore_index)
        self.models = {
            name: model for name, model in zip(
                model_names([model_info] + [m.info for m in others]),
                [OtherModel(self.segmentor, model_info, runner.cfg), *others])
        } if others else {}
        self.surfaces = {
            name: surface_of(model.segmentor, model.info, surface)
            for name, model in self.models.items()}
        self.sources = {
            name: self._source(model, self.surfaces[name])
            for name, model in self.models.items()}
        self.predictors = {
            name: self._predictor(model.segmentor, ignore_index)
            for name, model in self.models.items()}
        self.settings = dict(
            settings or {}, version=__version__, torch=torch.__version__,
            seed=seed, images=len(self.indices),
            probed_images=len(self.probed), surface=self.surface,
            model=model_info, surrogate=surrogate and surrogate.settings,
            matrix=[m.settings for m in others], surfaces=self.surfaces,
            ignore_index=ignore_index,
            rows={row.label: row.settings for row in self.rows},
            keys=[row.key for row in self.rows],
            minimal=[row.settings for row in plan.minimal])
        self.store = ImageStore(osp.join(out_dir, 'per_image'), self.rank)
        self.examples = ExampleStore(
            osp.join(out_dir, 'examples'), spread(self.indices, panels))
        self.screen = Screen(quiet=self.rank > 0)

    def _check_crop(self, surface: Optional[str], transfer: bool) -> None:
        if surface != 'crop':
            return
        if transfer:
            raise ValueError(
                "surface 'crop' cannot go with a surrogate or a matrix: it "
                'attacks every window by itself and so makes no adversarial '
                "image that another model could be shown; take 'slide' or "
                "'whole', or leave --surface out")
        if self.plan.minimal:
            raise ValueError(
                "surface 'crop' makes no adversarial image whose distance "
                'could be searched for; leave out --minimal, or take '
                "'slide' or 'whole'")
        check_windows(PixelModel(self.segmentor, surface='whole').test_cfg)

    def _check_classes(self, other: OtherModel) -> None:
        ours, theirs = (PixelModel(model, surface='whole').num_classes
                        for model in (self.segmentor, other.segmentor))
        if ours != theirs:
            raise ValueError(
                f'{other.info["config"]} must have the {ours} classes of the '
                f'tested model for a transfer attack, but has {theirs}')

    def _predictor(self, segmentor: nn.Module,
                   ignore_index: Optional[int]) -> Predictor:
        return Predictor(segmentor, len(self.classes), ignore_index, self.fp16)

    def run(self) -> Dict[str, Any]:
        """Run the test and return its results, as in results.json."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        self._start()
        results = self._test()
        self.runner.call_hook('after_test_epoch', metrics=flatten(results))
        self.runner.call_hook('after_test')
        return results

    def _start(self) -> None:
        """Let the first process prepare the store; all learn if it fails."""
        outcome: List[Any] = [None]
        if self.rank == 0:
            try:
                self.store.start(self.settings, self.resume)
            except ValueError as error:
                outcome = [error]
        broadcast_object_list(outcome)
        if outcome[0] is not None:
            raise outcome[0]
        if self.surface == 'crop':
            self.screen.say(
                "surface 'crop' attacks every window by itself: overlapping "
                'windows disagree, so this is not one adversarial image, and '
                'the numbers compare with DDC-AT and RP-PGD alone.', 'yellow')
        if any(row.trace for row in self.rows) and (
                self.surface == 'crop' or self.surrogate is not None):
            self.screen.say('There are no curves over the steps: windows of '
                            'their own, and images of a surrogate, are not '
                            'measured between the steps.', 'yellow')

    def _test(self) -> Dict[str, Any]:
        attacks, jobs = self._attack_jobs(), self._matrix_jobs()
        minimal = [MinimalJob(row, self.predictor, self.segmentor,
                              self.own_surface)
                   for row in self.plan.minimal]
        clean = CleanJob(self.predictor, before=self._before,
                         after=self._after, keep=self.examples.keep)
        probes = None
        if self.probed and (self.rows or self.plan.minimal):
            probes = make_probes(
                self.rows, self.predictor, self.own_surface, self.seed,
                self.surrogate is not None)
        probe_jobs = probes.jobs if probes else []
        with self.screen:
            self.screen.plan(
                (sum(job.cost for job in [clean, *attacks, *minimal, *jobs])
                 * len(self.indices) + sum(job.cost for job in probe_jobs) *
                 len(self.probed)) / self.world_size)
            done = {'clean': self._result(None, self._do(clean)[0])}
            for job in attacks:
                for row, records in zip(job.rows, self._do(job)):
                    done[row.key] = self._result(row, records)
            probed = {job.keys[0]: self._do(job, self.probed)[0]
                      for job in probe_jobs}
            searched = [self._do(job)[0] for job in minimal]
            found = {job.keys[0]: self._do(job)[0] for job in jobs}
        matrix = self._matrix(found) if found else None
        results = self._collect(done, probes, probed, matrix)
        minimal = build_minimal(
            self.plan.minimal, searched) if searched else None
        if self.rank == 0:
            Report(
                results, done['clean'], [done[row.key] for row in self.rows],
                self.examples,
                self.dataloader.dataset.metainfo.get('palette'), minimal,
                matrix).write(self.out_dir, self.runner.visualizer)
        barrier()
        self.screen.show(results, self.out_dir, matrix=matrix,
                         minimal=minimal)
        return results

    def _attack_jobs(self) -> List[Any]:
        if self.surrogate is not None:
            source = self._source(self.surrogate, self.surface)
            return [TransferJob(row, source, self.predictor,
                                self.examples.keep) for row in self.rows]
        runs = group_rows(self.rows)
        if self.surface == 'crop':  # windows have no common iterate
            runs = [AttackRun([row]) for row in self.rows]
        # The matrix tests what these rows find, rather than find it again.
        own = next(iter(self.sources.values()), None)
        save = own and own.save
        return [AttackJob(run, self.predictor, self.segmentor, self.surface,
                          self.seed, self.examples.keep, save)
                for run in runs]

    def _source(self, model: OtherModel, surface: str) -> Source:
        return Source(model, self.cache, surface, self.seed, self.fp16)

    def _matrix_jobs(self) -> List[Any]:
        if not self.models:
            return []
        jobs: List[Any] = [CleanJob(predictor, f'matrix-clean-{name}')
                           for name, predictor in self.predictors.items()]
        jobs += [MatrixJob(row, name, source, self.predictors,
                           made=self.surrogate is None and
                           source.model.segmentor is self.segmentor)
                 for row in self.rows for name, source in self.sources.items()]
        return jobs

    def _matrix(self, found: Dict[str, List[Record]]) -> Dict[str, Any]:
        return build_matrix(
            {name: dict(model.info, surface=self.surfaces[name])
             for name, model in self.models.items()},
            self.rows,
            {name: found[f'matrix-clean-{name}'] for name in self.models},
            {(row.key, name): found[f'matrix-{row.key}-from-{name}']
             for row in self.rows for name in self.models}, self.classes)

    def _collect(self, done: Dict[str, RowResult], probes: Optional[Probes],
                 probed: Dict[str, List[Record]],
                 matrix: Optional[Dict[str, Any]]) -> Dict[str, Any]:
        attacks = [done[row.key] for row in self.rows]
        checker = Checker(attacks, probes, probed, self.surface,
                          self.surrogate is not None, len(self.classes))
        checks = checker.checks()
        if attacks and matrix:
            checks.append(matrix_check(matrix))
        return build_results(
            model=self.model_info,
            dataset=dict(
                type=type(self.dataloader.dataset).__name__,
                num_images=len(self.indices), classes=self.classes),
            environment=describe_environment(self.seed, self.predictor.device),
            surface=self.surface,
            surrogate=self.surrogate and self.surrogate.info,
            clean=done['clean'], attacks=attacks,
            checks=checks, seed=self.seed)

    def _do(self, job: Any, indices: Optional[Sequence[int]] = None
            ) -> List[List[Record]]:
        """Do a job on every image, and return the records of each key."""
        indices = self.indices if indices is None else indices
        stored: List[Any] = [None]
        if self.rank == 0:
            stored = [[self.store.load(key) for key in job.keys]]
        broadcast_object_list(stored)
        todo = [i for i in indices
                if not all(i in records for records in stored[0])]
        mine = todo[self.rank::self.world_size]
        self.screen.begin(job.name, len(mine))
        self.screen.skip(
            job.cost * (len(indices) - len(todo)) / self.world_size)
        fresh: List[Dict[int, Record]] = [{} for _ in job.keys]
        for sample in self._samples(mine):
            # For models that draw numbers as they predict.
            torch.manual_seed(self.seed + sample.index)
            records = job(sample)
            for key, column in zip(job.keys, fresh):
                column[sample.index] = records[key]
                self.store.append(key, records[key])
            self.screen.advance(job.cost)
        self.screen.end()
        for ranks in all_gather_object(fresh):
            for column, records in zip(stored[0], ranks):
                column.update(records)
        if self.rank == 0:
            for key, column in zip(job.keys, stored[0]):
                self.store.merge(key, column)
        return [[column[i] for i in indices] for column in stored[0]]

    def _samples(self, indices: Sequence[int]) -> Iterator[Sample]:
        """Load single images, in a worker process where there are many."""
        loader = DataLoader(
            Subset(self.dataloader.dataset, indices), batch_size=1,
            collate_fn=self.dataloader.collate_fn,
            num_workers=min(self.dataloader.num_workers, MAX_WORKERS,
                            len(indices) // 8))
        for index, data in zip(indices, loader):
            if isinstance(data['inputs'][0], (list, tuple)):
                raise ValueError(
                    'the test pipeline must give one image per sample, but '
                    f'got {len(data["inputs"][0])} views of it; test-time '
                    'augmentation cannot be attacked')
            yield Sample(index, data)

    def _before(self, sample: Sample) -> None:
        self.runner.call_hook('before_test_iter', batch_idx=sample.index,
                              data_batch=sample.data)

    def _after(self, sample: Sample, outputs: list) -> None:
        self.runner.call_hook('after_test_iter', batch_idx=sample.index,
                              data_batch=sample.data, outputs=outputs)

    def _result(self, row: Optional[Row],
                records: List[Record]) -> RowResult:
        """Take in a row that is done, and say so."""
        result = RowResult(row, records, len(self.classes))
        metrics = compute_metrics(result.counts, self.classes)
        seconds = sum(r.get('seconds', 0) for r in records)
        self.screen.say(
            short_line(row.label if row else 'clean', metrics, seconds))
        return result


def flatten(results: Dict[str, Any]) -> Dict[str, float]:
    """Metrics as the hooks of a test know them: one name, one number."""
    metrics = {k: results['clean'][k] for k in ('aAcc', 'mIoU', 'mAcc')}
    for attack in results['attacks']:
        steps = attack['config'].get('steps')
        name = attack['name'] + ('' if steps is None else f'-{steps}')
        eps = attack['threat']['eps']
        for key in ('aAcc', 'mIoU', 'MisRatio'):
            metrics[f'{name}@{eps}/{key}'] = attack[key]
    balls = worst_balls(results)
    for ball in balls:
        name = 'worst_case' + (
            f'@{ball["norm"]}-{ball["eps"]}' if len(balls) > 1 else '')
        metrics[f'{name}/aAcc'] = ball['aAcc']
        metrics[f'{name}/mIoU'] = ball['mIoU_greedy']
    return {k: v for k, v in metrics.items() if v is not None}
