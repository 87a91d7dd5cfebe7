import pytest
import torch
from toy_models import clean_labels, wrong_share

from mmseg_rppgd.attacks import PGD, Square
from mmseg_rppgd.attacks.square import HALVINGS, inside
from mmseg_rppgd.registry import HOOKS


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def squares_between(first, second):
    """Return the box (rows, columns) in which two images differ."""
    changed = (first != second).any(1)[0]
    rows, columns = changed.any(1).nonzero(), changed.any(0).nonzero()
    return (int(rows.max() - rows.min()) + 1,
            int(columns.max() - columns.min()) + 1)


def test_every_query_lies_on_the_edge_of_the_ball_and_of_the_range(
        images, model, labels):
    seen = []
    Square('0.1', steps=30)(
        model, images, labels, callback=lambda step, x: seen.append(x))
    assert len(seen) == 30
    for adv_images in seen:
        moved = (adv_images - images).abs()
        at_edge = (moved - .1).abs() < 1e-12
        clipped = (adv_images == 0) | (adv_images == 1)
        assert (at_edge | clipped).all()


def test_start_is_vertical_stripes(images, model, labels):
    images = images.clamp(.2, .8)
    start = Square('0.1', steps=1)(model, images, labels)
    signs = ((start - images) / .1).round()
    assert torch.equal(signs, signs[:, :, :1].expand_as(signs))
    assert {-1., 1.} == set(signs.unique().tolist())


def test_one_square_of_each_image_changes_at_a_time(images, model, labels):
    images = images.clamp(.2, .8)
    attack = Square('0.1', steps=60)
    seen = []
    attack(model, images, labels, generator=seeded(),
           callback=lambda step, x: seen.append(x))
    changes = 0
    for step, (before, after) in enumerate(zip(seen, seen[1:]), 2):
        for i in range(len(images)):
            one = slice(i, i + 1)
            if torch.equal(before[one], after[one]):
                continue
            changes += 1
            box = squares_between(before[one], after[one])
            assert max(box) <= attack.side(step, 8, 10)
            signs = ((after - images)[one] / .1).round()
            assert set(signs.unique().tolist()) <= {-1., 1.}
    assert changes > 5


def test_score_of_the_current_image_never_falls(images, model, labels):
    """Mean margin of right pixels, by an independent computation."""
    scores = []

    def score(step, adv_images):
        logits = model(adv_images).logits.double()
        right = labels.where(labels != 255, torch.zeros_like(labels))
        own = logits.gather(1, right[:, None])[:, 0]
        other = logits.scatter(1, right[:, None], -1e9).amax(1)
        gap = (other - own).clamp(max=0) * (labels != 255)
        scores.append(gap.sum((1, 2)) / (labels != 255).sum((1, 2)))

    Square('0.1', steps=60)(model, images, labels, callback=score)
    scores = torch.stack(scores)
    assert (scores[1:] >= scores[:-1]).all()
    assert (scores[-1] > scores[0]).all()


def test_schedule_is_the_published_one():
    """p of AutoAttack at 10,000 queries: halved past 10, 50, 200, ..."""
    attack = Square(steps=10_000)
    for number, bound in enumerate(HALVINGS):
        for step, halved in ((bound + 1, number), (bound + 2, number + 1)):
            side = (.8 / 2**halved * 224 * 224)**.5
            assert attack.side(step, 224, 224) == max(1, round(side))
    short = Square(steps=500)
    assert short.side(2, 100, 100) == attack.side(21, 100, 100)
    assert short.side(500, 4, 4) == 1
    assert Square(p_init=1).side(2, 10, 40) == 10


def test_every_place_where_a_square_fits_is_equally_likely():
    chances = torch.arange(12, dtype=torch.float64) / 12
    placed = inside(chances, 3, 5)
    assert placed.sum(1).tolist() == [3] * 12
    first = placed.int().argmax(1)
    assert first.bincount().tolist() == [4, 4, 4]
    assert inside(torch.tensor([1 - 1e-9]), 3, 5)[0, 2:].all()


def test_a_model_without_gradients_is_attacked(images, model):
    labels = clean_labels(model, images)

    def hard(images):  # one-hot, no way back to the images
        logits = model(images.detach()).logits
        return torch.zeros_like(logits).scatter(
            1, logits.argmax(1, keepdim=True), 1.)

    with pytest.raises(ValueError, match='does not depend on images'):
        PGD(.2)(hard, images, labels)
    adv_images = Square(.2, steps=200)(
        hard, images, labels, generator=seeded())
    assert (wrong_share(model, adv_images, labels) > .1).all()


@pytest.mark.parametrize('scale', [2**-10, 2**10])
def test_scale_of_the_logits_changes_nothing(scale, images, model, labels):
    expected = Square(.2, steps=50)(
        model, images, labels, generator=seeded())
    adv_images = Square(.2, steps=50)(
        lambda x: scale * model.eval()(x).logits, images, labels,
        generator=seeded())
    assert torch.equal(adv_images, expected)


def test_it_finds_less_than_a_white_box_on_a_sound_model(images, model):
    labels = clean_labels(model, images)
    found = [
        wrong_share(model, attack(model, images, labels, generator=seeded()),
                    labels)
        for attack in (Square(.1, steps=300), PGD(.1, steps=20, keep='best'))
    ]
    assert (found[0] > 0).all() and (found[0] <= found[1]).all()


def test_more_queries_find_more(images, model):
    labels = clean_labels(model, images)
    few, many = (
        wrong_share(model, Square(.1, steps=steps)(
            model, images, labels, generator=seeded()), labels)
        for steps in (1, 400))
    assert (many > few).all()


def test_targeted_moves_to_the_targets(images, model):
    targets = torch.full((2, 8, 10), 2)
    before = 1 - wrong_share(model, images, targets)
    adv_images = Square(.3, steps=300, targeted=True)(
        model, images, targets, generator=seeded())
    assert (1 - wrong_share(model, adv_images, targets) > before).all()


def test_best_query_is_never_less_wrong_than_that_of_the_best_score(
        images, model, labels):
    best, last = (
        Square(.1, steps=80, keep=keep).run(
            model, images, labels, generator=seeded())
        for keep in ('best', 'last'))
    assert (best.mis_ratio >= last.mis_ratio).all()
    for result in (best, last):
        share = wrong_share(model, result.adv_images, labels)
        assert torch.allclose(100 * share.double(), result.mis_ratio,
                              atol=1e-4)


@pytest.mark.parametrize('kwargs, message', [
    (dict(norm='l2'), "norm must be 'linf' for Square, but got 'l2'"),
    (dict(steps=0), 'steps must be >= 1, but got 0'),
    (dict(p_init=0), r'p_init, a share .* in \(0, 1\], but got 0'),
    (dict(p_init=1.5), r'p_init, a share .* in \(0, 1\], but got 1.5'),
])
def test_bad_settings_name_rule_and_value(kwargs, message):
    with pytest.raises(ValueError, match=message):
        Square(**kwargs)


def test_a_margin_that_is_no_number_stops_it(images, model, labels):
    def broken(x):
        return model(x).logits * float('nan')

    with pytest.raises(FloatingPointError, match='the margin of Square is '
                       'not finite at step 1 of 5'):
        Square(steps=5)(broken, images, labels)


def test_hook_comes_by_itself():
    hook = HOOKS.build(dict(type='mmseg_rppgd.SquareHook', steps=7))
    assert isinstance(hook.attack, Square) and hook.attack.steps == 7
