"""The attack reference: a page of each registered attack, from its code."""
import os
import os.path as osp
import re
from functools import lru_cache
from typing import Any, Dict, List, Optional, Type

from docstrings import (Docstring, Item, block, call, example, inline, items,
                        parse, table)
from mmengine.config import Config

from mmseg_rppgd.attacks import Attack, GradientAttack
from mmseg_rppgd.attacks.objectives import PIXEL_WEIGHTS, PixelObjective
from mmseg_rppgd.attacks.pixel_losses import PIXEL_LOSSES
from mmseg_rppgd.config import config_folder
from mmseg_rppgd.registry import ATTACKS, HOOK_SUFFIX

FOLDER = 'reference/attacks'
MEMBERS = ('PGD', 'CosPGD')  # of an attack that is made of others
SAME = re.compile(r'As of :class:`(\w+)`\.')
DEFAULT = re.compile(r' ?Defaults\s+to .*')
NAMED_IN_HEADING = re.compile(r'[\w-]+')


def attacks() -> Dict[str, Type[Attack]]:
    """Return the registered attacks of this package by their names."""
    ATTACKS.import_from_location()
    return {name: cls for name, cls in sorted(ATTACKS.module_dict.items())
            if cls.__module__.startswith('mmseg_rppgd.')}


def page_name(name: str) -> str:
    """Return the file of an attack's page inside the folder."""
    return f'{name.lower()}.md'


def link(name: str) -> Optional[str]:
    """Return the page of an attack, from that of another."""
    return page_name(name) if name in attacks() else None


def overview() -> str:
    """Return the page that lists the attacks."""
    rows = []
    for name, cls in attacks().items():
        objective, update = climbs(cls)
        rows.append([f'[`{name}`]({page_name(name)})',
                     inline(parse(cls).summary), ', '.join(cls.defined_for),
                     objective, update])
    return '\n'.join([
        '---', 'hide: [toc]', '---', '', '# Attack reference', '',
        'Every attack in `ATTACKS`, as the code has it: signature, arguments, '
        'and how to name it in Python, in a config and on a command line. '
        'Which one to use, and where an attack departs from its source, is '
        'in [Attacks and their constants](../../attacks.md).',
        *table(['attack', 'what it does', 'norms', 'objective', 'update'],
               rows),
        'The objective is what an attack climbs, a pixel loss times pixel '
        'weights where nothing else is said; the update is how it follows '
        'the gradient. Attacks with a loop of their own have no such parts.',
        ''])


def page(name: str, headings: Dict[str, str]) -> str:
    """Return the page of an attack.

    Args:
        name (str): Its name in ``ATTACKS``.
        headings (dict[str, str]): Sections of docs/attacks.md and their
            anchors, of which those that name the attack are linked.
    """
    cls = attacks()[name]
    doc = parse(cls)
    paper = [text for text in doc.text if text.startswith('Paper:')]
    lines = [f'# {name}', '', inline(doc.summary, link), '']
    for text in doc.text:
        if text not in paper:
            lines += block(text, link)
    lines += call(name, signature(cls))
    lines += ['## At a glance', *table(['', ''], glance(cls))]
    lines += ['## How to name it', *forms(name, cls)]
    lines += ['## Arguments', *argument_table(cls)]
    if 'Note' in doc.sections:
        lines += ['## Notes', *block(doc.sections['Note'], link)]
    lines += ['## Shape', *block(called().sections['Shape'])]
    lines += ['## Raises', *errors(cls)]
    if 'Example' in doc.sections:
        lines += ['## Example', *example(doc.sections['Example'])]
    lines += ['## Source', '']
    for text in paper:
        lines += block(text[len('Paper:'):].strip(), link)
    code = cls.__module__.replace('.', '/')
    lines += [f'The code is `{code}.py`.', '']
    sections = [f'[{heading}](../../attacks.md#{anchor})'
                for heading, anchor in headings.items()
                if names(heading, name)]
    if sections:
        lines += [f'More on it: {", ".join(sections)}.', '']
    return '\n'.join(lines)


def names(heading: str, name: str) -> bool:
    """Whether a heading has the name of an attack, hyphens or not."""
    return name.lower() in [word.replace('-', '').lower() for word in
                            NAMED_IN_HEADING.findall(heading)]


def called() -> Docstring:
    """Return what is said of the call of every attack."""
    return parse(Attack.__call__)


def signature(cls: Type[Attack]) -> List[str]:
    """Return every argument with its default, those of bases included."""
    (first, default), *rest = cls.arguments().items()
    return [f'{first}={default!r}', '*',
            *(f'{name}={value!r}' for name, value in rest)]


def climbs(cls: Type[Attack]) -> List[str]:
    """Return objective and update of an attack with its defaults."""
    if not issubclass(cls, GradientAttack):
        return ['a loop of its own', '']
    attack = cls()
    update = type(attack.update)
    return [objective_of(attack.objective),
            f'`{update.__name__}`: {inline(parse(update).summary)}']


def objective_of(objective: Any) -> str:
    """Return what an objective is the value of."""
    if type(objective) is not PixelObjective:
        kind = type(objective)
        return f'`{kind.__name__}`: {inline(parse(kind).summary)}'
    parts = [(objective.pixel_loss, PIXEL_LOSSES),
             *((weights, PIXEL_WEIGHTS)
               for weights in objective.pixel_weights)]
    return '; times '.join(
        f'`{name}`, {inline(value_of(known[name]))}' for name, known in parts)


def value_of(function: Any) -> str:
    """Return what a function is said to return, without a full stop."""
    return parse(function).summary.replace('Return ', '', 1).rstrip('.')


