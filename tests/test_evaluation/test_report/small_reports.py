"""Reports of small tests that no model had to be run for."""
from tiny_results import (Examples, clean_result, results_of, row_results,
                          rows_of)

from mmseg_rppgd.evaluation.report.report import Report


def report_of(*attacks, indices=(0, 2), eps=('8/255', ), steps=(10, ),
              results=None, **kwargs):
    """The report of a small test."""
    clean = clean_result()
    rows = row_results(rows_of(*attacks, eps=eps, steps=steps))
    results = results or results_of(rows, clean)
    return Report(results, clean, rows, Examples(*indices), **kwargs)
