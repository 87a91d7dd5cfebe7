"""GPU hours that experiments may take, from what MMSegmentation publishes.

See :data:`FORMULA`, which goes with every estimate.
"""
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from mmengine.config import Config

from ..config import load_config
from ..evaluation.plan.typed import parse_attack
from ..registry import ATTACKS
from .experiments import Experiment, Trial
from .passes import TRAINING_PASSES, attack_passes, training_passes
from .scales import Scale, System

# Test images a second, whole and one by one, ResNet-50-D8, one V100, single
# precision: column "Inf time (fps)" of the READMEs in configs/pspnet and
# configs/deeplabv3 of MMSegmentation.
IMAGES_PER_SECOND: Dict[Tuple[str, str], float] = {
    ('PSPNet', 'Cityscapes'): 4.07,
    ('PSPNet', 'VOC'): 23.59,
    ('PSPNet', 'ADE20K'): 23.53,
    ('DeepLabv3', 'Cityscapes'): 2.57,
    ('DeepLabv3', 'VOC'): 13.88,
    ('DeepLabv3', 'ADE20K'): 14.76,
}
# Pixels of such an image. Those of VOC and ADE20K are resized to a shorter
# side of 512 and differ; 4:3 stands for all.
TEST_PIXELS = {'Cityscapes': 1024 * 2048, 'VOC': 512 * 683,
               'ADE20K': 512 * 683}
TEST_IMAGES = {'Cityscapes': 500, 'VOC': 1449, 'ADE20K': 2000}
# docs/en/model_zoo.md of MMSegmentation, "Training speed": an iteration of
# PSPNet with ResNet-101 on two crops of 512x1024 for each of 8 V100 takes
# 0.83 seconds. The same network takes 2.68 test images of Cityscapes in a
# second. What the passes do not explain is of the auxiliary head, the
# optimizer, the gradients sent around and the data.
OVERHEAD = 0.83 / (TRAINING_PASSES * 2 * (512 * 1024) / (1024 * 2048) / 2.68)
FORMULA = """\
An estimate, not a measurement. It counts passes through the network: a
forward pass is 1, and so is a backward pass to the image. Training takes {0}
for each image of a batch; to these come those of the attack, for each image
that it is run on. A pass takes as long as on an NVIDIA V100 in single
precision: MMSegmentation publishes how many test images the networks with
ResNet-50-D8 take in a second there, and that an iteration of PSPNet with
ResNet-101 takes 0.83 s, {1:.2f} times what its passes take.
  training  = iterations x GPUs x s of a plain iteration x passes / {0}
  plain     = {0} x images of a GPU x s of a crop x {1:.2f}
  crop      = s of a test image x pixels of a crop / pixels of a test image
  measuring = test images x passes x s of a test image
Passes of a measurement are those of the attack and a prediction before and
after it. An attack that may stop early is counted in full; validation during
training and the self-checks of the reports are not counted.""".format(
    TRAINING_PASSES, OVERHEAD)


@dataclass(frozen=True)
class Hours:
    """What a system costs, in hours of one GPU and for one seed.

    Args:
        system (System): The system.
        passes (float): Passes over a batch that an iteration takes.
        training (float, optional): Hours of its training. None where no
            speed is published for its data.
        trials (int): How many measurements there are.
        measuring (float, optional): Hours of these.
    """
    system: System
    passes: float
    training: Optional[float]
    trials: int
    measuring: Optional[float]


def expected_hours(experiments: Sequence[Experiment], scale: Scale,
                   systems: Iterable[System]) -> List[Hours]:
    """Return what each system costs.

    Args:
        experiments (sequence[Experiment]): What is measured.
        scale (Scale): At which size.
        systems (iterable[System]): Systems of that scale.
    """
    trials = trials_of(experiments, scale)
    return [Hours(system, training_passes(read_config(scale.config(system))),
                  training_hours(scale, system), len(trials.get(system, ())),
                  sum_or_none(trial_hours(scale, system, trial)
                              for trial in trials.get(system, ())))
            for system in systems]


