import pytest
import torch
import torch.nn.functional as F
from toy_models import ToySegmentor, adv_lib, pixel_classifier

from mmseg_rppgd.attacks import APGD, RPPGD, APGDStep, ThreatModel
from mmseg_rppgd.attacks.rppgd import RPObjective

NORMS = {'linf': float('inf'), 'l2': 2}


def seeded():
    return torch.Generator().manual_seed(4)


class Spied:
    """A model that remembers what it was shown with a gradient."""

    def __init__(self, model):
        self.model = model
        self.images = []

    def __call__(self, images):
        if images.requires_grad:
            self.images.append(images.detach().clone())
        return self.model(images)


@pytest.fixture
def float64_by_default():
    torch.set_default_dtype(torch.float64)  # of the losses adv-lib keeps
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize('norm', NORMS)
@pytest.mark.parametrize('steps', [20, 60])
def test_iterates_equal_those_of_adv_lib_on_a_classifier(
        norm, steps, float64_by_default):
    """Segmentation into one pixel is classification."""
    reference = adv_lib('attacks.auto_pgd')
    images = .2 + .6 * torch.rand(5, 3, 5, 5, dtype=torch.float64)
    labels = torch.randint(4, (5, ))
    classifier = pixel_classifier(size=5)
    theirs = Spied(lambda images: classifier(images)[:, :, 0, 0])
    reference._apgd(
        theirs,
        images,
        labels,
        torch.full((5, ), .3, dtype=torch.float64),
        NORMS[norm],
        x_init=images,
        loss_function='ce',
        n_iter=steps)
    ours = Spied(classifier)
    APGD(
        .3,
        norm=norm,
        steps=steps,
        pixel_weights=None,
        schedule='fixed',
        random_start=False)(ours, images, labels.view(5, 1, 1))
    assert len(ours.images) == steps
    # At its second checkpoint adv-lib compares the best loss with itself (it
    # keeps a reference to it, not a copy), so the two may part there.
    first = int(.22 * steps)
    for mine, expected in zip(ours.images[:2 * first - 1], theirs.images):
        assert torch.allclose(mine, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize('schedule', ['eps-reducing', 'fixed'])
def test_linear_victim_is_attacked_optimally(schedule, linear_victim):
    images = .3 + .4 * torch.rand(2, 3, 4, 5, dtype=torch.float64)
    labels = torch.randint(2, (2, 4, 5))
    away = torch.where(labels == 0, -1., 1.).double()[:, None] * (
        linear_victim.weight.double().view(1, 3, 1, 1))
    attack = APGD(
        .05, steps=20, schedule=schedule, pixel_weights=None, keep='last')
    adv_images = attack(linear_victim, images, labels, generator=seeded())
    assert torch.equal(adv_images, images + .05 * away.sign())


@pytest.mark.parametrize('schedule', ['eps-reducing', 'fixed'])
def test_l2_optimum_of_one_pixel_is_reached(schedule, linear_victim):
    images = torch.full((1, 3, 1, 1), .5, dtype=torch.float64)
    labels = torch.zeros(1, 1, 1, dtype=torch.int64)
    attack = APGD(
        .2, norm='l2', steps=30, schedule=schedule, pixel_weights=None,
        keep='last')
    adv_images = attack(linear_victim, images, labels, generator=seeded())
    weight = linear_victim.weight.double().view(1, 3, 1, 1)
    optimum = images - .2 * weight / weight.norm()
    assert torch.allclose(adv_images, optimum, rtol=0, atol=1e-9)


@pytest.mark.parametrize('steps, lengths', [(20, (6, 6, 8)), (4, (1, 1, 2)),
                                            (3, (0, 0, 3)), (1, (0, 0, 1))])
def test_schedule_shrinks_the_ball_in_three_phases(steps, lengths, model,
                                                   images, labels):
    spied = Spied(model.eval())
    APGD(.1, steps=steps)(spied, images, labels, generator=seeded())
    seen = [(x - images).abs().max().item() for x in spied.images]
    assert len(seen) == steps
    limits = [factor for factor, length in zip((.2, .15, .1), lengths)
              for _ in range(length)]
    for size, limit in zip(seen, limits):
        assert size <= limit + 1e-12
    if lengths == (6, 6, 8):  # the larger balls are used
        assert max(seen[:6]) > .15 and max(seen[6:12]) > .1


def test_callback_is_shown_images_inside_the_ball(model, images, labels):
    seen = []
    APGD(.1, steps=10)(
        model, images, labels, generator=seeded(),
        callback=lambda step, adv_images: seen.append(adv_images))
    assert all((x - images).abs().max() <= .1 + 1e-12 for x in seen)


def test_most_wrong_iterate_inside_the_ball_is_returned(model, images,
                                                        labels):
    spied = Spied(model.eval())
    adv_images = APGD(.3, steps=10)(
        spied, images, labels, generator=seeded())

    def count_wrong(x):
        wrong = (model(x).logits.argmax(1) != labels) & (labels != 255)
        return wrong.sum((1, 2))

    # The iterates of the last phase (4 of 10) follow its first.
    kept = count_wrong(adv_images)
    for x in spied.images[6:]:
        assert (kept >= count_wrong(x)).all()


@pytest.mark.parametrize('targeted', [False, True])
def test_step_size_follows_the_plain_cross_entropy(targeted, model, images,
                                                   labels):
    seen = []

    class Watched(APGDStep):

        def step(self, adv_images, grad, loss):
            seen.append((adv_images, loss))
            return super().step(adv_images, grad, loss)

    attack = APGD(.2, steps=5, pixel_loss='js', targeted=targeted)
    attack.update = Watched()
    attack(model.eval(), images, labels, generator=seeded())
    for adv_images, progress in seen:
        losses = torch.stack([
            F.cross_entropy(model(x[None]).logits, label[None],
                            ignore_index=255)
            for x, label in zip(adv_images, labels)
        ])
        assert torch.allclose(progress, -losses if targeted else losses)


def climb(losses, steps=100):
    """Feed losses to the step rule of one image; return its step sizes."""
    images = torch.full((1, 3, 1, 1), .5, dtype=torch.float64)
    update = APGDStep('fixed')
    update.init(ThreatModel('linf', .1).around(images), .2, steps)
    sizes, iterate = [], images
    for i, loss in enumerate(losses):
        grad = torch.full_like(images, (-1.)**i)
        iterate = update.step(iterate, grad, torch.tensor([loss]))
        sizes.append(round(update.step_size.item(), 9))
    return sizes, update


def test_step_halves_when_the_value_stops_rising():
    sizes, _ = climb([1.] * 42)
    assert sizes == [.2] * 22 + [.1] * 19 + [.05]


def test_step_stays_while_the_value_rises():
    sizes, _ = climb([float(i) for i in range(60)])
    assert set(sizes) == {.2}


def test_step_halves_when_three_quarters_rise_or_fewer():
    rises = 0
    losses = [0.]
    for i in range(22):
        up = i % 4 != 0  # 16 of 22 rise, 72 %
        rises += up
        losses.append(losses[-1] + (2. if up else -1.))
    assert rises <= .75 * 22
    assert climb(losses)[0][-1] == .1


def test_restart_is_at_the_best_point():
    losses = [0., 5.] + [1.] * 21
    _, update = climb(losses)
    assert torch.equal(update.last_images, update.best_images)


def test_checkpoints_come_closer_down_to_six_percent():
    sizes, _ = climb([1.] * 90)
    checks = [i for i in range(1, 90) if sizes[i] != sizes[i - 1]]
    assert [b - a for a, b in zip(checks, checks[1:])] == [
        19, 16, 13, 10, 7]


@pytest.mark.parametrize('kwargs', [
    dict(),
    dict(pixel_weights=['correct', 'balanced']),
    dict(pixel_weights=['correct', 'balanced'], class_counts=[9, 1, 4, 2]),
    dict(pixel_loss='js', pixel_weights=None),
    dict(pixel_loss='spherical'),
    dict(pixel_weights='segpgd'),
    dict(objective='rppgd'),
    dict(objective=RPObjective(beta=1)),
])
@pytest.mark.parametrize('norm, eps', [('linf', .1), ('l2', 1.)])
def test_every_loss_makes_pixels_wrong(kwargs, norm, eps, model, images):
    labels = model.eval()(images).logits.argmax(1)
    adv_images = APGD(eps, norm=norm, steps=10, **kwargs)(
        model, images, labels, generator=seeded())
    wrong = model(adv_images).logits.argmax(1) != labels
    assert (wrong.double().mean((1, 2)) > .05).all()


def test_class_counts_change_the_attack(model, images, labels):
    by_counts, by_image = (
        APGD(.1, steps=5, pixel_weights='balanced', class_counts=counts,
             keep='last')(model, images, labels, generator=seeded())
        for counts in ([1, 1, 1, 10**6], None))
    assert not torch.equal(by_counts, by_image)


def test_objective_of_rppgd_needs_features_like_rppgd(images, labels):
    model = ToySegmentor(give_features=False).double()
    assert APGD(objective='rppgd').needs_features
    with pytest.raises(ValueError, match='APGD needs features'):
        APGD(objective='rppgd')(model, images, labels)
    attack = APGD(objective='rppgd', feature_layer='norm', steps=2)
    assert not torch.equal(attack(model, images, labels), images)


def test_apgd_is_not_weaker_than_pgd_on_its_objective(model, images):
    labels = model.eval()(images).logits.argmax(1)

    def wrong(attack):
        adv_images = attack(model, images, labels, generator=seeded())
        return (model(adv_images).logits.argmax(1) != labels).sum()

    assert wrong(APGD(.05, steps=40, objective='rppgd')) >= wrong(
        RPPGD(.05, steps=40))


@pytest.mark.parametrize('kwargs, message', [
    (dict(schedule='slow'), "schedule must be 'eps-reducing' or 'fixed'"),
    (dict(objective='pgd'), "objective must be None, 'rppgd' or"),
    (dict(objective='rppgd', targeted=True), 'targeted=True has no meaning '
     'for APGD as it is set up'),
    (dict(pixel_loss='dice'), 'pixel_loss must be one of'),
    (dict(pixel_weights='fair'), 'must be None, one or several of'),
    (dict(steps=0), 'steps must be >= 1'),
])
def test_bad_settings_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        APGD(**kwargs)


def test_tsallis_of_q_one_is_cross_entropy(model, images, labels):
    """Up to rounding: the iterates are the same."""
    tsallis, expected = (
        APGD(.1, steps=8, pixel_weights=None, **kwargs)(
            model, images, labels, generator=seeded())
        for kwargs in (dict(pixel_loss='tsallis', q_start=1, q_end=1), {}))
    assert torch.equal(tsallis, expected)


def test_tsallis_changes_the_climb_and_reports_its_q(model, images, labels):
    attack = APGD(.1, steps=8, pixel_loss='tsallis', pixel_weights=None)
    assert attack.plans_ahead
    assert (attack.objective.q_start, attack.objective.q_end) == (-2, 1)
    plain = APGD(.1, steps=8, pixel_weights=None)
    assert not torch.equal(*(
        chosen(model, images, labels, generator=seeded())
        for chosen in (attack, plain)))
