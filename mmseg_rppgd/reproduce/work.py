"""Train what is missing, and measure what is missing.

Nothing is done twice: cells share trainings and reports, also those of
earlier runs and of other processes at work in the same folder, and a run
that was stopped goes on where it was.
"""
import os
import os.path as osp
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..evaluation import evaluate, load_model
from ..evaluation.plan.typed import parse_attack
from ..evaluation.run.store import SettingsChanged
from .done import Done, Measurement
from .experiments import EXPERIMENTS, Cell
from .passes import passes_of, training_passes
from .progress import Progress
from .recovered import measure_recovered
from .runs import Run, run_of
from .scales import EPS, Scale, System
from .training import TrainingFailed, alone_in, locked, train

PICTURES = 4  # images that are drawn
ALL_IMAGES = 1000  # about as many as the data sets of the paper have


class Work(Done):
    """Makes the trainings and measurements that are missing.

    Args:
        scale (Scale): The size.
        out (str): The folder.
        seeds (Sequence[int]): One training and measurement for each.
        settings (dict, optional): Settings of every config to override.
        systems (Sequence[str], optional): Names of systems to work on; the
            numbers of others are taken from the folder if they are there.
            Defaults to None, all.
        say (callable): Gets lines of progress.

    Raises:
        TrainingFailed: If a training ends with an error.
        ValueError: If a report in the folder is of other weights.
    """

    def __init__(self, scale: Scale, out: str, seeds: Sequence[int],
                 settings: Optional[Dict[str, Any]] = None,
                 systems: Optional[Sequence[str]] = None,
                 say: Callable[[str], None] = print) -> None:
        super().__init__(scale, out, seeds, settings)
        self.systems = systems
        self.say = say
        self._pictured = {
            run_of(cell, seed, scale) for each in EXPERIMENTS.values()
            for cell in each.pictures for seed in seeds}
        self._loaded: Dict[tuple, Any] = {}

    # ------------------------------------------------------------ what to do
    def is_wanted(self, system: System) -> bool:
        """Whether to work on a system."""
        return self.systems is None or any(
            name in (str(system), f'{system.model}/{system.strategy}')
            for name in self.systems)

    def missing(self, cells: Sequence[Cell]) -> Dict[System, float]:
        """Systems that there is work on, and what it costs."""
        trainings, runs = self._missing(cells)
        costs: Dict[System, float] = {}
        for system, _ in trainings:
            costs[system] = (costs.get(system, 0)
                             + self._training_cost(system))
        for run in runs:
            costs[run.system] = costs.get(run.system, 0) + self._cost(run)
        return costs

    def _missing(self, cells: Sequence[Cell]) -> Tuple[list, list]:
        """Trainings (system and seed) and reports that are to be made."""
        trainings = [(system, seed) for seed in self.seeds
                     for system in self.systems_of(cells)
                     if self.is_wanted(system)
                     and self.checkpoint(system, seed) is None]
        runs = [run for run in self.runs_of(cells)
                if self.is_wanted(run.system) and self.report(run) is None]
        return trainings, runs

    # -------------------------------------------------------------- doing it
    def do(self, cells: Sequence[Cell]) -> Dict[Cell, List[Measurement]]:
        """Train and measure what is missing, and return the numbers.

        Args:
            cells (Sequence[Cell]): Numbers of experiments.

        Returns:
            dict: For each cell one measurement per seed; fewer where a
            system is not to be worked on and its report is not there.
        """
        trainings, runs = self._missing(cells)
        progress = Progress(self.say)
        for system, _ in trainings:
            progress.expect(self._training_cost(system))
        for run in runs:
            progress.expect(self._cost(run))
        for system, seed in trainings:
            progress.begin(f'{system} seed {seed}: training')
            self.train(system, seed)
            progress.done(self._training_cost(system))
        for run in runs:
            progress.begin(str(run))
            self.measure(run)
            progress.done(self._cost(run))
        self._loaded.clear()
        return self.collect(cells)

    def train(self, system: System, seed: int) -> str:
        """Train a system, unless it is; return its checkpoint."""
        folder = self.training_folder(system, seed)

        def work() -> str:
            checkpoint = self.checkpoint(system, seed)
            if checkpoint is None:
                start = None
                if self.start_of(system) != system:
                    start = self.train(self.start_of(system), seed)
                train(self.scale.config(system), folder,
                      [f'randomness.seed={seed}', *self.words()], start,
                      osp.join(folder, 'training.log'), self.say)
                checkpoint = self.checkpoint(system, seed)
            if checkpoint is None:
                raise TrainingFailed(
                    f'the training of {system} has left no checkpoint of '
                    f'iteration {self._iterations(system)} in {folder}; see '
                    'training.log there, and the checkpoint hook of '
                    f'{self.scale.config(system)}')
            return checkpoint

        trained = self.checkpoint(system, seed)
        if trained is not None:
            return trained
        if self.scale.stock:
            raise ValueError(
                f'{system} must be trained first, on several GPUs; '
                '--script prints the commands')
        os.makedirs(folder, exist_ok=True)
        return alone_in(folder, self.say, lambda: locked(folder, work))

    def measure(self, run: Run) -> None:
        """Make a report, or finish one, unless it is there."""
        folder = self.report_folder(run)

        def work() -> None:
            if self.report(run) is not None:
                return
            model, loader = self._model(run.system, run.seed)
            if run.recovered:
                measure_recovered(
                    model, loader, dict(parse_attack(run.attack), eps=EPS,
                                        steps=run.most_steps),
                    folder, seed=run.seed, limit=self.scale.images)
                return
            surrogate = None
            if run.surrogate is not None:
                surrogate, _ = self._model(run.surrogate, run.seed)
            for resume in (True, False):
                try:
                    evaluate(
                        model, loader, attacks=[run.attack], eps=[EPS],
                        steps=run.steps, out_dir=folder, resume=resume,
                        surrogate=surrogate, seed=run.seed, probes=0,
                        limit=self.scale.images, quiet=True, cache=osp.join(
                            self.out, 'adversaries'),
                        panels=PICTURES * (run in self._pictured),
                        batch_size=self.scale.batch_size)
                    return
                except SettingsChanged as error:
                    self.say(f'  begun again: {error}')

        alone_in(folder, self.say, work)

    # ----------------------------------------------------------- what is there
    def _model(self, system: System, seed: int) -> Any:
        """A trained system and its images, loaded once for its reports."""
        key = system, seed
        if key not in self._loaded:
            if len(self._loaded) > 1:  # the tested one and a surrogate
                self._loaded.clear()
            self._loaded[key] = load_model(
                self.scale.config(system), self.train(system, seed),
                cfg_options=dict(self.settings))
        return self._loaded[key]

    def _training_cost(self, system: System) -> float:
        cfg = self.read_config(system)
        return (cfg.train_cfg.max_iters * cfg.train_dataloader.batch_size
                * training_passes(cfg))

    def _cost(self, run: Run) -> float:
        """Passes, like those of a training."""
        return (self.scale.images or ALL_IMAGES) * passes_of(
            run.attack, max(run.steps, default=None))
