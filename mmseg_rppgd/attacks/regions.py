"""True, Boundary and False Regions of RP-PGD (Definitions 1-3)."""
from typing import NamedTuple

import torch
from torch import Tensor


class Regions(NamedTuple):
    """A partition of the labelled pixels; each field is bool (B, H, W).

    Paper: Zhang et al., RP-PGD, AAAI 2025, Definitions 1-3. With i the step
    of Algorithm 1, before which x_adv_1..x_adv_{i-1} were predicted (the
    definitions count the prediction of x_adv_i as well and so are this,
    shifted by one):

    Args:
        true_region (Tensor): Correct on the clean image and at every iterate
            so far.
        boundary_region (Tensor): Correct on the clean image, wrong at some
            iterate so far; a pixel never leaves it (Theorem 1).
        false_region (Tensor): Wrong on the clean image; constant.
    """
    true_region: Tensor
    boundary_region: Tensor
    false_region: Tensor

    @classmethod
    def from_clean(cls, correct: Tensor, labelled: Tensor) -> 'Regions':
        """Divide by what is correct on the clean image."""
        return cls(
            true_region=labelled & correct,
            boundary_region=torch.zeros_like(labelled),
            false_region=labelled & ~correct)

    def after(self, correct: Tensor) -> 'Regions':
        """Move the true pixels that an iterate got wrong to the boundary."""
        return self._replace(
            true_region=self.true_region & correct,
            boundary_region=self.boundary_region
            | (self.true_region & ~correct))

    def select(self, letters: str) -> Tensor:
        """Return the union of the regions named in ``letters`` (of TBF)."""
        chosen = [
            region for letter, region in zip('TBF', self) if letter in letters
        ]
        union = chosen[0]
        for region in chosen[1:]:
            union = union | region
        return union


def check_regions(name: str, letters: str) -> None:
    """Check that an argument names a subset of the regions T, B and F."""
    if (not isinstance(letters, str) or not letters
            or len(set(letters)) != len(letters) or set(letters) - set('TBF')):
        raise ValueError(f"{name} must be a subset of 'TBF' such as 'T' or "
                         f"'TB', but got {letters!r}")
