"""Charts of several reports."""
from mmseg_rppgd.evaluation.report.charts import BarChart, series_of
from mmseg_rppgd.evaluation.report.side_by_side.charts import comparison_charts


def charts_of(compared):
    charts = comparison_charts(compared.found, compared.verdicts)
    assert series_of(charts) == compared.found.names
    return {chart.title: chart for chart in charts}


def test_a_line_for_each_model_over_steps(side_by_side):
    compared = side_by_side(0.6, 0.5, steps=(3, 10))
    charts = charts_of(compared)
    assert list(charts) == ['PGD by number of steps, linf 8/255',
                            'BIM by number of steps, linf 8/255']
    chart = charts['PGD by number of steps, linf 8/255']
    for line, test in zip(chart.lines, compared.tests):
        assert line.x == [3, 10] and line.series == line.name
        assert line.y == [a['mIoU'] for a in test.results['attacks'][:2]]
    assert {(level.name, level.series): level.value
            for level in chart.levels} == {
        (what, name): value
        for name, test in zip(compared.found.names, compared.tests)
        for what, value in (
            ('clean', test.results['clean']['mIoU']),
            ('worst case', test.results['worst_case']['mIoU_greedy']))}


def test_the_worst_case_over_radii(side_by_side):
    compared = side_by_side(0.6, 0.5, attacks=(
        'PGD', dict(type='BIM', norm='l2')), eps=('4/255', '8/255'))
    charts = charts_of(compared)
    assert list(charts) == ['Worst case by radius, linf',
                            'Worst case by radius, l2']
    results = compared.tests[0].results
    for chart, place in zip(charts.values(), (0, 2)):
        assert [text for _, text in chart.ticks] == ['0', '4/255', '8/255']
        assert chart.lines[0].y == [results['clean']['mIoU'], *(
            ball['mIoU_greedy'] for ball in
            results['worst_case']['by_ball'][place:place + 2])]


def test_bars_of_attacks_of_one_number_of_steps(side_by_side):
    compared = side_by_side(0.6, 0.5)
    chart, = charts_of(compared).values()
    assert isinstance(chart, BarChart)
    assert [bar.name for bar in chart.bars] == [
        f'{what}: {name}' for what in (
            'clean', 'PGD, 10 steps', 'BIM, 10 steps', 'worst case')
        for name in ('one', 'two')]


def test_without_an_attack_there_is_no_chart(side_by_side):
    compared = side_by_side(0.6, 0.5, attacks=())
    assert comparison_charts(compared.found, compared.verdicts) == []