def glance(cls: Type[Attack]) -> List[List[str]]:
    """Return what an attack is like, as rows."""
    options = cls.arguments()
    shown = cls() if issubclass(cls, GradientAttack) else cls
    objective, update = climbs(cls)
    rows = [['norms', ', '.join(f'`{norm}`' for norm in cls.defined_for)],
            ['objective', objective], ['update', update],
            ['returns', 'the iterate with most wrong pixels'
             if options.get('keep') == 'best' or 'attacks' in options
             else 'the last iterate']]
    answers = {'can aim at labels (`targeted`)': shown.can_target,
               'reads features of the model': shown.needs_features}
    for what, answer in answers.items():
        said = 'yes' if answer else 'no'
        rows.append([what, 'as its members' if needed(cls) else said])
    rows.append(['finds the smallest perturbation (`minimal`)',
                 'yes' if hasattr(cls, 'minimal') else 'no'])
    return [row for row in rows if row[1]]


def forms(name: str, cls: Type[Attack]) -> List[str]:
    """Return an attack in Python, in a config and on a command line."""
    found = fragments().get(f'mmseg_rppgd.{name}{HOOK_SUFFIX}', [])
    ready = [f'Ready to be inherited: {", ".join(found)}.', ''] * bool(found)
    return ['', 'In Python:', '', '```python',
            f'from mmseg_rppgd.attacks import {name}', '',
            f'attack = {python_form(name, cls)}',
            'adv_images = attack(model, images, labels)', '```', '',
            'In a config, to train with it (to attack the test loop instead: '
            "`stages='test'`):", '',
            '```python', f'custom_hooks = [{hook_form(name, cls)}]', '```',
            '', *ready, 'On a command line:', '', '```bash',
            'python -m mmseg_rppgd robust-test CONFIG CHECKPOINT --attacks '
            f'{typed_form(name, cls)}', '```', '']


@lru_cache(maxsize=None)
def fragments() -> Dict[str, List[str]]:
    """Return the fragments of configs that have one hook, by its name."""
    folder = osp.join(config_folder('mmseg_rppgd'), '_base_', 'attacks')
    found: Dict[str, List[str]] = {}
    for file in sorted(os.listdir(folder)):
        if file.endswith('.py'):
            hook, = Config.fromfile(osp.join(folder, file)).custom_hooks
            found.setdefault(hook.type, []).append(
                f'`mmseg_rppgd::_base_/attacks/{file}`')
    return found


def needed(cls: Type[Attack]) -> Dict[str, Any]:
    """Return the arguments that an attack cannot do without."""
    if 'attacks' in cls.arguments():
        return {'attacks': [{'type': member} for member in MEMBERS]}
    return {}


def python_form(name: str, cls: Type[Attack]) -> str:
    """Return what builds the attack."""
    return f'{name}({as_arguments(dict(needed(cls), eps="8/255"))})'


def hook_form(name: str, cls: Type[Attack]) -> str:
    """Return the config of the attack's hook."""
    settings = {'type': f'mmseg_rppgd.{name}{HOOK_SUFFIX}', **needed(cls),
                'eps': '8/255'}
    return f'dict({as_arguments(settings)})'


def as_arguments(settings: Dict[str, Any]) -> str:
    """Return settings as they are typed in Python."""
    return ', '.join(f'{key}={as_typed(value)}'
                     for key, value in settings.items())


def as_typed(value: Any) -> str:
    """Return a value as it is typed in a config."""
    if isinstance(value, list):
        return f'[{", ".join(map(as_typed, value))}]'
    if isinstance(value, dict):
        return f'dict({as_arguments(value)})'
    return repr(value)


def typed_form(name: str, cls: Type[Attack]) -> str:
    """Return the attack as a word of a command line, with an option."""
    if needed(cls):
        return f"'{name}(attacks=[{', '.join(MEMBERS)}])'"
    option, default = next(
        (key, value) for key, value in cls.arguments().items()
        if isinstance(value, (str, int, float))
        and key not in ('eps', 'steps'))
    return f"'{name}({option}={default})'"


def argument_table(cls: Type[Attack]) -> List[str]:
    """Return every argument with its type, default and meaning."""
    rows = []
    for name, default in cls.arguments().items():
        item = documented(cls, name)
        rows.append([f'`{name}`', inline(item.kind),
                     f'`{default!r}`'.replace('|', r'\|'),
                     inline(item.meaning, link)])
    return table(['argument', 'type', 'default', 'meaning'], rows)


def documented(cls: Type[Attack], name: str) -> Item:
    """Return what is said of an argument, by the class or a base of it.

    A default that the text of a base has, and the class another, is left
    out of the text.

    Raises:
        LookupError: If no docstring has the argument.
    """
    for base in cls.__mro__:
        for item in items(parse(base).sections.get('Args', '')):
            if item.name != name:
                continue
            same = SAME.fullmatch(item.meaning)
            if same:
                item = documented(attacks()[same[1]], name)
            if base.arguments()[name] != cls.arguments()[name]:
                item = item._replace(meaning=DEFAULT.sub('', item.meaning))
            return item
    raise LookupError(f'{cls.__name__} does not document its argument {name}')


def errors(cls: Type[Attack]) -> List[str]:
    """Return what an attack raises when it is made, and when it is called."""
    made = next(doc.sections['Raises'] for doc in map(parse, cls.__mro__)
                if 'Raises' in doc.sections)
    return table(['error', 'when the attack is', ''], [
        [f'`{item.name}`', when, inline(item.meaning, link)]
        for when, section in [('made', made),
                              ('called', called().sections['Raises'])]
        for item in items(section)])
