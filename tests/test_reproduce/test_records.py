"""The numbers for other programs."""
import csv
import json

import pytest
from tiny_experiments import (FULL, MINI, Measurement, attacks, defences,
                              measured, source_of)

from mmseg_rppgd.reproduce.experiments import Cell, Experiment, Trial
from mmseg_rppgd.reproduce.scales import System
from mmseg_rppgd.reproduce.tables import write


def by_seed(cell, seed):
    return 10. + seed if cell.row == 'SegPGD3-AT' else 5.


def lines_of(folder, name):
    with open(folder / f'{name}.csv', encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def record_of(folder, name):
    with open(folder / f'{name}.json', encoding='utf-8') as file:
        return json.load(file)


def test_csv_has_a_line_for_each_cell_and_seed(tmp_path):
    experiment = defences()
    write(experiment, MINI, measured(experiment, MINI, by_seed, 2),
          str(tmp_path), 'x')
    lines = lines_of(tmp_path, 'defences')
    assert len(lines) == 2 * len(experiment.cells) == 48
    found = [line for line in lines if line['row'] == 'SegPGD3-AT'
             and line['column'] == 'PGD10']
    assert found[1] == dict(
        row='SegPGD3-AT', column='PGD10', model='PSPNet',
        strategy='SegPGD3-AT', data='SyntheticShapes', data_of_paper='VOC',
        attack='PGD', steps='10', surrogate='', metric='mIoU', seed='1',
        value='11.0', paper='26.6')
    assert [(line['data_of_paper'], line['seed'], line['value'],
             line['paper']) for line in found] == [
        ('VOC', '0', '10.0', '26.6'), ('VOC', '1', '11.0', '26.6'),
        ('Cityscapes', '0', '10.0', '33.52'),
        ('Cityscapes', '1', '11.0', '33.52')]


def test_csv_keeps_the_paper_where_nothing_is_measured(tmp_path):
    write(attacks(), FULL, {}, str(tmp_path), 'x')
    lines = lines_of(tmp_path, 'attacks')
    assert len(lines) == 6
    assert lines[0]['seed'] == lines[0]['value'] == ''
    assert (lines[0]['paper'], lines[0]['attack'], lines[0]['data']) == (
        '2.65', 'RPPGD(regions=T)', 'VOC')


def test_json_has_every_number_with_its_source(tmp_path):
    experiment = defences()
    write(experiment, MINI, measured(experiment, MINI, by_seed, 2),
          str(tmp_path), 'the command')
    record = record_of(tmp_path, 'defences')
    assert record['schema'] == 1 and record['command'] == 'the command'
    assert record['scale'] == {'name': 'mini', 'images': 8,
                               'note': MINI.note}
    cells = record['cells']
    assert len(cells) == 24
    cell = next(c for c in cells if c['row'] == 'SegPGD3-AT'
                and c['column'] == 'PGD100')
    assert cell['system'] == {'model': 'PSPNet', 'strategy': 'SegPGD3-AT',
                              'data': 'SyntheticShapes'}
    assert cell['system_of_paper']['data'] == 'VOC'
    assert (cell['paper'], cell['mean']) == (14.49, 10.5)
    assert cell['sample_std'] == pytest.approx(0.5 ** 0.5)
    assert [seed['value'] for seed in cell['seeds']] == [10., 11.]
    real = next(c for c in experiment.cells if c.row == 'SegPGD3-AT'
                and c.column == 'PGD100')
    for seed in cell['seeds']:
        assert record['sources'][seed['source']] == source_of(
            real, MINI, seed['seed'])


def test_json_has_each_source_once(tmp_path):
    experiment = defences()
    write(experiment, MINI, measured(experiment, MINI, by_seed, 2),
          str(tmp_path), 'x')
    # 4 systems x 2 seeds x 3 reports, for 2 data sets of the paper.
    assert len(record_of(tmp_path, 'defences')['sources']) == 24


def test_json_has_all_pairs_in_another_order(tmp_path):
    experiment = defences()
    write(experiment, MINI, measured(experiment, MINI, by_seed),
          str(tmp_path), 'x')
    order = record_of(tmp_path, 'defences')['order']
    assert (order['pairs'], len(order['columns'])) == (36, 6)
    column = next(c for c in order['columns'] if c['column'] == 'PGD100'
                  and c['data_of_paper'] == 'VOC')
    assert (column['same'], column['equal'], column['pairs']) == (2, 3, 6)
    assert column['in_another_order'] == [{
        'upper': 'SegPGD3-AT', 'lower': 'RP-PGD3-AT', 'here': 5.,
        'paper': pytest.approx(4.2), 'spread': None, 'within_spread': None}]
    assert column['best_here'] == ['SegPGD3-AT']
    assert column['best_in_paper'] == ['RP-PGD3-AT']


def test_surrogates_are_named(tmp_path):
    cell = Cell('PGD', 'x', System('DeepLabv3', 'Standard', 'VOC'), Trial(
        'PGD', 100, System('PSPNet', 'PGD3-AT', 'VOC')))
    experiment = Experiment('own', 'Own', (cell, ))
    write(experiment, MINI,
          {cell: [Measurement(None, 0, source_of(cell, MINI, 0))]},
          str(tmp_path), 'x')
    line, = lines_of(tmp_path, 'own')
    assert line['surrogate'] == 'PSPNet/PGD3-AT/SyntheticShapes'
    assert (line['seed'], line['value'], line['paper']) == ('0', '', '')
    found, = record_of(tmp_path, 'own')['cells']
    assert found['surrogate'] == line['surrogate']
    assert found['mean'] is None and found['seeds'][0]['value'] is None
