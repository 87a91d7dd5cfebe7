"""Between [0, 1] RGB images and what MMSeg calls inputs.

Loader inputs are (3, H, W), BGR mostly, 0 to ``pixel_range``, each of its own
size; model inputs are what the data preprocessor makes of them: normalised,
padded, stacked.
"""
from typing import Any, Iterable, List, Optional, Tuple

import torch
from torch import Tensor

from .mmseg_types import DataPreprocessor, Segmentor

Size = Tuple[int, int]

GRID_SLACK = 1e-2  # of an 8-bit level, far above rounding, far below a level
LEVEL = 1 / 255  # how far pixels may overshoot, as interpolation does
WAYS_OUT = ('clip them in the pipeline, or give pixel_range, the value of '
            'white in the inputs (1, 255, 65535, ...)')


def size_of(maps: Tensor) -> Size:
    """Return height and width of maps (..., H, W)."""
    height, width = maps.shape[-2:]
    return height, width


def num_channels(preprocessor: Optional[DataPreprocessor]) -> int:
    """Return how many channels an image has that it normalises.

    One mean for all channels counts as 1; no normalisation as 3.
    """
    mean_std = statistics(preprocessor)
    return 3 if mean_std is None else mean_std[0].numel()


def statistics(preprocessor: Optional[DataPreprocessor]
               ) -> Optional[Tuple[Tensor, Tensor]]:
    """Return the mean and std that it normalises with, or None."""
    if preprocessor is None or not getattr(preprocessor, '_enable_normalize',
                                           False):
        return None
    return preprocessor.mean, preprocessor.std


def range_of_statistics(
        preprocessor: Optional[DataPreprocessor]) -> Optional[int]:
    """Return 1 or 255, of which pixels mean and std can be; None if of both.

    A mean of 0 with a std of 1 is of any.
    """
    mean_std = statistics(preprocessor)
    if mean_std is None:
        return None
    mean, std = (x.detach().cpu().double() for x in mean_std)
    if bool((mean == 0).all()) and bool((std == 1).all()):
        return None
    inside = (mean >= 0) & (mean <= 1) & (std > 0) & (std <= 1)
    return 1 if bool(inside.all()) else 255


def check_pixel_range(pixel_range: Optional[float]) -> None:
    """Check the argument ``pixel_range``."""
    if pixel_range is None:
        return
    if isinstance(pixel_range, bool) or not isinstance(pixel_range,
                                                       (int, float)):
        raise TypeError('pixel_range must be a number, the value of white in '
                        f'the inputs, such as 255 or 1, but got '
                        f'{pixel_range!r}')
    if not 0 < pixel_range < float('inf'):
        raise ValueError('pixel_range must be > 0, the value of white in the '
                         f'inputs, such as 255 or 1, but got {pixel_range}')


def find_pixel_range(inputs: Tensor, preprocessor: Optional[DataPreprocessor],
                     name: str) -> int:
    """Return the value of white in loader inputs, where it is certain.

    Bytes are 0 to 255. Other inputs are what both their values and the mean
    and std of the data preprocessor allow.

    Args:
        inputs (Tensor): (3, H, W), as the loader gives them.
        preprocessor (nn.Module): Has mean and std.
        name (str): File of the image, for messages.

    Raises:
        ValueError: If values and statistics contradict, or allow both.
    """
    if inputs.dtype == torch.uint8:
        return 255
    low, high = float(inputs.min()), float(inputs.max())
    told = range_of_statistics(preprocessor)
    small = -LEVEL <= low and high <= 1 + LEVEL
    whole = not inputs.is_floating_point() or bool(
        (inputs == inputs.round()).all())
    if told == 1 and small:
        return 1
    # Whole numbers up to 1 are a black picture of 8 bits.
    if told == 255 and -1 <= low and high <= 256 and (whole or not small):
        return 255
    # With a little doubt left for an overshoot of [0, 1].
    if told is None and inputs.is_floating_point() and (
            -1 <= low and 2 < high <= 256):
        return 255
    values = f'{name} has pixel values from {low:g} to {high:g}'
    if told == 255 and not small:
        raise ValueError(
            f'{values}, but mean and std of the data preprocessor are those '
            f'of pixels from 0 to 255; {WAYS_OUT}')
    if told == 1:
        raise ValueError(
            f'{values}, but mean and std of the data preprocessor are those '
            f'of pixels from 0 to 1; {WAYS_OUT}')
    why = ('mean and std of the data preprocessor are those of 0 to 255'
           if told else 'no mean and std say what white is')
    raise ValueError(
        f'{values} ({inputs.dtype}), and {why}, so that eps has no certain '
        'unit; give pixel_range, the value of white in the inputs (1, 255, '
        '65535, ...), and leave normalisation to the data preprocessor')


