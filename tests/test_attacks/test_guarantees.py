"""What DESIGN promises of every attack, for every attack."""
import pytest
import torch
from torch import nn
from toy_models import FAST, ToySegmentor

from mmseg_rppgd.registry import ATTACKS

EPS = {'linf': .1, 'l2': 1.}
WITHOUT_GRADIENT = ('Square', )


def pytest_generate_tests(metafunc):
    """Every attack, and each norm that it is defined for."""
    ATTACKS.import_from_location()
    if 'norm' in metafunc.fixturenames:
        metafunc.parametrize('name, norm', [
            (name, norm) for name in FAST
            for norm in ATTACKS.module_dict[name].defined_for])
    elif 'name' in metafunc.fixturenames:
        metafunc.parametrize('name', FAST)


def build(name, norm='linf', **kwargs):
    return ATTACKS.build(
        dict(dict(FAST[name], type=name, norm=norm, eps=EPS[norm]), **kwargs))


def seeded():
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize('dtype, slack', [(torch.float32, 1e-6),
                                          (torch.float64, 1e-12)])
def test_result_is_like_images_in_ball_and_range(name, norm, dtype, slack,
                                                 model, images, labels):
    images = images.to(dtype)
    adv_images = build(name, norm)(model.to(dtype), images, labels)
    assert adv_images.shape == images.shape
    assert adv_images.dtype == dtype
    assert not adv_images.requires_grad
    delta = (adv_images.double() - images.double()).flatten(1)
    size = delta.abs().amax(1) if norm == 'linf' else delta.norm(dim=1)
    assert (size <= EPS[norm] + slack).all()
    assert (size > 0).all()
    assert adv_images.min() >= 0 and adv_images.max() <= 1


def test_batch_equals_its_images_one_by_one(name, norm, model, images,
                                            labels):
    labels = labels.clone()
    attack = build(name, norm)
    together = attack(model, images, labels, generator=seeded())
    generator = seeded()
    for i in range(len(images)):
        alone = attack(
            model, images[i:i + 1], labels[i:i + 1], generator=generator)
        assert torch.allclose(together[i:i + 1], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize('restarts', [1, 2])
def test_batch_with_own_generators_equals_its_images(name, norm, restarts,
                                                     model):
    """Whatever the others are, and exactly in what is counted."""

    def generators():
        return [torch.Generator().manual_seed(seed) for seed in (5, 3, 9)]

    images = torch.rand(3, 3, 8, 10, dtype=torch.float64)
    labels = torch.randint(4, (3, 8, 10))
    labels[:, 2:5, 2:5] = 255
    labels[0, 4:] = 255
    attack = build(name, norm, restarts=restarts)
    together = attack.run(model, images, labels, generator=generators())
    for i, generator in enumerate(generators()):
        one = slice(i, i + 1)
        for source in (generator, [generators()[i]]):
            alone = attack.run(
                model, images[one], labels[one], generator=source)
            assert torch.equal(together.mis_ratio[one], alone.mis_ratio)
            assert torch.allclose(
                together.adv_images[one], alone.adv_images, rtol=0,
                atol=1e-12)


def test_restarts_draw_image_by_image(name, model, images, labels):
    attack = build(name, restarts=2)
    together = attack(model, images, labels, generator=seeded())
    generator = seeded()
    for i in range(len(images)):
        alone = attack(
            model, images[i:i + 1], labels[i:i + 1], generator=generator)
        assert torch.allclose(together[i:i + 1], alone, rtol=0, atol=1e-12)


def test_unlabelled_image_comes_back_unchanged(name, model, images, labels):
    labels = labels.clone()
    labels[0] = 255
    attack = build(name)
    result = attack.run(model, images, labels, generator=seeded())
    assert torch.equal(result.adv_images[0], images[0])
    alone = attack(model, images[1:], labels[1:], generator=seeded())
    assert torch.allclose(
        result.adv_images[1:], alone, rtol=0, atol=1e-12)
    labels[1] = 255
    assert torch.equal(attack(model, images, labels), images)


def test_mask_confines_the_perturbation(name, model, images, labels):
    mask = torch.zeros(2, 1, 8, 10, dtype=torch.bool)
    mask[..., :5] = True
    for norm in ATTACKS.module_dict[name].defined_for:
        adv_images = build(name, norm)(model, images, labels, mask=mask)
        assert torch.equal(adv_images[..., 5:], images[..., 5:])
        assert not torch.equal(adv_images[..., :5], images[..., :5])


def test_ignored_pixels_do_not_count(name, model, images, labels):
    """What lies under ignored pixels changes nothing."""
    attack = build(name, ignore_index=3)
    first = labels.masked_fill(labels == 255, 3)
    adv_images = attack(model, images, first, generator=seeded())
    default = build(name)(
        model, images, first.masked_fill(first == 3, 255), generator=seeded())
    assert torch.equal(adv_images, default)


@pytest.mark.parametrize('context', [
    torch.no_grad, torch.inference_mode, torch.enable_grad
])
def test_works_in_every_gradient_mode(name, context, model, images, labels):
    expected = build(name)(model, images, labels, generator=seeded())
    with context():
        # Tensors made under inference_mode cannot enter a backward pass.
        adv_images = build(name)(
            model, images.clone(), labels.clone(), generator=seeded())
        assert torch.is_grad_enabled() == (context is torch.enable_grad)
    assert torch.equal(adv_images, expected)


def test_everything_is_restored(name, model, images, labels):
    model.norm.eval()  # a frozen BatchNorm inside a training network
    model.stem.weight.requires_grad_(False)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    model.stem.with_cp = True
    modes = [module.training for module in model.modules()]
    before = {k: v.clone() for k, v in model.state_dict().items()}
    grads = [parameter.grad.clone() for parameter in model.parameters()]
    flags = [parameter.requires_grad for parameter in model.parameters()]
    given = images.clone(), labels.clone()
    mask = torch.ones(2, 1, 8, 10, dtype=torch.bool)
    state = torch.get_rng_state()

    build(name)(model, images, labels, mask, generator=seeded())

    assert modes == [module.training for module in model.modules()]
    assert flags == [p.requires_grad for p in model.parameters()]
    assert model.stem.with_cp is True
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])
    for parameter, grad in zip(model.parameters(), grads):
        assert torch.equal(parameter.grad, grad)
    assert torch.equal(images, given[0]) and torch.equal(labels, given[1])
    assert mask.all() and not images.requires_grad
    assert torch.equal(torch.get_rng_state(), state)


