"""Finished tests of several models."""
import pytest
from tiny_results import clean_result, row_results, rows_of, write_report

from mmseg_rppgd.evaluation.report.side_by_side.report import SideBySide

NAMES = ('one', 'two', 'three')


@pytest.fixture
def side_by_side(tmp_path):
    """Compare models, told by the share of pixels that stay right."""

    def compare(*rights, names=NAMES, attacks=('PGD', 'BIM'), metric='mIoU',
                model=(), **settings):
        paths = []
        for i, right in enumerate(rights):
            rows = rows_of(*attacks, **settings)
            paths.append(tmp_path / names[i])
            write_report(paths[-1], row_results(
                rows, [right * 0.9**k for k in range(len(rows))]),
                clean_result(), **dict(model))
        return SideBySide(names[:len(rights)], list(map(str, paths)), metric)

    return compare
