"""Attack images, and predict what came out: white box, transfer, matrix.

Shapes: images (3, h, w) in [0, 1], predictions (H, W).
"""
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import torch
from torch import Tensor

from ...metrics import pack_counts
from ...timing import Stopwatch
from ..files import short_name
from ..plan.rows import Row
from ..plan.runs import AttackRun
from .images import Adversary, AdversaryCache, Example, to_8bit
from .jobs import Keep, Measured, count, measure
from .models import Attacked, Sample, TestedModel
from .saved import SavedAdversaries
from .store import Record

# Characters of a model's name in a file name, which has more parts.
LONGEST_SOURCE = 60


class AttackJob:
    """Attack images on one model; predict what came out with every target.

    The source being the first target, it is a white-box attack; another
    source makes it a transfer attack; several targets make it a column of a
    transfer matrix. All rows of one run are read off it.

    Args:
        run (AttackRun): The attack and the rows that are read off it.
        source (TestedModel): The model that the attacker knows.
        targets (dict[str, TestedModel]): The models that are shown the
            result, by name; the first is the tested one.
        seed (int): Seed of the evaluation.
        keep (callable, optional): Takes the :class:`Example` of an image.
        cache (AdversaryCache, optional): Keeps the adversarial images; those
            of another model than the tested one are taken from it.
        name (str, optional): Name of the source in a matrix; it makes the
            records others than those of the rows themselves.
        saved (SavedAdversaries, optional): Saves the adversarial images of
            the rows for others. Defaults to None.
    """

    def __init__(self, run: AttackRun, source: TestedModel,
                 targets: Dict[str, TestedModel], seed: int,
                 keep: Keep = None, cache: Optional[AdversaryCache] = None,
                 name: Optional[str] = None,
                 saved: Optional[SavedAdversaries] = None) -> None:
        self.run = run
        self.source = source
        self.targets = targets
        self.tested = next(iter(targets.values()))
        self.seed = seed
        self.keep = keep
        self.cache = cache
        self.saved = saved
        self.white_box = source is self.tested
        self.source_name = name
        self.name = run.longest.label + (f' on {name}' if name else '')
        self.keys = [matrix_key(row, name) for row in run.rows]
        self.traced = run.longest.trace and self.white_box
        self.rounds = (cache is not None or saved is not None
                       or not self.white_box or len(targets) > 1)

    @property
    def cost(self) -> float:
        """float: About how many steps one image takes."""
        last = self.run.longest
        shown = len(self.run.rows) * (
            2 * len(self.targets) if len(self.targets) > 1 else 1)
        return (last.steps or 10) * (1.4 if self.traced else 1) + shown

    def __call__(self, samples: Sequence[Sample]) -> List[Dict[str, Record]]:
        records: List[Dict[str, Record]] = [{} for _ in samples]
        if not self._from_cache(samples, records):
            self._attack(samples, records)
        return records

    def _from_cache(self, samples: Sequence[Sample],
                    records: List[Dict[str, Record]]) -> bool:
        """Fill in records of adversaries made before, if all are there."""
        if self.cache is None or self.white_box:
            return False
        found = [[self.cache.load(row.key, s.index, s.image, s.labels)
                  for s in samples] for row in self.run.rows]
        columns = [[adversary for adversary in column
                    if adversary is not None] for column in found]
        if any(len(column) < len(samples) for column in columns):
            return False
        for row, column in zip(self.run.rows, columns):
            self._record(row, samples, [Attacked(a.image, None)
                                        for a in column],
                         [a.seconds for a in column], records, save=False)
        return True

    def _attack(self, samples: Sequence[Sample],
                records: List[Dict[str, Record]]) -> None:
        curves: List[List[Record]] = [[] for _ in samples]
        longest = self.run.longest
        attack = longest.build(self.source.num_values(samples[0].image))
        # Measuring between the steps is not part of an attack's time.
        watch = Stopwatch(self.source.device)
        done = set()

        def look(step: int, adv_images: Tensor) -> None:
            rows = [r for r in self.run.rows[:-1] if r.steps == step]
            if not (rows or self.traced):
                return
            with watch.paused():
                attacked = [Attacked(image, None) for image in adv_images]
                seen = measure(self.tested, samples, list(adv_images))
                if self.traced:
                    for curve, measured in zip(curves, seen):
                        curve.append(pack_counts(measured.counts))
                for row in rows:
                    done.add(row.key)
                    self._record(row, samples, attacked,
                                 [watch.seconds / len(samples)] *
                                 len(samples), records, seen)

        watched = len(self.run.rows) > 1 or self.traced
        found = self.source.attack(
            attack, samples,
            [self.run.generator(self.seed, s.index) for s in samples],
            look if watched else None)
        seconds = [watch.stop() / len(samples)] * len(samples)
        # Nothing labelled: no step was taken, and all rows are the last.
        for row in self.run.rows:
            if row.key not in done:
                self._record(row, samples, found, seconds, records)
        if self.traced:
            key = matrix_key(longest, self.source_name)
            for record, curve in zip(records, curves):
                record[key]['curve'] = curve or [
                    _counts_of(record[key])] * (longest.steps or 0)

    def _record(self, row: Row, samples: Sequence[Sample],
                attacked: Sequence[Attacked], seconds: Sequence[float],
                records: List[Dict[str, Record]],
                seen: Optional[Sequence[Measured]] = None,
                save: bool = True) -> None:
        """Fill in the record of a row, for each of the samples."""
        images = [a.image for a in attacked]
        rounded = [round_to_8bit(image, sample.image, row)
                   for image, sample in zip(images, samples)
                   ] if self.rounds else []
        if seen is None:
            seen = self._measure(samples, attacked)
        shown = self._show(samples, images, rounded, seen)
        key = matrix_key(row, self.source_name)
        for i, sample in enumerate(samples):
            records[i][key] = {
                'index': sample.index, 'image': sample.path,
                **pack_counts(seen[i].counts),
                **self._threat(row, sample),
                **measure_perturbation(sample.image, images[i], row.norm),
                'seconds': round(seconds[i], 4), **shown[i]}
            if self.keep is not None:
                self.keep(example_of(sample, row, images[i],
                                     seen[i].prediction))
            if self.saved is not None:
                self.saved.save(row.key, sample, images[i], rounded[i])
            if self.cache is not None and save:
                self.cache.save(
                    row.key, sample.index, sample.image, sample.labels,
                    Adversary(images[i], seconds[i]), rounded[i])

    def _measure(self, samples: Sequence[Sample],
                 attacked: Sequence[Attacked]) -> List[Measured]:
        predictions = [a.prediction for a in attacked
                       if a.prediction is not None]
        if len(predictions) < len(attacked):
            return measure(self.tested, samples, [a.image for a in attacked])
        return [Measured(count(self.tested, s, prediction), prediction)
                for s, prediction in zip(samples, predictions)]

    def _show(self, samples: Sequence[Sample], images: Sequence[Tensor],
              rounded: Sequence[Tensor],
              seen: Sequence[Measured]) -> List[Dict[str, Any]]:
        """What images of another model, and of a matrix, are measured for."""
        if self.white_box and len(self.targets) == 1:  # nothing more
            return [{} for _ in samples]
        columns = {}
        for name, model in self.targets.items():
            plain = seen if model is self.tested else measure(
                model, samples, images)
            columns[name] = (plain, measure(model, samples, rounded))
        shown: List[Dict[str, Any]] = []
        first = next(iter(columns))
        for i in range(len(samples)):
            more: Dict[str, Any] = {}
            if not self.white_box:
                more['rounded'] = pack_counts(columns[first][1][i].counts)
            if len(columns) > 1:
                more['targets'] = {
                    name: {'float': pack_counts(plain[i].counts),
                           'png': pack_counts(png[i].counts)}
                    for name, (plain, png) in columns.items()}
            shown.append(more)
        return shown

    def _threat(self, row: Row, sample: Sample) -> Dict[str, float]:
        num_values = self.source.num_values(sample.image)
        eps = row.build(num_values).resolved_eps(sample.image[None])
        rms = eps if row.norm == 'linf' else eps / num_values**0.5
        return {'eps': eps, 'rms': rms}


