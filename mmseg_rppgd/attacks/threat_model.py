"""The set of images an attacker may show: a ball around each clean image.

This is the only place of the package that clamps an adversarial image or
turns a gradient into a direction. Shapes: images (B, 3, H, W) in [0, 1],
mask (B, 1, H, W) bool.
"""
import math
import warnings
from abc import ABC, abstractmethod
from typing import Callable, Optional, Union

import torch
from torch import Tensor

from ..quantities import Number, parse_number

NORMS = ('linf', 'l2')
DEFAULT_RMS = 0.03  # eps of the paper; for l2 the same root mean square
LEVEL = 1 / 255  # of an 8-bit picture; a smaller radius is hardly an attack


def parse_length(name: str, value: Number, norm: str) -> float:
    """Read a radius or step size in units of the [0, 1] pixel range."""
    length = parse_number(name, value)
    if length < 0 or (norm == 'linf' and length > 1):
        rule = 'in [0, 1] for linf' if norm == 'linf' else '>= 0 for l2'
        raise ValueError(
            f'{name} must be {rule} (pixels are scaled to [0, 1], not 0-255; '
            f"8 of 255 is '8/255'), but got {value!r}")
    return length


class ThreatModel:
    """A norm and a radius, as a length or as a root mean square.

    Args:
        norm (str): ``'linf'``, or ``'l2'`` (of each whole image).
            Defaults to 'linf'.
        eps (float | str, optional): Radius in units of the [0, 1] pixel
            range. Defaults to None: 0.03 for linf, what ``rms`` gives for
            l2.
        rms (float | str, optional): Radius of an l2 ball as the root mean
            square over the 3HW numbers of an image, in the same units: eps
            is then rms x sqrt(3HW), so that one number fits every image
            size. Defaults to None, 0.03 where eps is not given either.

    Raises:
        ValueError: If the norm is unknown, a radius is out of range, or both
            are given.
    """

    def __init__(self,
                 norm: str = 'linf',
                 eps: Optional[Number] = None,
                 *,
                 rms: Optional[Number] = None) -> None:
        if norm not in NORMS:
            raise ValueError(f'norm must be one of {NORMS}, but got {norm!r}')
        if rms is not None and (norm != 'l2' or eps is not None):
            raise ValueError(
                'rms, the root mean square of an l2 ball, must be given in '
                f'place of eps and with norm l2, but got rms {rms!r}, eps '
                f'{eps!r} and norm {norm}')
        self.norm = norm
        self.eps: Optional[float] = None
        self.rms: Optional[float] = None
        if eps is not None:
            self.eps = parse_length('eps', eps, norm)
        elif norm == 'linf':
            self.eps = DEFAULT_RMS
        else:
            self.rms = parse_length(
                'rms', DEFAULT_RMS if rms is None else rms, norm)

    def radius(self, images: Tensor) -> float:
        """Return eps, or what the root mean square is for this size."""
        root = math.sqrt(images[0].numel())
        if self.eps is None:
            assert self.rms is not None  # one of the two is always there
            return self.rms * root
        if self.norm == 'l2' and 0 < self.eps < LEVEL * root:
            # The text is the same for every size, so that it comes once.
            warnings.warn(
                f'an l2 eps of {self.eps:.4g} is the length of the whole '
                'perturbation, here a root mean square below 1/255: hardly '
                'an attack. For a root mean square r give r x sqrt(3HW); '
                f'without eps r is {DEFAULT_RMS}')
        return self.eps

    def around(self, images: Tensor, mask: Optional[Tensor] = None) -> 'Ball':
        """Return the ball around clean images, inside ``mask`` alone."""
        kind = LinfBall if self.norm == 'linf' else L2Ball
        return kind(images, mask, self.radius(images))


