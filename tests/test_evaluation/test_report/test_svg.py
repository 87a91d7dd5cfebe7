"""Charts in a page: what a reader, a program and a hostile name meet."""
import re
import xml.etree.ElementTree as xml

import pytest
from test_tables import small_minimal
from tiny_results import HOSTILE, results_of, row_results, rows_of

from mmseg_rppgd.evaluation.plan.rows import make_rows
from mmseg_rppgd.evaluation.report.charts import Level, Line, LineChart
from mmseg_rppgd.evaluation.report.svg import (chart_styles, draw_charts,
                                               draw_svg)
from mmseg_rppgd.evaluation.results.results import success_over_eps


def parsed(text):
    """The drawn charts as a tree; what is no XML is an error."""
    return xml.fromstring(str(text))


def drawn(*attacks, minimal=None, **kwargs):
    rows = row_results(rows_of(*attacks, **kwargs))
    return parsed(draw_svg(results_of(rows), minimal, success_over_eps(rows)))


def chart(*lines, levels=(), **kwargs):
    return LineChart('a title', 'steps', 'mIoU, %', lines, levels, **kwargs)


def texts(tree, tag):
    return [''.join(node.itertext()) for node in tree.iter(tag)]


def classes(tree):
    return {name for node in tree.iter()
            for name in node.get('class', '').split()}


def numbers(path):
    return [float(text) for text in re.findall(r'-?[\d.]+', path)]


def test_every_chart_is_a_picture_with_a_name_and_words():
    tree = drawn('PGD', 'SegPGD', eps=('4/255', '8/255'), steps=(3, 10),
                 minimal=small_minimal(0.01))
    pictures = tree.findall('.//figure/svg')
    assert len(pictures) == 6
    ids = [node.get('id') for node in tree.iter() if node.get('id')]
    assert len(set(ids)) == len(ids)
    for picture in pictures:
        assert picture.get('role') == 'img' and picture.get('viewBox')
        assert not picture.get('width')  # the page decides
        title, words = (picture.find(f'*[@id="{name}"]')
                        for name in picture.get('aria-labelledby').split())
        assert title.tag == 'title' and words.tag == 'desc'
        assert ' at ' in words.text


def test_values_are_said_where_they_are():
    rows = row_results(rows_of('PGD', steps=(3, 10)))
    results = results_of(rows)
    tree = parsed(draw_svg(results))
    said = texts(tree, 'title')
    for steps, attack in zip((3, 10), results['attacks']):
        assert f'PGD, steps {steps}: {attack["mIoU"]:.2f} %' in said
    clean, worst = results['clean'], results['worst_case']
    assert f'clean: {clean["mIoU"]:.2f} %' in said
    assert f'clean {clean["mIoU"]:.1f}' in texts(tree, 'text')
    assert f'worst case {worst["mIoU_greedy"]:.1f}' in texts(tree, 'text')


def test_an_attack_has_one_colour_and_one_marker_in_all_charts():
    tree = drawn('PGD', 'SegPGD', eps=('4/255', '8/255'), steps=(3, 10))
    colours = {}
    for group in tree.iter('g'):
        marks = group.findall('g/path[@class="mark"]')
        for title, mark in zip(group.findall('g/title'), marks):
            name = title.text.partition(',')[0]
            shape = re.sub(r'^M\S+ [\d.-]+', '', mark.get('d'))
            colours.setdefault(name, set()).add((group.get('class'), shape))
    legend = texts(tree.find('ul'), 'li')
    assert legend == ['PGD', 'SegPGD', 'clean', 'worst case']
    assert colours.keys() == {'PGD', 'SegPGD', 'worst case'}
    assert all(len(found) == 1 for found in colours.values())
    assert colours['PGD'] != colours['SegPGD']
    assert {colour for colour, _ in colours['worst case']} == {'nobody'}


def test_higher_values_are_higher_and_more_steps_are_to_the_right():
    tree = parsed(draw_charts([chart(
        Line('PGD', [1, 10, 100], [80., 40., 0.], 'PGD'), logarithmic=True)]))
    places = numbers(tree.find('.//path[@class="line dash-0"]').get('d')
                     if tree.find('ul') is None else
                     tree.find('.//figure//g/path[@class="line dash-0"]'
                               ).get('d'))
    x, y = places[::2], places[1::2]
    assert y[0] < y[1] < y[2] and y[2] - y[1] == pytest.approx(y[1] - y[0])
    assert x[2] - x[1] == pytest.approx(x[1] - x[0])  # logarithmic


