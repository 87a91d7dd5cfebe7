"""How a report calls what was tested."""
import re
from typing import Any, Dict

from ...words import counted
from ..plan.rows import format_eps


def radius(threat: Dict[str, Any]) -> str:
    """The radius of a ball; of an l2 ball also as a root mean square."""
    text = format_eps(threat['eps'], threat['rms'])
    if threat['norm'] == 'l2' and None not in (threat['eps'], threat['rms']):
        rms = format_eps(threat['rms'])
        text += f' (rms {rms if "/" in rms else format(threat["rms"], ".3g")})'
    return text


def readable_name(model: Dict[str, Any]) -> str:
    """Name of a model: the one it was given, or that of its config file."""
    if model.get('name'):
        return str(model['name'])
    last = re.split(r'::|[\\/]', str(model['config']))[-1]
    return re.sub(r'\.(py|json|ya?ml)$', '', last) or str(model['config'])


def at(ball: Dict[str, Any]) -> str:
    """Norm and radius of a ball."""
    return f'{ball["norm"]} {radius(ball)}'


def attack_words(attack: Dict[str, Any]) -> str:
    """An attack and its steps."""
    steps = attack['config'].get('steps')
    return attack['name'] + (
        '' if steps is None else f' with {counted(steps, "step")}')
