"""Adversaries and predictions side by side, as Figure 3 of the paper.

.. code:: text

 (a) clean image          (b) ground truth
 (c) adversary of SegPGD  (d) prediction under SegPGD
 (e) adversary of RP-PGD  (f) prediction under RP-PGD

Nothing is attacked for it: ``evaluate`` keeps what a few images, spread over
the data set, have become.
"""
import os
import os.path as osp
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from ..evaluation.report.panels import ClassMap, Photo, Picture, draw_panels
from ..evaluation.report.pictures import predicted
from ..evaluation.results.finished import FinishedTest
from ..evaluation.run.images import Example, ExampleStore
from .boards import Values
from .experiments import Cell, Experiment
from .scales import Scale, System

CAPTION = 'Percent: labelled pixels that are predicted right.'


class Kept(NamedTuple):
    """What a report has kept of its images.

    Args:
        clean (dict[int, Example]): Clean images, by index.
        labels (dict[int, np.ndarray]): Their labels (H, W).
        palette (list): Colour of each class, three numbers up to 255.
        attacked (dict[int, Example]): The same images under the attack.
        classes (list[str]): Names of the classes.
    """
    clean: Dict[int, Example]
    labels: Dict[int, np.ndarray]
    palette: List[List[int]]
    attacked: Dict[int, Example]
    classes: List[str]


def draw_attacked(experiment: Experiment, scale: Scale, values: Values,
                  out: str) -> bool:
    """Draw the images of an experiment under each of its attacks.

    A row is an image of a system. All attacks on a system are of one seed,
    the first that all were measured with; a system that lacks one is left
    out.

    Args:
        experiment (Experiment): Its ``pictures`` say what is drawn; their
            rows name the attacks.
        scale (Scale): Says what a system of the paper is.
        values (mapping): The measurements of a cell, one for each seed.
            Their ``source['folder']``, seen from ``out``, is a report that
            ``evaluate`` made with ``panels``.
        out (str): Folder of ``NAME.png`` (300 dpi) and ``NAME.pdf``, which
            are written.

    Returns:
        bool: Whether there was anything to draw.

    Raises:
        FileNotFoundError: If a report is not there.
        ValueError: If the systems are not attacked alike or have other
            classes, or a report has kept no image that the others have.
        OSError: If a file cannot be written; names it.
    """
    rows: List[List[Picture]] = []
    names: List[str] = []
    kept: Optional[List[Kept]] = None
    systems = _attacks_by_system(experiment)
    for system, cells in systems.items():
        seed = _common_seed(cells, values)
        if seed is None:
            continue
        before, kept = kept, [
            _read(osp.join(out, measured.source['folder']), cell)
            for cell in cells for measured in values[cell]
            if measured.seed == seed]
        if before and before[0].classes != kept[0].classes:
            raise ValueError(
                f'the pictures of {experiment.name} must be of one data set, '
                f'but {scale.resolve(system)} has other classes than the '
                'systems before it')
        found = _rows(kept, f'{experiment.name}, {scale.resolve(system)}')
        rows += found
        names += [f'{scale.resolve(system)}, seed {seed}'] * len(found)
    if kept is None:
        return False
    attacks = [cell.row for cell in next(iter(systems.values()))]
    draw_panels(rows, _columns(attacks), kept[0].palette, kept[0].classes,
                osp.join(out, experiment.name), names=names, caption=CAPTION)
    return True


def _attacks_by_system(experiment: Experiment) -> Dict[System, List[Cell]]:
    """The pictures of each system, one for each attack."""
    systems: Dict[System, List[Cell]] = {}
    for cell in experiment.pictures:
        systems.setdefault(cell.system, []).append(cell)
    kinds = {tuple(cell.row for cell in cells) for cells in systems.values()}
    if len(kinds) > 1:
        raise ValueError(
            f'the pictures of {experiment.name} must be of the same attacks '
            f'on every system, but are of {sorted(kinds)}')
    return systems


def _common_seed(cells: Sequence[Cell], values: Values) -> Optional[int]:
    """The first seed that all cells were measured with; None without one."""
    seeds = [[measured.seed for measured in values.get(cell) or ()]
             for cell in cells]
    return next((seed for seed in seeds[0]
                 if all(seed in others for others in seeds)), None)


def _columns(attacks: Sequence[str]) -> List[str]:
    columns = ['clean image', 'ground truth']
    for attack in attacks:
        columns += [f'adversary of {attack}', f'prediction under {attack}']
    return columns


def _rows(kept: Sequence[Kept], where: str) -> List[List[Picture]]:
    """The pictures of every image that all attacks have."""
    indices = sorted(set.intersection(*(set(k.attacked) for k in kept)))
    if not indices:
        raise ValueError(
            f'{where}: the attacks must have kept the same images, but have '
            'none in common; measure them with one limit and one number of '
            'panels')
    rows = []
    for index in indices:
        clean = kept[0].clean[index]
        row: List[Picture] = [Photo(clean.image),
                              ClassMap(kept[0].labels[index], clean.ignored)]
        for attack in kept:
            attacked = attack.attacked[index]
            row += [Photo(attacked.image), predicted(attacked, clean)]
        rows.append(row)
    return rows


def _read(folder: str, cell: Cell) -> Kept:
    """Read what a report has kept of the attack of a cell.

    Raises:
        FileNotFoundError: If there is no report.
        ValueError: If not one of its rows is that attack, or it kept no
            image.
    """
    test, steps = FinishedTest(folder), cell.trial.steps
    keys = [key for attack, key in zip(test.results['attacks'], test.keys)
            if steps in (None, attack['config'].get('steps'))]
    if len(keys) != 1:
        raise ValueError(f'{folder} must have one row of {cell.row}, but has '
                         f'{len(keys)}')
    examples = osp.join(folder, 'examples')
    folder = osp.join(examples, 'clean')
    names = os.listdir(folder) if osp.isdir(folder) else []
    indices = sorted(int(name[:-4]) for name in names
                     if name.endswith('.npz') and name[:-4].isdigit())
    store = ExampleStore(examples, indices)
    kept = Kept({}, {}, [], {}, test.results['dataset']['classes'])
    for i in indices:
        clean, attacked = store.load('clean', i), store.load(keys[0], i)
        if clean is None or attacked is None:
            continue
        if clean.label is not None and clean.palette is not None:
            kept.clean[i], kept.attacked[i] = clean, attacked
            kept.labels[i] = clean.label
            kept.palette[:] = clean.palette.tolist()
    if not kept.clean:
        raise ValueError(
            f'{examples} must have images of the test with their adversaries, '
            'but has none; repeat the test with panels > 0')
    return kept
