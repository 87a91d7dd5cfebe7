"""Self-checks of the model: are its losses and gradients to be believed?

They read what :mod:`run.model_probe` measured. The limits lie between ten
and more sound models and twenty masked ones: see docs/protocol.md.
"""
from typing import Any, List, Optional

import numpy as np

from ..run.model_probe import STEPS
from .evidence import Check, Evidence, make_check

SAME = 1e-3  # of the spread of the logits
SURE = 0.5  # share of right pixels without a loss
STILL = 0.3  # share of right pixels whose logits do not move
GAIN_SMALL = (0.7, 1.4)  # of the loss over its prediction, a small step
GAIN_LEAST = 0.15  # the same, larger steps
WAVE = (0.8, 0.1)  # a gain under this that then rises by that
OFF = 0.25  # distance from the prediction in random steps
BLIND = 0.1  # effect of the pixels that have no gradient
ONE = 1e-3  # how far a sum of probabilities may be from 1

SCALE_FREE = ('APGD(pixel_loss=spherical), PAdam(pixel_loss=cosine) and CW '
              'do not depend on the size of the logits')
NO_GRADIENT = ('Do not believe the white-box rows: attack without gradients '
               '(Square), by transfer (--surrogate), or attack the model '
               'without the part')


def one_answer(evidence: Evidence) -> Optional[Check]:
    """A model says the same of an image twice."""
    apart = _largest(seen['differ'] for seen in evidence.seen)
    if apart is None:
        return None
    name = 'two predictions agree'
    if apart <= SAME:
        return make_check(name, True, 'Two predictions of one image agree.')
    return make_check(
        name, False, f'Two predictions of one image are {100 * apart:.3g} % '
        'of the spread of the logits apart: the model draws numbers, and '
        'every number of this report is that of one draw. Switch its chance '
        'off, or let the network return the mean of several draws, so that '
        'attacks see them too.')


def real_logits(evidence: Evidence) -> Optional[Check]:
    """Logits are no probabilities, whose softmax has no gradient."""
    seen = evidence.seen
    if not seen or any(s['lowest'] is None or s['highest'] is None
                       for s in seen):
        return None
    lowest = min(s['lowest'] for s in seen)
    highest = max(s['highest'] for s in seen)
    name = 'logits are no probabilities'
    if lowest < 0 or highest > 1:
        return make_check(name, True, 'The logits are no probabilities (from '
                          f'{lowest:.3g} to {highest:.3g}).')
    ones = all(s['sum_off'] is not None and s['sum_off'] < ONE for s in seen)
    return make_check(
        name, False, 'The logits lie in [0, 1]' +
        (' and sum to 1 over the classes' if ones else '') +
        ': they look like probabilities, and a softmax of those takes most '
        'of the gradient away. Let the network return what is before its '
        f'{"softmax" if ones else "sigmoid"}.')


def something_to_climb(evidence: Evidence) -> Optional[Check]:
    """Pixels that are right have a loss that moves with the image."""
    sure = _mean(seen['sure'] for seen in evidence.seen)
    still = _largest(_mean(p.get('still') for p in points)
                     for points in evidence.points)
    if sure is None:
        return None
    found = []
    if sure > SURE:
        found.append(
            f'{100 * sure:.1f} % of the right pixels have a cross-entropy '
            'under 1e-6: the logits are so far apart that an attack has '
            f'nothing to climb there. {SCALE_FREE}: add them to --attacks, '
            'or divide the logits.')
    if still is not None and still > STILL:
        found.append(
            f'{100 * still:.1f} % of the right pixels keep every bit of '
            'their logits when the image moves a little: they are rounded, '
            f'clamped or saturated. {NO_GRADIENT} that does so.')
    return make_check(
        'right pixels have a loss to climb', not found, ' '.join(found) or
        f'{100 * sure:.1f} % of the right pixels have a cross-entropy under '
        f'1e-6, and {100 * (still or 0):.1f} % have logits that do not move.')


