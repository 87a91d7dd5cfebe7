"""Numbers as people type them: 0.03, or 8/255.

Nothing is imported here that takes long: a command line is read with it.
"""
import math
import numbers
from fractions import Fraction
from typing import Union

Number = Union[int, float, str, Fraction]


def parse_number(name: str, value: Number) -> float:
    """Read a finite number or a fraction such as ``'8/255'``.

    Args:
        name (str): Name of the argument, for the error message.
        value (int | float | str | Fraction): The value.

    Raises:
        TypeError: If it is neither a number nor a string.
        ValueError: If the string is no number, or the number is not finite.
    """
    if isinstance(value, bool) or not isinstance(value,
                                                 (numbers.Real, str)):
        raise TypeError(f"{name} must be a number or a fraction like '8/255',"
                        f' but got {value!r}')
    try:
        number = float(
            parse_fraction(value) if isinstance(value, str) else value)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"{name} must be a number or a fraction like '8/255'"
                         f', but got {value!r}') from None
    if not math.isfinite(number):
        raise ValueError(f'{name} must be finite, but got {value!r}')
    return number


def parse_fraction(text: str) -> Fraction:
    """Read ``'0.03'``, ``'8/255'`` or ``'7.65/255'``."""
    above, stroke, below = text.partition('/')
    number = Fraction(above)
    if not stroke:
        return number
    if '/' in below:
        raise ValueError(f'{text!r} has two strokes')
    return number / Fraction(below)
