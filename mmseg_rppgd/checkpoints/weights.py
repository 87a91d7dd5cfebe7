"""Whether weights are those of a model: by name, before the first image.

mmengine loads what fits and leaves the rest at random, with a warning that
is easily missed; the numbers would then mean nothing.
"""
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

import torch
from torch import Tensor, nn

# Shares of tensors that must fit. Weights to start a training from: another
# head, or another number of channels at the start, is a habit; another
# backbone is an error.
LEAST_BACKBONE = 0.9
# A network for init_cfg: parts that the pretraining does not have are a
# habit (context modules, plugins); ResNet-50 for ResNet-101 has 0.53.
LEAST_PRETRAINED = 0.6
BRANCHES = 'ddcat_head.'  # of DDC-AT, beside the weights of the stock model
ONLY_TRAINED = ('auxiliary_head.', BRANCHES)  # no test runs them


def check_state_dict(checkpoint: Any, path: str) -> None:
    """Raise a ValueError if ``state_dict`` is there and is no dict."""
    if not isinstance(checkpoint, dict) or 'state_dict' not in checkpoint:
        return
    weights = checkpoint['state_dict']
    if not isinstance(weights, Mapping):
        raise ValueError(
            f"checkpoint {path!r} must hold names and tensors in 'state_dict'"
            f', but holds {_shown(weights)}; save model.state_dict() there')
    odd = next((key for key in weights if not isinstance(key, str)), None)
    if odd is not None:
        raise ValueError(
            f"checkpoint {path!r} must name tensors in 'state_dict', but has "
            f'the key {odd!r}; save model.state_dict() there')


def state_dict_of(checkpoint: Any, path: str) -> Dict[str, Any]:
    """The weights in a checkpoint, by the names of the plain model."""
    if not isinstance(checkpoint, dict):
        raise ValueError(f'checkpoint {path!r} must hold a dict of weights, '
                         f'but holds {_shown(checkpoint)}')
    check_state_dict(checkpoint, path)
    prefix = 'module.'
    return {key[len(prefix):] if key.startswith(prefix) else key: value
            for key, value in checkpoint.get('state_dict', checkpoint).items()
            if isinstance(key, str)}


def drop_branches(checkpoint: Any, path: str) -> None:
    """Leave out what DDC-AT saves beside the weights of the stock model.

    MMEngine would warn of it as of weights of another model.
    """
    weights = checkpoint.get('state_dict', checkpoint)
    for key in state_dict_of(checkpoint, path):
        if key.startswith(BRANCHES):
            for name in (key, f'module.{key}'):
                weights.pop(name, None)


def check_weights(model: nn.Module, checkpoint: Any, path: str,
                  needs_all: bool = False) -> None:
    """Raise a ValueError if weights are not all of the model's.

    Args:
        model (nn.Module): The model.
        checkpoint (dict): What its file holds.
        path (str): What messages call it.
        needs_all (bool): Whether what training alone runs is needed too, as
            in one that goes on. Defaults to False, for a test.
    """
    given = state_dict_of(checkpoint, path)
    wrong = {}
    for name, value in _needed(model):
        if not needs_all and name.startswith(ONLY_TRAINED):
            continue
        fault = misfit(given, name, value) or defect(given[name], value)
        if fault:
            wrong[name] = fault
    _refuse(wrong, f'checkpoint {path!r} does not fit the model of the '
            'config')


def check_start(model: nn.Module, checkpoint: Any, path: str) -> None:
    """Raise a ValueError if a training cannot start from weights.

    What fits must be sound: finite, dense numbers. Nine in ten tensors of
    the backbone must fit, and one at least of a model without a backbone;
    heads may be others.
    """
    given = state_dict_of(checkpoint, path)
    _refuse(_defects(model, given), f'load_from {path!r} cannot be trained '
            'from')
    body = {name: value for name, value in _needed(model)
            if name.startswith('backbone.')}
    least = LEAST_BACKBONE if body else 0.
    _require_share(
        body or dict(_needed(model)), given, least,
        f'load_from {path!r} does not fit the '
        f'{"backbone" if body else "model"} of the config',
        "take the config that it was trained with, or give weights of a part "
        "as init_cfg=dict(type='Pretrained', checkpoint=...) of that part")


