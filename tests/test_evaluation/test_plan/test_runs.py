"""The attack runs that give rows."""
import torch

from mmseg_rppgd.evaluation.plan.runs import AttackRun, group_rows
from mmseg_rppgd.evaluation.plan.suites import make_plan


def collect_rows(*args, **kwargs):
    return make_plan(*args, **kwargs).rows


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