class Ball(ABC):
    """The allowed images around ``images``.

    Args:
        images (Tensor): Clean images (B, 3, H, W) in [0, 1].
        mask (Tensor, optional): Where a perturbation may exist, bool
            (B, 1, H, W). Defaults to None, everywhere.
        eps (float): Radius.
    """

    def __init__(self, images: Tensor, mask: Optional[Tensor],
                 eps: float) -> None:
        self.images = images
        self.mask = mask
        self.eps = eps

    @abstractmethod
    def random_start(self, index: int,
                     generator: Optional[torch.Generator]) -> Tensor:
        """Draw a uniform perturbation (3, H, W) for one image.

        It is not yet projected on [0, 1].
        """

    @abstractmethod
    def ascent_direction(self, grad: Tensor) -> Tensor:
        """Return the unit step that climbs fastest along ``grad``."""

    @abstractmethod
    def slope(self, grad: Tensor) -> Tensor:
        """Return how fast that step climbs (B,), the dual norm of grad."""

    @abstractmethod
    def project(self, images: Tensor) -> Tensor:
        """Return new images inside the ball and [0, 1]."""

    @abstractmethod
    def contains(self, images: Tensor) -> Tensor:
        """Return whether each image (B,) needs no projection."""

    def scaled(self, factor: float) -> 'Ball':
        """Return the ball of ``factor`` times the radius."""
        return type(self)(self.images, self.mask, factor * self.eps)

    def in_mask(self, tensor: Tensor) -> Tensor:
        """Return a tensor (B, 3, H, W), zero where nothing may move."""
        return tensor if self.mask is None else tensor * self.mask

    def _draw(self, sample: Callable[..., Tensor], shape: tuple,
              generator: Optional[torch.Generator]) -> Tensor:
        # A CPU generator serves images on any device: the same seed then
        # gives the same noise everywhere.
        device = self.images.device if generator is None else generator.device
        noise = sample(
            shape,
            generator=generator,
            dtype=self.images.dtype,
            device=device)
        return noise.to(self.images.device)


class LinfBall(Ball):
    """Every channel of every pixel moves by eps at most."""

    def __init__(self, images: Tensor, mask: Optional[Tensor],
                 eps: float) -> None:
        super().__init__(images, mask, eps)
        reach = eps if mask is None else eps * mask.to(images.dtype)
        self.lower = (images - reach).clamp(min=0)
        self.upper = (images + reach).clamp(max=1)

    def random_start(self, index: int,
                     generator: Optional[torch.Generator]) -> Tensor:
        noise = self._draw(torch.rand, self.images[index].shape, generator)
        return (2 * noise - 1) * self.eps

    def ascent_direction(self, grad: Tensor) -> Tensor:
        return grad.sign()

    def slope(self, grad: Tensor) -> Tensor:
        return self.in_mask(grad).abs().sum((1, 2, 3))

    def project(self, images: Tensor) -> Tensor:
        return torch.clamp(images, self.lower, self.upper)

    def contains(self, images: Tensor) -> Tensor:
        inside = (images >= self.lower) & (images <= self.upper)
        return inside.flatten(1).all(1)


class L2Ball(Ball):
    """The perturbation of each image has an l2 norm of eps at most."""

    def random_start(self, index: int,
                     generator: Optional[torch.Generator]) -> Tensor:
        image = self.images[index]
        noise = self._draw(torch.randn, image.shape, generator)
        length = self._draw(torch.rand, (), generator)
        dims: Union[int, Tensor] = image.numel()
        if self.mask is not None:
            noise = noise * self.mask[index]
            dims = (self.mask[index].sum() * image.shape[0]).to(length)
        # The volume of a ball grows with the radius to the power `dims`.
        length = self.eps * length**(1 / dims)
        return noise * length / noise.norm().clamp_min(self._tiny)

    def ascent_direction(self, grad: Tensor) -> Tensor:
        grad = self.in_mask(grad)
        return grad * self._inverse(self._length(grad))

    def slope(self, grad: Tensor) -> Tensor:
        return self._length(self.in_mask(grad)).view(-1).to(grad.dtype)

    def project(self, images: Tensor) -> Tensor:
        delta = self.in_mask(images - self.images)
        # Rounding in `images + delta` must not lead out of the ball.
        radius = self.eps * (1 - 8 * torch.finfo(delta.dtype).eps)
        shrink = (radius * self._inverse(self._length(delta), torch.float64)
                  ).clamp(max=1).to(delta.dtype)
        return (self.images + delta * shrink).clamp(0, 1)

    def contains(self, images: Tensor) -> Tensor:
        delta = images - self.images
        inside = (images >= 0) & (images <= 1)
        if self.mask is not None:
            inside = inside & (self.mask | (delta == 0))
        return inside.flatten(1).all(1) & (
            self._length(delta).view(-1) <= self.eps)

    @property
    def _tiny(self) -> float:
        return torch.finfo(self.images.dtype).tiny

    @staticmethod
    def _length(tensor: Tensor) -> Tensor:
        return torch.linalg.vector_norm(
            tensor, dim=(1, 2, 3), keepdim=True, dtype=torch.float64)

    def _inverse(self,
                 length: Tensor,
                 dtype: Optional[torch.dtype] = None) -> Tensor:
        """Return 1 / length; a vanishing length gives a finite number."""
        inverse = 1 / length.clamp_min(self._tiny)
        return inverse.to(dtype or self.images.dtype)
