"""What is done with images: predict them, or attack and predict them.

A job turns samples of one size into records, plain data that is stored as it
comes. Shapes: images (3, h, w) in [0, 1], predictions (H, W).
"""
from typing import (Callable, Dict, List, NamedTuple, Optional, Protocol,
                    Sequence)

import numpy as np
import torch
from torch import Tensor

from ...metrics import pack_counts
from ...painting import full_palette
from ...timing import Stopwatch
from ..plan.rows import Row
from ..report.pace import CLEAN_COST
from .images import Example, to_8bit
from .model_probe import ModelProbe
from .models import Sample, TestedModel
from .probes import GRADIENT
from .saved import SavedAdversaries
from .store import Record

Keep = Optional[Callable[[Example], None]]


class Job(Protocol):
    """One kind of work on images.

    ``name`` is shown while it runs, and ``keys`` name the records that it
    gives of each image.
    """
    name: str
    keys: List[str]

    @property
    def cost(self) -> float:
        """float: About how many attack steps one image takes."""

    def __call__(self, samples: Sequence[Sample]) -> List[Dict[str, Record]]:
        """Return the records, by key, of each of the samples."""


class Measured(NamedTuple):
    """What a model makes of an image.

    Args:
        counts (np.ndarray): Class counts (3, C).
        prediction (Tensor): Predicted classes (H, W).
    """
    counts: np.ndarray
    prediction: Tensor


def measure(model: TestedModel, samples: Sequence[Sample],
            images: Optional[Sequence[Tensor]] = None) -> List[Measured]:
    """Predict samples, or images in their place, and count."""
    return [Measured(count(model, sample, prediction), prediction)
            for sample, prediction in zip(
                samples, model.predict(samples, images))]


def count(model: TestedModel, sample: Sample,
          prediction: Tensor) -> np.ndarray:
    """Class counts (3, C) of a prediction."""
    try:
        return model.counted.count(prediction, sample.labels)
    except ValueError as error:
        raise ValueError(f'{sample.path}: {error}') from None


class CleanJob:
    """Predict the clean images.

    Args:
        model (TestedModel): The tested model.
        key (str): Key of the records. Defaults to 'clean'.
        before (callable, optional): ``before(sample)``, for hooks.
        after (callable, optional): ``after(sample, outputs)``, for hooks.
        keep (callable, optional): Takes the :class:`Example` of an image.
    """
    cost = CLEAN_COST

    def __init__(self, model: TestedModel, key: str = 'clean',
                 before: Optional[Callable] = None,
                 after: Optional[Callable] = None,
                 keep: Keep = None) -> None:
        self.model = model
        self.name = key
        self.keys = [key]
        self.before = before
        self.after = after
        self.keep = keep

    def __call__(self, samples: Sequence[Sample]) -> List[Dict[str, Record]]:
        if self.before is not None:
            for sample in samples:
                self.before(sample)
        records = []
        for sample, output in zip(samples, self.model.outputs(samples)):
            prediction = self.model.classes_in(output)
            counts = count(self.model, sample, prediction)
            if self.after is not None:
                self.after(sample, [output])
            if self.keep is not None:
                self.keep(self._example(sample, prediction))
            records.append({self.name: {
                'index': sample.index, 'image': sample.path,
                **pack_counts(counts)}})
        return records

    def _example(self, sample: Sample, prediction: Tensor) -> Example:
        """What pictures show of a clean image."""
        palette = full_palette(self.model.palette, len(self.model.classes))
        return Example(
            sample.index, 'clean', to_8bit(sample.image),
            prediction.cpu().numpy(), label=sample.labels.cpu().numpy(),
            ignored=self.model.counted.ignored(sample.labels).cpu().numpy(),
            palette=np.array(palette, np.uint8))


class SearchJob:
    """Search for the smallest perturbation of each image.

    Args:
        row (Row): The attack, which looks for one.
        model (TestedModel): The tested model.
        saved (SavedAdversaries, optional): Saves the images for others.
            Defaults to None.
    """

    def __init__(self, row: Row, model: TestedModel,
                 saved: Optional[SavedAdversaries] = None) -> None:
        self.row = row
        self.model = model
        self.saved = saved
        self.name = f'smallest perturbation, {row.name}'
        self.keys = [row.search_key]
        self.cost = float(row.steps or 50)

    def __call__(self, samples: Sequence[Sample]) -> List[Dict[str, Record]]:
        watch = Stopwatch(self.model.device)
        search = self.row.build_search(samples[0].image.numel()).searching()
        found = self.model.attack(search, samples,
                                  [torch.Generator() for _ in samples])
        ratios = [a.mis_ratio for a in found if a.mis_ratio is not None]
        norms = search.norms(
            torch.stack([a.image for a in found]),
            torch.stack([s.image for s in samples]),
            torch.stack(ratios) if len(ratios) == len(found) else None
        ).tolist()
        seconds = round(watch.stop() / len(samples), 4)
        if self.saved is not None:
            for sample, attacked in zip(samples, found):
                self.saved.save(self.keys[0], sample, attacked.image,
                                attacked.image)
        return [{self.keys[0]: {
            'index': sample.index, 'image': sample.path,
            'labelled': not np.isnan(norm),
            'norm': norm if np.isfinite(norm) else None,
            'seconds': seconds}} for sample, norm in zip(samples, norms)]


class GradientJob:
    """Record what the logits and the gradient of a model are like.

    Args:
        model (TestedModel): The tested model.
    """
    keys = [GRADIENT]
    name = 'check: gradient'
    cost = 16.  # 46 forward and 2 backward passes

    def __init__(self, model: TestedModel) -> None:
        self.model = model

    def __call__(self, samples: Sequence[Sample]) -> List[Dict[str, Record]]:
        return [{GRADIENT: self._look(sample)} for sample in samples]

    def _look(self, sample: Sample) -> Record:
        probe = ModelProbe()
        self.model.attack(probe, [sample], [torch.Generator()])
        # Several windows with 'crop'; none where nothing is labelled.
        return {'index': sample.index, 'image': sample.path,
                'seen': probe.seen}
