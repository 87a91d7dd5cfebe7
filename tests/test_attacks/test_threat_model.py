import math
from fractions import Fraction

import pytest
import torch

from mmseg_rppgd.attacks import PGD, ThreatModel
from mmseg_rppgd.attacks.threat_model import parse_number


@pytest.mark.parametrize('value, number', [
    ('8/255', 8 / 255), (Fraction(1, 4), .25), (0.03, .03), ('0.5', .5),
    (0, 0.), ('7.65/255', .03), (' 8 / 255 ', 8 / 255)
])
def test_numbers_and_fractions_are_read(value, number):
    assert parse_number('eps', value) == number


@pytest.mark.parametrize('value', [True, None, [0.03], object()])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match='eps must be a number or a fraction'):
        parse_number('eps', value)


@pytest.mark.parametrize('value', [
    '8/0', 'eight', float('nan'), math.inf, '1/2/3', '/255', 10**400])
def test_unreadable_or_infinite_numbers_are_value_errors(value):
    with pytest.raises(ValueError, match='eps must be'):
        parse_number('eps', value)


def test_eps_in_0_to_255_names_rule_unit_and_value():
    with pytest.raises(ValueError, match=r'eps must be in \[0, 1\] for linf '
                       r'\(pixels are scaled to \[0, 1\], not 0-255.*got 8'):
        ThreatModel('linf', 8)


def test_l2_radius_may_exceed_one_but_not_be_negative():
    assert ThreatModel('l2', 5).eps == 5
    with pytest.raises(ValueError, match='eps must be >= 0 for l2'):
        ThreatModel('l2', -1)


def test_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="norm must be one of.*'l1'"):
        ThreatModel('l1', 0.1)


def test_default_l2_radius_has_the_rms_of_the_linf_one():
    images = torch.zeros(2, 3, 5, 7)
    assert ThreatModel('linf').radius(images) == 0.03
    assert ThreatModel('l2').radius(images) == pytest.approx(
        0.03 * math.sqrt(3 * 5 * 7))


def test_an_l2_length_that_hardly_attacks_is_warned_of():
    images = torch.zeros(1, 3, 100, 100)  # 173 is the length of rms 1
    with pytest.warns(UserWarning, match='l2 eps of 0.03137 is the length of '
                      'the whole.*hardly an attack.*r x sqrt'):
        ThreatModel('l2', '8/255').radius(images)


@pytest.mark.parametrize('threat', [
    ThreatModel('l2', 0.7), ThreatModel('l2', 0), ThreatModel('l2'),
    ThreatModel('linf', 0.001)])
def test_other_radii_are_not(threat, recwarn):
    threat.radius(torch.zeros(1, 3, 100, 100))
    assert not recwarn.list


@pytest.mark.parametrize('rms, size', [(.1, .1), ('8/255', 8 / 255)])
def test_l2_radius_may_be_a_root_mean_square(rms, size):
    threat = ThreatModel('l2', rms=rms)
    assert threat.eps is None and threat.rms == size
    for shape in ((1, 3, 5, 7), (2, 3, 4, 4)):
        images = torch.full(shape, .5, dtype=torch.float64)
        ball = threat.around(images)
        assert ball.eps == threat.radius(images) == size * math.sqrt(
            images[0].numel())
        edge = ball.project(images + 1) - images
        assert edge.square().mean().sqrt().item() == pytest.approx(size)


@pytest.mark.parametrize('settings', [
    dict(norm='linf', rms=.03), dict(norm='l2', eps=2, rms=.03)])
def test_root_mean_square_is_for_l2_in_place_of_eps(settings):
    with pytest.raises(ValueError, match='rms, the root mean square of an l2 '
                       'ball, must be given in place of eps.*got rms 0.03'):
        ThreatModel(**settings)


def test_negative_root_mean_square_is_refused():
    with pytest.raises(ValueError, match='rms must be >= 0 for l2'):
        ThreatModel('l2', rms=-.1)


@pytest.mark.parametrize('norm, eps', [('linf', .1), ('l2', .7)])
@pytest.mark.parametrize('dtype, slack', [(torch.float32, 1e-6),
                                          (torch.float64, 1e-12)])
def test_projection_lies_in_ball_and_bounds(norm, eps, dtype, slack):
    images = torch.rand(3, 3, 6, 5, dtype=dtype)
    ball = ThreatModel(norm, eps).around(images)
    inside = ball.project(images + torch.randn_like(images))
    delta = (inside - images).flatten(1)
    size = delta.abs().amax(1) if norm == 'linf' else delta.norm(dim=1)
    assert (size <= eps + slack).all()
    assert inside.min() >= 0 and inside.max() <= 1


@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_projection_keeps_what_is_inside(norm):
    images = torch.full((1, 3, 4, 4), .5, dtype=torch.float64)
    inside = images + .01
    ball = ThreatModel(norm, .5).around(images)
    assert torch.equal(ball.project(inside), inside)


