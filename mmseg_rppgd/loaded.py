"""Whether a sample is the same each time it is loaded."""
import hashlib
from typing import Dict

import torch
from torch import Tensor


def digest_tensors(*tensors: Tensor) -> str:
    """Return a hash of tensors: their values, types and shapes."""
    content = hashlib.sha256()
    for tensor in tensors:
        content.update(f'{tensor.dtype} {tuple(tensor.shape)}'.encode())
        content.update(tensor.detach().cpu().contiguous().flatten().view(
            torch.uint8).numpy().tobytes())
    return content.hexdigest()[:16]


class LoadedSamples:
    """What the samples were when they were first loaded.

    Numbers that are measured on different images do not compare.
    """

    def __init__(self) -> None:
        self.digests: Dict[int, str] = {}

    def see(self, index: int, digest: str, name: str = '') -> None:
        """Remember a sample, or compare it with what it was before.

        Args:
            index (int): Index in the data set.
            digest (str): What identifies its image and labels.
            name (str): Its file, for the message. Defaults to its index.

        Raises:
            ValueError: If it was something else before.
        """
        if self.digests.setdefault(index, digest) != digest:
            raise ValueError(
                f'{name or f"sample {index} of the data set"} is another '
                'image, or has other labels, each time it is loaded, so that '
                'no two measurements on it would compare; take the '
                'transforms that draw random numbers (RandomCrop, '
                'RandomFlip, PhotoMetricDistortion, ...) out of its '
                'pipeline, and leave the files alone meanwhile')
