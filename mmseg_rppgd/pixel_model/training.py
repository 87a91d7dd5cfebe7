"""The attack of a training batch, as hook and wrapper share it."""
import logging
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from mmengine.dist import broadcast_object_list, get_rank
from mmengine.logging import MessageHub, print_log
from torch import Tensor, nn

from ..attacks.base import Attack, autocasts
from ..timing import TimeShare
from .batches import num_attacked, refuse_no_image
from .perturb import PerturbedBatch, perturb_batch

MOST_IN_A_ROW = 20
LARGEST_SHARE = 0.1
FIRST_ITERATIONS = 100  # in which the share says nothing yet


class TrainingAttack:
    """Attacks the last part of each batch of one training.

    - A share that rounds to no image of the first batch is refused. A
      smaller batch, as at the end of an epoch, is then trained clean.
    - The noise is that of the iteration, see :class:`TrainingNoise`.
    - Where the attack overflows in half precision, the batch is trained
      clean, see :class:`Overflows`.
    - A ``watcher`` is called once with the next batch that has adversarial
      images, before the model is trained on it.
    """

    watcher: Optional[Callable[[PerturbedBatch], None]] = None

    def __init__(self) -> None:
        self.time_share = TimeShare()
        self.overflows = Overflows()
        self.noise = TrainingNoise()
        self._checked_ratio: Optional[float] = None

    def __call__(self,
                 attack: Attack,
                 adv_ratio: float,
                 segmentor: nn.Module,
                 inputs: Union[Sequence[Tensor], Tensor],
                 data_samples: Sequence,
                 normalized: bool = False,
                 pixel_range: Optional[float] = None
                 ) -> Tuple[PerturbedBatch, Dict[str, Any]]:
        """Attack a batch; the arguments are those of ``perturb_batch``.

        Returns:
            tuple: The batch, and what is logged, by name.

        Raises:
            ValueError: If the first batch is too small for ``adv_ratio``.
            FloatingPointError: If a gradient is not finite in full
                precision, or too often in half precision.
        """
        share = self.time_share.begin()
        num_adv = num_attacked(inputs, data_samples, adv_ratio)
        if adv_ratio != self._checked_ratio:
            refuse_no_image(len(data_samples), adv_ratio)
            self._checked_ratio = adv_ratio
        result = self._perturb(
            attack, segmentor, inputs, data_samples, num_adv,
            adv_ratio=adv_ratio, normalized=normalized,
            pixel_range=pixel_range)
        if self.watcher is not None and result.adv_images:
            watcher, self.watcher = self.watcher, None
            watcher(result)
        logs: Dict[str, Any] = {}
        if result.mis_ratio is not None:
            logs['attack_mis_ratio'] = result.mis_ratio.nanmean()
        if share is not None:
            logs['attack_time_share'] = share
        if self.overflows.count:
            logs['attack_overflows'] = self.overflows.count
        return result, logs

    def again(self,
              attack: Attack,
              segmentor: nn.Module,
              inputs: Union[Sequence[Tensor], Tensor],
              data_samples: Sequence,
              normalized: bool = False,
              pixel_range: Optional[float] = None) -> PerturbedBatch:
        """Attack all of some images in an iteration that has begun.

        For a strategy that looks at more adversarial images than it trains
        on. Its time and its overflows count as those of the iteration.

        Returns:
            PerturbedBatch: Without images where the attack overflowed.
        """
        return self._perturb(
            attack, segmentor, inputs, data_samples, len(data_samples),
            normalized=normalized, pixel_range=pixel_range)

    def _perturb(self, attack: Attack, segmentor: nn.Module,
                 inputs: Union[Sequence[Tensor], Tensor],
                 data_samples: Sequence, num_adv: int,
                 **kwargs: Any) -> PerturbedBatch:
        """Attack, but leave images clean where half precision overflows."""
        error: Optional[FloatingPointError] = None
        try:
            result = perturb_batch(
                attack, segmentor, inputs, data_samples, training=True,
                generator=self.noise.generators(num_adv), **kwargs)
        except FloatingPointError as overflow:
            if not in_half_precision(segmentor):
                raise
            error = overflow
            result = PerturbedBatch(inputs, [], [], None, 0.0)
        if num_adv:
            self.overflows.note(error)
        self.time_share.spent(result.seconds)
        return result


class TrainingNoise:
    """The noise of a training iteration, decided by its number.

    Each attacked image has a generator of its own, seeded by the seed of the
    training, the iteration, the rank and the place of the image. So a
    resumed training meets the noise that an unbroken one would have met, and
    the global random state is left alone. Seed and iteration are in the
    message hub, where mmengine's ``RuntimeInfoHook`` puts them, the seed also
    in checkpoints. Several calls in one iteration differ.

    Note:
        - Without a Runner there is no number to go by: noise then comes
          from the global random state.
        - What draws from that state itself, such as dropout, starts anew on
          a resume, as mmengine does not restore it.
    """

    def __init__(self) -> None:
        self._iteration: Optional[int] = None
        self._calls = 0

    def generators(self, count: int) -> Optional[List[torch.Generator]]:
        """Return the generators of the attacked images of one batch."""
        hub = MessageHub.get_current_instance()
        iteration = hub.get_info('iter')
        if iteration is None:
            return None
        seed = hub.get_info('attack_seed')
        if seed is None:
            # That of the first process: the others may have their own, and a
            # checkpoint keeps but one.
            seeds = [hub.get_info('seed', 0)]
            broadcast_object_list(seeds)
            seed = seeds[0]
            hub.update_info('attack_seed', seed)
        self._calls = self._calls + 1 if iteration == self._iteration else 0
        self._iteration = iteration
        numbers = np.random.SeedSequence(
            [seed, iteration, get_rank(), self._calls]).generate_state(
                max(count, 1), np.uint64)
        return [torch.Generator().manual_seed(int(number))
                for number in numbers[:count]]


class Overflows:
    """Counts the batches that an overflow left without an attack.

    Half precision overflows now and then, and ``GradScaler`` skips such a
    step. A batch whose attack overflows is trained clean and counted. What
    happens 20 times in a row, or in more than a tenth of the batches once
    there were 100, is no accident and an error.
    """

    def __init__(self) -> None:
        self.batches = 0
        self.count = 0
        self.in_a_row = 0

    def note(self, error: Optional[FloatingPointError]) -> None:
        """Count a batch, and the error in which its attack ended, if any."""
        self.batches += 1
        if error is None:
            self.in_a_row = 0
            return
        self.count += 1
        self.in_a_row += 1
        if (self.in_a_row >= MOST_IN_A_ROW or
                (self.batches >= FIRST_ITERATIONS
                 and self.count > LARGEST_SHARE * self.batches)):
            raise FloatingPointError(
                f'the attack overflowed in {self.count} of {self.batches} '
                f'batches, {self.in_a_row} of them in a row, which were '
                'trained on clean images; that is no adversarial training. '
                'Train in full precision, or with dtype="bfloat16" in '
                f'optim_wrapper. The last one: {error}') from error
        if self.count & (self.count - 1) == 0:  # 1, 2, 4, 8, ...
            print_log(
                f'The attack overflowed in half precision, so this batch is '
                f'trained on clean images ({self.count} of {self.batches} '
                f'so far): {error}', 'current', logging.WARNING)


def in_half_precision(segmentor: nn.Module) -> bool:
    """Whether a forward pass may leave the range of half precision."""
    parameter = next(segmentor.parameters())
    return (parameter.dtype == torch.float16
            or autocasts(parameter.device.type))
