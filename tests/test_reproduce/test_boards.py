"""Which numbers stand side by side."""
import pytest
from tiny_experiments import (FULL, MINI, STRATEGIES, Measurement, attacks,
                              defences, steps)

from mmseg_rppgd.evaluation.report.writers import Spread
from mmseg_rppgd.reproduce import EXPERIMENTS, SCALES
from mmseg_rppgd.reproduce.boards import boards_of, summarize
from mmseg_rppgd.reproduce.experiments import Cell, Experiment, Trial
from mmseg_rppgd.reproduce.scales import System


def experiment_of(*cells, **options):
    return Experiment('own', 'An experiment', tuple(
        Cell(row, column, system, trial, **more)
        for row, column, system, trial, more in cells), **options)


def test_data_sets_that_are_one_at_a_scale_share_a_board():
    board, = boards_of(defences(), MINI)
    assert board.title == board.data == 'SyntheticShapes'
    assert board.rows == list(STRATEGIES)
    assert board.columns == [('Clean', 'mIoU'), ('PGD10', 'mIoU'),
                             ('PGD100', 'mIoU')]
    assert board.papers(('PGD10', 'mIoU')) == ['VOC', 'Cityscapes']
    assert board.paper('PGD3-AT', ('PGD10', 'mIoU'), 'VOC') == 20.04
    assert board.paper('PGD3-AT', ('PGD10', 'mIoU'), 'Cityscapes') == 28.79


def test_data_sets_of_their_own_have_a_board_each():
    voc, cityscapes = boards_of(defences(), FULL)
    assert (voc.data, cityscapes.data) == ('VOC', 'Cityscapes')
    assert voc.papers(('Clean', 'mIoU')) == ['VOC']
    assert cityscapes.paper('Standard', ('Clean', 'mIoU'), 'VOC') is None


def test_columns_may_be_of_different_systems():
    board, = boards_of(attacks(), FULL)
    assert [name for name, _ in board.columns] == ['PSPNet', 'PSPNet-AT']


def test_curves_have_a_board_for_each_system_data_set_by_data_set():
    assert [board.title for board in boards_of(steps(), MINI)] == [
        'PSPNet, Standard, SyntheticShapes', 'PSPNet, PGD3-AT, '
        'SyntheticShapes', 'DeepLabv3, Standard, SyntheticShapes',
        'DeepLabv3, PGD3-AT, SyntheticShapes']
    titles = [board.title for board in boards_of(steps(), FULL)]
    assert titles[:2] == ['PSPNet, Standard, VOC', 'PSPNet, PGD3-AT, VOC']
    assert len(titles) == 8
    assert all(title.endswith('Cityscapes') for title in titles[4:])


def test_models_that_rows_and_columns_do_not_tell_stand_apart():
    experiment = experiment_of(*(
        (strategy, 'PGD', System(model, strategy, 'VOC'), Trial('PGD'), {})
        for model in ('PSPNet', 'DeepLabv3')
        for strategy in ('Standard', 'PGD3-AT')))
    boards = boards_of(experiment, FULL)
    assert [board.title for board in boards] == [
        'PSPNet, VOC', 'DeepLabv3, VOC']
    assert boards[0].rows == boards[1].rows == ['Standard', 'PGD3-AT']


def test_rows_that_share_no_column_stand_apart():
    system = System('PSPNet', 'Standard', 'VOC')
    experiment = experiment_of(
        ('a', 'x', system, Trial('PGD', 1), {}),
        ('b', 'y', system, Trial('PGD', 2), dict(metric='MisRatio')),
        ('b', 'z', system, Trial('PGD', 3), dict(metric='MisRatio')),
        ('c', 'z', system, Trial('PGD', 4), dict(metric='MisRatio')))
    one, other = boards_of(experiment, FULL)
    assert (one.title, one.rows) == ('mIoU, VOC', ['a'])
    assert (other.title, other.rows) == ('MisRatio, VOC', ['b', 'c'])


@pytest.mark.parametrize('trials', [
    [Trial('PGD', 10), Trial('PGD', 20)], [Trial('PGD', 10)] * 2])
def test_two_numbers_in_one_place_are_refused(trials):
    system = System('PSPNet', 'Standard', 'VOC')
    experiment = experiment_of(*(
        ('the row', 'the column', system, trial, {}) for trial in trials))
    with pytest.raises(ValueError, match="own must have one number in row "
                       "'the row', column 'the column' of VOC"):
        boards_of(experiment, MINI)


def test_other_attacks_on_one_data_set_are_no_one_measurement():
    experiment = experiment_of(*(
        ('r', 'c', System('PSPNet', 'Standard', data), Trial('PGD', n), {})
        for n, data in ((10, 'VOC'), (20, 'Cityscapes'))))
    assert len(boards_of(experiment, FULL)) == 2
    with pytest.raises(ValueError, match='must have one number'):
        boards_of(experiment, MINI)


def test_a_number_is_taken_from_the_cell_that_has_one():
    experiment = defences()
    board, = boards_of(experiment, MINI)
    second = next(cell for cell in experiment.cells
                  if cell.system.data == 'Cityscapes')
    found = [Measurement(3., 0, {})]
    assert board.measurements(second.row, (second.column, 'mIoU'),
                              {second: found}) == found
    assert not board.measurements(second.row, ('PGD10', 'mIoU'), {})


@pytest.mark.parametrize('scale', SCALES)
@pytest.mark.parametrize('name', EXPERIMENTS)
def test_every_number_of_every_experiment_has_its_place(name, scale):
    experiment = EXPERIMENTS[name]
    boards = boards_of(experiment, SCALES[scale])
    placed = [cell for board in boards for cells in board.cells.values()
              for cell in cells.values()]
    assert sorted(map(str, placed)) == sorted(map(str, experiment.cells))
    titles = [board.title for board in boards]
    assert len(set(titles)) == len(titles)


def of(*values):
    return [Measurement(value, seed, {})
            for seed, value in enumerate(values)]


def test_several_seeds_have_mean_and_sample_standard_deviation():
    value = summarize(of(30, 31, 35))
    assert isinstance(value, Spread) and value == 32
    assert value.deviation == pytest.approx(7 ** 0.5)  # (4 + 1 + 9) / 2


def test_one_seed_has_no_spread_and_none_no_number():
    assert summarize(of(30.5)) == 30.5
    assert not isinstance(summarize(of(30.5)), Spread)
    assert summarize([]) is None and summarize(of(None, None)) is None


def test_undefined_numbers_do_not_count():
    assert summarize(of(None, 4, 6)) == 5
    assert summarize(of(None, 4)) == 4
