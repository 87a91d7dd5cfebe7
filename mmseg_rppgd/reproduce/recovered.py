"""How many pixels that were wrong from the start an attack sets right.

The paper gives the False Region a small weight since "less than 1% of the
initially mispredicted pixels could be randomly restored" in 100 iterations of
PGD (section Region-Based Attack). This measures that share.
"""
import json
import os.path as osp
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np
import torch
from mmengine.dist import get_dist_info
from torch import Tensor

from .. import __version__
from ..evaluation.evaluate import check_numbers
from ..evaluation.files import write_json
from ..evaluation.plan.rows import Row
from ..evaluation.plan.runs import AttackRun
from ..evaluation.plan.suites import make_plan
from ..evaluation.report.screen import Screen
from ..evaluation.results.environment import describe_environment
from ..evaluation.run.bad_data import data_set_of
from ..evaluation.run.images import ExampleStore
from ..evaluation.run.jobs import measure
from ..evaluation.run.models import Sample, TestedModel
from ..evaluation.run.processes import on_first
from ..evaluation.run.start import start, working_in
from ..evaluation.run.store import ImageStore, Record, SettingsChanged
from ..evaluation.run.worker import Worker
from ..metrics import LABEL, TP

NAME = 'recovered.json'
SCHEMA = 1


def measure_recovered(model: TestedModel, loader: Any,
                      attack: Union[str, Dict[str, Any]], out_dir: str,
                      seed: int = 0, limit: Optional[int] = None,
                      quiet: bool = True) -> Dict[str, Any]:
    """Measure the share of pixels, wrong on clean images, that become right.

    Each image is attacked by itself, with the noise that ``evaluate`` gives
    it, and predicted after every step. What is done is kept in ``out_dir``:
    the same call goes on after an interrupt, and one with other settings
    moves it to a folder of its own and starts again.

    Args:
        model (TestedModel): The system.
        loader (DataLoader | Dataset): Its images.
        attack (str | dict): An attack with steps, such as
            ``'PGD(steps=100)'``.
        out_dir (str): Folder of recovered.json and of the results of single
            images.
        seed (int): Seed of the noise. Defaults to 0.
        limit (int, optional): Number of images, the first of the data set.
            Defaults to None, all.
        quiet (bool): Whether to show no progress. Defaults to True.

    Returns:
        dict: The content of recovered.json, all in percent, over the
        labelled pixels of all images, None where there are none:
        ``per_step`` (share of the initially wrong pixels that is right after
        each step), its ``last``, ``mean`` and ``max``, ``ever`` (right after
        any step), ``MisRatio`` after each step, ``clean_MisRatio``; the
        numbers of images and pixels; model, attack and environment.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is out of range, the attack returns another
            iterate than its last, an image cannot be tested, or another
            test is at work in ``out_dir``.
    """
    check_numbers(seed=seed, limit=limit)
    row = _row(attack)
    _check_model(model)
    dataset = data_set_of(loader)
    indices = list(range(len(dataset)))[:limit]
    settings = dict(
        model.resume_settings, recovered=row.settings, version=__version__,
        torch=torch.__version__, seed=seed, images=len(indices),
        surface=model.surface, model=model.settings, fp16=model.fp16)
    screen = Screen(quiet)
    worker = Worker(model, loader, indices,
                    ImageStore(osp.join(out_dir, 'per_image')), screen, seed,
                    1, *get_dist_info())
    job = RecoveredJob(model, row, seed)
    with working_in(out_dir, screen), model.evaluating(), screen:
        nothing = ExampleStore(None, ())
        try:
            start(worker, nothing, lambda: settings, resume=True)
        except SettingsChanged:
            start(worker, nothing, lambda: settings, resume=False)
        screen.plan(job.cost * worker.left(job, indices) /
                    worker.world_size)
        records, = worker.do(job)
        result = dict(
            schema=SCHEMA, model=model.info,
            dataset=dict(type=type(dataset).__name__,
                         num_images=len(indices), classes=model.classes),
            attack=dict(row.full_config, name=row.name),
            surface=model.surface,
            environment=describe_environment(seed, model.device),
            **summarise(records))
        on_first(lambda: write_json(osp.join(out_dir, NAME), result))
    return result


def read_recovered(out_dir: str) -> Optional[Dict[str, Any]]:
    """Read what :func:`measure_recovered` has written.

    Args:
        out_dir (str): Its folder.

    Returns:
        dict: The content of recovered.json; None if it is not there, since
        nothing was measured or not all images are done.

    Raises:
        ValueError: If the file is not what was written.
    """
    path = osp.join(out_dir, NAME)
    if not osp.isfile(path):
        return None
    try:
        with open(path, encoding='utf-8') as file:
            found = json.load(file)
    except ValueError:  # of JSON or of UTF-8
        found = None
    if not isinstance(found, dict) or found.get('schema') != SCHEMA:
        raise ValueError(
            f'{path} must be a file of recovered pixels of schema {SCHEMA}, '
            'but is not: remove it, and measure again; results of single '
            'images are kept')
    return found


