"""The rows of a robustness test.

A row is one line of the report: an attack with its eps and steps.
"""
import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ...attacks.base import Attack
from ...attacks.minimal_norm import MinimalNormAttack
from ...attacks.threat_model import DEFAULT_RMS, parse_number
from ...registry import ATTACKS, attack_class, attack_name
from ..files import digest, jsonable
from .code import code_digest

# Characters of a row's name in a file name: file systems take 255 in all, and
# the names of matrices and panels have more parts.
LONGEST_SLUG = 120


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Args:
        name (str): What the report calls the attack.
        attack (dict): Config of the attack, with its steps where it has any.
        norm (str): Norm of the ball.
        eps (float, optional): Radius; None where it depends on the image.
        rms (float, optional): Radius of an l2 ball as a root mean square
            over the 3HW numbers of an image; eps is then
            ``rms x sqrt(3HW)``. Defaults to None.
        steps (int, optional): Steps of the attack, if it counts any.
        trace (bool): Whether to measure after every step.
    """
    name: str
    attack: Dict[str, Any]
    norm: str
    eps: Optional[float]
    rms: Optional[float] = None
    steps: Optional[int] = None
    trace: bool = False

    @property
    def label(self) -> str:
        """str: A unique, short and readable name."""
        parts = [self.name]
        if self.norm != 'linf' and not self.name.startswith(self.norm):
            parts.append(self.norm)
        parts.append(f'eps={format_eps(self.eps, self.rms)}')
        if self.steps is not None:
            parts.append(f'steps={self.steps}')
        return ' '.join(parts)

    @cached_property  # a file of code may be edited while it runs
    def key(self) -> str:
        """str: A file name that is the row's alone, however long its own."""
        slug = re.sub(r'[^A-Za-z0-9.]+', '-', self.label.replace('/', 'of'))
        return f'{slug[:LONGEST_SLUG]}-{self._identity(self.attack)[:8]}'

    @property
    def search_key(self) -> str:
        """str: The same of a search for the smallest perturbation."""
        return f'minimal-{self.key}'

    @cached_property
    def code(self) -> Optional[str]:
        """str: What identifies code of others in the attack, if any."""
        return code_digest(self.attack)

    @property
    def alike(self) -> str:
        """str: Of rows that differ in the number of steps alone, the same."""
        return self._identity(dict(self.attack, steps=None))

    def _identity(self, attack: Dict[str, Any]) -> str:
        settings = dict(self.settings, attack=jsonable(attack))
        code = code_digest(attack)
        return digest(settings if code is None else [settings, code])

    @property
    def settings(self) -> Dict[str, Any]:
        """dict: Everything that decides the row's numbers, by its name."""
        return {'name': self.name, 'attack': jsonable(self.attack),
                'rms': self.rms, 'trace': self.trace}

    def build(self, num_values: int) -> Attack:
        """Build the attack for images of ``num_values`` = 3HW numbers."""
        attack = dict(self.attack)
        if self.rms is not None:
            attack['eps'] = self.rms * math.sqrt(num_values)
        return ATTACKS.build(attack)

    def build_search(self, num_values: int) -> MinimalNormAttack:
        """Build the attack, which looks for the smallest perturbation.

        Raises:
            ValueError: If it does not.
        """
        attack = self.build(num_values)
        if not isinstance(attack, MinimalNormAttack):
            raise ValueError(
                f'{self.name} cannot search for the smallest perturbation; '
                'DeepFool, DAG and ALMAProx can')
        return attack

    @property
    def full_config(self) -> Dict[str, Any]:
        """dict: Config of the attack with every default, as plain data.

        So a report can be repeated with a version that has others. A default
        that depends on the size of the image stays None.
        """
        attack = ATTACKS.build(dict(self.attack))
        return jsonable(dict(attack.config, type=self.attack['type']))

    @property
    def can_share(self) -> bool:
        """bool: Whether the row may be read off a longer run."""
        attack = self.build(1)
        return (self.steps is not None and not attack.plans_ahead
                and attack.restarts == 1 and attack.keep == 'last')


