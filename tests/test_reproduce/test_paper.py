"""The numbers of the paper are those that it prints."""
import pytest

from mmseg_rppgd.reproduce import paper

VICTIMS = ['PSPNet', 'PSPNet-AT', 'DeepLabv3', 'DeepLabv3-AT']
ATTACKS = ['Clean', 'CW', 'DF', 'BIM', 'PGD10', 'PGD20', 'PGD40', 'PGD100']
STRATEGIES = [
    'Standard', 'DDC-AT', 'PGD3-AT', 'SegPGD3-AT', 'CosPGD3-AT', 'RP-PGD3-AT',
    'PGD7-AT', 'SegPGD7-AT', 'CosPGD7-AT', 'RP-PGD7-AT']


@pytest.mark.parametrize('table, rows, columns', [
    (paper.TABLE1, ['T', 'T+B', 'T+F', 'T+B+F', 'Proto', 'T+B+F+Proto'],
     VICTIMS),
    (paper.TABLE2, ['0.4, 0.3, 0.3', '0.4, 0.4, 0.2', '0.6, 0.2, 0.2',
                    '0.2, 0.6, 0.2', 'Eq. 4'], VICTIMS),
    (paper.TABLE3, ['T', 'T+B', 'T+F', 'T+B+F'], VICTIMS),
    *[(table[data], STRATEGIES, ATTACKS) for data in ('VOC', 'Cityscapes')
      for table in (paper.TABLE4, paper.TABLE5)],
    *[(paper.TABLE6[data], STRATEGIES[1:6], ['SegPGD100', 'RP-PGD100'])
      for data in ('VOC', 'Cityscapes')],
])
def test_tables_have_the_rows_and_columns_of_the_paper(table, rows, columns):
    assert list(table) == rows
    assert all(list(row) == columns for row in table.values())
    assert all(0 < number < 100 for row in table.values()
               for number in row.values())


@pytest.mark.parametrize('table, row, column, number', [
    (paper.TABLE1, 'T', 'PSPNet', 2.65),
    (paper.TABLE1, 'T+F', 'DeepLabv3', 3.02),
    (paper.TABLE1, 'Proto', 'PSPNet-AT', 26.17),
    (paper.TABLE1, 'T+B+F+Proto', 'DeepLabv3-AT', 8.30),
    (paper.TABLE2, '0.4, 0.4, 0.2', 'PSPNet', 1.64),
    (paper.TABLE2, '0.2, 0.6, 0.2', 'DeepLabv3-AT', 19.54),
    (paper.TABLE2, 'Eq. 4', 'PSPNet-AT', 9.83),
    (paper.TABLE3, 'T+B', 'PSPNet', 10.75),
    (paper.TABLE3, 'T+F', 'PSPNet-AT', 31.71),
    (paper.TABLE3, 'T+B+F', 'DeepLabv3-AT', 27.87),
    (paper.TABLE4['VOC'], 'Standard', 'DF', 14.2),
    (paper.TABLE4['VOC'], 'RP-PGD3-AT', 'PGD100', 18.69),
    (paper.TABLE4['VOC'], 'PGD7-AT', 'CW', 42.30),
    (paper.TABLE4['Cityscapes'], 'Standard', 'PGD100', 0.27),
    (paper.TABLE4['Cityscapes'], 'PGD3-AT', 'PGD40', 9.29),
    (paper.TABLE4['Cityscapes'], 'RP-PGD7-AT', 'BIM', 35.94),
    (paper.TABLE5['VOC'], 'DDC-AT', 'BIM', 37.03),
    (paper.TABLE5['VOC'], 'CosPGD7-AT', 'Clean', 72.88),
    (paper.TABLE5['Cityscapes'], 'SegPGD3-AT', 'PGD20', 25.49),
    (paper.TABLE5['Cityscapes'], 'RP-PGD7-AT', 'PGD100', 29.87),
    (paper.TABLE6['VOC'], 'DDC-AT', 'SegPGD100', 11.94),
    (paper.TABLE6['VOC'], 'PGD3-AT', 'RP-PGD100', 8.73),
    (paper.TABLE6['Cityscapes'], 'RP-PGD3-AT', 'SegPGD100', 23.56),
])
def test_numbers_are_those_that_a_hand_copied(table, row, column, number):
    assert table[row][column] == number


def test_region_term_and_prototype_term_agree_between_tables():
    assert paper.TABLE1['T+B+F'] == paper.TABLE2['Eq. 4']
    assert paper.TABLE1['Proto'] == paper.TABLE3['T']


def test_margins_of_the_text_are_those_of_table_4():
    pgd100 = {name: row['PGD100'] for name, row in paper.TABLE4['VOC'].items()}
    best = pgd100['RP-PGD3-AT']
    assert best - pgd100['SegPGD3-AT'] == pytest.approx(4.2)
    assert best - pgd100['CosPGD3-AT'] == pytest.approx(5.05)


def test_what_the_paper_prints_out_of_order_is_kept():
    row = paper.TABLE4['VOC']['CosPGD7-AT']
    assert (row['PGD40'], row['PGD100']) == (18.52, 19.74)
    rows = [row for table in (paper.TABLE4, paper.TABLE5)
            for rows in table.values() for row in rows.values()]
    assert [row['Clean'] for row in rows if row['PGD100'] > row['PGD40']] == [
        75.12]


@pytest.mark.parametrize('text', [
    'a  b\none  1', 'a  b\none  1  2  3', 'a  b\none  1  2\none  1  2',
    'a  a\none  1  2'])
def test_a_table_with_a_hole_is_refused(text):
    with pytest.raises(ValueError, match='each row and column once'):
        paper.read_table(text)
