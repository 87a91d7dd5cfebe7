"""Which numbers make which chart."""
import pytest
from test_tables import small_minimal
from tiny_results import results_of, row_results, rows_of

from mmseg_rppgd.evaluation.report.charts import BarChart, LineChart, series_of
from mmseg_rppgd.evaluation.report.report_charts import report_charts
from mmseg_rppgd.evaluation.results.results import success_over_eps

L2 = dict(type='BIM', norm='l2')


def charts_of(*attacks, minimal=None, traced=0, **kwargs):
    """Charts of a test by their titles, and its results."""
    rows = row_results(rows_of(*attacks, trace=bool(traced), **kwargs),
                       steps=traced)
    results = results_of(rows)
    charts = report_charts(results, minimal, success_over_eps(rows))
    assert len({chart.title for chart in charts}) == len(charts)
    return {chart.title: chart for chart in charts}, results


def levels_of(chart):
    return {level.name: level.value for level in chart.levels}


def test_steps_between_clean_and_the_worst_case():
    charts, results = charts_of('PGD', 'SegPGD', steps=(3, 10))
    chart, = charts.values()
    assert chart.title == 'mIoU by number of steps' and chart.logarithmic
    assert [line.name for line in chart.lines] == ['PGD', 'SegPGD']
    assert chart.lines[1].x == [3, 10]
    assert chart.lines[1].y == [a['mIoU'] for a in results['attacks'][2:]]
    assert levels_of(chart) == {
        'clean': results['clean']['mIoU'],
        'worst case': results['worst_case']['mIoU_greedy']}
    assert [text for _, text in chart.ticks] == ['3', '10']


def test_an_attack_of_one_number_of_steps_is_a_point_among_lines():
    charts, _ = charts_of('PGD', 'FGSM', steps=(3, 10))
    chart = charts['mIoU by number of steps']
    assert [(line.name, line.x) for line in chart.lines] == [
        ('PGD', [3, 10]), ('FGSM', [1])]
    assert len(charts) == 1


def test_every_ball_has_its_steps_and_every_norm_its_radii():
    charts, results = charts_of('PGD', L2, eps=('4/255', '8/255'),
                                steps=(3, 10))
    balls = results['worst_case']['by_ball']
    for ball, name in zip(balls, ('linf 4/255', 'linf 8/255', 'l2 rms 4/255',
                                  'l2 rms 8/255')):
        chart = charts[f'mIoU by number of steps, {name}']
        assert levels_of(chart)['worst case'] == ball['mIoU_greedy']
    for norm, worst in (('linf', balls[:2]), ('l2', balls[2:])):
        chart = charts[f'mIoU by radius, {norm}']
        clean = results['clean']['mIoU']
        assert chart.lines[-1].y == [clean, *(
            ball['mIoU_greedy'] for ball in worst)]
        assert [text for _, text in chart.ticks] == ['0', '4/255', '8/255']
        assert [line.variant for line in chart.lines] == [
            '3 steps', '10 steps', 'worst case']
        assert all(line.y[0] == clean for line in chart.lines)
        assert charts[f'Images with 99 % wrong pixels, {norm}'].top == 100
    assert len(charts) == 8


def test_metrics_after_every_step():
    charts, results = charts_of('PGD', 'APGD', traced=4)
    assert set(charts) == {f'{metric} after every step' for metric in (
        'mIoU', 'mAcc', 'MisRatio', 'NmIoU', 'CmIoU')}
    chart = charts['MisRatio after every step']
    assert chart.lines[0].x == [1, 2, 3, 4]
    assert chart.lines[0].y == [
        point['MisRatio'] for point in results['attacks'][0]['curve']]
    assert levels_of(chart) == {
        'clean': results['clean']['MisRatio'],
        'worst case': 100 - results['worst_case']['aAcc']}
    notes = [chart.note for chart in charts.values() if chart.note]
    assert len(notes) == 1 and notes[0].startswith('APGD (4 steps): planned')


def test_smallest_perturbations_of_each_norm():
    charts, _ = charts_of('PGD', minimal=small_minimal(0.01, 0.02))
    for norm in ('linf', 'l2'):
        chart = charts[f'Smallest perturbation for 99 % wrong pixels, {norm}']
        line, = chart.lines
        assert (line.series, line.y[-1]) == ('DeepFool', 100)
        assert line.x[-1] == pytest.approx(0.02)
    assert isinstance(charts['mIoU by attack'], BarChart)  # of PGD


def test_bars_where_there_is_nothing_to_draw_a_line_of():
    charts, results = charts_of('PGD', 'BIM')
    chart, = charts.values()
    assert [(bar.name, bar.value) for bar in chart.bars] == [
        ('clean', results['clean']['mIoU']),
        ('PGD, 10 steps', results['attacks'][0]['mIoU']),
        ('BIM, 10 steps', results['attacks'][1]['mIoU']),
        ('worst case', results['worst_case']['mIoU_greedy'])]
    assert chart.bars[3].interval == results.intervals[
        'worst_case']['mIoU_greedy']


def test_bars_of_several_balls_say_which():
    charts, _ = charts_of('PGD', L2)
    names = [bar.name for bar in charts['mIoU by attack'].bars]
    assert names == ['clean', 'PGD, 10 steps, linf 8/255',
                     'BIM, 10 steps, l2 rms 8/255',
                     'worst case, linf 8/255', 'worst case, l2 rms 8/255']


def test_no_attack_at_all():
    charts, _ = charts_of()
    assert [bar.name for bar in charts['mIoU by attack'].bars] == ['clean']


def test_searches_alone_need_no_bars():
    charts, _ = charts_of(minimal=small_minimal(0.01))
    assert all(isinstance(chart, LineChart) for chart in charts.values())


def test_step_sizes_of_one_attack_are_told_apart():
    charts, _ = charts_of(*[dict(type='PGD', alpha=alpha)
                            for alpha in (0.001, 0.002)], steps=(1, 3))
    chart = charts['mIoU by number of steps']
    assert [(line.name, line.x) for line in chart.lines] == [
        ('PGD, alpha 0.001', [1, 3]), ('PGD, alpha 0.002', [1, 3])]


def test_an_attack_is_one_series_in_all_charts():
    charts, _ = charts_of('PGD', 'SegPGD', eps=('4/255', '8/255'),
                          steps=(3, 10), minimal=small_minimal(0.01))
    assert series_of(list(charts.values())) == ['PGD', 'SegPGD', 'DeepFool']


def test_undefined_values_stay_undefined():
    rows = row_results(rows_of('PGD', steps=(3, 10)))
    results = results_of(rows)
    results['attacks'][0]['mIoU'] = results['clean']['mIoU'] = None
    chart, = report_charts(results)
    assert chart.lines[0].y == [None, results['attacks'][1]['mIoU']]
    assert set(levels_of(chart)) == {'worst case'}