def loss_follows(evidence: Evidence) -> Optional[Check]:
    """Steps change the loss as the gradient says."""
    off = _known(_median(p.get('off') for p in points)
                 for points in evidence.points)
    if not off:
        return None
    # Of each point: the gain of the small step, and those of the larger.
    gains = [_known(_median(p['gains'][i] for p in points)
                    for i in range(len(STEPS)))
             for points in evidence.points]
    small = [column[0] for column in gains if column]
    large = [gain for column in gains for gain in column[1:]]
    low, high = GAIN_SMALL
    found = []
    if small and not all(low <= gain <= high for gain in small):
        worst = max(small, key=lambda gain: abs(gain - 1))
        found.append(
            'a step of 0.1/255 along the sign of the gradient changes the '
            f'loss by {worst:.3g} times what the gradient promises (sound '
            'models: about 1)')
    if large and min(large) < GAIN_LEAST:
        found.append(
            'a step of up to 3/255 along the sign of the gradient changes the '
            f'loss by {min(large):.3g} times what the gradient promises '
            '(sound models: 0.3 to 1)')
    elif any(map(_has_wave, gains)):
        found.append(
            'along the sign of the gradient the loss rises in waves that are '
            'shorter than the steps of attacks')
    if max(off) > OFF:
        found.append(
            'small random steps change the loss otherwise than the gradient '
            f'says, by {100 * max(off):.0f} % (sound models: up to 10 %)')
    name = 'the loss follows its gradient'
    if found:
        text = '; '.join(found)
        return make_check(
            name, False, f'{text[0].upper()}{text[1:]}. A part of the '
            'gradient is missing, noise, or of something else than the '
            'loss: look for detach(), rounding, straight-through steps and '
            f'ripples in the model. {NO_GRADIENT} that hides it.')
    gain = f' ({min(small):.2f} of the promise)' if small else ''
    return make_check(
        name, True, 'Small steps change the loss as its gradient says'
        f'{gain}; random ones are off by {100 * max(off):.0f} %.')


def gradient_there(evidence: Evidence) -> Optional[Check]:
    """Pixels without a gradient are those that the model does not read."""
    everything = [p for points in evidence.points for p in points]
    if not everything:
        return None
    name = 'gradients are there'
    share = max(_mean(p['zero_share'] for p in points) or 0.
                for points in evidence.points)
    blind = _largest(_median(p.get('blind') for p in points)
                     for points in evidence.points)
    zeros = f'{100 * share:.2f} % of the pixel values have no gradient'
    if not all(p['finite'] for p in everything):
        return make_check(
            name, False, 'Some gradients are not finite. Look for infinite '
            'logits, or run without half precision.')
    if share == 1:
        return make_check(
            name, False, 'The gradient of the loss is exactly zero at every '
            'pixel: an attack by gradients is mere noise. '
            f'{NO_GRADIENT} that cuts the gradient off.')
    if blind is not None and blind > BLIND:
        return make_check(
            name, False, f'{zeros}, but moving them moves the logits, by '
            f'{100 * blind:.0f} % of what moving all does: their gradient '
            f'is cut off. {NO_GRADIENT} that does so (detach(), no_grad()).')
    return make_check(
        name, True, f'{zeros}' + (
            ', and moving them does nothing: the model does not read them.'
            if share > 0 else '.'))


def _has_wave(gains: List[float]) -> bool:
    """Whether a longer step does more than a shorter one promised.

    Of sound models the gain falls with the step: the loss levels off.
    """
    under, rise = WAVE
    return any(first < under and later > first + rise
               for i, first in enumerate(gains) for later in gains[i:])


def _known(values: Any) -> List[float]:
    return [value for value in values if value is not None]


def _mean(values: Any) -> Optional[float]:
    known = _known(values)
    return float(np.mean(known)) if known else None


def _median(values: Any) -> Optional[float]:
    known = _known(values)
    return float(np.median(known)) if known else None


def _largest(values: Any) -> Optional[float]:
    return max(_known(values), default=None)
