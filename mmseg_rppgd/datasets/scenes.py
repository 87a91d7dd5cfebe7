"""Procedural scenes: textured shapes on textured ground, made from integers.

Needs numpy alone. Lengths are in units of the shorter side, so that scenes
look alike at every size. Outline and texture tell the class. Colour is only a
hint: every class has a hue of its own, blurred until it overlaps the others'.
"""
from typing import Callable, Dict, Sequence, Tuple

import numpy as np

CLASSES = ('ground', 'disc', 'square', 'triangle', 'cross', 'star')
VOID = 255
SPLITS = ('train', 'val', 'test')

# All in units of the shorter side of the picture.
RADIUS = (0.22, 0.40)
PERIOD = (0.11, 0.20)
# Colour steps between the two tones of a surface, in the [0, 1] pixel range.
GROUND_CONTRAST = (0.10, 0.60)
SHAPE_CONTRAST = (0.25, 0.90)
# In units of the distance between the hues of two classes.
HUE_SPREAD = 0.6
NOISE = 0.02


# Outlines: gauges that are below 1 inside and grow outwards.
def _disc(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.hypot(u, v)


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return 1.25 * np.maximum(np.abs(u), np.abs(v))


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return 1.6 * np.maximum(0.866 * np.abs(u) - 0.5 * v, v)


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.maximum(u, v), 2.6 * np.minimum(u, v))


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return 1.3 * np.hypot(u, v) / (1 + 0.35 * np.cos(5 * np.arctan2(v, u)))


# Textures: which of two tones, with period 1 in u and v.
def _wave(t: np.ndarray) -> np.ndarray:
    return np.cos(2 * np.pi * t)


def _stripes(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _wave(u) > 0


def _checks(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _wave(u) * _wave(v) > 0


def _dots(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _wave(u) + _wave(v) > 0.6


def _zigzag(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _wave(u + np.abs(v % 1 - 0.5)) > 0


def _grid(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(_wave(u), _wave(v)) > 0.7


SURFACES: Dict[str, Tuple[Callable, Callable]] = {
    'disc': (_disc, _stripes),
    'square': (_square, _checks),
    'triangle': (_triangle, _dots),
    'cross': (_cross, _zigzag),
    'star': (_star, _grid),
}


def _cloud(rng: np.random.Generator, x: np.ndarray,
           y: np.ndarray) -> np.ndarray:
    """A smooth field with values in [0, 1]: the texture of the ground."""
    field = np.zeros_like(x)
    for _ in range(6):
        angle, phase = rng.uniform(0, 2 * np.pi, 2)
        frequency = rng.uniform(0.5, 4.0)
        field += _wave(
            frequency * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    return 0.5 + field / 12


def _tones(rng: np.random.Generator, label: int,
           contrast: Tuple[float, float]) -> Tuple[np.ndarray, np.ndarray]:
    """Two RGB colours around the blurred hue of a class."""
    hue = (label + rng.normal(scale=HUE_SPREAD)) / len(CLASSES)
    tint = rng.uniform(0, 0.2) * _wave(hue - np.arange(3) / 3)
    middle = rng.uniform(0.35, 0.65) + tint
    direction = rng.normal(size=3)
    direction *= 0.5 * rng.uniform(*contrast) / np.abs(direction).max()
    return middle - direction, middle + direction


def draw_scene(split: str, index: int, size: Sequence[int],
               seed: int = 0) -> Tuple[np.ndarray, np.ndarray]:
    """Draw one scene. The same arguments always give the same scene.

    Args:
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        index (int): Number of the scene in its split.
        size (Sequence[int]): Height and width in pixels.
        seed (int): Another seed gives another data set. Defaults to 0.

    Returns:
        Tuple[np.ndarray, np.ndarray]: RGB image (H, W, 3) and labels (H, W),
        both uint8. Labels are positions in ``CLASSES``, and 255 along the
        outlines, which belong to no class.
    """
    rng = np.random.default_rng((seed, SPLITS.index(split), index))
    height, width = size
    side = min(height, width)
    y, x = (np.mgrid[:height, :width] + 0.5) / side
    dark, bright = _tones(rng, 0, GROUND_CONTRAST)
    image = dark + _cloud(rng, x, y)[..., None] * (bright - dark)
    labels = np.zeros((height, width), np.uint8)
    per_square = rng.integers(2, 5)
    for _ in range(int(round(per_square * height * width / side**2))):
        label = int(rng.integers(1, len(CLASSES)))
        outline, texture = SURFACES[CLASSES[label]]
        tones = np.stack(_tones(rng, label, SHAPE_CONTRAST))
        centre_x = rng.uniform(0, width / side)
        centre_y = rng.uniform(0, height / side)
        radius, period = rng.uniform(*RADIUS), rng.uniform(*PERIOD)
        angle = rng.uniform(0, 2 * np.pi)
        shift_u, shift_v = rng.uniform(0, 1, 2)

        right, down = x - centre_x, y - centre_y
        u = right * np.cos(angle) + down * np.sin(angle)
        v = down * np.cos(angle) - right * np.sin(angle)
        gauge = outline(u / radius, v / radius)
        inside = gauge < 1
        pattern = texture(u[inside] / period + shift_u,
                          v[inside] / period + shift_v)
        image[inside] = tones[pattern.astype(np.intp)]
        labels[inside] = label
        labels[np.abs(gauge - 1) < 1 / (side * radius)] = VOID
    image += NOISE * rng.standard_normal(image.shape)
    return (image.clip(0, 1) * 255).round().astype(np.uint8), labels
