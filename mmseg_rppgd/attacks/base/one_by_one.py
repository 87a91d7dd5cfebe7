"""A batch attacked image by image."""
from typing import Callable, List, NamedTuple, Optional

import torch
from torch import Tensor

from .attack import AttackResult, Callback
from .inputs import AttackInputs


class OneImage(NamedTuple):
    """What an attack of a single image is given.

    Args:
        inputs (AttackInputs): Those of the image, a batch of one.
        callback (callable, optional): To be called after each update.
    """
    inputs: AttackInputs
    callback: Optional[Callback]


def one_by_one(run: Callable[[OneImage], AttackResult], inputs: AttackInputs,
               callback: Optional[Callback]) -> AttackResult:
    """Attack the images of a batch one by one, as if together.

    For attacks that would otherwise let the images of a batch influence each
    other. The callback still sees batches: those of one image at once, of
    several after all have been attacked, for which their iterates are kept.

    Args:
        run (callable): Attacks one image; calls the callback equally often
            for each.
        inputs (AttackInputs): The batch.
        callback (callable, optional): That of the batch.
    """
    size = len(inputs.images)
    if size == 1:
        return run(OneImage(inputs, callback))
    adv_images: List[Tensor] = []
    mis_ratios: List[Optional[Tensor]] = []
    seen: List[List[Tensor]] = []
    for i, has_labels in enumerate((inputs.num_labelled > 0).tolist()):
        single = select(inputs, i)
        if not has_labels:
            adv_images.append(single.images)
            mis_ratios.append(single.num_labelled * float('nan'))
            seen.append([])
            continue
        iterates: List[Tensor] = []
        keep = None if callback is None else keeper(iterates)
        result = run(OneImage(single, keep))
        adv_images.append(result.adv_images)
        mis_ratios.append(result.mis_ratio)
        seen.append(iterates)
    if callback is not None:
        for step in range(max(map(len, seen))):
            callback(
                step + 1,
                torch.cat([
                    iterates[step] if iterates else inputs.images[i:i + 1]
                    for i, iterates in enumerate(seen)
                ]))
    told = [ratio for ratio in mis_ratios if ratio is not None]
    return AttackResult(
        torch.cat(adv_images),
        torch.cat(told) if len(told) == size else None)


def keeper(iterates: List[Tensor]) -> Callback:
    """Return a callback that appends what it is given."""
    return lambda step, images: iterates.append(images)


def select(inputs: AttackInputs, index: int) -> AttackInputs:
    """Return one image of checked inputs as a batch of one."""
    one = slice(index, index + 1)
    return inputs._replace(
        images=inputs.images[one],
        labels=inputs.labels[one],
        labelled=inputs.labelled[one],
        num_labelled=inputs.num_labelled[one],
        mask=None if inputs.mask is None else inputs.mask[one],
        generators=inputs.generators[one])
