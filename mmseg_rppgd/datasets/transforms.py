"""What the pipelines of DDC-AT do and those of MMSeg cannot."""
import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from ..registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGaussianBlur(BaseTransform):
    """Blur an image with some probability; its labels stay.

    The standard deviation is the one that OpenCV takes for the size of the
    kernel: 1.1 pixels for 5.

    Args:
        prob (float): Probability of a blur, in [0, 1]. Defaults to 0.5.
        kernel_size (int): Side of the kernel in pixels, odd. Defaults to 5.

    Shape:
        img (H, W, C), any dtype that OpenCV can blur.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, prob: float = 0.5, kernel_size: int = 5) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must be in [0, 1], but got {prob!r}')
        if (not isinstance(kernel_size, int) or kernel_size < 1
                or kernel_size % 2 == 0):
            raise ValueError('kernel_size must be an odd number of pixels '
                             f'above 0, but got {kernel_size!r}')
        self.prob = prob
        self.kernel_size = kernel_size

    @cache_randomness
    def _chosen(self) -> bool:
        return np.random.rand() < self.prob

    def transform(self, results: dict) -> dict:
        """Blur ``img``."""
        if self._chosen():
            results['img'] = cv2.GaussianBlur(
                results['img'], (self.kernel_size, self.kernel_size), 0)
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(prob={self.prob}, '
                f'kernel_size={self.kernel_size})')
