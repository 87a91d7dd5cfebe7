"""Between [0, 1] RGB images and what MMSeg calls inputs.

Loader inputs are (3, H, W), BGR, 0 to 255, each of its own size; model inputs
are what the data preprocessor makes of them: normalised, padded, stacked.
"""
from typing import Iterable, Optional, Tuple

import torch
from torch import Tensor, nn

Size = Tuple[int, int]

GRID_SLACK = 1e-2  # of an 8-bit level, far above rounding, far below a level


def num_channels(preprocessor: Optional[nn.Module]) -> int:
    """Return how many channels an image has that it normalises.

    One mean for all channels counts as 1; no normalisation as 3.
    """
    if not getattr(preprocessor, '_enable_normalize', False):
        return 3
    return preprocessor.mean.numel()


class PixelSpace:
    """What the data preprocessor does to pixels, forwards and backwards.

    Args:
        preprocessor (nn.Module): ``SegDataPreProcessor`` or one with its
            attributes; those that it lacks do nothing.
    """

    def __init__(self, preprocessor: nn.Module) -> None:
        self.preprocessor = preprocessor

    @property
    def pad_value(self) -> float:
        """float: What normalised inputs are padded with."""
        return getattr(self.preprocessor, 'pad_val', 0)

    @property
    def _model_reads_rgb(self) -> bool:
        # Loaders give BGR, so a model reads RGB where channels are swapped.
        return bool(getattr(self.preprocessor, 'channel_conversion', False))

    def _mean_std(self, like: Tensor) -> Optional[Tuple[Tensor, Tensor]]:
        if not getattr(self.preprocessor, '_enable_normalize', False):
            return None
        preprocessor = self.preprocessor
        return preprocessor.mean.to(like), preprocessor.std.to(like)

    def normalize(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """Turn images (..., 3, H, W) into unpadded model inputs."""
        inputs = (images * 255).to(dtype)
        if not self._model_reads_rgb:
            inputs = inputs.flip(-3)
        mean_std = self._mean_std(inputs)
        if mean_std is not None:
            inputs = (inputs - mean_std[0]) / mean_std[1]
        return inputs

    def denormalize(self, inputs: Tensor) -> Tensor:
        """Turn one unpadded model input (3, H, W) into an image.

        An input that came from 8-bit pixels gives exactly those pixels, as
        :meth:`from_loader` would, so both routes attack the same image.
        """
        mean_std = self._mean_std(inputs)
        if mean_std is not None:
            inputs = inputs * mean_std[1] + mean_std[0]
        levels = inputs.round()
        on_grid = ((inputs - levels).abs() < GRID_SLACK).all()
        images = torch.where(on_grid, levels, inputs) / 255
        return images if self._model_reads_rgb else images.flip(-3)

    @staticmethod
    def from_loader(inputs: Tensor, device: torch.device) -> Tensor:
        """Turn a loader input (3, H, W) into an image on ``device``."""
        return inputs.to(device).flip(-3).float() / 255

    @staticmethod
    def to_loader(images: Tensor) -> Tensor:
        """Turn an image (3, H, W) into a floating-point loader input."""
        return images.flip(-3) * 255

    def padded_size(self, sizes: Iterable[Size], training: bool) -> Size:
        """Return the size that a batch of these sizes is padded to."""
        rule = self.preprocessor if training else getattr(
            self.preprocessor, 'test_cfg', None)
        height, width = (max(side) for side in zip(*sizes))
        if not rule:
            return height, width
        get = rule.get if hasattr(rule, 'get') else (
            lambda key, default: getattr(rule, key, default))
        size, divisor = get('size', None), get('size_divisor', None)
        if size is not None:
            return max(height, size[-2]), max(width, size[-1])
        if divisor is not None and divisor > 1:
            return (-(-height // divisor) * divisor,
                    -(-width // divisor) * divisor)
        return height, width