def check_pretrained(module: nn.Module, checkpoint: Any, path: str,
                     prefix: Optional[str] = None) -> None:
    """Raise a ValueError if ``init_cfg`` names weights of another network.

    Args:
        module (nn.Module): The module that was to be initialised.
        checkpoint (dict): What its file holds.
        path (str): What messages call it.
        prefix (str, optional): That of ``init_cfg``. Defaults to None.
    """
    given = state_dict_of(checkpoint, path)
    if prefix:
        prefix = prefix.rstrip('.') + '.'
        given = {key[len(prefix):]: value for key, value in given.items()
                 if key.startswith(prefix)}
    what = f'checkpoint {path!r} in init_cfg of {type(module).__name__}'
    _refuse(_defects(module, given), f'{what} cannot be trained from')
    advice = 'take the weights of this network'
    if any(key.startswith('backbone.') for key in given) and not hasattr(
            module, 'backbone'):
        advice += ", or set prefix='backbone.' in init_cfg"
    _require_share(dict(_needed(module)), given, LEAST_PRETRAINED,
                   f'{what} does not fit', advice)


def check_finite(model: nn.Module) -> None:
    """Raise a ValueError if a model is about to train from NaN."""
    for name, value in model.named_parameters():
        if not torch.isfinite(value).all():
            raise ValueError(
                f'{name} is NaN or infinite before the first step of the '
                'training; look at load_from and at the init_cfg of the '
                'config')


# ---------------------------------------------------------------- one tensor
def misfit(given: Dict[str, Any], name: str, wanted: Tensor) -> Optional[str]:
    """Why a tensor is not the one of that name; None if it is."""
    if name not in given:
        return 'is missing'
    if getattr(given[name], 'is_nested', False):
        return None  # has no shape that could be asked for
    shape = getattr(given[name], 'shape', None)
    if shape is not None and shape != wanted.shape:
        return f'has the shape {tuple(shape)} and not {tuple(wanted.shape)}'
    return None


def defect(given: Any, wanted: Tensor) -> Optional[str]:
    """Why a tensor of the right name cannot be used; None if it can."""
    if not isinstance(given, Tensor):
        return f'is {_shown(given)} and no tensor'
    if given.is_meta:
        return 'is a meta tensor, which has no values'
    if given.is_quantized:
        return 'is quantised; dequantise it before it is saved'
    if given.is_nested:
        return 'is a nested tensor; save it dense'
    if given.layout is not torch.strided:
        return f'is sparse ({given.layout}); save it dense'
    kinds = [(tensor.is_floating_point() and tensor.element_size() > 1,
              tensor.is_complex()) for tensor in (given, wanted)]
    if kinds[0] != kinds[1]:
        return f'is {given.dtype} and not {wanted.dtype}'
    odd = ~torch.isfinite(given)
    # Masks of attention are infinite by construction.
    if odd.any():
        odd &= torch.isfinite(wanted.detach()).to(odd.device)
    if odd.any():
        return (f'holds {int(odd.sum())} values that are NaN or infinite, of '
                f'{odd.numel()}')
    return None


def _needed(model: nn.Module) -> Iterator[Tuple[str, Tensor]]:
    """What decides the output of a model."""
    for name, value in model.state_dict().items():
        if isinstance(value, Tensor) and not name.endswith(
                'num_batches_tracked'):
            yield name, value


def _defects(model: nn.Module, given: Dict[str, Any]) -> Dict[str, str]:
    """What of the weights that fit cannot be used."""
    found = {name: defect(given[name], value)
             for name, value in _needed(model)
             if misfit(given, name, value) is None}
    return {name: what for name, what in found.items() if what}


def _require_share(wanted: Dict[str, Tensor], given: Dict[str, Any],
                   least: float, problem: str, advice: str) -> None:
    """Raise a ValueError if too few tensors fit."""
    wrong = {name: what for name, what in (
        (name, misfit(given, name, value)) for name, value in wanted.items())
        if what}
    fit = len(wanted) - len(wrong)
    if not wanted or fit and fit >= least * len(wanted):
        return
    name, what = next(iter(wrong.items()))
    raise ValueError(
        f'{problem}: {fit} of {len(wanted)} tensors fit ({name} {what}), and '
        f'the rest would stay random; {advice}')


def _refuse(wrong: Dict[str, str], problem: str) -> None:
    if wrong:
        name, what = next(iter(wrong.items()))
        more = f' (and {len(wrong) - 1} more)' if len(wrong) > 1 else ''
        raise ValueError(f'{problem}: {name} {what}{more}')


def _shown(value: Any) -> str:
    """What a value is, in a few words."""
    if value is None:
        return 'None'
    return f'a {type(value).__name__}'
