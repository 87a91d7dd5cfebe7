"""Whether a network gives the features that attacks read."""
from typing import Any, Sequence

import torch

from ...attacks.base.attack import Attack
from ...attacks.base.model import CheckedModel
from .models import TestedModel
from .segmentor import TestedSegmentor


def check_features(model: TestedModel, loader: Any, indices: Sequence[int],
                   attacks: Sequence[Attack]) -> None:
    """Refuse attacks without the features they read, before any work.

    What a network of torch gives is known once it has seen an image. Without
    this look, a suite would run for hours and end at its first such attack.
    Segmentors of MMSeg say by themselves where their features are.

    Args:
        model (TestedModel): What is attacked.
        loader (DataLoader | Dataset): As of :meth:`TestedModel.samples`.
        indices (Sequence[int]): Images of the test.
        attacks (Sequence[Attack]): All attacks of the test.

    Raises:
        ValueError: If an attack needs features, and there are none.
    """
    readers = [a for a in attacks
               if a.needs_features and a.feature_layer is None]
    if not readers or isinstance(model, TestedSegmentor):
        return
    for sample in model.samples(loader, indices, leave_out=lambda bad: None):
        with model.evaluating(), torch.no_grad():
            model.outputs([sample])  # what else is wrong is said better here
            CheckedModel(
                model.attacked, torch.zeros_like(sample.labels)[None],
                readers[0].name, True)(sample.image[None].to(model.device))
        return
