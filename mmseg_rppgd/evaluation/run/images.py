"""Images kept on disk: examples for pictures, and adversaries to use again.

``examples/ROW/INDEX.npz`` holds what one picture needs, so that pictures can
be drawn after the test, also after a resumed one, or drawn again.
"""
import hashlib
import os.path as osp
import zipfile
import zlib
from dataclasses import dataclass
from typing import (Any, Callable, Collection, Dict, Iterable, List,
                    NamedTuple, Optional, Sequence)

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ... import __version__
from ..files import digest, replacing

# What numpy raises of a file that is cut off, empty or of something else.
DAMAGED = (OSError, ValueError, EOFError, KeyError, TypeError,
           NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Example:
    """What one attack did to one image.

    Args:
        index (int): Index in the data set.
        key (str): Key of the row; ``'clean'`` for the clean image.
        image (np.ndarray): Image shown, (h, w, 3) uint8.
        prediction (np.ndarray): Predicted classes (H, W).
        delta (np.ndarray, optional): What was added, (h, w, 3) float16.
            None for the clean image.
        label (np.ndarray, optional): Labels (H, W), of the clean image.
        ignored (np.ndarray, optional): Pixels that do not count (H, W) bool,
            of the clean image. None stands for none of them.
        palette (np.ndarray, optional): Colour of each class (C, 3) uint8, of
            the clean image.
    """
    index: int
    key: str
    image: np.ndarray
    prediction: np.ndarray
    delta: Optional[np.ndarray] = None
    label: Optional[np.ndarray] = None
    ignored: Optional[np.ndarray] = None
    palette: Optional[np.ndarray] = None


class ExampleStore:
    """A few images with what the attacks made of them, kept for pictures.

    Args:
        folder (str, optional): Where they are. None keeps nothing.
        indices (Collection[int]): Images that are kept.
    """

    def __init__(self, folder: Optional[str],
                 indices: Collection[int]) -> None:
        self.folder = folder
        self.indices = indices if folder is not None else ()

    def keep(self, example: Example) -> None:
        """Store an example, if its image is one of the chosen."""
        if example.index not in self.indices:
            return
        arrays = {k: v for k, v in vars(example).items()
                  if isinstance(v, np.ndarray)}
        _save_arrays(self._path(example.key, example.index), arrays)

    def load(self, key: str, index: int) -> Optional[Example]:
        """Read an example; None if it was not kept, or is damaged."""
        path = self._path(key, index)
        if not osp.exists(path):
            return None
        try:
            with np.load(path) as arrays:
                return Example(index, key, **arrays)
        except DAMAGED:
            return None

    def damaged(self, keys: Iterable[str]) -> Dict[str, List[int]]:
        """Images by row whose file is there, and cannot be read."""
        found = {key: [index for index in self.indices
                       if osp.exists(self._path(key, index))
                       and self.load(key, index) is None] for key in keys}
        return {key: indices for key, indices in found.items() if indices}

    def folder_of(self, key: str) -> str:
        """Return where the examples of a row are."""
        assert self.folder is not None  # without one nothing is kept
        return osp.join(self.folder, key)

    def _path(self, key: str, index: int) -> str:
        return osp.join(self.folder_of(key), f'{index}.npz')


def spread(indices: Sequence[int], count: int) -> Sequence[int]:
    """Choose indices evenly: neighbours in a data set look alike."""
    if count <= 0 or not indices:
        return []
    places = np.linspace(0, len(indices) - 1, min(count, len(indices)))
    return sorted({indices[int(round(place))] for place in places})


class Adversary(NamedTuple):
    """An adversarial image as the cache holds it.

    Args:
        image (Tensor): (3, h, w) in [0, 1].
        seconds (float): How long it took to make.
    """
    image: Tensor
    seconds: float


class AdversaryCache:
    """Adversarial images of one model, to be used again.

    Each is kept as floating-point numbers, and as the 8-bit PNG that a file
    of it would be. All that decides an adversary is part of its name:
    another data set, size of it, set of labels or settings of the model give
    another one.

    Args:
        folder (str): Where they are.
        settings (dict): What decides them, beside row and image: of the
            model ``config``, ``checkpoint``, ``sha256`` and more.
        surface (str): ``'whole'`` or ``'slide'``.
        seed (int): Seed of the noise.
        say (callable, optional): Is told of a damaged file. Defaults to
            None, nobody.
    """

    def __init__(self, folder: str, settings: Dict[str, Any], surface: str,
                 seed: int,
                 say: Optional[Callable[[str], None]] = None) -> None:
        self.folder = folder
        self.say = say
        self.surface = surface
        self.seed = seed
        settings = {**settings, 'version': __version__}
        self.model = settings['sha256'] or digest(settings['checkpoint'])
        if settings['sha256']:  # the weights count, not where they lie
            del settings['config'], settings['checkpoint']
        self.settings = digest(settings)

    def load(self, key: str, index: int, clean: Tensor,
             labels: Tensor) -> Optional[Adversary]:
        """Read the adversarial image of a row; None if it is to be made."""
        path = self._path(key, index, clean, labels)
        if not osp.exists(path):
            return None
        try:
            with np.load(path) as arrays:
                image = torch.from_numpy(arrays['image']).to(clean)
                seconds = float(arrays['seconds'])
            if image.shape != clean.shape:
                raise ValueError('another image')
        except DAMAGED:
            if self.say is not None:
                self.say(f'{path} is damaged: the adversarial image is made '
                         'again.')
            return None
        return Adversary(image, seconds)

    def save(self, key: str, index: int, clean: Tensor, labels: Tensor,
             adversary: Adversary, rounded: Tensor) -> None:
        """Keep the adversarial image of a row, and it rounded to 8 bits."""
        path = self._path(key, index, clean, labels)
        # The picture first: nobody looks for it where the numbers are.
        picture = osp.splitext(path)[0] + '.png'
        with replacing(picture, '.png') as temporary:
            Image.fromarray(to_8bit(rounded)).save(temporary)
        _save_arrays(path, dict(image=adversary.image.cpu().numpy(),
                                seconds=round(adversary.seconds, 4)))

    def _path(self, key: str, index: int, clean: Tensor,
              labels: Tensor) -> str:
        content = hashlib.sha256(self.settings.encode())
        for tensor in (clean, labels):
            content.update(str(tuple(tensor.shape)).encode())
            content.update(tensor.cpu().numpy().tobytes())
        return osp.join(
            self.folder, self.model[:12],
            f'{key}-seed{self.seed}-{self.surface}',
            f'{index}-{content.hexdigest()[:16]}.npz')


def to_8bit(image: Tensor) -> np.ndarray:
    """An image (3, h, w) in [0, 1] as (h, w, 3) uint8."""
    image = (image.nan_to_num(0) * 255).round().clamp(0, 255)
    return image.byte().permute(1, 2, 0).cpu().numpy()


def _save_arrays(path: str, arrays: Dict[str, Any]) -> None:
    with replacing(path, '.npz') as temporary:
        np.savez_compressed(temporary, **arrays)
