"""comparison.html: what its template needs."""
from typing import Any, Sequence

from markupsafe import Markup

from ..charts import Chart
from ..colours import LINES
from ..glossary import terms_of
from ..page.headline import joined, nice_scale
from ..page.page import sections
from ..page.render import render
from ..svg import chart_styles, draw_charts
from .tables import class_tables
from .words import bars_of


def comparison_page(compared: Any, charts: Sequence[Chart]) -> str:
    """One HTML file of a comparison, which needs no other.

    Args:
        compared (SideBySide): The comparison.
        charts (sequence[Chart]): Its charts.
    """
    tables = [*compared.tables, *class_tables(compared.found)]
    terms = terms_of(tables)
    bars = [bars_of(verdict) for verdict in compared.verdicts]
    data = compared.tests[0].results['dataset'].get('type')
    names = joined(compared.found.names)
    return render(
        'comparison.html', styles=[Markup(chart_styles()), 'comparison.css'],
        title=f'Robustness of {names}', names=names, data=data,
        sentences=compared.sentences, warnings=compared.warnings(),
        unclaimed=compared.unclaimed,
        bars=bars, scale=nice_scale(max(
            (bar.highest for group in bars for bar in group), default=0.)),
        colours={name: i % len(LINES) for i, name in
                 enumerate(compared.found.names)},
        curves=draw_charts(charts) if charts else Markup(),
        sections=sections(tables), reports=compared.reports,
        notes=compared.found.notes,
        terms=terms,
        ids={name: f'meaning-{i}' for i, name in enumerate(terms)})
