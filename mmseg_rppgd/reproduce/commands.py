"""The commands that train and measure the systems of experiments."""
import os.path as osp
from typing import Dict, List, Optional, Sequence

from ..pixel_model.batches import share_of
from .experiments import Experiment
from .hours import gpus_of, read_config
from .passes import attacks_in_training
from .scales import STANDARD, Scale, System

MODULE = ['-m', 'mmseg_rppgd']


def systems_of(experiments: Sequence[Experiment],
               scale: Scale) -> List[System]:
    """Return the systems of a scale that experiments need, each once.

    These are the ones that are measured, the surrogates, and, where
    adversarial training starts from them, the standard models. Standard ones
    come first.
    """
    found: Dict[System, None] = {}
    for experiment in experiments:
        for cell in (*experiment.cells, *experiment.pictures):
            for system in (cell.system, cell.trial.surrogate):
                if system is None:
                    continue
                system = scale.resolve(system)
                if scale.warm:
                    found[standard_of(system)] = None
                found[system] = None
    return sorted(found, key=lambda system: system.strategy != STANDARD)


def standard_of(system: System) -> System:
    """Return the standard model of the same kind and data."""
    return System(system.model, STANDARD, system.data)


def work_dir(scale: Scale, system: System, seed: int, out: str) -> str:
    """Return the folder of a training."""
    return osp.join(out, 'trained', scale.stem(system), f'seed{seed}')


def last_checkpoint(scale: Scale, system: System, seed: int,
                    out: str) -> str:
    """Return the checkpoint that a finished training leaves."""
    iterations = read_config(scale.config(system)).train_cfg.max_iters
    return osp.join(work_dir(scale, system, seed, out),
                    f'iter_{iterations}.pth')


def training_words(scale: Scale, system: System, seed: int, out: str,
                   gpus: Optional[int] = None,
                   launcher: Optional[str] = None) -> List[str]:
    """Return the words of a training after ``python``.

    Args:
        scale (Scale): Its size.
        system (System): A system of that scale.
        seed (int): ``randomness.seed``.
        out (str): Folder of the experiments.
        gpus (int, optional): Number of GPUs. The batch stays that of the
            config, shared out among them. Defaults to None, the number of
            the config.
        launcher (str, optional): What starts its processes. Defaults to
            None, nothing: there is one.

    Raises:
        ValueError: If the batch cannot be shared out among the GPUs.
    """
    config = scale.config(system)
    options = [f'randomness.seed={seed}']
    size = batch_size(scale, system, gpus)
    if size != read_config(config).train_dataloader.batch_size:
        options.append(f'train_dataloader.batch_size={size}')
    words = [*MODULE, 'train', config, '--work-dir',
             work_dir(scale, system, seed, out)]
    if scale.warm and system.strategy != STANDARD:
        start = last_checkpoint(scale, standard_of(system), seed, out)
        options.append(f'load_from={start}')
    else:  # with load_from it would go on from there
        words.append('--resume')
    if launcher is not None:
        words += ['--launcher', launcher]
    return [*words, '--cfg-options', *options]


def batch_size(scale: Scale, system: System, gpus: Optional[int]) -> int:
    """Return the batch of each GPU.

    Raises:
        ValueError: If the whole batch, or the share of it that is attacked,
            cannot be that of the config.
    """
    cfg = read_config(scale.config(system))
    own = cfg.train_dataloader.batch_size
    if gpus is None:
        return own
    whole = own * gpus_of(scale.config(system))
    size, rest = divmod(whole, gpus)
    if rest or not size:
        raise ValueError(f'gpus must divide the batch of {whole} images of '
                         f'{scale.config(system)}, but got {gpus}')
    for _, ratio in attacks_in_training(cfg):
        if share_of(size, ratio) * own != share_of(own, ratio) * size:
            raise ValueError(
                f'gpus must leave each GPU a batch of which {ratio:g} can be '
                f'attacked, but with {gpus} it is of {size} for '
                f'{scale.config(system)}')
    return size


def training_command(scale: Scale, system: System, seed: int, out: str,
                     gpus: Optional[int] = None) -> List[str]:
    """Return the command of a training on one machine.

    The arguments are those of :func:`training_words`.
    """
    number = gpus or gpus_of(scale.config(system))
    if number == 1:
        return ['python', *training_words(scale, system, seed, out, gpus)]
    return ['torchrun', '--standalone', f'--nproc_per_node={number}',
            *training_words(scale, system, seed, out, gpus, 'pytorch')]


def reproduce_command(experiments: Sequence[Experiment], scale: Scale,
                      seeds: int, out: str,
                      system: Optional[System] = None) -> List[str]:
    """Return the command that measures a system, or makes the tables.

    Args:
        experiments (sequence[Experiment]): Those named. Of a system only
            those that measure it.
        scale (Scale): Their size.
        seeds (int): Number of seeds.
        out (str): Folder of the experiments.
        system (System, optional): A system of that scale. Defaults to None,
            all; what is measured by then is not measured again.
    """
    names = [experiment.name for experiment in experiments
             if system is None or measures(experiment, scale, system)]
    words = ['python', *MODULE, 'reproduce', *names, '--scale', scale.name,
             '--seeds', str(seeds), '--out', out]
    return words if system is None else [*words, '--systems', str(system)]


def measures(experiment: Experiment, scale: Scale, system: System) -> bool:
    """Whether an experiment has a number of a system of the scale."""
    return any(scale.resolve(cell.system) == system
               for cell in (*experiment.cells, *experiment.pictures))
