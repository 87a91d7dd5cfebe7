"""Rows and attacks that only the checks need."""
import torch

from mmseg_rppgd.evaluation.plan.suites import make_plan
from mmseg_rppgd.evaluation.run.probes import (GradientProbe, UniformNoise,
                                               choose_probes)


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
    row, = probes('APGD', steps=[20]).pgd
    assert (row.attack['type'], row.steps) == ('PGD', 20)
    assert probes('APGD', 'PGD', steps=[20]).pgd == []


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


def test_gradient_probe_measures_the_share_of_zeros():
    images, labels = torch.rand(1, 3, 4, 4), torch.zeros(1, 4, 4).long()
    probe = GradientProbe()
    left = torch.tensor([1., 1, 0, 0])  # the right half has no influence
    probe(lambda x: torch.cat([x, -x], 1) * left, images, labels)
    assert probe.seen == [(0.5, True)]
