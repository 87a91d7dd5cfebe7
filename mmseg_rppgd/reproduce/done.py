"""What there is: trainings and reports in a folder, and their numbers.

.. code:: text

 OUT/trained/STEM/seedS/        one training of a system
 OUT/measured/STEM/seedS/NAME/  one report of :func:`evaluate`
"""
import os.path as osp
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from mmengine.config import Config

from ..checkpoints import checkpoint_sha256
from ..config import load_config
from ..evaluation.results.finished import read_results
from .experiments import Cell
from .recovered import read_recovered
from .runs import Run, command_of, run_of
from .scales import STANDARD, Scale, System
from .training import finished_checkpoint, read_record


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


class Done:
    """Trainings and measurements of one scale that lie in one folder.

    Args:
        scale (Scale): The size.
        out (str): The folder.
        seeds (Sequence[int]): One training and measurement for each.
        settings (dict, optional): Settings of every config to override.

    Raises:
        ValueError: If a report in the folder is of other weights.
    """

    def __init__(self, scale: Scale, out: str, seeds: Sequence[int],
                 settings: Optional[Dict[str, Any]] = None) -> None:
        self.scale = scale
        self.out = out
        self.seeds = list(seeds)
        self.settings = dict(settings or {})
        self._sums: Dict[str, str] = {}
        self._configs: Dict[System, Config] = {}

    # ------------------------------------------------------------ what belongs
    def systems_of(self, cells: Iterable[Cell]) -> List[System]:
        """Systems of the scale that cells need; first what others need."""
        found: Dict[System, None] = {}
        for cell in cells:
            for system in (cell.trial.surrogate, cell.system):
                if system is not None:
                    system = self.scale.resolve(system)
                    for each in (self.start_of(system), system):
                        found[each] = None
        return list(found)

    def runs_of(self, cells: Sequence[Cell]) -> List[Run]:
        """Reports that give the numbers, seed by seed, system by system."""
        order = {each: i for i, each in enumerate(self.systems_of(cells))}
        runs = {run_of(cell, seed, self.scale): None for seed in self.seeds
                for cell in cells if cell.trial.attack is not None}
        return sorted(runs, key=lambda run: (run.seed, order[run.system]))

    # --------------------------------------------------------- what is there
    def collect(self, cells: Sequence[Cell]) -> Dict[Cell, List[Measurement]]:
        """The numbers that are there."""
        clean: Dict[tuple, Run] = {}
        for run in self.runs_of(cells):
            if not run.recovered and self.report(run) is not None:
                clean.setdefault((run.system, run.seed), run)
        values: Dict[Cell, List[Measurement]] = {cell: [] for cell in cells}
        for cell, found in values.items():
            for seed in self.seeds:
                wanted: Optional[Run] = None
                if cell.trial.attack is None:
                    wanted = clean.get((self.scale.resolve(cell.system), seed))
                else:
                    wanted = run_of(cell, seed, self.scale)
                if wanted is None:
                    continue
                report = self.report(wanted)
                if report:
                    found.append(self._read(cell, wanted, report))
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
        used = [(run.system, found['model'])]
        if run.surrogate:
            used.append((run.surrogate,
                         found['attacks'][0]['threat']['surrogate']))
        for system, model in used:
            checkpoint = self.checkpoint(system, run.seed)
            if checkpoint and model['sha256'] != self._sum(checkpoint):
                raise ValueError(
                    f'{folder} must be the report of {checkpoint}, but is of '
                    'other weights: remove the one or the other, or name '
                    'another folder by --out')
        return found

    def training_folder(self, system: System, seed: int) -> str:
        """Where a system is trained."""
        return osp.join(self.out, 'trained', self.scale.stem(system),
                        f'seed{seed}')

    def report_folder(self, run: Run) -> str:
        """Where a report is."""
        return osp.join(self.out, 'measured', self.scale.stem(run.system),
                        f'seed{run.seed}', run.name)

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
        if run.surrogate:
            source['surrogate_training'] = read_record(
                self.training_folder(run.surrogate, run.seed))
        if not run.recovered:
            source['command'] = self._command(run)
        return Measurement(value, run.seed, source)

    def _command(self, run: Run) -> str:
        def named(system: System) -> Tuple[str, str]:
            return self.scale.config(system), osp.join(
                self.training_folder(system, run.seed),
                f'iter_{self._iterations(system)}.pth')

        return command_of(
            run, *named(run.system), self.scale,
            named(run.surrogate) if run.surrogate else (), self.words())

    # ------------------------------------------------------------------ parts
    def start_of(self, system: System) -> System:
        """What a training starts from; itself where from nothing."""
        if not self.scale.warm or system.strategy == STANDARD:
            return system
        return System(system.model, STANDARD, system.data)

    def words(self) -> List[str]:
        """Settings of every config, as a command line has them."""
        return [f'{key}={value}' for key, value in self.settings.items()]

    def read_config(self, system: System) -> Config:
        """The config that trains a system, with the settings."""
        if system not in self._configs:
            self._configs[system] = load_config(
                self.scale.config(system), dict(self.settings))
        return self._configs[system]

    def _iterations(self, system: System) -> int:
        return self.read_config(system).train_cfg.max_iters

    def _sum(self, checkpoint: str) -> str:
        if checkpoint not in self._sums:
            self._sums[checkpoint] = checkpoint_sha256(checkpoint)
        return self._sums[checkpoint]
