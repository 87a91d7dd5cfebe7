"""Attacks as they are typed on a command line."""
import pytest

from mmseg_rppgd.evaluation.plan.suites import make_plan
from mmseg_rppgd.evaluation.plan.typed import parse_attack


@pytest.mark.parametrize('text, config', [
    ('PGD', dict(type='PGD')),
    ('mmseg_rppgd.PGD', dict(type='mmseg_rppgd.PGD')),
    ('BIM(norm=l2, alpha=8/255)', dict(type='BIM', norm='l2',
                                       alpha='8/255')),
    ('RPPGD(beta=1, regions="TB", region_weights=(.5, .3, .2))',
     dict(type='RPPGD', beta=1, regions='TB', region_weights=(.5, .3, .2))),
    ('RPPGD(region_weights=my.weights)',
     dict(type='RPPGD', region_weights='my.weights')),
    ('APGD(pixel_weights=[correct, balanced])',
     dict(type='APGD', pixel_weights=['correct', 'balanced'])),
    ('EnsembleAttack(attacks=[PGD, CosPGD(steps=3)])',
     dict(type='EnsembleAttack', attacks=[
         dict(type='PGD'), dict(type='CosPGD', steps=3)])),
])
def test_attacks_are_typed_with_options(text, config):
    assert parse_attack(text) == config


@pytest.mark.parametrize('text', [
    'PGD 10', 'PGD(3)', '', 'PGD(', 'a-b', '(PGD)', '-PGD', '3', 'PGD()()',
    'PGD(**{})', 'PGD(steps=1, steps=2)', 'PGD(' + 5000 * '('])
def test_what_is_no_attack_is_refused(text):
    with pytest.raises(ValueError, match='an attack must be a name'):
        parse_attack(text)


@pytest.mark.parametrize('text', [
    'rppgd', 'RP-PGD', 'rp_pgd', 'RpPgd', 'mmseg_rppgd.rppgd', 'rp-pgd()'])
def test_a_name_of_another_case_is_that_attack(text):
    row, = make_plan(attacks=[text], steps=[3]).rows
    assert row.label == 'RPPGD eps=0.03 steps=3'
    assert row.full_config['type'] == 'RPPGD'
    assert row.key == make_plan(attacks=['RPPGD'], steps=[3]).rows[0].key


def test_options_follow_a_name_with_a_hyphen():
    row, = make_plan(attacks=['RP-PGD(beta=1, steps=2)']).rows
    assert (row.name, row.steps) == ('RPPGD(beta=1)', 2)
    assert row.attack['beta'] == 1


@pytest.mark.parametrize('text', [
    'PGD,SegPGD', 'PGD, SegPGD', 'PGD,', 'PGD,RP-PGD',
    'PGD(steps=2),SegPGD', 'PGD(steps=2),SegPGD(steps=3)', 'PGD SegPGD'])
def test_a_list_of_attacks_in_one_word_is_told_how_to_be_typed(text):
    with pytest.raises(ValueError, match='each attack as a word of its own, '
                       'with a space between them and no comma'):
        parse_attack(text)


def test_a_typo_with_a_hyphen_gets_a_hint():
    with pytest.raises(ValueError, match='did you mean RPPGD'):
        parse_attack('RP-PGDD')
