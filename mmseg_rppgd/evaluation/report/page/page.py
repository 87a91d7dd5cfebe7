"""report.html: what its template needs."""
from itertools import groupby
from typing import Any, List, Sequence

from markupsafe import Markup

from ...results.doubts import doubts
from ...results.results import success_over_eps
from ..glossary import terms_of
from ..svg import chart_styles, draw_svg
from ..writers import Table
from .flips import KINDS
from .headline import headline
from .pictures import Gallery
from .render import render

CHECKS, FOLDED = 'Self-checks', 'Intervals'


def report_page(report: Any) -> str:
    """One HTML file of a report, which needs no other.

    Args:
        report (Report): The report.
    """
    results = report.results
    top = headline(results, report.available)
    shown = [t for t in report.tables if t.section != CHECKS]
    terms = terms_of(shown)
    return render(
        'report.html', styles=[Markup(chart_styles()), 'pictures.css'],
        scripts=['pictures.js'],
        title=f'Robustness of {top.name}', headline=top, results=results,
        failed=[c for c in results['checks'] if not c['passed']],
        passed=[c for c in results['checks'] if c['passed']],
        doubts=doubts(results, report.attacks), gallery=Gallery(report),
        kinds=KINDS, palette=legend(report),
        total=results['dataset']['num_images'],
        curves=draw_svg(results, report.minimal,
                        success_over_eps(report.attacks)),
        sections=sections(shown), folded_section=FOLDED, terms=terms,
        ids={name: f'meaning-{i}' for i, name in enumerate(terms)})


def sections(tables: Sequence[Table]) -> List[Any]:
    """Tables by section, in their order."""
    return [(name, list(members)) for name, members in groupby(
        tables, key=lambda table: table.section)]


def legend(report: Any) -> List[List[str]]:
    """Name and colour of every class."""
    return [[name, '#{:02x}{:02x}{:02x}'.format(*colour)]
            for name, colour in zip(report.results['dataset']['classes'],
                                    report.palette)]
