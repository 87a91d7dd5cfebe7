import pytest
import torch
import torch.nn.functional as F

from mmseg_rppgd.attacks import PAdam


def wrong_pixels(model, images, labels):
    wrong = (model(images).logits.argmax(1) != labels) & (labels != 255)
    return wrong.sum((1, 2))


@pytest.mark.parametrize('pixel_loss', ['ce', 'cosine'])
def test_steps_are_those_of_torch_adam_with_amsgrad(pixel_loss, model, images,
                                                    labels):
    model.eval()
    labelled = labels != 255
    safe = labels.masked_fill(~labelled, 0)
    expected = images.clone().requires_grad_()
    optimizer = torch.optim.Adam([expected], 3 / 255, amsgrad=True)
    trace = []
    for _ in range(6):
        logits = model(expected).logits
        if pixel_loss == 'ce':
            losses = F.cross_entropy(logits, safe, reduction='none')
        else:
            one_hot = F.one_hot(safe, 4).movedim(3, 1).double()
            losses = 1 - F.cosine_similarity(logits, one_hot)
        expected.grad, = torch.autograd.grad(-losses[labelled].sum(),
                                             expected)
        optimizer.step()
        with torch.no_grad():
            expected.copy_(
                torch.min(torch.max(expected, images - .04),
                          images + .04).clamp(0, 1))
        trace.append(expected.detach().clone())
    seen = []
    PAdam(
        .04, lr='3/255', steps=6, pixel_loss=pixel_loss, random_start=False)(
            model, images, labels,
            callback=lambda step, adv_images: seen.append(adv_images))
    for mine, theirs in zip(seen, trace):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-9)


def test_best_iterate_is_kept(model, images, labels):
    seen = []
    model.eval()
    adv_images = PAdam(.2, lr=.1, steps=8)(
        model, images, labels,
        callback=lambda step, adv_images: seen.append(adv_images))
    scores = torch.stack([wrong_pixels(model, x, labels) for x in seen])
    assert torch.equal(
        wrong_pixels(model, adv_images, labels), scores.max(0).values)


def test_many_pixels_do_not_stop_adam():
    """A mean over 90,000 pixels has gradients near Adam's 1e-8."""

    def model(images):
        score = 1e-2 * images.sum(1)
        return torch.stack([score, -score], 1)

    images = torch.full((1, 3, 300, 300), .5)
    labels = torch.zeros(1, 300, 300, dtype=torch.int64)
    adv_images = PAdam(
        .1, steps=5, lr=.01, random_start=False, keep='last')(
            model, images, labels)
    assert torch.allclose(adv_images, torch.full_like(images, .45))


def test_linear_victim_is_attacked_optimally(linear_victim):
    images = .3 + .4 * torch.rand(2, 3, 4, 5, dtype=torch.float64)
    labels = torch.randint(2, (2, 4, 5))
    away = torch.where(labels == 0, -1., 1.).double()[:, None] * (
        linear_victim.weight.double().view(1, 3, 1, 1))
    attack = PAdam(.05, steps=60, keep='last')
    adv_images = attack(linear_victim, images, labels)
    assert torch.equal(adv_images, images + .05 * away.sign())


@pytest.mark.parametrize('pixel_loss', ['ce', 'cosine'])
def test_both_losses_make_pixels_wrong(pixel_loss, model, images):
    labels = model.eval()(images).logits.argmax(1)
    adv_images = PAdam(.1, steps=15, pixel_loss=pixel_loss)(
        model, images, labels)
    assert (wrong_pixels(model, adv_images, labels) > 8).all()


@pytest.mark.parametrize('kwargs, message', [
    (dict(lr=2), "lr must be in .* not 0-255"),
    (dict(pixel_loss='dice'), 'pixel_loss must be one of'),
])
def test_bad_settings_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        PAdam(**kwargs)
