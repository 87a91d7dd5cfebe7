import pytest
import torch
from torch import nn
from toy_models import FAST, ToySegmentor

from mmseg_rppgd.attacks import PGD, RPPGD, SegOutput
from mmseg_rppgd.attacks.base import AttackedModel, frozen, predict_classes
from mmseg_rppgd.registry import ATTACKS


def test_every_attack_is_under_the_tests_of_the_guarantees():
    ATTACKS.import_from_location()
    assert set(FAST) == set(ATTACKS.module_dict)


@pytest.mark.parametrize('num_classes', [1, 2, 7])
def test_predicted_class_is_the_first_of_the_largest_logits(num_classes):
    logits = torch.randint(3, (2, num_classes, 9, 9)).float()  # many ties
    before = logits.clone()
    predicted = predict_classes(logits.requires_grad_())
    assert predicted.dtype == torch.int64
    assert torch.equal(predicted, before.argmax(1))
    assert torch.equal(logits, before)


@pytest.mark.parametrize('images, error, message', [
    (None, TypeError, 'images must be a torch.Tensor'),
    (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), TypeError,
     'images must be float32 or float64.*uint8.*/ 255'),
    (torch.zeros(3, 8, 8), ValueError, r'shape \(B, 3, H, W\).*\(3, 8, 8\)'),
    (torch.zeros(1, 1, 8, 8), ValueError, r'shape \(B, 3, H, W\)'),
    (torch.full((1, 3, 8, 8), 200.), ValueError,
     r'images must lie in \[0, 1\] \(not 0-255, not normalised\).*200'),
    (torch.full((1, 3, 8, 8), float('nan')), ValueError, 'must lie in.*nan'),
])
def test_bad_images_name_rule_and_value(images, error, message):
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    with pytest.raises(error, match=message):
        PGD()(ToySegmentor(), images, labels)


@pytest.mark.parametrize('labels, error, message', [
    (torch.zeros(1, 8, 8), TypeError, r'labels must be int64.*labels.long'),
    (torch.zeros(2, 8, 8, dtype=torch.int64), ValueError,
     r'labels must have the shape \(B, H, W\) with B = 1'),
    (torch.zeros(1, 1, 8, 8, dtype=torch.int64), ValueError,
     r'labels must have the shape \(B, H, W\)'),
    (torch.zeros(1, 4, 4, dtype=torch.int64), ValueError,
     'labels must have the size of the logits.*label_size'),
])
def test_bad_labels_name_rule_and_value(labels, error, message):
    with pytest.raises(error, match=message):
        PGD()(ToySegmentor(), torch.zeros(1, 3, 8, 8), labels)


@pytest.mark.parametrize('mask, error, message', [
    (torch.ones(1, 1, 8, 8), TypeError, 'mask must be a bool tensor.*float'),
    (torch.ones(1, 8, 8, dtype=torch.bool), ValueError,
     r'mask must have the shape \(B, 1, H, W\) = \(1, 1, 8, 8\)'),
])
def test_bad_mask_names_rule_and_value(mask, error, message):
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    with pytest.raises(error, match=message):
        PGD()(ToySegmentor(), torch.zeros(1, 3, 8, 8), labels, mask=mask)


@pytest.mark.parametrize('model, error, message', [
    (3, TypeError, 'model must be a callable'),
    (lambda x: [x], TypeError, 'must return logits.*returned list'),
    (lambda x: x[0], ValueError, r'logits \(B, C, H, W\)'),
    (lambda x: x[:0], ValueError, 'labels must have the size of the logits'),
    (lambda x: x.detach(), ValueError, 'does not depend on images'),
    (lambda x: torch.zeros(1, 2, 8, 8, requires_grad=True), ValueError,
     'does not depend on images'),
])
def test_bad_models_are_named(model, error, message):
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    with pytest.raises(error, match=message):
        PGD()(model, torch.zeros(1, 3, 8, 8), labels)


@pytest.mark.parametrize('output, message', [
    (lambda z, f: (None, f), 'must return logits.*NoneType'),
    (lambda z, f: (z, f.flatten(1)), r'features .* must be .*\(B, D, h, w\)'),
    (lambda z, f: (z, f[:1]), r'features .* with B = 2.*\(1, 6, 4, 5\)'),
    (lambda z, f: (z, f.detach()), 'features .* no gradient.*detach'),
    (lambda z, f: (z, f, False, lambda maps: maps),
     r'upsample .* to the size of the labels.*8, 10.*gave.*4, 5'),
    (lambda z, f: (z, f, False, lambda maps: maps.new_zeros(1, 4, 8, 10)),
     'upsample .*'),
])
def test_bad_outputs_with_features_are_named(output, message, images, labels):
    class Bad(ToySegmentor):

        def forward(self, images):
            logits, features, *_ = super().forward(images)
            return SegOutput(*output(logits, features))

    with pytest.raises((TypeError, ValueError), match=message):
        RPPGD(steps=1)(Bad().double(), images, labels)


@pytest.mark.parametrize('kwargs, error, message', [
    (dict(eps=8), ValueError, 'eps must be in .* not 0-255.*got 8'),
    (dict(alpha=2), ValueError, 'alpha must be in .* not 0-255.*got 2'),
    (dict(eps='8/x'), ValueError, "eps must be a number or a fraction"),
    (dict(steps=0), ValueError, 'steps must be >= 1, but got 0'),
    (dict(steps=2.5), TypeError, 'steps must be an int'),
    (dict(steps=True), TypeError, 'steps must be an int'),
    (dict(restarts=0), ValueError, 'restarts must be >= 1'),
    (dict(keep='first'), ValueError, "keep must be 'last' or 'best'"),
    (dict(norm=2), ValueError, 'norm must be one of'),
    (dict(ignore_index=None, random_start=1), TypeError,
     'random_start must be a bool'),
    (dict(ignore_index='255'), TypeError, 'ignore_index must be an int'),
    (dict(targeted='yes'), TypeError, 'targeted must be a bool'),
    (dict(epsilon=.1), TypeError,
     "PGD has no argument 'epsilon'; it takes alpha, eps, .*steps"),
])
def test_bad_settings_name_rule_and_value(kwargs, error, message):
    with pytest.raises(error, match=message):
        PGD(**kwargs)


