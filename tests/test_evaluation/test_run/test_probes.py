"""Rows and attacks that only the checks need."""
import pytest
import torch

from mmseg_rppgd.evaluation.plan.suites import make_plan
from mmseg_rppgd.evaluation.run.probes import (UniformNoise, choose_probes,
                                               follow_up)


def probes(*attacks, transfer=False, **kwargs):
    return choose_probes(make_plan(attacks=attacks, **kwargs).rows, transfer)


def test_every_ball_has_its_noise():
    found = probes('PGD', 'BIM(norm=l2)', eps=['0.01', '0.02'])
    assert [(r.norm, r.eps, r.rms) for r in found.noise] == [
        ('linf', 0.01, None), ('linf', 0.02, None),
        ('l2', None, 0.01), ('l2', None, 0.02)]


def test_rows_of_a_surrogate_are_run_on_the_tested_model():
    found = probes('PGD', 'APGD', transfer=True)
    assert [r.attack['type'] for r in found.white_box] == ['PGD', 'APGD']
    assert found.pgd == found.fewer == []


def test_apgd_alone_is_compared_with_pgd():
    row, = probes('APGD', steps=[120]).pgd
    assert (row.attack['type'], row.steps) == ('PGD', 120)
    assert probes('APGD', 'PGD', steps=[120]).pgd == []


@pytest.mark.parametrize('attack, steps', [
    ('APGD', 10), ('APGD(pixel_loss=spherical)', 100),
    ("APGD(objective='rppgd')", 100)])
def test_apgd_that_is_another_attack_is_not(attack, steps):
    assert probes(attack, steps=[steps]).pgd == []


def test_every_linf_ball_is_searched_without_gradients():
    found = probes('PGD', 'CosPGD', 'BIM(norm=l2)', eps=['0.01', '0.02'])
    assert [(r.attack['type'], r.norm, r.eps) for r in found.square] == [
        ('Square', 'linf', 0.01), ('Square', 'linf', 0.02)]
    assert probes('PGD', eps=[0]).square == []


def test_what_a_failed_check_asks_for():
    rows = make_plan(attacks=['PGD', 'BIM(norm=l2)', 'CW'],
                     eps=['0.01', '0.02'], steps=[30]).rows
    found = follow_up(choose_probes(rows, False), rows)
    # The eps beside an l2 attack is a root mean square.
    assert [(r.attack['type'], r.norm, r.rms or r.eps, r.steps)
            for r in found.scale_free] == [
        ('APGD', 'linf', 0.02, 30), ('PAdam', 'linf', 0.02, 30),
        ('APGD', 'l2', 0.02, 30), ('PAdam', 'l2', 0.02, 30),
        ('CW', 'l2', 0.02, 30)]
    assert all(row in found.rows for row in found.scale_free)
    assert follow_up(choose_probes([], False), []).scale_free == ()


@pytest.mark.parametrize('steps, taken', [(3, 20), (500, 100)])
def test_their_steps_have_bounds(steps, taken):
    rows = make_plan(attacks=['PGD'], steps=[steps]).rows
    found = follow_up(choose_probes(rows, False), rows)
    assert {r.steps for r in found.scale_free} == {taken}


def test_half_the_steps_are_tried_where_no_rows_tell():
    row, = probes('PGD', 'CosPGD', steps=[10]).fewer
    assert row.steps == row.attack['steps'] == 5
    assert probes('PGD', steps=[5, 10]).fewer == []


def test_probes_have_names_and_keys_of_their_own():
    rows = make_plan(attacks=['PGD', 'APGD']).rows
    found = choose_probes(rows, False).rows
    assert all(r.name.startswith('check: ') for r in found)
    keys = [r.key for r in rows + found]
    assert len(set(keys)) == len(keys)


def test_noise_stays_in_the_ball_and_moves_every_image():
    images, labels = torch.rand(2, 3, 6, 5), torch.zeros(2, 6, 5).long()
    noisy = UniformNoise(0.1)(
        lambda x: torch.cat([x, x], 1)[:, :4], images, labels)
    delta = (noisy - images).abs()
    assert 0.05 < delta.amax() <= 0.1 + 1e-6
    assert (delta.flatten(1).amax(1) > 0.05).all()