def test_large_l2_radius_holds_in_float32():
    images = torch.rand(1, 3, 256, 256)
    threat = ThreatModel('l2')
    ball = threat.around(images)
    far = ball.project(images + torch.randn_like(images))
    size = (far.double() - images.double()).norm()
    assert size <= threat.radius(images) + 1e-6


@pytest.mark.parametrize('norm, eps', [('linf', .1), ('l2', .5)])
def test_mask_confines_start_step_and_projection(norm, eps):
    images = torch.rand(1, 3, 6, 6, dtype=torch.float64)
    mask = torch.zeros(1, 1, 6, 6, dtype=torch.bool)
    mask[..., :2, :3] = True
    ball = ThreatModel(norm, eps).around(images, mask)
    start = ball.project(images + ball.random_start(0, None))
    moved = ball.project(images + torch.randn_like(images))
    outside = ~mask.expand_as(images)
    assert torch.equal(start[outside], images[outside])
    assert torch.equal(moved[outside], images[outside])
    assert not torch.equal(start, images)


def test_l2_direction_is_a_unit_vector_inside_the_mask():
    images = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    mask = torch.rand(2, 1, 4, 4) > .5
    grad = torch.randn_like(images) * 1e-30
    direction = ThreatModel('l2', 1).around(images,
                                            mask).ascent_direction(grad)
    assert torch.allclose(
        direction.flatten(1).norm(dim=1), torch.ones(2, dtype=torch.float64))
    assert direction[~mask.expand_as(direction)].abs().sum() == 0


def test_l2_direction_of_a_zero_gradient_is_zero():
    images = torch.rand(1, 3, 4, 4)
    ball = ThreatModel('l2', 1).around(images)
    assert torch.equal(
        ball.ascent_direction(torch.zeros_like(images)),
        torch.zeros_like(images))


def test_linf_start_is_uniform_in_the_ball():
    images = torch.full((1, 3, 100, 100), .5, dtype=torch.float64)
    noise = ThreatModel('linf', .2).around(images).random_start(0, None)
    assert noise.abs().max() <= .2
    assert noise.mean().abs() < .005
    assert noise.var() == pytest.approx(.4**2 / 12, rel=.05)


def test_l2_start_is_uniform_in_the_ball():
    images = torch.zeros(1, 3, 1, 1, dtype=torch.float64)
    ball = ThreatModel('l2', 2.).around(images)
    lengths = torch.stack(
        [ball.random_start(0, None).norm() for _ in range(4000)])
    # In three dimensions the volume within r is (r / 2)^3: uniform in [0, 1].
    volumes = (lengths / 2)**3
    assert volumes.max() <= 1
    assert volumes.mean() == pytest.approx(.5, abs=.03)
    assert volumes.var() == pytest.approx(1 / 12, rel=.1)


@pytest.mark.parametrize('norm, dual', [('linf', 1), ('l2', 2)])
def test_slope_is_the_dual_norm_inside_the_mask(norm, dual):
    images, grad = torch.rand(2, 2, 3, 4, 4)
    mask = torch.rand(2, 1, 4, 4) < .5
    ball = ThreatModel(norm, .1).around(images, mask)
    expected = (grad * mask).flatten(1).norm(p=dual, dim=1)
    assert torch.allclose(ball.slope(grad), expected)


@pytest.mark.parametrize('norm, eps', [('linf', .1), ('l2', .5)])
def test_contains_what_projects_to_itself(norm, eps):
    images = torch.rand(3, 3, 5, 5)
    mask = torch.ones(3, 1, 5, 5, dtype=torch.bool)
    mask[..., 0] = False
    ball = ThreatModel(norm, eps).around(images, mask)
    far = images + 2 * eps * torch.rand_like(images)
    assert not ball.contains(far).any()
    assert ball.contains(ball.project(far)).all()
    assert ball.contains(images).all()
    outside_mask = images.clone()
    outside_mask[1, 0, 0, 0] += -.01 if images[1, 0, 0, 0] > .5 else .01
    assert ball.contains(outside_mask).tolist() == [True, False, True]


@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_scaled_ball_has_another_radius_alone(norm):
    images, mask = torch.rand(1, 3, 2, 2), torch.rand(1, 1, 2, 2) < .5
    ball = ThreatModel(norm, .1).around(images, mask)
    larger = ball.scaled(1.5)
    assert type(larger) is type(ball)
    assert larger.eps == pytest.approx(.15)
    assert larger.images is images and larger.mask is mask


def test_l2_start_of_an_image_does_not_depend_on_the_others(model, images,
                                                            labels):
    """An image without labels gives all of them a mask."""
    labels = labels.clone()
    labels[1] = 255
    attack = PGD(norm='l2', alpha=0, steps=1)
    together, alone = (
        attack(model, images[:n], labels[:n],
               generator=torch.Generator().manual_seed(0)) for n in (2, 1))
    assert torch.allclose(together[:1], alone, rtol=0, atol=1e-15)