def test_a_seed_is_no_generator(model, images, labels):
    with pytest.raises(TypeError, match='generator must be a torch.Generator,'
                       ' but got 3; for a seed give'):
        PGD()(model, images, labels, generator=3)


def test_type_of_an_attack_must_be_a_name():
    with pytest.raises(TypeError, match='type of an attack must be a name.*'
                       'got None'):
        ATTACKS.build(dict(type=None))


def test_unknown_attack_lists_the_known_ones():
    with pytest.raises(KeyError, match="unknown attack 'RPGD'.*did you mean "
                       'RPPGD.*known attacks: .*FGSM'):
        ATTACKS.build(dict(type='RPGD'))


def test_registry_takes_scoped_names_and_classes():
    assert ATTACKS.build(dict(type='mmseg_rppgd.PGD', eps=.1)).eps == .1
    assert ATTACKS.build(dict(type=PGD, eps=.1)).eps == .1
    with pytest.raises(TypeError, match='attack must be a dict with a type'):
        ATTACKS.build('PGD')


def test_model_tells_its_ignore_index_when_the_attack_has_none(model, images):
    model.ignore_index = 9
    labels = torch.full((2, 8, 10), 9)
    assert torch.equal(PGD()(model, images, labels), images)
    with pytest.raises(ValueError, match='labels must lie in'):
        PGD(ignore_index=255)(model, images, labels)


def test_networks_a_model_does_not_register_are_frozen_too(images, labels):
    network = ToySegmentor().double().train()

    class Holder(AttackedModel):

        def attacked_networks(self):
            return [network]

    def call(images):
        assert not network.training
        return network(images)

    PGD(steps=1)(Holder(call), images, labels)
    assert network.training


def test_frozen_switches_checkpointing_off_meanwhile():
    network = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    network[0].with_cp = True
    with frozen([network]):
        assert network[0].with_cp is False
        assert not network[1].training
        assert not network[0].weight.requires_grad
    assert network[0].with_cp is True and network[1].training


def test_reentrant_checkpointing_can_be_attacked(images, labels):
    from torch.utils.checkpoint import checkpoint

    class Checkpointed(ToySegmentor):
        with_cp = True

        def forward(self, images):
            if self.with_cp and images.requires_grad:
                return checkpoint(super().forward, images, use_reentrant=True)
            return super().forward(images)

    model = Checkpointed().double()
    model.with_cp = True
    PGD(steps=2)(model, images, labels)
    assert model.with_cp is True


def test_seg_output_needs_logits_alone():
    logits = torch.zeros(1, 2, 3, 3)
    output = SegOutput(logits)
    assert output.features is None and output.upsample is None
    assert output.align_corners is False


def test_callback_runs_without_gradients(model, images, labels):
    seen = []
    PGD(steps=1)(
        model, images, labels,
        callback=lambda *args: seen.append(torch.is_grad_enabled()))
    assert seen == [False]


def test_callback_may_write_to_what_it_is_given(model, images, labels):
    expected = PGD(random_start=False)(model, images, labels)
    adv_images = PGD(random_start=False)(
        model, images, labels, callback=lambda step, x: x.mul_(255))
    assert torch.equal(adv_images, expected)


def test_state_that_a_forward_pass_changes_is_restored(images, labels):
    class Counts(ToySegmentor):

        def __init__(self):
            super().__init__()
            self.register_buffer('written', torch.zeros(()))
            self.register_buffer('replaced', torch.zeros(()))

        def forward(self, images):
            self.written += 1
            self.replaced = self.replaced + 1
            self.norm.train()  # statistics of the batch, whatever the mode
            return super().forward(images)

    model = Counts().double().eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    PGD(steps=2)(model, images, labels)
    assert not any(module.training for module in model.modules())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_model_made_under_inference_mode_is_refused(images, labels):
    with torch.inference_mode():
        model = ToySegmentor().double()
    with pytest.raises(ValueError, match='made under torch.inference_mode'):
        PGD()(model, images, labels)


def test_features_are_what_the_layer_gave(images, labels):
    """Also where the next module writes over them."""
    conv, norm, head = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), (
        nn.Conv2d(6, 4, 1))
    attack = RPPGD(
        steps=2, beta=0, feature_layer='1', random_start=False)
    apart, in_place = (
        attack(nn.Sequential(conv, norm, nn.ReLU(inplace), head).double(),
               images, labels) for inplace in (False, True))
    assert torch.equal(apart, in_place)


def test_model_that_draws_numbers_depends_on_the_generator_alone(images,
                                                                 labels):
    class Draws(ToySegmentor):

        def forward(self, images):
            output = super().forward(images)
            return output._replace(
                logits=output.logits + torch.randn_like(output.logits))

    def attack(seed):
        torch.rand(seed)  # the global state is elsewhere each time
        return PGD(steps=2)(model, images, labels,
                            generator=torch.Generator().manual_seed(7))

    model = Draws().double()
    first, second = attack(1), attack(2)
    assert torch.equal(first, second)
    before = torch.get_rng_state()
    attack(0)
    assert torch.equal(torch.get_rng_state(), before)
