"""The worst of several attacks, image by image."""
from functools import partial
from typing import Any, List, Optional, Sequence, Union

import torch
from torch import Tensor

from ..registry import ATTACKS
from .base import (Attack, AttackedModel, AttackInputs, AttackResult,
                   BestIterate, Callback, CheckedModel, OneImage, one_by_one)

SHARED = ('norm', 'eps', 'ignore_index', 'targeted')


@ATTACKS.register_module()
class EnsembleAttack(Attack):
    """Run every attack; return, per image, what leaves the least accuracy.

    Of equals the earlier wins, and the clean image, which is a member too,
    comes last: it is returned only where every attack made the prediction
    better.

    Note:
        - Images are attacked one by one, and the attacks run in their order
          on each with its generator, so the result does not depend on the
          batch.
        - ``steps`` is the sum of the steps of all runs of all members, and
          a callback counts through them. There is none if a member, an
          attack of one's own, has none.

    Args:
        attacks (sequence[dict | Attack]): Configs of the members, or the
            members. They must agree in norm, eps, ignore_index and targeted.
        kwargs: Settings for every member whose config does not have them,
            such as eps, norm, ignore_index, targeted, restarts or steps.

    Raises:
        TypeError: If ``attacks`` is not a sequence, or a setting is unknown
            to a member.
        ValueError: If there is no attack, or they disagree.

    Example:
        >>> attack = EnsembleAttack([
        ...     dict(type='APGD', pixel_loss='js', pixel_weights=None),
        ...     dict(type='CosPGD', steps=100)], eps='8/255')
    """

    def __init__(self, attacks: Sequence[Union[dict, Attack]] = (),
                 **kwargs: Any) -> None:
        if not isinstance(attacks, (list, tuple)):
            raise TypeError('attacks must be a list of configs such as '
                            f"dict(type='APGD'), but got {attacks!r}")
        if not attacks:
            raise ValueError(
                'attacks must have one attack at least, but EnsembleAttack '
                "got none; give them as attacks=[dict(type='APGD'), ...]")
        self.attacks: List[Attack] = [
            attack if isinstance(attack, Attack) else ATTACKS.build(
                {**kwargs, **attack} if isinstance(attack, dict) else attack)
            for attack in attacks
        ]
        shared = {name: self._agreed(name) for name in SHARED}
        super().__init__(keep='best', **{**shared, **pick_shared(kwargs)})
        for name, value in shared.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f'attacks must all have the {name} of the ensemble, '
                    f'{getattr(self, name)}, but set {value} themselves; '
                    f'remove {name} from their configs')
        self.needs_features = any(
            attack.needs_features and attack.feature_layer is None
            for attack in self.attacks)
        if all(hasattr(attack, 'steps') for attack in self.attacks):
            self.steps: int = sum(
                getattr(attack, 'steps') * attack.restarts
                for attack in self.attacks)

    def _agreed(self, name: str) -> Any:
        values = [getattr(attack, name) for attack in self.attacks]
        if any(value != values[0] for value in values):
            named = ', '.join(f'{attack.name} {value}' for attack, value in
                              zip(self.attacks, values))
            raise ValueError(
                f'attacks must all have the same {name}, but got {named}; '
                f'set {name} of the ensemble, or of every member')
        return values[0]

    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Optional[Callback]) -> AttackResult:
        return one_by_one(
            partial(self._run_one, model.model), inputs, callback)

    def _run_one(self, model: AttackedModel,
                 image: OneImage) -> AttackResult:
        inputs = image.inputs
        judge = self.checked(model, inputs.labels)
        worst = BestIterate(inputs)
        count = counter(image.callback)
        for attack in self.attacks:
            result = attack._run(
                attack.checked(model, inputs.labels), inputs, count)
            see(worst, judge, result.adv_images)
        see(worst, judge, inputs.images)
        return worst.result()


def pick_shared(kwargs: dict) -> dict:
    """Return those settings that an ensemble has itself."""
    return {name: kwargs[name] for name in SHARED if name in kwargs}


def see(worst: BestIterate, model: CheckedModel, images: Tensor) -> None:
    """Consider an image with the logits it gives."""
    with torch.no_grad():
        worst.see(images, model(images).logits)


def counter(callback: Optional[Callback]) -> Optional[Callback]:
    """Return a callback that counts the calls of several attacks."""
    if callback is None:
        return None
    calls = 0

    def count(step: int, adv_images: Tensor) -> None:
        nonlocal calls
        calls += 1
        callback(calls, adv_images)

    return count
