"""Attacks as they are typed on a command line."""
import ast
import re
from typing import Any, Dict, Optional, Union

from ...names import did_you_mean, find_name
from ...registry import ATTACKS, attack_name
from .rows import type_name

LONGEST_OPTION = 24  # characters that a name shows of a value
NAME_AND_OPTIONS = re.compile(r'([^\W\d][\w.-]*)\s*(\(.*\))?', re.DOTALL)

Typed = Union[str, Dict[str, Any]]


def parse_attack(typed: Typed) -> Dict[str, Any]:
    """Read an attack as typed on a command line; a config is one already.

    Args:
        typed (str | dict): A name, or a name with options such as
            ``'RPPGD(beta=1, regions=TB)'`` or ``'BIM(norm=l2)'``; or a
            config such as ``dict(type='PGD', steps=10)``. In a name, case
            and hyphens do not matter.

    Returns:
        dict: Config of the attack.

    Raises:
        ValueError: If the text is neither.
    """
    if isinstance(typed, dict):
        return dict(typed)
    error = ValueError(
        'an attack must be a name or a name with options, such as PGD or '
        f"'BIM(norm=l2, alpha=0.1)', but got {typed!r}{_hint(typed)}")
    if not isinstance(typed, str):
        raise error
    found = NAME_AND_OPTIONS.fullmatch(typed.strip())
    if found is None:
        raise error
    config = {'type': found[1]}
    if '-' in found[1]:  # then it is no word of its own
        try:
            config['type'] = attack_name(found[1])
        except KeyError:
            raise error from None
    source = f'attack{found[2] or "()"}'
    call = _parsed(source)
    if (not isinstance(call, ast.Call) or call.args
            or not isinstance(call.func, ast.Name)):
        raise error
    options = {keyword.arg: keyword.value for keyword in call.keywords
               if keyword.arg is not None}
    if len(options) < len(call.keywords):
        raise error
    for name, node in options.items():
        value = _typed_value(node, source)
        if name == 'attacks' and isinstance(value, (list, tuple)):
            value = [parse_attack(item) for item in value]
        config[name] = value
    return config


def _parsed(source: str) -> Optional[ast.expr]:
    try:
        return ast.parse(source, mode='eval').body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _hint(typed: Any) -> str:
    """What may have been meant by what is no attack."""
    if not isinstance(typed, str):
        return ''
    known = ATTACKS.module_dict
    names = [find_name(word, known) for word in re.findall(r'[\w.-]+', typed)]
    several = len(names) > 1 and all(names)
    if several or isinstance(_parsed(typed.strip()), ast.Tuple):
        return ('; give each attack as a word of its own, with a space '
                'between them and no comma')
    return did_you_mean(typed, known)


def _typed_value(node: ast.expr, source: str) -> Any:
    """Value of an option; l2 and 8/255 are meant as strings."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        if isinstance(node, (ast.List, ast.Tuple)):
            return [_typed_value(item, source) for item in node.elts]
        return ast.get_source_segment(source, node)


def typed_name(attack: Dict[str, Any]) -> str:
    """Name of an attack with the options that a table has no column for."""
    options = ', '.join(
        f'{key}={_shown(value)}' for key, value in attack.items()
        if key not in ('type', 'eps', 'norm', 'steps'))
    kind = type_name(attack)
    return f'{kind}({options})' if options else kind


def _shown(value: Any) -> str:
    text = str(value).replace(' ', '')
    return text if len(text) <= LONGEST_OPTION else '...'