def test_everything_is_restored_after_an_error(name, model, images, labels):
    model.train()

    def explode(step, adv_images):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(name)(model, images, labels, callback=explode)
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_model_is_seen_in_eval_mode_without_parameter_gradients(
        name, images, labels):
    seen = []

    class Watched(ToySegmentor):

        def forward(self, images):
            seen.append((self.training, self.dropout.training,
                         self.stem.weight.requires_grad))
            return super().forward(images)

    build(name)(Watched().double().train(), images, labels)
    assert seen and set(seen) == {(False, False, False)}


def test_same_seed_same_result(name, model, images, labels):
    first, second = (
        build(name)(model, images, labels, generator=seeded())
        for _ in range(2))
    assert torch.equal(first, second)


def test_callback_sees_every_step_and_its_tensors_stay(
        name, model, images, labels):
    seen = []

    def callback(step, adv_images):
        seen.append((step, adv_images, adv_images.clone()))

    attack = build(name)
    attack(model, images, labels, callback=callback)
    assert [step for step, _, _ in seen] == list(
        range(1, getattr(attack, 'steps', len(seen)) + 1))
    for _, adv_images, copy in seen:
        assert torch.equal(adv_images, copy)
        assert adv_images.shape == images.shape
        assert not adv_images.requires_grad


def test_attack_raises_the_error_rate(name, model, images):
    model.eval()
    labels = model(images).logits.argmax(1)
    model.train()
    adv_images = build(name)(model, images, labels)
    model.eval()
    assert (model(adv_images).logits.argmax(1) != labels).any()


def test_eps_zero_returns_the_clean_images(name, model, images, labels):
    adv_images = build(name, eps=0)(model, images, labels)
    assert torch.equal(adv_images, images)


def test_slack_of_the_range_is_clamped(name, model, images, labels):
    images[0, 0, 0, 0], images[0, 0, 0, 1] = -5e-5, 1 + 5e-5
    adv_images = build(name, eps='8/255')(model, images, labels)
    assert adv_images.min() >= 0 and adv_images.max() <= 1
    assert adv_images[0, 0, 0, 0] <= 8 / 255


def test_non_finite_number_names_the_step(name, images, labels):
    attack = build(name)
    breaks_at = min(2, getattr(attack, 'steps', 2))

    class Breaks(ToySegmentor):

        def forward(self, images):
            output = super().forward(images)
            if images.requires_grad:
                scale = float('inf') if self.calls >= breaks_at else 1
                images = images * 1
                images.register_hook(lambda grad: grad * scale)
                output = output._replace(
                    logits=output.logits + 1e-9 * images.sum())
            elif name in WITHOUT_GRADIENT and self.calls >= breaks_at:
                output = output._replace(logits=output.logits * float('nan'))
            return output

    with pytest.raises(FloatingPointError, match='not finite at step [123]'):
        attack(Breaks().double(), images, labels)


def test_labels_beyond_the_classes_are_refused(name, model, images, labels):
    labels[0, 4, 4] = 7
    with pytest.raises(ValueError, match=r'labels must lie in \[0, 4\).*7'):
        build(name)(model, images, labels)
    labels[0, 4, 4] = -1
    with pytest.raises(ValueError, match=r'labels must lie in \[0, 4\).*-1'):
        build(name)(model, images, labels)


def test_raw_segmentor_is_refused_with_advice(name, images, labels):

    class EncoderDecoder(nn.Module):
        data_preprocessor = None

        def encode_decode(self, inputs, metas):
            return inputs

    with pytest.raises(TypeError, match=r'PixelModel\(segmentor\)'):
        build(name)(EncoderDecoder(), images, labels)


def test_half_precision_images_are_a_type_error(name, model, images, labels):
    with pytest.raises(TypeError, match='images must be float32 or float64'):
        build(name)(model, images.half(), labels)


def test_autocast_forward_gives_a_full_precision_result(
        name, model, images, labels):
    model, images = model.float(), images.float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        adv_images = build(name)(model, images, labels)
    assert adv_images.dtype == torch.float32
    assert (adv_images - images).abs().max() <= EPS['linf'] + 1e-6
    assert not torch.equal(adv_images, images)


def test_other_norms_are_refused_by_name(name):
    for norm in {*EPS, 'l1'} - {*ATTACKS.module_dict[name].defined_for}:
        with pytest.raises(ValueError, match='norm must be .*but got '
                           f'{norm!r}'):
            ATTACKS.build(dict(FAST[name], type=name, norm=norm))