class PixelSpace:
    """What the data preprocessor does to pixels, forwards and backwards.

    Args:
        preprocessor (nn.Module): ``SegDataPreProcessor`` or one with its
            attributes, or those of mmengine's ``ImgDataPreprocessor``; those
            that it lacks do nothing. That this is all it does is proved by
            :func:`~mmseg_rppgd.pixel_model.proof.prove_preprocessor`.
        pixel_range (float, optional): Value of white in loader inputs.
            Defaults to None, 1 where mean and std lie in [0, 1], else 255.
        loader_gives_rgb (bool): Whether loader inputs are RGB. Defaults to
            False, BGR.
    """

    def __init__(self,
                 preprocessor: DataPreprocessor,
                 pixel_range: Optional[float] = None,
                 loader_gives_rgb: bool = False) -> None:
        check_pixel_range(pixel_range)
        self.preprocessor = preprocessor
        if pixel_range is None:
            pixel_range = range_of_statistics(preprocessor) or 255
        self.pixel_range = pixel_range
        self.loader_gives_rgb = loader_gives_rgb

    @classmethod
    def of(cls,
           segmentor: Segmentor,
           pixel_range: Optional[float] = None) -> 'PixelSpace':
        """Return that of a segmentor.

        One that carries its config, as mmseg's ``init_model`` leaves it,
        says there whether its loader gives RGB (``rgb_to_bgr``).
        """
        cfg: Any = getattr(segmentor, 'cfg', None)
        parts: List[Any] = []
        if hasattr(cfg, 'get'):
            parts = [cfg, cfg.get('model') or {}]
        return cls(segmentor.data_preprocessor, pixel_range, any(
            (part.get('data_preprocessor') or {}).get('rgb_to_bgr', False)
            for part in parts))

    @property
    def loader_form(self) -> Tuple[float, bool]:
        """tuple: What loader inputs are: value of white, whether RGB."""
        return self.pixel_range, self.loader_gives_rgb

    @property
    def pad_value(self) -> float:
        """float: What normalised inputs are padded with."""
        value = getattr(self.preprocessor, 'pad_val', None)
        return getattr(self.preprocessor, 'pad_value',
                       0) if value is None else value

    @property
    def _model_reads_rgb(self) -> bool:
        # The names of mmseg, mmengine and mmpretrain for one flag.
        swaps = any(getattr(self.preprocessor, name, False) for name in
                    ('channel_conversion', '_channel_conversion', 'to_rgb'))
        return swaps != self.loader_gives_rgb

    def _mean_std(self, like: Tensor) -> Optional[Tuple[Tensor, Tensor]]:
        mean_std = statistics(self.preprocessor)
        return mean_std and (mean_std[0].to(like), mean_std[1].to(like))

    def normalize(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """Turn images (..., 3, H, W) into unpadded model inputs."""
        inputs = (images * self.pixel_range).to(dtype)
        if not self._model_reads_rgb:
            inputs = inputs.flip(-3)
        mean_std = self._mean_std(inputs)
        if mean_std is not None:
            inputs = (inputs - mean_std[0]) / mean_std[1]
        return inputs

    def values(self, inputs: Tensor) -> Tensor:
        """Undo the normalisation of model inputs, and nothing else."""
        mean_std = self._mean_std(inputs)
        return inputs if mean_std is None else (
            inputs * mean_std[1] + mean_std[0])

    def denormalize(self, inputs: Tensor, name: str = 'an image') -> Tensor:
        """Turn one unpadded model input (3, H, W) into an image.

        An input that came from 8-bit pixels gives exactly those pixels, as
        :meth:`from_loader` would, so both routes attack the same image.
        """
        scaled = self.values(inputs) * (255 / self.pixel_range)
        levels = scaled.round()
        on_grid = ((scaled - levels).abs() < GRID_SLACK).all()
        images = torch.where(on_grid, levels, scaled) / 255
        images = self._inside(images, name)
        return images if self._model_reads_rgb else images.flip(-3)

    def from_loader(self, inputs: Tensor, device: torch.device,
                    name: str = 'an image') -> Tensor:
        """Turn a loader input (3, H, W) into an image on ``device``.

        Raises:
            ValueError: If a value is more than a level of 8 bits outside the
                range; names the image.
        """
        images = inputs.to(device)
        if not self.loader_gives_rgb:
            images = images.flip(-3)
        images = images.float() / self.pixel_range
        if inputs.dtype == torch.uint8:
            if self.pixel_range != 255:
                raise ValueError(
                    f'{name} holds bytes, which are 0 to 255, but '
                    f'pixel_range is {self.pixel_range}; leave it out')
            return images
        return self._inside(images, name)

    def _inside(self, images: Tensor, name: str) -> Tensor:
        """Cut off an overshoot of up to a level; refuse more."""
        low, high = torch.stack(torch.aminmax(images)).tolist()
        # Written so that NaN fails too.
        if not (low >= -LEVEL * 1.001 and high <= 1 + LEVEL * 1.001):
            white = self.pixel_range
            raise ValueError(
                f'{name} has pixel values from {low * white:g} to '
                f'{high * white:g}, but pixels lie in 0-{white:g} (up to '
                f'{white * LEVEL:.2g} beyond is cut off); {WAYS_OUT}')
        return images.clamp(0, 1)

    def to_loader(self, images: Tensor) -> Tensor:
        """Turn an image (3, H, W) into a floating-point loader input."""
        if not self.loader_gives_rgb:
            images = images.flip(-3)
        return images * self.pixel_range

    def padded_size(self, sizes: Iterable[Size], training: bool) -> Size:
        """Return the size that a batch of these sizes is padded to."""
        height, width = (max(side) for side in zip(*sizes))
        # mmengine's pads in tests as in training.
        divisor = getattr(self.preprocessor, 'pad_size_divisor', None)
        if divisor is None:
            rule: Any = self.preprocessor if training else getattr(
                self.preprocessor, 'test_cfg', None)
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
