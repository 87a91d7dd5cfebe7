"""The test loop that measures robustness instead of clean accuracy alone."""
import os.path as osp
import shutil
from typing import Any, Dict, List, Optional, Sequence

from mmengine.dist import (all_gather_object, barrier, broadcast_object_list,
                           get_dist_info)
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.utils.data import DataLoader, Subset

from ..pixel_model import PixelModel, unwrap_segmentor
from .console import Screen, short_line
from .environment import describe_environment
from .examples import ExampleStore, spread
from .jobs import AttackJob, CleanJob, Sample, Tester
from .metrics import compute_metrics
from .pictures import default_palette, write_panel
from .results import RowResult, build_results, write_results
from .rows import Row, group_rows
from .store import ImageStore

# An image is decoded far faster than it is attacked.
MAX_WORKERS = 2


class RobustTestLoop(BaseLoop):
    """Test a segmentor clean and under attacks, and write the report.

    .. code:: text

     run(): clean row -> runs of attacks -> results
     _do(job): images left to do, shared among the processes
     job(sample): attack -> predict -> count; stored at once

    Hooks see the clean images as in mmseg's own test. Every image is
    attacked by itself, with noise that depends on nothing but the seed, the
    attack and the image: any number of processes, and a run that was
    interrupted and resumed, give the same numbers.

    Args:
        runner (Runner): Holds the model, loaded before :meth:`run`.
        dataloader (DataLoader | dict): The test loader.
        rows (Sequence[Row]): Attacks of the report.
        out_dir (str): Where the report goes.
        model_info (dict): ``config``, ``checkpoint`` and ``sha256``.
        settings (dict): What else decides the numbers, to be compared when
            resuming. Defaults to None.
        seed (int): Seed of all noise. Defaults to 0.
        limit (int, optional): Number of images, the first of the data set.
            Defaults to None, all.
        resume (bool): Whether to continue an interrupted test. Defaults to
            False.
        surface (str, optional): ``'whole'``, ``'slide'`` or ``'crop'``.
            Defaults to None, the inference mode of the attacked model.
        surrogate (nn.Module, optional): Segmentor on which adversaries are
            made. Defaults to None, the tested one.
        surrogate_info (dict, optional): As ``model_info``.
        ignore_index (int, optional): Void label of the evaluator. Defaults
            to 255.
        panels (int): Number of images to draw. Defaults to 4.
        fp16 (bool): Whether to test under autocast. Defaults to False.
    """

    def __init__(self,
                 runner: Runner,
                 dataloader: Any,
                 *,
                 rows: Sequence[Row],
                 out_dir: str,
                 model_info: Dict[str, Any],
                 settings: Optional[Dict[str, Any]] = None,
                 seed: int = 0,
                 limit: Optional[int] = None,
                 resume: bool = False,
                 surface: Optional[str] = None,
                 surrogate: Optional[nn.Module] = None,
                 surrogate_info: Optional[Dict[str, Any]] = None,
                 ignore_index: Optional[int] = 255,
                 panels: int = 4,
                 fp16: bool = False) -> None:
        super().__init__(runner, dataloader)
        self.rows = list(rows)
        self.out_dir = out_dir
        self.model_info = model_info
        self.seed = seed
        self.resume = resume
        self.surrogate = surrogate
        self.surrogate_info = surrogate_info
        self.rank, self.world_size = get_dist_info()
        self.segmentor = unwrap_segmentor(runner.model)
        self.attacked = self.segmentor if surrogate is None else (
            unwrap_segmentor(surrogate))
        self.surface = 'crop' if surface == 'crop' else PixelModel(
            self.attacked, surface=surface).surface
        dataset = self.dataloader.dataset
        self.indices = list(range(len(dataset)))[:limit]
        if not self.indices:
            raise ValueError('the test set has no images; check data_root '
                             'and data_prefix of test_dataloader.dataset')
        self.classes = list(dataset.metainfo['classes'])
        self.tester = Tester(self.segmentor, len(self.classes), ignore_index,
                             fp16)
        self.settings = dict(
            settings or {}, seed=seed, images=len(self.indices),
            surface=self.surface, model=model_info,
            surrogate=surrogate_info, ignore_index=ignore_index,
            rows={row.label: row.settings for row in self.rows})
        self.store = ImageStore(osp.join(out_dir, 'per_image'), self.rank)
        self.examples = ExampleStore(
            osp.join(out_dir, 'examples'), spread(self.indices, panels))
        self.screen = Screen(quiet=self.rank > 0)

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

    def _test(self) -> Dict[str, Any]:
        jobs = [AttackJob(run, self.tester, self.attacked, self.surface,
                          self.seed, self.examples.keep)
                for run in group_rows(self.rows)]
        clean_job = CleanJob(self.tester, self._show_hooks,
                             self.examples.keep)
        done: Dict[str, RowResult] = {}
        with self.screen:
            self.screen.plan(
                sum(job.cost for job in [clean_job, *jobs]) *
                len(self.indices) / self.world_size)
            for job in [clean_job, *jobs]:
                rows = [None] if job is clean_job else job.run.rows
                for row, records in zip(rows, self._do(job)):
                    result = RowResult(row, records, len(self.classes))
                    done[row.key if row else 'clean'] = result
                    self._say(result)
        results = build_results(
            model=self.model_info,
            dataset=dict(
                type=type(self.dataloader.dataset).__name__,
                num_images=len(self.indices), classes=self.classes),
            environment=describe_environment(self.seed, self.tester.device),
            surface=self.surface, surrogate=self.surrogate_info,
            clean=done['clean'],
            attacks=[done[row.key] for row in self.rows], checks=[],
            seed=self.seed)
        if self.rank == 0:
            write_results(self.out_dir, results)
            self._draw()
        barrier()
        self.screen.show(results)
        return results

    def _draw(self) -> None:
        """Draw the panels of the chosen images."""
        palette = self.dataloader.dataset.metainfo.get('palette')
        if not palette:
            palette = default_palette(len(self.classes))
        folder = osp.join(self.out_dir, 'panels')
        shutil.rmtree(folder, ignore_errors=True)
        for row in self.rows:
            for index in self.examples.indices:
                write_panel(
                    folder, f'{index:05d}-{row.key}',
                    self.examples.load('clean', index),
                    self.examples.load(row.key, index), palette, row.label)

    def _do(self, job: Any) -> List[List[Dict[str, Any]]]:
        """Do a job on every image, and return the records of each key."""
        stored: List[Any] = [None]
        if self.rank == 0:
            stored = [[self.store.load(key) for key in job.keys]]
        broadcast_object_list(stored)
        todo = [i for i in self.indices
                if not all(i in records for records in stored[0])]
        mine = todo[self.rank::self.world_size]
        name = 'clean' if job.keys == ('clean', ) else job.run.longest.label
        self.screen.begin(name, len(mine))
        self.screen.skip(
            job.cost * (len(self.indices) - len(todo)) / self.world_size)
        fresh: List[Dict[int, Any]] = [{} for _ in job.keys]
        for sample in self._samples(mine):
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
        return [[column[i] for i in self.indices] for column in stored[0]]

    def _samples(self, indices: Sequence[int]):
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

    def _show_hooks(self, sample: Sample, outputs: list) -> None:
        """Call the hooks of the test iteration, such as visualization."""
        for stage in ('before', 'after'):
            kwargs = dict(batch_idx=sample.index, data_batch=sample.data)
            if stage == 'after':
                kwargs['outputs'] = outputs
            self.runner.call_hook(f'{stage}_test_iter', **kwargs)

    def _say(self, result: RowResult) -> None:
        metrics = compute_metrics(result.counts, self.classes)
        seconds = sum(r.get('seconds', 0) for r in result.records)
        name = result.row.label if result.row else 'clean'
        self.screen.say(short_line(name, metrics, seconds))


def flatten(results: Dict[str, Any]) -> Dict[str, float]:
    """Metrics as the hooks of a test know them: one name, one number."""
    metrics = {k: results['clean'][k] for k in ('aAcc', 'mIoU', 'mAcc')}
    for attack in results['attacks']:
        steps = attack['config'].get('steps')
        name = attack['name'] + ('' if steps is None else f'-{steps}')
        eps = attack['threat']['eps']
        for key in ('aAcc', 'mIoU', 'MisRatio'):
            metrics[f'{name}@{eps}/{key}'] = attack[key]
    worst = results['worst_case']
    metrics['worst_case/aAcc'] = worst['aAcc']
    metrics['worst_case/mIoU'] = worst['mIoU_greedy']
    return {k: v for k, v in metrics.items() if v is not None}
