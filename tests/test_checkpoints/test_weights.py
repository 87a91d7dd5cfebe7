"""Weights are checked tensor by tensor, by name."""
import pytest
import torch
from torch import nn

from mmseg_rppgd.checkpoints.weights import (check_finite, check_pretrained,
                                             check_start, check_weights)


class Network(nn.Module):
    """A backbone of ten convolutions, and a head."""

    def __init__(self, classes=3, depth=10, width=4):
        super().__init__()
        self.backbone = nn.Sequential(*[
            nn.Conv2d(width, width, 1) for _ in range(depth)])
        self.decode_head = nn.Linear(width, classes)
        self.auxiliary_head = nn.Linear(width, classes)


def weights(**changed):
    state = Network().state_dict()
    for name, change in changed.items():
        name = name.replace('__', '.')
        state[name] = change(state[name])
    return dict(state_dict=state)


def with_value(value):
    def change(tensor):
        tensor = tensor.clone()
        tensor.view(-1)[1] = value
        return tensor

    return change


def quantised(tensor):
    return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


UNUSABLE = [
    (with_value(float('nan')), 'holds 1 values that are NaN or infinite'),
    (with_value(-float('inf')), 'holds 1 values that are NaN or infinite'),
    (quantised, 'is quantised'),
    (lambda tensor: tensor.to_sparse(), 'is sparse'),
    (lambda tensor: tensor.to_sparse_csr(), 'is sparse'),
    (lambda tensor: tensor.to('meta'), 'is a meta tensor'),
    (lambda tensor: torch.nested.nested_tensor([tensor]), 'is a nested'),
    (lambda tensor: tensor.char(), 'is torch.int8 and not torch.float32'),
    (lambda tensor: tensor.to(torch.float8_e4m3fn), 'is torch.float8'),
    (lambda tensor: tensor.to(torch.complex64), 'is torch.complex64'),
    (lambda tensor: 0.5, 'is a float and no tensor'),
    (lambda tensor: None, 'is None and no tensor'),
    (lambda tensor: [[0.5] * 4] * 3, 'is a list and no tensor')]


@pytest.mark.parametrize('change, message', UNUSABLE)
@pytest.mark.parametrize('check', [check_weights, check_start,
                                   check_pretrained])
def test_what_fits_by_name_and_shape_is_not_yet_usable(check, change,
                                                       message):
    given = weights(decode_head__weight=change)
    with pytest.raises(ValueError,
                       match=f'x.pth.*: decode_head.weight {message}'):
        check(Network(), given, 'x.pth')


@pytest.mark.parametrize('kind', [torch.float16, torch.bfloat16,
                                  torch.float64])
def test_other_precisions_are_weights(kind):
    given = weights(decode_head__weight=lambda tensor: tensor.to(kind))
    for check in (check_weights, check_start, check_pretrained):
        check(Network(), given, 'x.pth')


def test_what_is_infinite_by_construction_may_be():
    model = Network()
    mask = torch.full((2, 2), -float('inf')).triu(1)
    model.register_buffer('mask', mask)
    given = weights()
    given['state_dict']['mask'] = mask.clone()
    check_weights(model, given, 'x.pth')
    given['state_dict']['mask'][1, 0] = float('nan')
    with pytest.raises(ValueError, match='mask holds 1 values'):
        check_weights(model, given, 'x.pth')


@pytest.mark.parametrize('checkpoint, message', [
    ([1], 'must hold a dict of weights, but holds a list'),
    (None, 'must hold a dict of weights, but holds None'),
    (dict(state_dict=None), 'holds None'),
    ({}, 'backbone.0.weight is missing .and 21 more'),
    (Network(classes=4).state_dict(),
     r'decode_head.weight has the shape \(4, 4\) and not \(3, 4\)')])
def test_what_is_not_there_is_named(checkpoint, message):
    with pytest.raises(ValueError, match=f'x.pth.*{message}'):
        check_weights(Network(), checkpoint, 'x.pth')


def test_weights_of_a_parallel_model_fit():
    check_weights(Network(), {f'module.{key}': value for key, value in
                              Network().state_dict().items()}, 'x.pth')


def test_a_test_does_not_need_the_auxiliary_head_but_a_resume_does():
    given = weights()
    del given['state_dict']['auxiliary_head.weight']
    check_weights(Network(), given, 'x.pth')
    with pytest.raises(ValueError, match='auxiliary_head.weight is missing'):
        check_weights(Network(), given, 'x.pth', needs_all=True)


# --------------------------------------------------------- start of a training
def test_fine_tuning_takes_another_head_and_another_stem():
    given = weights(backbone__0__weight=lambda tensor: torch.ones(4, 3, 1, 1))
    check_start(Network(classes=7), given, 'x.pth')
    del given['state_dict']['decode_head.weight']
    check_start(Network(classes=7), given, 'x.pth')


@pytest.mark.parametrize('model, message', [
    (dict(width=5), r'0 of 20 tensors.*shape \(4, 4, 1, 1\) and not \(5'),
    (dict(depth=12), '20 of 24 tensors.*backbone.10.weight is missing')])
def test_another_backbone_is_refused(model, message):
    with pytest.raises(ValueError, match='load_from.*x.pth.*does not fit the '
                       f'backbone.*{message}.*stay random; take the config'):
        check_start(Network(**model), weights(), 'x.pth')


def test_a_model_without_a_backbone_needs_one_tensor():
    check_start(nn.Linear(2, 3), nn.Linear(4, 3).state_dict(), 'x.pth')
    with pytest.raises(ValueError, match='the model.*0 of 2 tensors'):
        check_start(nn.Linear(2, 3), nn.Conv2d(4, 4, 1).state_dict(),
                    'x.pth')


# ------------------------------------------------------------------- init_cfg
def test_weights_of_a_part_may_lack_some():
    network = nn.Sequential(*[nn.Linear(2, 2) for _ in range(5)])
    state = network.state_dict()
    for name in ('4.weight', '4.bias', '3.weight', '3.bias'):
        del state[name]
    check_pretrained(network, state, 'x.pth')
    del state['2.weight']
    with pytest.raises(ValueError, match='x.pth.*init_cfg of Sequential.*'
                       '5 of 10 tensors fit .2.weight is missing'):
        check_pretrained(network, state, 'x.pth')


def test_a_forgotten_prefix_is_offered():
    network = Network()
    given = dict(state_dict=network.state_dict())
    with pytest.raises(ValueError, match="or set prefix='backbone.'"):
        check_pretrained(network.backbone, given, 'x.pth')
    check_pretrained(network.backbone, given, 'x.pth', 'backbone')
    check_pretrained(network.backbone, given, 'x.pth', 'backbone.')


def test_a_model_of_nan_does_not_train():
    model = Network()
    check_finite(model)
    model.decode_head.bias.data[0] = float('nan')
    with pytest.raises(ValueError, match='^decode_head.bias is NaN'):
        check_finite(model)
