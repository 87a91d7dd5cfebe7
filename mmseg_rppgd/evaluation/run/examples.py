"""A few images with what the attacks made of them, kept for pictures.

``examples/ROW/INDEX.npz`` holds what one picture needs, so that pictures can
be drawn after the test, also after a resumed one, or drawn again.
"""
import os
import os.path as osp
from typing import Collection, NamedTuple, Optional, Sequence

import numpy as np
from torch import Tensor


class Example(NamedTuple):
    """What one attack did to one image.

    Args:
        index (int): Index in the data set.
        key (str): Key of the row; ``'clean'`` for the clean image.
        image (np.ndarray): Image shown, (h, w, 3) uint8.
        prediction (np.ndarray): Predicted classes (H, W).
        delta (np.ndarray, optional): What was added, (h, w, 3) float16.
            None for the clean image.
        label (np.ndarray, optional): Labels (H, W), of the clean image.
    """
    index: int
    key: str
    image: np.ndarray
    prediction: np.ndarray
    delta: Optional[np.ndarray] = None
    label: Optional[np.ndarray] = None


def to_8bit(image: Tensor) -> np.ndarray:
    """An image (3, h, w) in [0, 1] as (h, w, 3) uint8."""
    image = (image.nan_to_num(0) * 255).round().clamp(0, 255)
    return image.byte().permute(1, 2, 0).cpu().numpy()


def spread(indices: Sequence[int], count: int) -> Sequence[int]:
    """Choose indices evenly: neighbours in a data set look alike."""
    if count <= 0 or not indices:
        return []
    places = np.linspace(0, len(indices) - 1, min(count, len(indices)))
    return sorted({indices[int(round(place))] for place in places})


class ExampleStore:
    """Examples on disk.

    Args:
        folder (str): Where they are.
        indices (Collection[int]): Images that are kept.
    """

    def __init__(self, folder: str, indices: Collection[int]) -> None:
        self.folder = folder
        self.indices = indices

    def keep(self, example: Example) -> None:
        """Store an example, if its image is one of the chosen."""
        if example.index not in self.indices:
            return
        path = self._path(example.key, example.index)
        os.makedirs(osp.dirname(path), exist_ok=True)
        arrays = {k: v for k, v in example._asdict().items()
                  if isinstance(v, np.ndarray)}
        # A name of its own, so that a kill leaves no half file behind.
        np.savez_compressed(path + '.tmp.npz', **arrays)
        os.replace(path + '.tmp.npz', path)

    def load(self, key: str, index: int) -> Optional[Example]:
        """Read an example; None if it was not kept."""
        path = self._path(key, index)
        if not osp.exists(path):
            return None
        with np.load(path) as arrays:
            return Example(index, key, **arrays)

    def _path(self, key: str, index: int) -> str:
        return osp.join(self.folder, key, f'{index}.npz')
