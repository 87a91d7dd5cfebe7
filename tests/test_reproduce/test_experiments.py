"""Experiments stand for the paper, and ask for each measurement once."""
from collections import defaultdict

import pytest

from mmseg_rppgd.evaluation.plan.rows import make_rows
from mmseg_rppgd.evaluation.plan.typed import parse_attack
from mmseg_rppgd.registry import ATTACKS, attack_class
from mmseg_rppgd.reproduce import EXPERIMENTS, SCALES, System, Trial, paper

CELLS = [cell for experiment in EXPERIMENTS.values()
         for cell in experiment.cells + experiment.pictures]
ATTACKED = sorted({(cell.trial.attack, cell.trial.steps) for cell in CELLS
                   if cell.trial.attack}, key=str)
OWN_STEPS = ('CW', 'DeepFool')  # the paper has no number of theirs


def cell(name, row, column, data='VOC', model=None):
    found = [cell for cell in EXPERIMENTS[name].cells
             if (cell.row, cell.column, cell.system.data) == (row, column,
                                                              data)
             and model in (None, cell.system.model)]
    assert len(found) == 1
    return found[0]


def config(attack, steps):
    """Every option of an attack, with the defaults filled in."""
    row, = make_rows(parse_attack(attack),
                     steps=[] if steps is None else [steps])
    return row


def test_every_table_and_figure_and_appendix_is_there():
    assert {*EXPERIMENTS} == {
        *(f'table{i}' for i in range(1, 7)), 'figure2', 'figure3', 'beta',
        'schedules', 'convergence', 'claims', 'strong', 'transfer', 'ade20k',
        'ade20k-training'}
    assert all(name == e.name for name, e in EXPERIMENTS.items())


@pytest.mark.parametrize('attack, steps', ATTACKED)
def test_attacks_are_built_with_their_steps(attack, steps):
    settings = parse_attack(attack)
    if steps is not None:
        settings['steps'] = steps
    built = ATTACKS.build(settings)
    assert built.eps == (None if built.norm == 'l2' else 0.03)
    if steps is not None:
        assert built.steps == steps


def test_attacks_that_count_steps_say_how_many():
    without = {attack for attack, steps in ATTACKED if steps is None}
    assert without == {*OWN_STEPS}
    assert all('steps' in attack_class(parse_attack(attack)['type'])
               .arguments() for attack, _ in ATTACKED)


def test_an_attack_is_spelled_in_one_way():
    spelled = defaultdict(set)
    for attack, steps in ATTACKED:
        spelled[str(sorted(config(attack, steps).full_config.items()))].add(
            attack)
    assert [names for names in spelled.values() if len(names) > 1] == []


@pytest.mark.parametrize('name', EXPERIMENTS)
def test_a_number_has_one_place(name):
    experiment = EXPERIMENTS[name]
    places = [(cell.row, cell.column, cell.system if experiment.curves
               else cell.system.data) for cell in experiment.cells]
    assert len(set(places)) == len(places) > 0


@pytest.mark.parametrize('name', sorted({*EXPERIMENTS} - {
    'claims', 'convergence'}))
def test_a_table_has_no_hole(name):
    cells = EXPERIMENTS[name].cells
    rows = {cell.row for cell in cells}
    columns = {(cell.column, cell.system if EXPERIMENTS[name].curves
                else cell.system.data) for cell in cells}
    assert len(cells) == len(rows) * len(columns)


@pytest.mark.parametrize('name', ['table1', 'table2', 'table3'])
def test_ablations_have_the_numbers_of_the_paper(name):
    cells = EXPERIMENTS[name].cells
    table = getattr(paper, name.upper())
    assert {(cell.row, cell.column): cell.paper for cell in cells} == {
        (row, column): number for row, numbers in table.items()
        for column, number in numbers.items()}
    assert {cell.trial.steps for cell in cells} == {100}


@pytest.mark.parametrize('name', ['table4', 'table5', 'table6'])
def test_strategies_have_the_numbers_of_the_paper(name):
    cells = EXPERIMENTS[name].cells
    table = getattr(paper, name.upper())
    assert {(cell.system.data, cell.row, cell.column): cell.paper
            for cell in cells} == {
        (data, row, column): number for data, rows in table.items()
        for row, numbers in rows.items()
        for column, number in numbers.items()}
    assert all(cell.row == cell.system.strategy for cell in cells)


@pytest.mark.parametrize('name, row, column, options', [
    ('table1', 'T', 'PSPNet', dict(beta=1, regions='T')),
    ('table1', 'T+F', 'PSPNet', dict(beta=1, regions='TF')),
    ('table1', 'T+B+F', 'PSPNet', dict(beta=1)),
    ('table1', 'Proto', 'PSPNet', dict(beta=0)),
    ('table1', 'T+B+F+Proto', 'PSPNet', dict()),
    ('table2', '0.4, 0.3, 0.3', 'PSPNet', dict(
        beta=1, region_weights=[0.4, 0.3, 0.3])),
    ('table2', '0.2, 0.6, 0.2', 'PSPNet', dict(
        beta=1, region_weights=[0.2, 0.6, 0.2])),
    ('table2', 'Eq. 4', 'PSPNet', dict(beta=1)),
    ('table3', 'T+B', 'PSPNet', dict(beta=0, prototype_regions='TB')),
    ('table3', 'T+B+F', 'PSPNet', dict(beta=0, prototype_regions='TBF')),
    ('beta', '0.25', 'PSPNet', dict(beta=0.25)),
    ('schedules', 'swap', 'PSPNet', dict(beta=1, region_weights='swap')),
])
def test_rows_of_ablations_are_these_attacks(name, row, column, options):
    trial = cell(name, row, column).trial
    assert config(trial.attack, trial.steps).full_config == config(
        dict(type='RPPGD', **options), 100).full_config


