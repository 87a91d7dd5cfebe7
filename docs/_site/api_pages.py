"""Reference pages of what is used from Python, from the docstrings."""
import inspect
from importlib import import_module
from typing import Any, List, Sequence

from docstrings import block, call, example, inline, items, parse, table

import mmseg_rppgd
from mmseg_rppgd import attacks, evaluation
from mmseg_rppgd.hooks.attack_hook import NamedAttackHook
from mmseg_rppgd.registry import HOOKS, MODELS, ChildRegistry


def registered(registry: ChildRegistry) -> List[type]:
    """Return what this package has in a registry, by its name.

    The hooks of single attacks are left out: each has its page.
    """
    registry.import_from_location()
    return [cls for _, cls in sorted(registry.module_dict.items())
            if cls.__module__.startswith('mmseg_rppgd.')
            and not issubclass(cls, NamedAttackHook)]


# File -> title, first sentence, and what the page has.
PAGES = {
    'reference/testing.md': (
        'Testing from Python',
        'What tests a model from Python, and the view of a segmentor that '
        'attacks are given.',
        [evaluation.evaluate, evaluation.load_model, evaluation.TestedModel,
         evaluation.RobustTestLoop, mmseg_rppgd.PixelModel,
         mmseg_rppgd.perturb_batch]),
    'reference/training.md': (
        'Hooks and wrappers',
        'What trains a segmentor adversarially: by a hook beside the model, '
        'or by a wrapper around it.',
        [*registered(HOOKS), *registered(MODELS)]),
    'reference/parts.md': (
        'Parts of attacks',
        'What an attack of your own is made of; [Your own attack]'
        '(../own_attack.md) shows how.',
        [attacks.Attack, attacks.GradientAttack, attacks.SegOutput,
         attacks.Objective, attacks.PixelObjective, attacks.Update,
         attacks.MinimalNormAttack]),
}


def page(file: str) -> str:
    """Return one of the pages."""
    title, sentence, members = PAGES[file]
    lines = [f'# {title}', '', sentence, '']
    for member in members:
        lines += entry(member)
    return '\n'.join(lines)


def entry(member: Any) -> List[str]:
    """Return what is said of a class or function."""
    doc = parse(member)
    lines = [f'## {member.__name__}', '', inline(doc.summary), '']
    lines += [f'From `{public_module(member)}`.', '']
    lines += call(member.__name__, signature(member))
    for text in doc.text:
        lines += block(text)
    if 'Args' in doc.sections:
        lines += table(['argument', 'type', 'meaning'], [
            [f'`{item.name}`', inline(item.kind), inline(item.meaning)]
            for item in items(doc.sections['Args'])])
    for name in ('Note', 'Shape', 'Returns'):
        if name in doc.sections:
            lines += [f'**{name}**', *block(doc.sections[name])]
    if 'Raises' in doc.sections:
        lines += ['**Raises**', '', *(
            f'- `{item.name}`: {inline(item.meaning)}' if item.name
            else f'- {inline(item.meaning)}'
            for item in items(doc.sections['Raises'])), '']
    if 'Example' in doc.sections:
        lines += ['**Example**', *example(doc.sections['Example'])]
    return lines


def public_module(member: Any) -> str:
    """Return the shortest module that has it in its ``__all__``."""
    parts = member.__module__.split('.')
    for length in range(1, len(parts) + 1):
        name = '.'.join(parts[:length])
        module = import_module(name)
        if member.__name__ in getattr(module, '__all__', ()):
            return name
    return member.__module__


def signature(member: Any) -> Sequence[str]:
    """Return the arguments with their defaults, without annotations."""
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for name, parameter in inspect.signature(member).parameters.items()]
    text, starred = [], False
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            starred = True
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            text.append('*')
            starred = True
        text.append(str(parameter))
    return text
