"""GPU hours that experiments may take, from what MMSegmentation publishes.

See :data:`FORMULA`, which goes with every estimate.
"""
from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Tuple

from .commands import Commands
from .passes import TRAINING_PASSES, passes_of, training_passes
from .runs import Run
from .scales import System

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
after it. An attack that may stop early is counted in full, and adversaries
of another network for each system that they are tried on. Validation during
training and the self-checks of reports are not counted.""".format(
    TRAINING_PASSES, OVERHEAD)


@dataclass(frozen=True)
class Hours:
    """What a system costs, in GPU hours, for all seeds.

    Args:
        system (System): The system.
        passes (float): Passes over a batch that an iteration takes.
        training (float, optional): Hours of its training. None where no
            speed is published for its data.
        reports (int): How many reports are measured.
        measuring (float, optional): Hours of these.
    """
    system: System
    passes: float
    training: Optional[float]
    reports: int
    measuring: Optional[float]


def expected_hours(commands: Commands) -> List[Hours]:
    """Return what each system costs."""
    seeds, images = len(commands.work.seeds), commands.work.scale.images
    result = []
    for system in commands.systems:
        runs = commands.runs[system]
        training = training_hours(commands, system)
        result.append(Hours(
            system, training_passes(commands.config(system)),
            training and training * seeds, len(runs),
            sum_or_none(run_hours(run, images) for run in runs)))
    return result


def training_hours(commands: Commands, system: System) -> Optional[float]:
    """Return the GPU hours of a training; None without a published speed."""
    seconds = plain_iteration(commands, system)
    if seconds is None:
        return None
    cfg = commands.config(system)
    return (cfg.train_cfg.max_iters * commands.gpus(system) * seconds
            * training_passes(cfg) / TRAINING_PASSES / 3600)


def plain_iteration(commands: Commands, system: System) -> Optional[float]:
    """Return the seconds of an iteration without an attack, or None."""
    speed = IMAGES_PER_SECOND.get((system.model, system.data))
    if speed is None:
        return None
    height, width = commands.config(system).crop_size
    crops = commands.batch_size(system) * height * width
    return (TRAINING_PASSES * OVERHEAD * crops / TEST_PIXELS[system.data]
            / speed)


def run_hours(run: Run, images: Optional[int] = None) -> Optional[float]:
    """Return the GPU hours of a report; None without a published speed.

    The attack runs on the surrogate, if there is one. The system predicts
    the clean image, and what the attack gives at each number of steps.

    Args:
        run (Run): The report.
        images (int, optional): Number of images. Defaults to None, all.
    """
    attacked, shown = (IMAGES_PER_SECOND.get((one.model, one.data))
                       for one in (run.surrogate or run.system, run.system))
    if attacked is None or shown is None:
        return None
    predictions = 1 + (run.most_steps if run.recovered
                       else max(1, len(run.steps)))
    seconds = (passes_of(run.attack, max(run.steps, default=None)) / attacked
               + predictions / shown)
    return (images or TEST_IMAGES[run.system.data]) * seconds / 3600


def sum_or_none(values: Iterable[Optional[float]]) -> Optional[float]:
    """Return the sum, or None where a value is not known."""
    total = 0.
    for value in values:
        if value is None:
            return None
        total += value
    return total


def hours_lines(hours: List[Hours]) -> List[str]:
    """Return what systems cost as a table, and how it was computed."""
    rows = [['GPU hours', 'passes', 'training', 'reports', 'measuring']]
    for one in hours:
        rows.append([str(one.system), f'{one.passes:g}', text(one.training),
                     str(one.reports), text(one.measuring)])
    training = sum_or_none(one.training for one in hours)
    measuring = sum_or_none(one.measuring for one in hours)
    rows.append(['all', '', text(training), '', text(measuring)])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:])]
        lines.append('  '.join([first.ljust(widths[0]), *cells]).rstrip())
    if training is None:
        return [*lines, 'A dash is where MMSegmentation publishes no speed.']
    return [*lines, '', *FORMULA.splitlines()]


def text(value: Optional[float]) -> str:
    """Return hours to a tenth, or a dash."""
    return '-' if value is None else f'{value:.1f}'
