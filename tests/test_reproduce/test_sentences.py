"""The order of the rows in words."""
from tiny_experiments import MINI, Measurement, attacks, defences, steps

from mmseg_rppgd.reproduce.boards import boards_of
from mmseg_rppgd.reproduce.experiments import Cell, Experiment, Trial
from mmseg_rppgd.reproduce.order import compare_order
from mmseg_rppgd.reproduce.scales import System
from mmseg_rppgd.reproduce.sentences import sentences, summary, winners


def orders_of(experiment, numbers, column):
    values = {cell: [Measurement(value, seed, {}) for seed, value in
                     enumerate(numbers[cell.row])]
              for cell in experiment.cells if cell.column == column}
    return compare_order(experiment, boards_of(experiment, MINI), values)


ONE = {'Standard': [1.], 'PGD3-AT': [10.], 'SegPGD3-AT': [15.],
       'RP-PGD3-AT': [14.]}
THREE = {'Standard': [1., 1., 2.], 'PGD3-AT': [13.5, 14., 14.2],
         'SegPGD3-AT': [19., 20., 21.], 'RP-PGD3-AT': [13., 14., 15.]}


def test_one_seed_has_no_known_spread():
    orders = orders_of(defences(), ONE, 'PGD100')
    assert sentences(orders)[0] == (
        "PGD100 beside the paper's VOC: 5 of 6 pairs in the same order "
        "(Kendall's tau-b 0.67). Best (highest): here SegPGD3-AT (15.00), in "
        'the paper RP-PGD3-AT (18.69). In another order: here SegPGD3-AT is '
        'above RP-PGD3-AT by 1.0, in the paper below by 4.2 (spread over '
        'seeds unknown).')
    assert summary(orders) == (
        "In all, 10 of 12 pairs of rows are in the paper's order (83 %; mean "
        "Kendall's tau-b 0.67); the best row is the paper's in 0 of its 2 "
        'columns; 2 pairs are in another order, which may be chance: of one '
        'seed the spread over seeds is unknown.')


def test_of_several_seeds_chance_is_told_from_difference():
    numbers = {**THREE, 'PGD3-AT': [13.6, 14., 14.7]}  # 14.1 above 14
    orders = orders_of(defences(), numbers, 'PGD100')
    text = sentences(orders)[0]
    assert '4 of 6 pairs in the same order' in text
    assert 'SegPGD3-AT is above RP-PGD3-AT by 6.0' in text
    assert 'PGD3-AT is above RP-PGD3-AT by 0.10' not in text
    assert text.endswith('. 1 pair in another order is no further apart than '
                         'the spread over seeds.')
    assert ('4 pairs are in another order, 2 of them by more than the spread '
            'over seeds (the standard deviation of a difference).'
            ) in summary(orders)


def test_pairs_of_unknown_spread_are_counted_apart():
    # All are above RP-PGD3-AT, which has one seed, and Standard is above
    # PGD3-AT by 6 with a spread of 0.4; twice, beside two data sets.
    orders = orders_of(defences(), {
        **THREE, 'Standard': [20., 20., 20.], 'SegPGD3-AT': [21.] * 3,
        'RP-PGD3-AT': [13.]}, 'PGD100')
    assert ('8 pairs are in another order, 2 of them by more than the spread '
            'over seeds (the standard deviation of a difference) and 6 of '
            'unknown spread.') in summary(orders)


def test_agreement_and_equal_numbers():
    order, other = orders_of(defences(), {
        'Standard': [1.], 'PGD3-AT': [10.], 'SegPGD3-AT': [10.],
        'RP-PGD3-AT': [14.]}, 'PGD100')
    assert sentences([order])[0] == (
        "PGD100 beside the paper's VOC: 5 of 6 pairs in the same order "
        "(Kendall's tau-b 0.91), 1 equal here or there. Best (highest): "
        'RP-PGD3-AT (14.00), as in the paper (18.69).')
    assert summary([order, other]).endswith(
        "is the paper's in 2 of its 2 columns; 2 pairs are equal here or "
        'there.')


def test_only_the_largest_of_many_differences_are_named():
    order, _ = orders_of(defences(), {
        'Standard': [9.], 'PGD3-AT': [8.], 'SegPGD3-AT': [7.],
        'RP-PGD3-AT': [6.]}, 'PGD100')
    text = sentences([order])[0]
    assert text.count('is above') == 3 and '; and 3 more (' in text


def test_columns_of_one_name_are_told_by_their_board():
    cells = tuple(
        Cell(row, 'PGD', System(model, row, 'VOC'), Trial('PGD'), paper=n)
        for model in ('PSPNet', 'DeepLabv3')
        for n, row in enumerate(('Standard', 'PGD3-AT')))
    orders = orders_of(Experiment('own', 'Own', cells), ONE, 'PGD')
    assert [text.partition(':')[0] for text in sentences(orders)] == [
        "PSPNet, SyntheticShapes, PGD beside the paper's VOC",
        "DeepLabv3, SyntheticShapes, PGD beside the paper's VOC"]


def test_rows_named_by_numbers_are_quoted():
    cells = tuple(
        Cell(row, 'PSPNet', System('PSPNet', 'Standard', 'VOC'),
             Trial(f'RPPGD(beta={row})', 100), paper=paper)
        for row, paper in (('0', 8.74), ('0.75', 0.48)))
    orders = orders_of(Experiment('own', 'Own', cells, weaker_is_better=True),
                       {'0': [1.], '0.75': [3.]}, 'PSPNet')
    assert ('Best (lowest): here "0" (1.00), in the paper "0.75" (0.48). In '
            'another order: here "0.75" is above "0" by 2.0'
            ) in sentences(orders)[0]


def test_nothing_to_compare_is_said():
    assert summary([]).startswith('There is no order to compare')


def test_without_numbers_of_the_paper_the_best_rows_are_counted():
    experiment = steps()
    values = {cell: [Measurement(
        {'PGD': 3, 'SegPGD': 2}.get(cell.row, 4) - (
            2 if cell.row == 'PGD' and cell.trial.steps > 20 else 0), 0, {})]
        for cell in experiment.cells if cell.system.model == 'PSPNet'}
    texts = winners(experiment, boards_of(experiment, MINI), values)
    assert texts == [
        f'PSPNet, {strategy}, SyntheticShapes, without numbers of the paper: '
        'lowest mIoU of 7 columns: SegPGD in 5, PGD in 2.'
        for strategy in ('Standard', 'PGD3-AT')]


def test_where_the_paper_has_numbers_nothing_is_counted_twice():
    experiment = attacks()
    values = {cell: [Measurement(1., 0, {})] for cell in experiment.cells}
    assert winners(experiment, boards_of(experiment, MINI), values) == []