def trials_of(experiments: Sequence[Experiment],
              scale: Scale) -> Dict[System, List[Trial]]:
    """Return what is done to each system of a scale, each thing once."""
    found: Dict[System, Dict[Trial, None]] = {}
    for experiment in experiments:
        for cell in (*experiment.cells, *experiment.pictures):
            surrogate = cell.trial.surrogate
            trial = Trial(cell.trial.attack, cell.trial.steps,
                          surrogate and scale.resolve(surrogate))
            found.setdefault(scale.resolve(cell.system), {})[trial] = None
    return {system: list(trials) for system, trials in found.items()}


def training_hours(scale: Scale, system: System) -> Optional[float]:
    """Return the GPU hours of a training; None without a published speed."""
    cfg = read_config(scale.config(system))
    seconds = plain_iteration(system, cfg)
    if seconds is None:
        return None
    return (cfg.train_cfg.max_iters * gpus_of(scale.config(system)) * seconds
            * training_passes(cfg) / TRAINING_PASSES / 3600)


def plain_iteration(system: System, cfg: Config) -> Optional[float]:
    """Return the seconds of an iteration without an attack, or None."""
    speed = IMAGES_PER_SECOND.get((system.model, system.data))
    if speed is None:
        return None
    height, width = cfg.crop_size
    crops = cfg.train_dataloader.batch_size * height * width
    return (TRAINING_PASSES * OVERHEAD * crops / TEST_PIXELS[system.data]
            / speed)


def trial_hours(scale: Scale, system: System,
                trial: Trial) -> Optional[float]:
    """Return the GPU hours of a measurement; None without a speed.

    The attack runs on the surrogate, if there is one. The system predicts
    the clean image and, if there is an attack, what that gives.
    """
    attacked = trial.surrogate or system
    speeds = [IMAGES_PER_SECOND.get((one.model, one.data))
              for one in (attacked, system)]
    if None in speeds:
        return None
    images = scale.images or TEST_IMAGES[system.data]
    passes = trial_passes(trial.attack, trial.steps)
    predictions = 1 if trial.attack is None else 2
    return images * (passes / speeds[0] + predictions / speeds[1]) / 3600


@lru_cache(maxsize=None)
def trial_passes(attack: Optional[str], steps: Optional[int]) -> int:
    """Count the passes of an attack as typed; clean images take none."""
    if attack is None:
        return 0
    config = parse_attack(attack)
    if steps is not None:
        config['steps'] = steps
    return attack_passes(ATTACKS.build(config))


@lru_cache(maxsize=None)
def read_config(name: str) -> Config:
    """Read a config once."""
    return load_config(name)


def gpus_of(name: str) -> int:
    """Return the number of GPUs that the name of a config says."""
    return int(re.search(r'_(\d+)xb\d+', name)[1])


def sum_or_none(values: Iterable[Optional[float]]) -> Optional[float]:
    """Return the sum, or None where a value is not known."""
    values = list(values)
    return None if None in values else sum(values)


def hours_lines(hours: Sequence[Hours], seeds: int) -> List[str]:
    """Return what all seeds cost as a table, and how it was computed."""
    rows = [['GPU hours', 'passes', 'training', 'trials', 'measuring']]
    for one in hours:
        rows.append([str(one.system), f'{one.passes:g}',
                     hours_text(one.training, seeds), str(one.trials),
                     hours_text(one.measuring, seeds)])
    training = sum_or_none(one.training for one in hours)
    measuring = sum_or_none(one.measuring for one in hours)
    rows.append(['all', '', hours_text(training, seeds), '',
                 hours_text(measuring, seeds)])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:])]
        lines.append('  '.join([first.ljust(widths[0]), *cells]).rstrip())
    if training is None:
        return [*lines, 'A dash is where MMSegmentation publishes no speed.']
    return [*lines, '', *FORMULA.splitlines()]


def hours_text(value: Optional[float], seeds: int) -> str:
    """Return hours of all seeds to a tenth, or a dash."""
    return '-' if value is None else f'{value * seeds:.1f}'
