"""The paper's numbers beside ours: on the screen, and in files.

.. code:: text

 boards      which numbers stand side by side
 order       whether rows come out in the paper's order
 sentences   the same in words
 curves      figures over attack steps
 panels      figures of attacked images
 provenance  where the numbers come from, for a page
 records     everything, for other programs
"""
import os.path as osp
from dataclasses import replace
from textwrap import fill
from typing import List, Optional, Sequence, Union

from rich.console import Console

from ..evaluation.files import replacing, write_json, write_text
from ..evaluation.report.screen import LOG_WIDTH
from ..evaluation.report.writers import (Table, escape, in_parts, to_csv,
                                         to_markdown, to_screen, width_of)
from .boards import Board, Column, Values, boards_of, summarize
from .curves import draw_curves
from .experiments import Experiment
from .order import compare_order
from .panels import draw_attacked
from .provenance import provenance
from .records import long_table, record
from .scales import Scale
from .sentences import sentences, summary, winners

HEADER = 10  # characters of a line above a column
FIGURE = '.png', '.pdf'
PAGE_WIDTH = 110  # characters of a table in Markdown, before it is broken
Shown = Union[Table, str]


def write(experiment: Experiment, scale: Scale, values: Values, out: str,
          command: str) -> List[Shown]:
    """Write every file of an experiment, each whole or not at all.

    ``NAME.json`` has everything, ``NAME.csv`` one line per cell and seed,
    ``NAME.md`` the tables, the order of the rows and where the numbers come
    from; with curves or pictures also ``NAME.png`` and ``NAME.pdf``.

    Args:
        experiment (Experiment): What is repeated.
        scale (Scale): At which size.
        values (dict): Measurements of each cell, one per seed; a cell that
            was not measured may be absent.
        out (str): Folder of the files.
        command (str): What the reader has typed.

    Returns:
        list[Table or str]: What :func:`show` puts on the screen.
    """
    boards = boards_of(experiment, scale)
    orders = compare_order(experiment, boards, values)
    tables = [board_table(experiment, board, values) for board in boards]
    said = [summary(orders), *sentences(orders),
            *winners(experiment, boards, values)]

    def path(ending: str) -> str:
        return osp.join(out, experiment.name + ending)

    write_json(path('.json'),
               record(experiment, scale, values, orders, command))
    write_text(path('.csv'), to_csv(long_table(experiment, scale, values)))
    figure = experiment.curves
    if experiment.curves:
        for ending in FIGURE:
            with replacing(path(ending), ending) as temporary:
                draw_curves(temporary, experiment, boards, values)
    elif experiment.pictures:
        figure = draw_attacked(experiment, scale, values, out)
    write_text(path('.md'), to_page(experiment, scale, tables, said, figure) +
               provenance(experiment, scale, values, command))
    endings = ['.md', '.csv', '.json', *(FIGURE if figure else ())]
    files = ', '.join(map(path, endings))
    return [*tables, scale.note, *said, f'Written: {files}']


def show(shown: Sequence[Shown], console: Optional[Console] = None) -> None:
    """Put tables and sentences on the screen, and cut no number off.

    Args:
        shown (Sequence[Table or str]): What :func:`write` returns.
        console (Console, optional): rich's. Defaults to None, the standard
            output; a file or pipe has lines of 150 characters.
    """
    if console is None:
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = LOG_WIDTH
    for item in shown:
        if isinstance(item, str):
            _say(console, f'\n{item}')
            continue
        for part in in_parts(item, console.width):
            drawn = to_screen(part)
            if width_of(drawn) > console.width:
                drawn = to_screen(part, narrow=True)
                drawn.width = width_of(drawn)
            console.print(drawn, crop=False)
            for note in part.notes:
                _say(console, note)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, emoji=False, highlight=False)


def board_table(experiment: Experiment, board: Board,
                values: Values) -> Table:
    """Our numbers of a board, each with the paper's behind it."""
    header, blocks = [''], []
    for name, metric in board.columns:
        papers = board.papers((name, metric))
        several = len(board.metrics) > 1
        header.append(fill(f'{name} {metric}' if several else name, HEADER,
                           break_long_words=False, break_on_hyphens=False))
        header += [f'paper\n{data}' for data in papers]
        blocks.append(1 + len(papers))
    rows = [[row, *(number for column in board.columns
                    for number in _numbers(board, row, column, values))]
            for row in board.rows]
    return Table(experiment.title, header, rows, title=board.title, words=1,
                 notes=_notes(board, values), blocks=blocks)


def _numbers(board: Board, row: str, column: Column,
             values: Values) -> List[Union[None, float, str]]:
    if (row, column) not in board.cells:
        return [''] * (1 + len(board.papers(column)))
    return [summarize(board.measurements(row, column, values)),
            *(board.paper(row, column, data)
              for data in board.papers(column))]


def _notes(board: Board, values: Values) -> List[str]:
    note = f'{" and ".join(board.metrics)} in percent'
    found = [board.measurements(row, column, values)
             for row, column in board.cells]
    counts = sorted({len(each) for each in found if each})
    if counts and counts[-1] > 1:
        few = '' if len(counts) == 1 else f'{counts[0]} to '
        note += (f': mean and sample standard deviation over '
                 f'{few}{counts[-1]} seeds')
    elif counts:
        note += ' of one seed'
    note += '.'
    if not all(found):
        note += ' A dash: not measured.'
    if any(each and summarize(each) is None for each in found):
        note += ' A dash where there are measurements: undefined.'
    return [note]


def to_page(experiment: Experiment, scale: Scale, tables: Sequence[Table],
            said: Sequence[str], figure: bool) -> str:
    """The Markdown page of an experiment, but for its last section."""
    lines = [f'# {escape(experiment.title)}', '']
    if figure:
        lines += [f'![{escape(experiment.title)}]({experiment.name}.png)', '']
    for table in tables:
        lines += [f'## {escape(table.title)}', '']
        lines += [to_markdown(part) for part in in_parts(
            replace(table, title=''), PAGE_WIDTH)]
    lines += ['## Order of the rows', '', escape(said[0]), '',
              *(f'- {escape(text)}' for text in said[1:]), '',
              '## Notes', '',
              *(f'- {escape(note)}' for note in (
                  *experiment.notes, f'Scale {scale.name}: {scale.note}'))]
    return '\n'.join(lines) + '\n\n'