def make_rows(attack: Dict[str, Any],
              *,
              name: Optional[str] = None,
              eps: Iterable[Any] = (),
              steps: Iterable[int] = (),
              trace: bool = False) -> List[Row]:
    """Make the rows of one attack: eps x steps.

    An eps or steps in the config itself stays as it is: an l2 eps there is a
    length. Every attack is built once, so that a wrong option is found
    before the first image.

    Args:
        attack (dict): Config of the attack.
        name (str, optional): What the report calls it. Defaults to None,
            its type.
        eps (iterable): Radii; of an l2 attack root mean squares, so that
            one number fits both norms and every image size. Empty means the
            attack's own.
        steps (iterable): Numbers of steps, for an attack that counts steps.
            Empty means the attack's own.
        trace (bool): Whether to measure after every step. Defaults to False.

    Raises:
        KeyError: If the attack is unknown; the message has the known ones.
        TypeError: If an option is unknown or has the wrong type.
        ValueError: If an option is out of range.
    """
    cls = attack_class(attack.get('type'))
    options = cls.arguments()
    unknown = [key for key in attack if key not in (*options, 'type')]
    if unknown:
        raise TypeError(
            f'{type_name(attack)} has no option {unknown[0]!r}; its options '
            f'are {", ".join(sorted(options))}')
    has_steps = 'steps' in options
    fixed = 'steps' in attack or not has_steps or cls.steps_are_fixed
    radii = [None] if 'eps' in attack else list(eps) or [None]
    numbers: List[Optional[int]] = [None]
    if not fixed:
        numbers = list(steps) or [None]
    kind = attack['type']
    if not isinstance(kind, type) and (
            ATTACKS.module_dict.get(type_name(attack)) is cls):
        kind = type_name(attack)  # else a path, which alone leads to it
    rows = []
    for radius in radii:
        for number in numbers:
            row = _make_row(dict(attack, type=kind),
                            name or type_name(attack), radius, number, trace)
            if has_steps:
                row.attack['steps'] = row.steps
            rows.append(row)
    return rows


def _make_row(config: Dict[str, Any], name: str, eps: Any,
              steps: Optional[int], trace: bool) -> Row:
    if steps is not None:
        config['steps'] = steps
    attack = ATTACKS.build(
        config if eps is None else dict(config, eps=eps))
    row_eps, row_rms = attack.eps, None
    # The attack says its norm: a config may leave it to its members.
    if attack.norm == 'l2' and eps is not None:
        row_eps, row_rms = None, parse_rms(eps)
    elif attack.eps is None:
        row_rms = DEFAULT_RMS
    else:
        config['eps'] = attack.eps
    return Row(name, config, attack.norm, row_eps, row_rms,
               getattr(attack, 'steps', None), trace)


def parse_rms(eps: Any) -> float:
    """Read the radius of an l2 ball that is given from outside the attack.

    Raises:
        ValueError: If it is no root mean square of pixels in [0, 1].
    """
    rms = parse_number('eps', eps)
    if not 0 <= rms <= 1:
        raise ValueError(
            'eps must be in [0, 1] for l2 attacks, whose radius is given as '
            'a root mean square over the pixel values (8 of 255 is '
            f"'8/255'), but got {eps!r}; a length belongs inside the attack, "
            f"as in 'BIM(norm=l2, eps={eps})'")
    return rms


def type_name(attack: Dict[str, Any]) -> str:
    """Name of the attack's class, however its config has it.

    Raises:
        TypeError: If the config has no such name.
        KeyError: If the attack is unknown; the message has the known ones.
    """
    return attack_name(attack.get('type'))


def ball_of(row: Row) -> Tuple:
    """What two rows share that attack in the same ball."""
    return row.norm, row.eps, row.rms


def same_but_steps(few: Row, many: Row) -> bool:
    """Whether the second row is the first with more steps."""
    if few.steps is None or many.steps is None or few.steps >= many.steps:
        return False
    a, b = (dict(row.attack, steps=None) for row in (few, many))
    return a == b and ball_of(few) == ball_of(many)


def format_eps(eps: Optional[float], rms: Optional[float] = None) -> str:
    """Write a radius as a person would: 8/255 rather than 0.03137."""
    if eps is None:
        return f'rms {format_eps(rms)}'
    scaled = eps * 255
    if eps and abs(scaled - round(scaled)) < 1e-9 and scaled < 255:
        return f'{round(scaled)}/255'
    return f'{eps:.4g}'
