"""Pages of configs and suites, from what the command ``list`` prints."""
import re
from contextlib import redirect_stdout
from io import StringIO
from itertools import groupby
from typing import List

from docstrings import inline, table

from mmseg_rppgd.commands.list import main as list_command
from mmseg_rppgd.evaluation.plan import make_plan
from mmseg_rppgd.evaluation.plan.rows import format_eps
from mmseg_rppgd.evaluation.plan.runs import group_rows
from mmseg_rppgd.evaluation.plan.typed import typed_name


def listed(what: str) -> List[List[str]]:
    """Return the rows of ``python -m mmseg_rppgd list``, without the head."""
    printed = StringIO()
    with redirect_stdout(printed):
        list_command([what])
    lines = [line for line in printed.getvalue().splitlines() if line]
    return [re.split('  +', line) for line in lines[1:]]


def configs() -> str:
    """Return the page of the configs, a table of each strategy."""
    rows = listed('configs')
    lines = [
        '# Configs', '', f'The {len(rows)} configs of the package, as '
        '`python -m mmseg_rppgd list configs` prints them; `--strategy`, '
        '`--model` and `--data` choose. A name is given where a config file '
        'would be, to `train`, to `robust-test` and as a `_base_`:', '',
        '```bash', f'python -m mmseg_rppgd train {rows[0][0]}', '```', '',
        'The backbone `r50-d8` is a ResNet-50, `r18-w32-d8` a ResNet-18 of '
        'half the width; `1xb6-500` are 500 iterations of one process with '
        'batches of 6. What a strategy does is in [Training](../training.md).',
        '']
    for strategy, group in groupby(rows, lambda row: row[1]):
        lines += [f'## {strategy}', *table(
            ['config', 'model', 'data set'],
            [[f'`{name}`', *rest] for name, _, *rest in group])]
    return '\n'.join(lines)


def suites() -> str:
    """Return the page of the suites, each with its rows."""
    lines = [
        '# Suites', '', 'The suites of the package, as `python -m mmseg_rppgd '
        'list suites` prints them, and the rows that each gives. Which one '
        'to take is in [Evaluate honestly](../protocol.md).', '',
        '```bash', 'python -m mmseg_rppgd robust-test CONFIG CHECKPOINT '
        '--suite reliable', '```', '']
    for name, _, meaning in listed('suites'):
        plan = make_plan(name)
        rows = [[f'`{row.name}`', f'`{typed_name(row.attack)}`', row.norm,
                 format_eps(row.eps, row.rms),
                 str(row.steps or '')] for row in plan.rows]
        lines += [f'## {name}', '', inline(meaning), '']
        if rows:
            lines += table(['row', 'attack', 'norm', 'eps', 'steps'], rows)
            steps = sum(run.longest.steps or 0
                        for run in group_rows(plan.rows))
            lines += [f'In all {steps} steps an image, since rows that '
                      'differ in steps alone come of one run where the '
                      'attack does not plan ahead.'
                      if steps < sum(row.steps or 0 for row in plan.rows)
                      else f'In all {steps} steps an image.', '']
        if plan.minimal:
            lines += ['Searches for the smallest perturbation: ' + ', '.join(
                f'`{row.name}`' for row in plan.minimal) + '.', '']
    return '\n'.join(lines)
