"""Suites, and attacks as they are typed."""
import pytest

from mmseg_rppgd.evaluation.plan.runs import group_rows
from mmseg_rppgd.evaluation.plan.suites import (known_suites, load_suite,
                                                make_plan)


def collect_rows(*args, **kwargs):
    return make_plan(*args, **kwargs).rows


def test_quick_is_the_default_suite():
    assert [r.label for r in collect_rows()] == [
        r.label for r in collect_rows('quick')]
    assert {r.name for r in collect_rows()} == {
        'PGD', 'SegPGD', 'CosPGD', 'RPPGD'}


@pytest.mark.parametrize('name', known_suites())
def test_every_suite_gives_rows(name):
    plan = make_plan(name)
    rows = plan.rows + plan.minimal
    assert rows and len({r.key for r in rows}) == len(rows)


def test_suites_are_those_that_are_promised():
    assert set(known_suites()) >= {
        'quick', 'paper', 'strength', 'convergence', 'reliable',
        'reliable-mini', 'reliable-full', 'semsegbench'}


def test_paper_has_the_attacks_of_its_tables():
    assert [(r.name, r.norm, r.steps) for r in collect_rows('paper')][2:] == [
        ('l2-BIM', 'l2', 10), ('PGD', 'linf', 10), ('PGD', 'linf', 20),
        ('PGD', 'linf', 40), ('PGD', 'linf', 100)]


def test_strength_takes_one_run_of_what_does_not_plan_ahead():
    rows = collect_rows('strength')
    runs = group_rows(rows)
    assert len(rows) == 28 and len(runs) == 1 + 7 + 1 + 7
    assert {len(run.rows) for run in runs} == {1, 7}


def test_reliable_mini_has_the_members_of_reliable():
    full, mini = collect_rows('reliable'), collect_rows('reliable-mini')
    assert [r.name for r in full] == [r.name for r in mini]
    assert {r.steps for r in mini} == {100}


