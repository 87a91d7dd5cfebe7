"""Every number has a meaning, and the documentation gives the same."""
import re
from pathlib import Path

import pytest
from test_tables import small_matrix, small_minimal
from tiny_results import CLASSES, results_of, row_results, rows_of

from mmseg_rppgd.evaluation.report.glossary import (METRICS, TERMS, WORST,
                                                    meaning, terms_of)
from mmseg_rppgd.evaluation.report.tables import number_table, report_tables
from mmseg_rppgd.metrics import SCALARS

ROOT = Path(__file__).parents[3]
MODELS = ('one', 'two')  # of small_matrix()


@pytest.fixture(scope='module')
def tables():
    """Every table that a report can have."""
    results = results_of(row_results(rows_of(
        'PGD', dict(type='BIM', norm='l2'))))
    return [*report_tables(results, small_minimal(0.1), small_matrix()),
            number_table(results)]


def test_every_heading_has_a_meaning(tables):
    headings = {name for table in tables for name in table.header}
    assert headings > {'found', 'member', 'finding', 'max_norm'}
    for heading in headings - {*CLASSES, *MODELS}:
        assert meaning(heading.partition('.')[0]), heading
    assert not any(map(meaning, (*CLASSES, *MODELS)))


def test_every_key_of_a_worst_case_has_a_meaning():
    worst = results_of(row_results(rows_of('PGD')))['worst_case']
    assert worst.keys() - {'members'} <= TERMS.keys()
    assert METRICS.keys() == {*SCALARS, 'IoU'}


def test_a_legend_has_each_term_of_its_tables_once(tables):
    terms = terms_of(tables[:1])
    assert list(terms) == [*tables[0].header]
    assert len(terms_of(tables)) > len(terms)


@pytest.mark.parametrize('name', TERMS)
def test_a_meaning_is_one_plain_sentence(name):
    text = meaning(name)
    assert text[0].isupper() and text.endswith('.')
    assert re.search(r'\.\s+[A-Z]', text) is None and len(text) < 200


def test_the_documentation_says_the_same():
    text = (ROOT / 'docs' / 'protocol.md').read_text()
    section = text[text.index('## What the numbers mean'):]
    rows = re.findall(r'^\| (.+?) \| (.+) \|$', section.partition(
        '\n## ')[0], re.M)
    assert dict(rows[1:]) == {**METRICS, **WORST}
