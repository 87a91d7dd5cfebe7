"""Train what is missing, measure what is missing, and give the numbers.

.. code:: text

 OUT/trained/STEM/seedS/        one training of a system
 OUT/measured/STEM/seedS/NAME/  one report of :func:`evaluate`

Nothing is done twice: cells share trainings and reports, also those of
earlier runs and of other processes at work in the same folder, and a run
that was stopped goes on where it was.
"""
import os
import os.path as osp
from dataclasses import dataclass
from typing import (Any, Callable, Dict, Iterable, List, Optional, Sequence,
                    Tuple)

from ..checkpoints import checkpoint_sha256
from ..config import load_config
from ..evaluation import evaluate, load_model
from ..evaluation.plan.typed import parse_attack
from ..evaluation.results.finished import read_results
from ..evaluation.run.store import SettingsChanged
from .experiments import EXPERIMENTS, Cell
from .progress import Progress
from .recovered import measure_recovered, read_recovered
from .runs import Run, command_of, run_of
from .scales import EPS, STANDARD, Scale, System
from .training import (alone_in, finished_checkpoint, locked, read_record,
                       train)

# Cost of a forward and backward pass for one image: of a step of training,
# and of one of an attack, which has no gradients of parameters but label size.
TRAINING_PASS, ATTACK_PASS = 1.5, 1.
PICTURES = 4  # images that are drawn


@dataclass(frozen=True)
class Measurement:
    """A number and where it comes from.

    Args:
        value (float, optional): In percent; None where it is undefined.
        seed (int): Of training and attack.
        source (dict): Folder of the report, command, commit, versions,
            checkpoint and its training.
    """
    value: Optional[float]
    seed: int
    source: Dict[str, Any]


