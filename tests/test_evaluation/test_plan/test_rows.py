"""Rows from command lines and suites."""
import pytest

from mmseg_rppgd.attacks import PGD, Attack, AttackResult
from mmseg_rppgd.evaluation.plan.rows import make_rows
from mmseg_rppgd.evaluation.plan.runs import group_rows
from mmseg_rppgd.evaluation.plan.suites import make_plan


def collect_rows(*args, **kwargs):
    return make_plan(*args, **kwargs).rows


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


# An ensemble may leave the norm to its members, a class to its defaults.
L2_ATTACKS = [
    'BIM(norm=l2)', dict(type='BIM', norm='l2'), 'DeepFool(norm=l2)',
    "EnsembleAttack(attacks=[{'type': 'PGD'}], norm=l2)",
    "EnsembleAttack(attacks=[{'type': 'PGD', 'norm': 'l2'}])"]


@pytest.mark.parametrize('attack', L2_ATTACKS)
def test_l2_eps_of_a_command_line_is_a_root_mean_square(attack):
    row, = collect_rows(attacks=[attack], eps=['8/255'])
    assert (row.norm, row.eps, row.rms) == ('l2', None, 8 / 255)
    assert 'l2 eps=rms 8/255' in row.label
    built = row.build(300)
    assert built.eps == pytest.approx(8 / 255 * 300**0.5)
    for member in getattr(built, 'attacks', ()):
        assert member.eps == built.eps


def test_an_l2_step_follows_the_radius_of_the_command_line():
    row, = collect_rows(attacks=['BIM(norm=l2)'], eps=['8/255'])
    attack = row.build(300)
    assert attack.resolved_alpha(attack.eps) == attack.eps / 4


def test_linf_and_l2_rows_of_one_eps_are_of_one_root_mean_square():
    linf, l2 = collect_rows(attacks=['PGD', 'BIM(norm=l2)'], eps=['8/255'])
    assert (linf.eps, linf.rms) == (8 / 255, None)
    assert l2.rms == linf.eps


def test_l2_eps_inside_an_attack_is_a_length():
    row, = collect_rows(attacks=['BIM(norm=l2, eps=2)'], eps=['8/255'])
    assert (row.eps, row.rms) == (2, None)
    assert row.build(300).eps == 2
    assert row.label == 'BIM l2 eps=2 steps=10'


@pytest.mark.parametrize('eps', ['2', '8', 53.7])
def test_a_length_beside_an_l2_attack_is_refused(eps):
    with pytest.raises(ValueError, match=r'eps must be in \[0, 1\] for l2.*'
                       rf'root mean square.*{eps}.*BIM\(norm=l2, eps={eps}'):
        collect_rows(attacks=['BIM(norm=l2)'], eps=[eps])


def test_l2_eps_of_a_suite_is_a_root_mean_square():
    row, = make_rows(dict(type='BIM', norm='l2'), eps=['8/255'])
    assert row.build(300).eps == pytest.approx(8 / 255 * 300**0.5)


def test_a_long_name_fits_into_a_file_name():
    names = ['x' * 300 + end for end in 'ab']
    rows = [row for name in names
            for row in make_rows(dict(type='PGD'), name=name)]
    assert all(len(row.key) < 150 for row in rows)
    assert rows[0].key != rows[1].key
    assert rows[0].label.startswith('x' * 300)


class Own(PGD):
    """An attack of somebody's own, in no registry."""


def test_a_class_is_named_like_a_registered_attack():
    rows = collect_rows(attacks=[dict(type=Own)], steps=[3, 10])
    assert [r.label for r in rows] == ['Own eps=0.03 steps=3',
                                       'Own eps=0.03 steps=10']
    assert rows[0].full_config['type'] == 'Own'
    assert len(group_rows(rows)) == 1  # it costs one run, as PGD does


class Darker(Attack):
    """Steps of its own, of a size that no other part of it resolves."""

    def __init__(self, eps=None, *, alpha=.25, **kwargs):
        super().__init__(eps, **kwargs)
        self.alpha = alpha

    def _run(self, model, inputs, callback):
        return AttackResult(inputs.images - self.alpha, None)


def test_the_step_size_of_an_attack_without_a_rule_is_what_it_was_given():
    row, = make_rows(dict(type=Darker, eps=.5))
    assert row.full_config['alpha'] == .25


def test_targeted_rows_are_refused():
    for typed in ('PGD(targeted=True)',
                  "EnsembleAttack(attacks=[{'type': 'PGD'}], targeted=True)"):
        with pytest.raises(ValueError, match='targeted'):
            collect_rows(attacks=[typed])
