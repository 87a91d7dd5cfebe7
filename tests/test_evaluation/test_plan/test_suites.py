"""Suites, and attacks as they are typed."""
import pytest

from mmseg_rppgd.evaluation.plan.rows import group_rows
from mmseg_rppgd.evaluation.plan.suites import (known_suites, load_suite,
                                                make_plan, parse_attack)


def collect_rows(*args, **kwargs):
    return make_plan(*args, **kwargs).rows


@pytest.mark.parametrize('text, config', [
    ('PGD', dict(type='PGD')),
    ('mmseg_rppgd.PGD', dict(type='mmseg_rppgd.PGD')),
    ('BIM(norm=l2, alpha=8/255)', dict(type='BIM', norm='l2',
                                       alpha='8/255')),
    ('RPPGD(beta=1, regions="TB", region_weights=(.5, .3, .2))',
     dict(type='RPPGD', beta=1, regions='TB', region_weights=(.5, .3, .2))),
    ('APGD(pixel_weights=[correct, balanced])',
     dict(type='APGD', pixel_weights=['correct', 'balanced'])),
])
def test_attacks_are_typed_with_options(text, config):
    assert parse_attack(text) == config


@pytest.mark.parametrize('text', ['PGD 10', 'PGD(3)', '', 'PGD(', 'a-b'])
def test_what_is_no_attack_is_refused(text):
    with pytest.raises(ValueError, match='an attack must be a name'):
        parse_attack(text)


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
        'reliable-mini', 'semsegbench'}


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