class Work:
    """Trainings and measurements of one scale in one folder.

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
        self.scale = scale
        self.out = out
        self.seeds = list(seeds)
        self.settings = dict(settings or {})
        self.systems = systems
        self.say = say
        self._pictured = {
            run_of(cell, seed, scale) for each in EXPERIMENTS.values()
            for cell in each.pictures for seed in seeds}
        self._loaded: Dict[tuple, Any] = {}
        self._sums: Dict[str, str] = {}

    # ------------------------------------------------------------ what to do
    def systems_of(self, cells: Iterable[Cell]) -> List[System]:
        """Systems of the scale that cells need; first what others need."""
        found: Dict[System, None] = {}
        for cell in cells:
            for system in (cell.trial.surrogate, cell.system):
                if system is not None:
                    system = self.scale.resolve(system)
                    for each in (self._start_of(system), system):
                        found[each] = None
        return list(found)

    def runs_of(self, cells: Sequence[Cell]) -> List[Run]:
        """Reports that give the numbers, seed by seed, system by system."""
        order = {each: i for i, each in enumerate(self.systems_of(cells))}
        runs = {run_of(cell, seed, self.scale): None for seed in self.seeds
                for cell in cells if cell.trial.attack is not None}
        return sorted(runs, key=lambda run: (run.seed, order[run.system]))

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
                if self._start_of(system) != system:
                    start = self.train(self._start_of(system), seed)
                train(self.scale.config(system), folder,
                      [f'randomness.seed={seed}', *self.words()], start,
                      osp.join(folder, 'training.log'), self.say)
                checkpoint = self.checkpoint(system, seed)
            return checkpoint

        if self.checkpoint(system, seed) is None:
            if self.scale.stock:
                raise ValueError(
                    f'{system} must be trained first, on several GPUs; '
                    '--script prints the commands')
            os.makedirs(folder, exist_ok=True)
            alone_in(folder, self.say, lambda: locked(folder, work))
        return self.checkpoint(system, seed)

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
                                        steps=run.passes),
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
    def collect(self, cells: Sequence[Cell]) -> Dict[Cell, List[Measurement]]:
        """The numbers that are there."""
        clean: Dict[tuple, Run] = {}
        for run in self.runs_of(cells):
            if not run.recovered and self.report(run) is not None:
                clean.setdefault((run.system, run.seed), run)
        values: Dict[Cell, List[Measurement]] = {cell: [] for cell in cells}
        for cell, found in values.items():
            for seed in self.seeds:
                if cell.trial.attack is None:
                    run = clean.get((self.scale.resolve(cell.system), seed))
                else:
                    run = run_of(cell, seed, self.scale)
                report = run and self.report(run)
                if report:
                    found.append(self._read(cell, run, report))
        return values

    def checkpoint(self, system: System, seed: int) -> Optional[str]:
        """Weights of a finished training; None if it is not finished."""
        return finished_checkpoint(
            self.training_folder(system, seed), self._iterations(system))

    def report(self, run: Run) -> Optional[Dict[str, Any]]:
        """A finished report; None if it is not finished.

        Raises:
            ValueError: If it is of other weights or other images.
        """
        folder = self.report_folder(run)
        if run.recovered:
            found = read_recovered(folder)
        elif osp.isfile(osp.join(folder, 'results.json')):
            found = read_results(folder)
        else:
            return None
        if found is None:
            return None
        checkpoint = self.checkpoint(run.system, run.seed)
        if checkpoint and found['model']['sha256'] != self._sum(checkpoint):
            raise ValueError(
                f'{folder} must be the report of {checkpoint}, but is of '
                'other weights: remove the one or the other, or name another '
                'folder by --out')
        return found

    def training_folder(self, system: System, seed: int) -> str:
        """Where a system is trained."""
        return osp.join(self.out, 'trained', self.scale.stem(system),
                        f'seed{seed}')

    def report_folder(self, run: Run) -> str:
        """Where a report is."""
        return osp.join(self.out, 'measured', self.scale.stem(run.system),
                        f'seed{run.seed}', run.name)

    # ------------------------------------------------------------------ parts
    def _read(self, cell: Cell, run: Run,
              report: Dict[str, Any]) -> Measurement:
        """The number of a cell in the report of its run."""
        if run.recovered:
            value = report['mean']
        elif cell.trial.attack is None:
            value = report['clean'][cell.metric]
        else:
            row, = [row for row in report['attacks']
                    if cell.trial.steps in (None, row['config']['steps'])]
            value = row[cell.metric]
        folder = self.report_folder(run)
        source = dict(
            folder=osp.relpath(folder, self.out),
            model=report['model'], dataset=report['dataset'],
            environment=report['environment'],
            training=read_record(
                self.training_folder(run.system, run.seed)))
        if not run.recovered:
            source['command'] = self._command(run)
        return Measurement(value, run.seed, source)

    def _command(self, run: Run) -> str:
        named = [(self.scale.config(system), osp.join(
            self.training_folder(system, run.seed),
            f'iter_{self._iterations(system)}.pth'))
            for system in (run.system, run.surrogate) if system]
        return command_of(run, *named[0], self.scale, *named[1:],
                          settings=self.words())

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

    def _start_of(self, system: System) -> System:
        """What a training starts from; itself where from nothing."""
        if not self.scale.warm or system.strategy == STANDARD:
            return system
        return System(system.model, STANDARD, system.data)

    def words(self) -> List[str]:
        """Settings of every config, as a command line has them."""
        return [f'{key}={value}' for key, value in self.settings.items()]

    def _config(self, system: System) -> Any:
        return load_config(self.scale.config(system), dict(self.settings))

    def _iterations(self, system: System) -> int:
        return self._config(system).train_cfg.max_iters

    def _training_cost(self, system: System) -> float:
        cfg = self._config(system)
        images = cfg.train_cfg.max_iters * cfg.train_dataloader.batch_size
        digits = [int(c) for c in system.strategy if c.isdigit()]
        steps = digits[0] / 2 if digits else 0  # half of each batch
        if system.strategy == 'DDC-AT':
            steps = 3  # all of each batch
        return images * (TRAINING_PASS + steps * ATTACK_PASS)

    def _cost(self, run: Run) -> float:
        images = self.scale.images or 500
        return images * run.passes * ATTACK_PASS

    def _sum(self, checkpoint: str) -> str:
        if checkpoint not in self._sums:
            self._sums[checkpoint] = checkpoint_sha256(checkpoint)
        return self._sums[checkpoint]
