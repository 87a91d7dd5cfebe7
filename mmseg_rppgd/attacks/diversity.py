"""Input diversity: attack a randomly scaled and shifted view of the image."""
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import CheckedModel, SegOutput
from .threat_model import Number, parse_number

LEAST_SCALE = 0.9  # of the side; what is left free is zero


class InputDiversity:
    """Scale the image into a random place of its canvas, at random times.

    The logits are mapped back to where the labels are, so the labels stay
    as they are. Paper: Xie et al., Improving Transferability of Adversarial
    Examples with Input Diversity, CVPR 2019; mapping the logits back is
    ours, for segmentation.

    Args:
        probability (float): How often an image is transformed, in [0, 1].
    """

    draws_per_step = 4  # whether, scale, shift down, shift right
    # The numbers of all steps of an image are drawn before those of the next.
    plans_ahead = True

    def __init__(self, probability: Number) -> None:
        self.probability = parse_number('diversity', probability)
        if not 0 <= self.probability <= 1:
            raise ValueError('diversity must be a probability in [0, 1], but '
                             f'got {probability!r}')

    def draw(self, steps: int,
             generator: Optional[torch.Generator]) -> Tensor:
        """Draw the numbers of one image and run, (steps, 4) in [0, 1]."""
        device = None if generator is None else generator.device
        return torch.rand(
            steps, self.draws_per_step, generator=generator, device=device,
            dtype=torch.float32)

    def __call__(self, model: CheckedModel, images: Tensor,
                 draws: Tensor) -> SegOutput:
        """Return the output for the views of the images, mapped back.

        Shape:
            images (B, 3, H, W); draws (B, 4).
        """
        draws = draws.to(images)
        chosen = (draws[:, 0] < self.probability).view(-1, 1, 1, 1)
        scale = LEAST_SCALE + (1 - LEAST_SCALE) * draws[:, 1]
        shift = (1 - scale)[:, None] * (2 * draws[:, 2:] - 1)
        views = resample(images, 1 / scale, -shift / scale[:, None])
        output = model(torch.where(chosen, views, images))
        logits = resample(output.logits, scale, shift)
        return output._replace(
            logits=torch.where(chosen, logits, output.logits))


def resample(maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Read maps (B, K, H, W) at scale * u + shift, u in [-1, 1]."""
    theta = maps.new_zeros(len(maps), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale.to(maps)
    theta[:, :, 2] = shift.flip(1).to(maps)  # (x, y) from (down, right)
    grid = F.affine_grid(theta, list(maps.shape), align_corners=False)
    return F.grid_sample(maps, grid, align_corners=False)
