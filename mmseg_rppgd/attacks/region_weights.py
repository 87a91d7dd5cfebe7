"""Weights (l1, l2, l3) of the True, Boundary and False Region of RP-PGD.

At step i of N the False Region has l3 = 1/(2N), and the other two share what
is left of 1: l2 = share/2 and l1 = 1 - l2 - l3. Each schedule is a share, of
u = (i - 1)/N, which grows from 0 to nearly 1:

.. code:: text

 linear    u                     Eq. 4 of the paper
 constant  (N - 1)/(2N)          the mean of u: weights that stand still
 square    u ** 2                late to the Boundary Region
 sqrt      u ** 0.5              early to it
 cosine    (1 - cos(pi u))/2     slowly at both ends
 swap      (N - i)/N             u backwards: first the Boundary Region

Paper: Zhang et al., RP-PGD, AAAI 2025, has the first; it compares other
schedules in its Appendix D without giving them in the text. The others are
this package's.
"""
import math
from typing import Callable, Dict, Sequence, Tuple, Union

from ..functions import find_function

Schedule = Callable[[int, int], Sequence[float]]
RegionWeights = Union[str, Sequence[float], Schedule]
Triple = Tuple[float, ...]


def linear_weights(step: int, steps: int) -> Triple:
    """Return (l1, l2, l3) of Eq. 4 at step i of N."""
    return ((2 * steps - step) / (2 * steps), (step - 1) / (2 * steps),
            1 / (2 * steps))


def constant_weights(step: int, steps: int) -> Triple:
    """Return the means of Eq. 4 over its steps."""
    return shared_weights((steps - 1) / (2 * steps), steps)


def square_weights(step: int, steps: int) -> Triple:
    """Return weights that move to the Boundary Region late."""
    return shared_weights(((step - 1) / steps)**2, steps)


def sqrt_weights(step: int, steps: int) -> Triple:
    """Return weights that move to the Boundary Region early."""
    return shared_weights(math.sqrt((step - 1) / steps), steps)


def cosine_weights(step: int, steps: int) -> Triple:
    """Return weights that move slowly at the first and the last steps."""
    return shared_weights(
        (1 - math.cos(math.pi * (step - 1) / steps)) / 2, steps)


def swap_weights(step: int, steps: int) -> Triple:
    """Return the weights of Eq. 4 in the opposite order of steps."""
    return shared_weights((steps - step) / steps, steps)


def shared_weights(share: float, steps: int) -> Triple:
    """Return weights of sum 1, with half a share for the Boundary Region."""
    boundary, false = share / 2, 1 / (2 * steps)
    return 1 - boundary - false, boundary, false


REGION_WEIGHTS: Dict[str, Schedule] = {
    'linear': linear_weights,
    'constant': constant_weights,
    'square': square_weights,
    'sqrt': sqrt_weights,
    'cosine': cosine_weights,
    'swap': swap_weights,
}


def check_region_weights(
        region_weights: RegionWeights) -> Union[Triple, Schedule]:
    """Return a callable(step, steps) or a triple.

    Args:
        region_weights (str | sequence | callable): A name of
            ``REGION_WEIGHTS``, the import path of a function, the function,
            or three numbers.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(region_weights, str) or callable(region_weights):
        return find_function('region_weights', region_weights, REGION_WEIGHTS,
                             ('step', 'steps'), 'three numbers, one of')
    return check_weight_triple(region_weights)


def check_weight_triple(weights: Sequence[float], where: str = '') -> Triple:
    """Check three finite numbers: weights of the regions T, B and F."""
    try:
        triple = tuple(float(weight) for weight in weights)
    except (TypeError, ValueError):
        triple = ()
    if len(triple) != 3 or not all(map(math.isfinite, triple)):
        raise ValueError(
            'region_weights must give three finite numbers, the weights of '
            f'the regions T, B and F, but got {weights!r}{where}')
    return triple