def test_cap_on_steps_is_a_number_of_steps(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text('robustness = dict(max_steps=0, attacks=[])')
    with pytest.raises(ValueError, match='max_steps must be >= 1'):
        collect_rows(str(path))


def test_reliable_climbs_with_cosine_weights_and_with_tsallis():
    attacks = {row.name: row.build(1) for row in collect_rows('reliable')}
    assert attacks['APGD-Cos'].objective.pixel_weights == ('cosine', )
    tsallis = attacks['APGD-Tsallis'].objective
    assert (tsallis.pixel_loss, tsallis.pixel_weights) == ('tsallis', ())
    assert (tsallis.q_start, tsallis.q_end) == (-2, 1)


def test_reliable_full_has_every_member_and_one_without_gradients():
    full = collect_rows('reliable-full')
    keys = [row.key for row in full]
    assert keys[:-1] == [row.key for row in collect_rows('reliable')]
    assert (full[-1].name, full[-1].steps) == ('Square', 1000)


def test_budget_of_reliable_is_fixed():
    rows = collect_rows('reliable', steps=[1], eps=['2/255', '4/255'])
    assert min(r.steps for r in rows) == 100
    assert {r.eps for r in rows} == {2 / 255, 4 / 255}


def test_classes_are_counted_only_for_balanced_losses():
    rows = collect_rows('reliable-mini', counts=lambda: [5, 6, 7])
    counted = {r.name: r.attack.get('class_counts') for r in rows}
    assert counted.pop('APGD-CE-Bal') == [5, 6, 7]
    assert set(counted.values()) == {None}


def test_only_minimum_norm_attacks_search():
    with pytest.raises(ValueError, match='PGD cannot search.*DeepFool'):
        make_plan(minimal=['PGD'])


def test_eps_and_steps_replace_those_of_a_suite():
    rows = collect_rows('quick', eps=['2/255', '4/255'], steps=[1])
    assert {(r.eps, r.steps) for r in rows} == {(2 / 255, 1), (4 / 255, 1)}


def test_unknown_suite_lists_the_known_ones():
    with pytest.raises(ValueError, match="'fast'; known .*quick"):
        load_suite('fast')
    with pytest.raises(ValueError, match='did you mean reliable-mini?'):
        load_suite('reliable-min')


def test_suite_from_a_file(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("robustness = dict(eps=['4/255'], attacks=["
                    "dict(attack=dict(type='FGSM'), name='one step')])")
    row, = collect_rows(str(path))
    assert (row.name, row.eps) == ('one step', 4 / 255)


def test_suite_file_with_a_wrong_key_is_refused(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("robustness = dict(attacks=[dict(type='FGSM')])")
    with pytest.raises(ValueError, match=r'attack=dict\(type=.*but got'):
        collect_rows(str(path))
    path.write_text("robustness = dict(attack=[])")
    with pytest.raises(ValueError, match='robustness must be a dict'):
        collect_rows(str(path))


def test_a_suite_may_be_given_as_it_is():
    suite = dict(attacks=[dict(attack=dict(type='PGD'))], eps=[0.01],
                 steps=[2])
    row, = collect_rows(suite)
    assert (row.eps, row.steps) == (0.01, 2)


@pytest.mark.parametrize('suite', [
    dict(), dict(attacks='PGD'), dict(attacks=['PGD']),
    dict(attacks=[dict(attack='PGD')])])
def test_what_is_no_suite_is_refused_in_a_sentence(suite):
    with pytest.raises(ValueError, match=r'must be a dict\(att.*but got'):
        make_plan(suite)
    with pytest.raises(TypeError, match='suite must be a name'):
        make_plan(3)


def test_a_suite_file_that_is_no_python_is_named(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text('robustness = dict(')
    with pytest.raises(ValueError, match='mine.py is no Python file'):
        make_plan(str(path))


@pytest.mark.parametrize('typed, name', [
    ('Quick', 'quick'), ('Reliable', 'reliable'), ('PAPER', 'paper'),
    ('reliable_mini', 'reliable-mini'), ('ReliableMini', 'reliable-mini')])
def test_case_and_hyphens_of_a_suite_do_not_matter(typed, name):
    assert load_suite(typed) == load_suite(name)


@pytest.mark.parametrize('text, message', [
    ('robustness = dict(attacks=[dict(attack=dict(type=PGD))])',
     'mine.py cannot be read: NameError'),
    ("_base_ = './nothing.py'", 'mine.py cannot be read: .*nothing.py'),
    ('robustness = [1]', 'robustness must be a dict.*but got'),
    ('import os', 'robustness must be a dict.*but got None'),
    ("robustness = dict(attacks=[dict(attack=dict(type='RPPGD', "
     'region_weights=lambda step, steps: (1, 1, 1)))])',
     r'attacks\[0\].attack.region_weights .* is the function .*import path'),
])
def test_a_suite_file_that_cannot_be_used_is_one_sentence(tmp_path, text,
                                                          message):
    path = tmp_path / 'mine.py'
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        make_plan(str(path))


@pytest.mark.parametrize('suite', [
    dict(attacks=[dict(attack=dict(type='PGD'))], eps='8/255', steps=3),
    dict(attacks=[dict(attack=dict(type='PGD'), eps='8/255', steps=3)]),
])
def test_one_radius_in_a_suite_need_not_be_a_list(suite):
    row, = collect_rows(suite)
    assert (row.eps, row.steps) == (8 / 255, 3)


def test_one_attack_one_radius_one_number_of_steps():
    row, = collect_rows(attacks='PGD', eps='8/255', steps=3)
    assert (row.name, row.eps, row.steps) == ('PGD', 8 / 255, 3)
    row, = make_plan(minimal='DeepFool').minimal
    assert row.name == 'DeepFool'
    with pytest.raises(TypeError, match='eps must be a list, but got'):
        collect_rows(attacks='PGD', eps=object())


def test_steps_that_are_no_number_are_named():
    with pytest.raises(TypeError, match="steps must be an int, but got 'ten'"):
        collect_rows(dict(max_steps=3, attacks=[
            dict(attack=dict(type='PGD', steps='ten'))]))


def test_the_name_of_an_attack_in_a_suite_may_have_another_case():
    row, = collect_rows(dict(attacks=[dict(attack=dict(type='rp-pgd'))]))
    assert row.name == row.attack['type'] == 'RPPGD'


@pytest.mark.parametrize('attack', [
    'EnsembleAttack', 'EnsembleAttack(attacks=[])',
    dict(type='EnsembleAttack')])
def test_an_ensemble_without_members_is_told_what_it_needs(attack):
    with pytest.raises(ValueError, match='one attack at least, but '
                       'EnsembleAttack got none; give them as attacks='):
        collect_rows(attacks=[attack])