def matrix_key(row: Row, source: Optional[str]) -> str:
    """Key of a row's records, or of those made on one model of a matrix."""
    if source is None:
        return row.key
    return f'matrix-{row.key}-from-{short_name(source, LONGEST_SOURCE)}'


def matrix_clean_key(name: str) -> str:
    """Key of the records of the clean images on a model of a matrix."""
    return f'matrix-clean-{short_name(name, LONGEST_SOURCE)}'


def _counts_of(record: Record) -> Record:
    return {k: record[k] for k in ('class', 'tp', 'pred', 'label')}


def example_of(sample: Sample, row: Row, adv_image: Tensor,
               prediction: Tensor) -> Example:
    """What pictures show of one attacked image."""
    delta = (adv_image - sample.image).permute(1, 2, 0).cpu().numpy()
    return Example(sample.index, row.key, to_8bit(adv_image),
                   prediction.cpu().numpy(), delta.astype(np.float16))


def measure_perturbation(clean: Tensor, adv_image: Tensor,
                         norm: str) -> Dict[str, Any]:
    """Size of a perturbation, and whether the image is an image.

    Not-a-number pixels are counted, and left out of the other numbers.
    """
    bad = ~torch.isfinite(adv_image)
    adv_image = torch.where(bad, clean, adv_image).double()
    delta = adv_image - clean.double()
    size = delta.abs().max() if norm == 'linf' else delta.norm()
    return {'norm': float(size), 'nan': int(bad.sum()),
            'min': float(adv_image.min()), 'max': float(adv_image.max())}


def round_to_8bit(image: Tensor, clean: Tensor, row: Row) -> Tensor:
    """Round an adversarial image to the 256 levels of a picture.

    For linf, towards the clean image where the nearest level is outside the
    ball: a picture that left it would be another threat.
    """
    levels = (image * 255).round()
    if row.norm == 'linf' and row.eps is not None:
        slack = 1e-3  # of a level; float32 does not hit levels exactly
        lower = ((clean - row.eps) * 255 - slack).ceil()
        upper = ((clean + row.eps) * 255 + slack).floor()
        levels = torch.where(lower <= upper, levels.clamp(lower, upper),
                             levels)
    return levels.clamp(0, 255) / 255
