"""The files of an experiment, and what a terminal shows of it."""
import csv
import io
import json
import os
import re

import pytest
from PIL import Image
from rich.console import Console
from tiny_experiments import (FULL, MINI, STRATEGIES, attacks, defences,
                              likely, measured, steps)

from mmseg_rppgd.evaluation.report.writers import Table
from mmseg_rppgd.reproduce.tables import show, write

COMMAND = 'python -m mmseg_rppgd reproduce table4 --seeds 3'


def by_seed(cell, seed):
    """10, 11, 12... for the clean images, a tenth of it for attacks."""
    return (10 + seed) * (0.1 if cell.trial.attack else 1)


def read(folder, name):
    with open(folder / name, encoding='utf-8') as file:
        return file.read()


def cells(line):
    return [cell.strip() for cell in line.strip('| ').split(' | ')]


def rows_of(page, row):
    return [cells(line) for line in page.splitlines()
            if line.startswith(f'| {row} |')]


def on_screen(shown, width):
    console = Console(file=io.StringIO(), width=width)
    show(shown, console)
    return console.file.getvalue()


def test_one_data_set_stands_once_beside_all_of_the_paper(tmp_path):
    experiment = defences()
    write(experiment, MINI, measured(experiment, MINI, by_seed, 3),
          str(tmp_path), COMMAND)
    page = read(tmp_path, 'defences.md')
    assert page.startswith('# Table 4: PSPNet under attack\n')
    first, second = rows_of(page, 'PGD3-AT')
    assert first[1:] == ['11.0 ± 1.0', '74.51', '71.28',
                         '1.1 ± 0.1', '20.04', '28.79']
    assert second[1:] == ['1.1 ± 0.1', '13.89', '3.95']
    heads = [cells(line) for line in page.splitlines()
             if line.startswith('|  |')]
    assert heads[1] == ['', 'PGD100', 'paper VOC', 'paper Cityscapes'][1:]
    assert 'sample standard deviation over 3 seeds' in page


def test_each_data_set_of_its_own_has_a_table_of_its_own(tmp_path):
    experiment = defences()
    values = measured(
        experiment, FULL,
        lambda cell, _: 1. if cell.system.data == 'VOC' else 2.)
    tables = [item for item in write(experiment, FULL, values, str(tmp_path),
                                     COMMAND) if isinstance(item, Table)]
    assert [table.title for table in tables] == ['VOC', 'Cityscapes']
    assert tables[0].header == ['', 'Clean', 'paper\nVOC', 'PGD10',
                                'paper\nVOC', 'PGD100', 'paper\nVOC']
    assert tables[0].rows[0] == ['Standard', 1., 76.64, 1., 5.21, 1., 3.37]
    assert tables[1].rows[3] == ['RP-PGD3-AT', 2., 71.58, 2., 35.19, 2.,
                                 18.57]
    assert 'of one seed' in tables[0].notes[0]
