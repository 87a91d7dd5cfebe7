"""Rows from command lines and suites."""
import pytest
import torch

from mmseg_rppgd.evaluation.plan.rows import (AttackRun, group_rows, make_rows,
                                         parse_attack)
from mmseg_rppgd.evaluation.plan.suites import (collect_rows, known_suites,
                                           load_suite, make_plan)


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


def test_rows_are_attacks_by_eps_by_steps():
    rows = collect_rows(attacks=['PGD', 'SegPGD'], eps=['8/255', '0.03'],
                        steps=[3, 10])
    assert [(r.name, r.eps, r.steps) for r in rows] == [
        (name, eps, steps) for name in ('PGD', 'SegPGD')
        for eps in (8 / 255, 0.03) for steps in (3, 10)]
    assert len({r.key for r in rows}) == len({r.label for r in rows}) == 8


def test_one_step_attacks_do_not_count_steps():
    rows = collect_rows(attacks=['FGSM', 'PGD'], steps=[3, 10])
    assert [(r.name, r.steps) for r in rows] == [('FGSM', 1), ('PGD', 3),
                                                 ('PGD', 10)]


def test_an_ensemble_keeps_the_steps_of_its_members():
    row, = collect_rows(attacks=[
        "EnsembleAttack(attacks=[{'type': 'PGD', 'steps': 2}, "
        "{'type': 'CosPGD', 'steps': 3}])"], eps=['8/255'])
    assert row.steps == 5
    members = row.build(300).attacks
    assert [(m.steps, m.eps) for m in members] == [(2, 8 / 255), (3, 8 / 255)]


def test_own_options_of_an_attack_stay():
    rows = collect_rows(attacks=['PGD(steps=2, eps=0.01)'], eps=['0.03'],
                        steps=[3, 10])
    assert [(r.eps, r.steps) for r in rows] == [(0.01, 2)]


def test_attack_defaults_without_eps_and_steps():
    row, = collect_rows(attacks=['PGD'])
    assert (row.eps, row.steps, row.norm) == (0.03, 10, 'linf')


def test_rows_of_typed_options_can_be_told_apart():
    rows = collect_rows(attacks=[
        'RPPGD', 'RPPGD(beta=1)', 'RPPGD(beta=1, regions=TB)', 'BIM(norm=l2)'
    ])
    assert [r.name for r in rows] == [
        'RPPGD', 'RPPGD(beta=1)', 'RPPGD(beta=1, regions=TB)', 'BIM']
    assert len({r.label for r in rows}) == 4


def test_full_config_has_every_default():
    row, = collect_rows(attacks=['PGD'], steps=[7])
    assert row.full_config == dict(
        type='PGD', eps=0.03, steps=7, alpha=0.01, random_start=True,
        norm='linf', ignore_index=None, restarts=1, targeted=False,
        keep='last')
    row, = collect_rows(attacks=['MIFGSM'], eps=['0.02'], steps=[4])
    assert row.full_config['alpha'] == 0.005
    row, = collect_rows(attacks=['PGD(norm=l2)'])
    assert row.full_config['alpha'] is None


def test_only_what_may_be_read_off_a_longer_run_is_a_curve_of_shorter_ones():
    rows = collect_rows(attacks=['PGD', 'PGD(restarts=2)', 'PGD(keep=best)',
                                 'SegPGD'])
    assert [r.can_share for r in rows] == [True, False, False, False]


def test_same_row_twice_is_one_row():
    assert len(collect_rows(attacks=['PGD', 'PGD'], eps=['0.03'])) == 1


def test_unknown_attack_lists_the_known_ones():
    with pytest.raises(KeyError, match='CosPGD.*PGD.*RPPGD'):
        collect_rows(attacks=['PGDD'])


def test_unknown_option_lists_the_known_ones():
    with pytest.raises(TypeError, match="PGD has no option 'step'.*steps"):
        collect_rows(attacks=['PGD(step=3)'])


def test_eps_in_8_bit_units_is_refused():
    with pytest.raises(ValueError, match=r'eps must be in \[0, 1\].*8'):
        collect_rows(attacks=['PGD'], eps=['8'])


def test_l2_attack_without_eps_has_a_root_mean_square():
    row, = make_rows(dict(type='BIM', norm='l2'))
    assert (row.eps, row.rms) == (None, 0.03)
    assert row.build(300).eps == pytest.approx(0.03 * 300**0.5)


def test_l2_eps_of_a_command_line_is_a_length():
    row, = collect_rows(attacks=['BIM(norm=l2)'], eps=['2'])
    assert row.eps == 2 and row.build(300).eps == 2


def test_l2_eps_of_a_suite_is_a_root_mean_square():
    row, = make_rows(dict(type='BIM', norm='l2'), eps=['8/255'], rms=True)
    assert row.build(300).eps == pytest.approx(8 / 255 * 300**0.5)


def test_rows_that_differ_in_steps_share_a_run():
    rows = collect_rows(attacks=['PGD', 'RPPGD'], steps=[10, 3])
    runs = group_rows(rows)
    assert [[r.steps for r in run.rows] for run in runs] == [
        [3, 10], [10], [3]]


def test_rows_that_plan_ahead_do_not_share():
    for text in ('SegPGD', 'MIFGSM', 'PGD(restarts=2)', 'PGD(keep=best)'):
        rows = collect_rows(attacks=[text], steps=[3, 10])
        assert len(group_rows(rows)) == 2, text


def test_fixed_region_weights_do_not_plan_ahead():
    rows = collect_rows(attacks=['RPPGD(region_weights=(.5, .3, .2))'],
                        steps=[3, 10])
    assert len(group_rows(rows)) == 1


def draw(row, seed, index):
    return torch.rand(3, generator=AttackRun([row]).generator(seed, index))


def test_noise_depends_on_seed_attack_and_image():
    pgd, other = collect_rows(attacks=['PGD', 'CosPGD'])
    base = draw(pgd, 0, 0)
    assert torch.equal(base, draw(pgd, 0, 0))
    for different in (draw(pgd, 1, 0), draw(pgd, 0, 1), draw(other, 0, 0)):
        assert not torch.equal(base, different)


def test_rows_that_differ_in_steps_start_alike():
    rows = collect_rows(attacks=['SegPGD'], steps=[3, 10])
    assert torch.equal(draw(rows[0], 0, 0), draw(rows[1], 0, 0))


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
    with pytest.raises(ValueError, match='keys attack.*got type'):
        collect_rows(str(path))
    path.write_text("robustness = dict(attack=[])")
    with pytest.raises(ValueError, match='must set robustness'):
        collect_rows(str(path))
