"""Charts of several reports, a colour for each model."""
from typing import Dict, List, Sequence, Tuple

from ....words import counted
from ...results.comparison import CLEAN as CLEAN_ROW
from ...results.comparison import WORST_CASE, Ball, Comparison, Entry, Key
from ...results.verdicts import Verdict
from ..charts import CLEAN, WORST, Bar, BarChart, Chart, Level, Line, LineChart
from ..report_charts import OVER_EPS


def comparison_charts(found: Comparison,
                      given: Sequence[Verdict]) -> List[Chart]:
    """Each attack over steps, what is left over radii, or bars.

    Args:
        found (Comparison): What the reports say.
        given (sequence[Verdict]): Who keeps most in each ball.
    """
    lines: List[Chart] = [*_over_eps(found, given),
                          *_over_steps(found, given)]
    return lines or [_bars(found, verdict.ball) for verdict in given]


def _over_steps(found: Comparison,
                given: Sequence[Verdict]) -> List[LineChart]:
    worst = {verdict.ball: {one.name: one.left for one in verdict.standings}
             for verdict in given if verdict.worst_case}
    groups: Dict[Tuple[str, Ball], List[Tuple[int, List[Entry]]]] = {}
    for (name, _, _, steps), entries in found.rows.items():
        if entries[0].ball is not None and steps is not None:
            groups.setdefault((name, entries[0].ball), []).append(
                (steps, entries))
    charts = []
    for (name, ball), rows in groups.items():
        rows = sorted(rows, key=lambda row: row[0])
        if len(rows) > 1:
            steps = [number for number, _ in rows]
            charts.append(LineChart(
                f'{name} by number of steps, {ball.norm} {ball.text}',
                'steps', f'{found.metric}, %',
                [Line(model, steps, [entries[i].value for _, entries in rows],
                      model) for i, model in enumerate(found.names)],
                _levels(found, worst.get(ball, {})),
                [(number, str(number)) for number in steps], True))
    return charts


def _levels(found: Comparison, worst: Dict[str, float]) -> List[Level]:
    """Clean, and the worst case in a ball, of every model."""
    clean = [(CLEAN, model, entry.value) for model, entry in zip(
        found.names, found.rows[CLEAN_ROW])]
    left = [(WORST, model, worst.get(model)) for model in found.names]
    return [Level(name, value, model) for name, model, value in clean + left
            if value is not None]


def _over_eps(found: Comparison, given: Sequence[Verdict]) -> List[LineChart]:
    charts = []
    for norm in dict.fromkeys(verdict.ball.norm for verdict in given):
        balls = sorted((verdict for verdict in given
                        if verdict.ball.norm == norm),
                       key=lambda verdict: verdict.ball.size)
        if len(balls) < 2:
            continue
        left = [{one.name: one.left for one in verdict.standings}
                for verdict in balls]
        lines = [Line(model, [0., *(v.ball.size for v in balls)],
                      [entry.value, *(kept[model] for kept in left)], model)
                 for model, entry in zip(found.names, found.rows[CLEAN_ROW])]
        what = (WORST if all(v.worst_case for v in balls) else
                'strongest attack').capitalize()
        charts.append(LineChart(
            f'{what} by radius, {norm}', OVER_EPS[norm], f'{found.metric}, %',
            lines, ticks=[(0., '0'), *((v.ball.size, v.ball.text.replace(
                'rms ', '')) for v in balls)]))
    return charts


def _bars(found: Comparison, ball: Ball) -> BarChart:
    bars = [Bar(f'{_name(key)}: {model}', entry.value, None, model)
            for key, entries in found.rows.items()
            if entries[0].ball in (None, ball)
            for model, entry in zip(found.names, entries)]
    return BarChart(f'{found.metric} by attack, {ball.norm} {ball.text}',
                    bars)


def _name(key: Key) -> str:
    name, _, _, steps = key
    if name == WORST_CASE or steps is None:
        return name
    return f'{name}, {counted(steps, "step")}'