def test_an_undefined_value_breaks_the_line():
    tree = parsed(draw_charts([chart(Line(
        'PGD', [1, 2, 3, 4], [None, 50., None, 40.], 'PGD'))]))
    path = tree.find('.//figure//g/path[@class="line dash-0"]').get('d')
    assert path.count('M') == 2 and 'L' not in path
    assert len(tree.findall('.//g/g/title')) == 2


@pytest.mark.parametrize('values', [[None], [0.], [100.], [1e-7]])
def test_a_chart_of_one_value(values):
    tree = parsed(draw_charts([chart(Line('PGD', [1], values, 'PGD'),
                                     logarithmic=True)]))
    for node in tree.iter('path'):
        assert all(-50 < value < 600 for value in numbers(node.get('d')))


def test_dashes_are_explained_where_there_are_several():
    tree = drawn('PGD', eps=('4/255', '8/255'), steps=(3, 10))
    notes = [''.join(note.itertext()).split() for note in tree.iter('p')]
    assert ['3', 'steps', '10', 'steps'] in notes
    assert {'dash-0', 'dash-1'} <= classes(tree)


def test_long_lines_have_few_markers():
    values = [100. / i for i in range(1, 101)]
    tree = parsed(draw_charts([chart(
        Line('PGD', list(range(1, 101)), values, 'PGD'), logarithmic=True)]))
    said = texts(tree, 'title')
    assert 5 < len(said) < 20
    assert 'PGD, steps 1: 100.00 %' in said
    assert 'PGD, steps 100: 1.00 %' in said


def test_ticks_do_not_touch():
    steps = [10, 11, 12, 13, 100]
    tree = parsed(draw_charts([chart(
        Line('PGD', steps, [50.] * 5, 'PGD'),
        ticks=[(n, str(n)) for n in steps], logarithmic=True)]))
    ticks = [text for text in texts(tree.find('.//g[@class="axes"]'), 'text')
             if text in map(str, steps)]
    assert '100' in ticks and 1 < len(ticks) < 5


def test_bars_say_value_and_interval():
    results = results_of(row_results(rows_of('PGD')))
    tree = parsed(draw_svg(results))
    attack, = results['attacks']
    low, high = results.intervals['attacks'][0]['mIoU']
    item = tree.findall('.//figure/ul/li')[1]
    words = ''.join(item.itertext())
    assert words == (f'PGD, 10 steps{attack["mIoU"]:.2f} '
                     f'[{low:.1f}, {high:.1f}]')
    widths = [float(bar.get('width')) for bar in tree.iter('rect')]
    assert widths == sorted(widths, reverse=True) and max(widths) <= 100


def test_names_are_escaped():
    rows = [row for steps in (3, 10) for row in make_rows(
        dict(type='PGD'), name=HOSTILE, steps=[steps])]
    for shown in (rows, rows[:1]):
        text = str(draw_svg(results_of(row_results(shown))))
        assert '<img' not in text and '&lt;img src=x' in text
        parsed(text)
    text = draw_charts([chart(Line(HOSTILE, [1, 2], [1., 2.], HOSTILE),
                              levels=[Level('clean', 3., HOSTILE)],
                              note=HOSTILE)], name='other')
    assert '<img' not in text and 'id="other-1-title"' in text


def test_styles_know_every_class_that_is_drawn():
    styles = chart_styles()
    attacks = [dict(type='PGD', alpha=0.001 * i) for i in range(1, 10)]
    tree = drawn(*attacks, eps=('4/255', '8/255'), steps=(3, 10))
    bars = drawn('PGD')
    for name in classes(tree) | classes(bars):
        if name not in ('axes', 'soft', 'dash-0'):  # as their parents are
            assert re.search(rf'\.{name}\b', styles), name
    used = set(re.findall(r'var\((--[\w-]+)\)', styles))
    assert used == set(re.findall(r'(--[\w-]+):', styles))
    assert 'prefers-color-scheme: dark' in styles