class RecoveredJob:
    """Count, after each step of an attack, what is right of what was wrong.

    Args:
        model (TestedModel): The system.
        row (Row): The attack, which counts steps.
        seed (int): Seed of the evaluation.
    """

    def __init__(self, model: TestedModel, row: Row, seed: int) -> None:
        self.model = model
        self.run = AttackRun([row])
        self.row = row
        self.seed = seed
        self.name = f'pixels recovered under {row.label}'
        self.keys = [f'recovered-{row.key}']
        assert row.steps is not None  # as _row() sees to
        self.steps = row.steps
        self.cost = 1.4 * row.steps  # a prediction after each

    def __call__(self, samples: Sequence[Sample]) -> List[Dict[str, Record]]:
        return [{self.keys[0]: self._count(sample)} for sample in samples]

    def _count(self, sample: Sample) -> Record:
        clean, = measure(self.model, [sample])
        wrong = (clean.prediction != sample.labels) & ~(
            self.model.counted.ignored(sample.labels))
        ever = torch.zeros_like(wrong)
        last: Optional[Tensor] = None
        restored: List[int] = []
        right: List[int] = []

        def look(step: int, adv_images: Tensor) -> None:
            nonlocal last, ever
            last = adv_images[0]
            seen, = measure(self.model, [sample], list(adv_images))
            now = wrong & (seen.prediction == sample.labels)
            ever = ever | now
            restored.append(int(now.sum()))
            right.append(int(seen.counts[TP].sum()))

        found, = self.model.attack(
            self.row.build(self.model.num_values(sample.image)), [sample],
            [self.run.generator(self.seed, sample.index)], look)
        labelled = int(clean.counts[LABEL].sum())
        if not labelled:  # then there is nothing to attack
            restored, right = [0] * self.steps, [0] * self.steps
        elif (len(restored) != self.steps or last is None
              or not torch.equal(found.image, last)):
            raise ValueError(
                'attack must show an image after each of its steps and '
                f'return the last, but {self.row.label} does not; take PGD, '
                'or another one-run attack with keep=last')
        return {'index': sample.index, 'image': sample.path,
                'labelled': labelled, 'wrong': int(wrong.sum()),
                'restored': restored, 'ever': int(ever.sum()),
                'right': right}


def summarise(records: Sequence[Record]) -> Dict[str, Any]:
    """Shares in percent of what was counted on single images.

    Args:
        records (sequence): Those of :class:`RecoveredJob`.

    Returns:
        dict: The numbers of recovered.json.
    """
    total = {name: np.sum([record[name] for record in records], axis=0)
             for name in (
                 'labelled', 'wrong', 'restored', 'ever', 'right')}
    per_step = _percent(total['restored'], total['wrong'])
    known = [share for share in per_step if share is not None]
    defined = len(known) == len(per_step)
    return dict(
        per_step=per_step, last=per_step[-1],
        mean=float(np.mean(known)) if defined else None,
        max=max(known) if defined else None,
        ever=_percent([total['ever']], total['wrong'])[0],
        MisRatio=[None if value is None else 100 - value for value in
                  _percent(total['right'], total['labelled'])],
        clean_MisRatio=_percent([total['wrong']], total['labelled'])[0],
        labelled_pixels=int(total['labelled']),
        wrong_pixels=int(total['wrong']))


def _percent(parts: Sequence[int], whole: int) -> List[Optional[float]]:
    """Shares in percent; None where there is nothing to divide by."""
    return [float(100 * (part / whole)) if whole else None for part in parts]


def _row(attack: Union[str, Dict[str, Any]]) -> Row:
    """The attack as a row of a test, with its default radius."""
    if not isinstance(attack, (str, dict)):
        raise TypeError("attack must be one attack, such as 'PGD(steps=100)' "
                        f'or a config, but got {attack!r}')
    row, = make_plan(None, [attack]).rows
    if row.steps is None:
        raise ValueError('attack must be one that counts steps, but '
                         f'{row.name} does not; take PGD(steps=100)')
    return row


def _check_model(model: Any) -> None:
    if not isinstance(model, TestedModel):
        raise TypeError(
            'model must be a TestedModel, such as that of load_model(config, '
            f'checkpoint), but got {type(model).__name__}')
    if model.surface == 'crop':
        raise ValueError("surface 'crop' has no image that could be predicted "
                         "between the steps; take 'whole' or 'slide'")
