"""The commands that train and measure what experiments need."""
import os.path as osp
from typing import Dict, List, Optional, Sequence

from mmengine.config import Config

from ..attacks.base import check_int
from ..pixel_model.batches import share_of
from .apart import words_of
from .experiments import Cell, Experiment
from .passes import attacks_in_training
from .runs import Run
from .scales import STANDARD, System, gpus_of
from .work import Work

PROGRAM = ['python', '-m', 'mmseg_rppgd']
NOTE = 'last_checkpoint'  # names the checkpoint that mmengine wrote last


class Commands:
    """The commands that train and measure what experiments need.

    Args:
        experiments (sequence[Experiment]): What is to be reproduced.
        work (Work): Where, at which size, and with which seeds, settings and
            systems.
        gpus (int, optional): GPUs of a training. The batch stays that of the
            config, shared out among them. Defaults to None, the number that
            the name of the config says.

    Raises:
        ValueError: If there is nothing to measure, or a batch cannot be
            shared out among the GPUs.
    """

    def __init__(self, experiments: Sequence[Experiment], work: Work,
                 gpus: Optional[int] = None) -> None:
        if gpus is not None:
            check_int('gpus', gpus, least=1)
        self.work = work
        self._gpus = gpus
        self.cells: Dict[str, List[Cell]] = {
            each.name: [*each.cells, *each.pictures] for each in experiments}
        cells = [cell for group in self.cells.values() for cell in group]
        self.systems = [each for each in work.systems_of(cells)
                        if work.is_wanted(each)]
        self.runs: Dict[System, List[Run]] = {
            each: [] for each in self.systems}
        for run in work.runs_of(cells):
            if run.system in self.runs:
                self.runs[run.system].append(run)
        if not any(self.runs.values()):
            raise ValueError('experiments must have numbers to measure, but '
                             f'{", ".join(self.cells)} has none')
        for system in self.systems:
            self.batch_size(system)

    # -------------------------------------------------------------- trainings
    def config(self, system: System) -> Config:
        """Return the config of a training, read once."""
        return self.work.read_config(system)

    def gpus(self, system: System) -> int:
        """Return the number of GPUs of a training."""
        return self._gpus or gpus_of(self.work.scale.config(system))

    def batch_size(self, system: System) -> int:
        """Return the batch of each GPU.

        Raises:
            ValueError: If the whole batch, or the share of it that is
                attacked, cannot be that of the config.
        """
        own = self.config(system).train_dataloader.batch_size
        name = self.work.scale.config(system)
        whole = own * gpus_of(name)
        size, rest = divmod(whole, self.gpus(system))
        if rest or not size:
            raise ValueError(f'gpus must divide the batch of {whole} images '
                             f'of {name}, but got {self._gpus}')
        for _, ratio in attacks_in_training(self.config(system)):
            if share_of(size, ratio) * own != share_of(own, ratio) * size:
                raise ValueError(
                    f'gpus must leave each GPU a batch of which {ratio:g} '
                    f'can be attacked, but with {self._gpus} it is of {size} '
                    f'for {name}')
        return size

    def finished(self, system: System, seed: int) -> List[str]:
        """Return a command that succeeds if a training is finished."""
        iterations = self.config(system).train_cfg.max_iters
        return ['grep', '-qs', f'iter_{iterations}.pth', osp.join(
            self.work.training_folder(system, seed), NOTE)]

    def training(self, system: System, seed: int,
                 launcher: Optional[str] = None) -> List[str]:
        """Return the words of a training after ``python``.

        Args:
            system (System): The system.
            seed (int): ``randomness.seed``.
            launcher (str, optional): What starts its processes. Defaults to
                None, nothing: there is one.
        """
        folder = self.work.training_folder(system, seed)
        words = [*PROGRAM[1:], 'train', self.work.scale.config(system),
                 '--work-dir', folder]
        options = [f'randomness.seed={seed}', *self.work.words()]
        size = self.batch_size(system)
        if size != self.config(system).train_dataloader.batch_size:
            options.append(f'train_dataloader.batch_size={size}')
        if self.work.scale.warm and system.strategy != STANDARD:
            start = System(system.model, STANDARD, system.data)
            iterations = self.config(start).train_cfg.max_iters
            options.append('load_from=' + osp.join(
                self.work.training_folder(start, seed),
                f'iter_{iterations}.pth'))
        else:  # with load_from it would go on from there
            words.append('--resume')
        if launcher is not None:
            words += ['--launcher', launcher]
        return [*words, '--cfg-options', *options]

    def training_here(self, system: System, seed: int) -> List[str]:
        """Return the command of a training on one machine."""
        number = self.gpus(system)
        if number == 1:
            return ['python', *self.training(system, seed)]
        return ['torchrun', '--standalone', f'--nproc_per_node={number}',
                *self.training(system, seed, 'pytorch')]

    # ----------------------------------------------------------- measurements
    def measured(self) -> List[System]:
        """Return the systems that have measurements of their own."""
        return [system for system, runs in self.runs.items() if runs]

    def measuring(self, system: System) -> List[str]:
        """Return the command that measures a system."""
        names = [name for name, cells in self.cells.items()
                 if any(run.system == system
                        for run in self.work.runs_of(cells))]
        return [*PROGRAM, *words_of(names, self.work, system)]

    def tables(self) -> List[str]:
        """Return the command that makes the tables of what is measured."""
        return [*PROGRAM, *words_of(list(self.cells), self.work)]