@pytest.mark.parametrize('column, model, strategy', [
    ('PSPNet', 'PSPNet', 'Standard'), ('PSPNet-AT', 'PSPNet', 'PGD3-AT'),
    ('DeepLabv3-AT', 'DeepLabv3', 'PGD3-AT')])
def test_columns_of_ablations_are_these_systems(column, model, strategy):
    assert cell('table1', 'T', column).system == System(model, strategy,
                                                        'VOC')


@pytest.mark.parametrize('row, number', [
    ('0', 8.74), ('0.25', None), ('0.5', None), ('0.75', 0.48), ('1', 0.61)])
def test_beta_has_the_numbers_that_table_1_gives_away(row, number):
    assert cell('beta', row, 'PSPNet').paper == number


@pytest.mark.parametrize('name, column, data, system, trial, number', [
    ('table4', 'Clean', 'VOC', 'PSPNet', Trial(), 75.17),
    ('table4', 'BIM', 'Cityscapes', 'PSPNet', Trial('BIM(norm=l2)', 10),
     38.44),
    ('table5', 'CW', 'VOC', 'DeepLabv3', Trial('CW'), 61.21),
    ('table5', 'PGD40', 'Cityscapes', 'DeepLabv3', Trial('PGD', 40), 24.43),
    ('table6', 'RP-PGD100', 'Cityscapes', 'DeepLabv3', Trial(
        'RPPGD', 100, System('PSPNet', 'PGD3-AT', 'Cityscapes')), 16.73),
])
def test_cells_of_strategies(name, column, data, system, trial, number):
    found = cell(name, 'RP-PGD3-AT', column, data)
    assert found.system == System(system, 'RP-PGD3-AT', data)
    assert (found.trial, found.paper) == (trial, number)


def test_figure_2_has_a_point_at_each_number_of_steps():
    lines = defaultdict(list)
    for point in EXPERIMENTS['figure2'].cells:
        assert point.column == str(point.trial.steps)
        lines[point.system, point.row].append(point.trial.steps)
    assert len(lines) == 2 * 4 * 4
    assert set(map(tuple, lines.values())) == {(3, 5, 7, 10, 20, 40, 100)}


def test_convergence_counts_wrong_pixels_of_standard_models():
    cells = EXPERIMENTS['convergence'].cells
    assert {cell.metric for cell in cells} == {'MisRatio'}
    assert {cell.system.strategy for cell in cells} == {'Standard'}
    assert [cell.trial.steps for cell in cells[:46]
            if cell.row == 'Proximal'] == [10, 20, 40, 100, 500]


def test_adversaries_of_another_model_are_transferred():
    for found in EXPERIMENTS['transfer'].cells:
        surrogate = found.trial.surrogate
        assert found.column == f'{surrogate.model} -> {found.system.model}'
        assert surrogate.model != found.system.model


def test_claims_are_measured_by_what_the_text_says():
    recovered = cell('claims', 'PGD100', 'Recovered')
    assert recovered.metric == 'Recovered'
    assert recovered.system == System('PSPNet', 'Standard', 'VOC')
    assert cell('claims', 'RP-PGD2', 'PSPNet MisRatio').trial == Trial(
        'RPPGD', 2)
    assert cell('claims', 'PGD10', 'DeepLabv3 MisRatio').trial == Trial(
        'PGD', 10)
    assert cell('claims', 'SegPGD7-AT', 'PSPNet PGD100').paper == 19.23
    assert cell('claims', 'RP-PGD3-AT', 'DeepLabv3 PGD100',
                'Cityscapes').paper == 22.70


def test_strong_attacks_are_against_every_hardened_model():
    cells = EXPERIMENTS['strong'].cells
    assert {cell.row for cell in cells} == {*paper.TABLE4['VOC']} - {
        'Standard'}
    assert {(cell.trial.attack, cell.trial.steps) for cell in cells} == {
        ('SegPGD', 100), ('RPPGD', 100)}


def test_ade20k_alone_is_in_its_experiments():
    for name in ('ade20k', 'ade20k-training'):
        assert {c.system.data for c in EXPERIMENTS[name].cells} == {'ADE20K'}


def test_pictures_are_of_attacks_that_the_table_measures():
    figure = EXPERIMENTS['figure3']
    assert [(c.trial.attack, c.trial.steps) for c in figure.pictures] == [
        ('SegPGD', 100), ('RPPGD', 100)]
    assert set(figure.pictures) <= set(figure.cells)


@pytest.mark.parametrize('scale', SCALES.values(), ids=SCALES)
def test_every_scale_has_a_name_for_every_system(scale):
    systems = {scale.resolve(c.system) for c in CELLS} | {
        scale.resolve(c.trial.surrogate) for c in CELLS if c.trial.surrogate}
    stems = {scale.stem(system) for system in systems}
    assert len(stems) == len(systems)
