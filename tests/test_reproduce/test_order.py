"""Kendall's tau, and pairs of rows in another order."""
import math

import numpy as np
import pytest
from tiny_experiments import MINI, Measurement, attacks, defences

from mmseg_rppgd.reproduce.boards import boards_of
from mmseg_rppgd.reproduce.order import compare_order, kendall_tau, points


@pytest.mark.parametrize('x, y, tau', [
    ([1, 2, 3, 4], [10, 20, 30, 40], 1.),
    ([1, 2, 3, 4], [4, 3, 2, 1], -1.),
    # 5 pairs in the same order, 1 in the other one: 4 / 6.
    ([1, 2, 3, 4], [1, 3, 2, 4], 2 / 3),
    # 4 in the same, 1 in the other, 1 tied in x alone: 3 / sqrt(5 * 6).
    ([1, 1, 2, 3], [1, 2, 4, 3], 3 / math.sqrt(30)),
    # 2 in the same, 1 tied in both: 2 / sqrt(2 * 2).
    ([1, 1, 2], [5, 5, 6], 1.),
    ([1, 1, 1], [1, 2, 3], None),
    ([1], [1], None)])
def test_tau_by_hand(x, y, tau):
    found = kendall_tau(x, y)
    assert found is tau is None or found == pytest.approx(tau)


def test_tau_equals_that_of_scipy():
    stats = pytest.importorskip('scipy.stats')
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = rng.integers(5, size=(2, 8)).tolist()
        assert kendall_tau(x, y) == pytest.approx(
            stats.kendalltau(x, y).statistic)


def compare(experiment, numbers, column):
    """Order of a column in which rows have these numbers, by seed."""
    values = {cell: [Measurement(value, seed, {}) for seed, value in
                     enumerate(numbers.get(cell.row, ()))]
              for cell in experiment.cells if cell.column == column}
    return compare_order(experiment, boards_of(experiment, MINI), values)


# The paper's PGD100: 3.37, 13.89, 14.49, 18.69 on VOC, and 0.27, 3.95,
# 13.04, 18.57 on Cityscapes.
ONE = {'Standard': [1.], 'PGD3-AT': [10.], 'SegPGD3-AT': [15.],
       'RP-PGD3-AT': [14.]}


def test_one_column_is_compared_with_each_data_set_of_the_paper():
    voc, cityscapes = compare(defences(), ONE, 'PGD100')
    assert (voc.data, cityscapes.data) == ('VOC', 'Cityscapes')
    for order in (voc, cityscapes):
        assert (order.same, order.pairs, order.tied) == (5, 6, 0)
        assert order.tau == pytest.approx(4 / 6)
        assert order.best_here == ['SegPGD3-AT']
        assert order.best_in_paper == ['RP-PGD3-AT']
        assert not order.best_agrees
    pair, = voc.others
    assert (pair.upper, pair.lower) == ('SegPGD3-AT', 'RP-PGD3-AT')
    assert (pair.here, pair.paper) == (1., pytest.approx(4.2))
    assert pair.spread is None and voc.clear == [pair]
    assert str(pair) == ('here SegPGD3-AT is above RP-PGD3-AT by 1.0, in the '
                         'paper below by 4.2')


def test_a_difference_within_the_spread_over_seeds_is_not_clear():
    # Means 15 and 14, deviations 1 and 1: that of the difference is 1.41.
    order, _ = compare(defences(), {
        **ONE, 'SegPGD3-AT': [14., 15., 16.], 'RP-PGD3-AT': [13., 14., 15.]},
        'PGD100')
    pair, = order.others
    assert pair.spread == pytest.approx(2 ** 0.5)
    assert pair.within_spread and order.clear == []


def test_a_difference_beyond_the_spread_is_clear():
    order, _ = compare(defences(), {
        **ONE, 'SegPGD3-AT': [15.9, 16., 16.1], 'RP-PGD3-AT': [13., 14., 15.]},
        'PGD100')
    pair, = order.clear
    assert pair.here == pytest.approx(2) and pair.spread < 2


def test_equal_numbers_are_in_neither_order():
    order, _ = compare(defences(), {**ONE, 'SegPGD3-AT': [14.]}, 'PGD100')
    assert (order.same, order.tied, order.others) == (5, 1, ())
    assert order.best_here == ['SegPGD3-AT', 'RP-PGD3-AT']
    assert order.best_agrees


def test_of_attacks_the_lowest_is_the_best():
    order, = compare(attacks(), {'T': [3.], 'T+B': [1.], 'all': [2.]},
                     'PSPNet')
    assert order.best_here == ['T+B'] and order.best_in_paper == ['all']


def test_rows_without_a_number_are_left_out():
    few = {'PGD3-AT': [20.], 'RP-PGD3-AT': [10.]}
    order, _ = compare(defences(), few, 'PGD100')
    assert list(order.here) == list(few) and order.pairs == 1
    assert compare(defences(), {'PGD3-AT': [20.]}, 'PGD100') == []
    assert compare(defences(), {'PGD3-AT': [20.], 'Standard': [None]},
                   'PGD100') == []


def test_the_largest_differences_of_the_paper_come_first():
    order, _ = compare(defences(), {
        'Standard': [9.], 'PGD3-AT': [8.], 'SegPGD3-AT': [7.],
        'RP-PGD3-AT': [6.]}, 'PGD100')
    assert order.tau == -1 and len(order.others) == 6
    paper = [pair.paper for pair in order.others]
    assert paper == sorted(paper, reverse=True)
    assert order.others[0].paper == pytest.approx(15.32)


@pytest.mark.parametrize('value, text', [
    (12.34, '12.3'), (1.04, '1.0'), (0.994, '0.99'), (0.13, '0.13'),
    (0.0065, '0.01'), (0.004, 'less than 0.01')])
def test_no_difference_reads_as_none(value, text):
    assert points(value) == text
