"""A random search that needs no gradient."""
from typing import Any, List, NamedTuple, Optional

import torch
from torch import Tensor

from ..registry import ATTACKS
from .base import (Attack, AttackInputs, AttackResult, BestIterate, Callback,
                   CheckedModel, FiniteCheck, check_int, full_precision)
from .objectives import mean_over_labelled
from .pixel_losses import margin
from .threat_model import Ball, Number, parse_number

# Of 10,000 queries: where the area of the squares is halved.
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


class Chances(NamedTuple):
    """What chance decides for one run, numbers in [0, 1).

    Args:
        stripes (Tensor): (B, 3, W), the signs of the start.
        squares (Tensor): (B, steps, 5): row, column and the three signs of
            each square.
    """
    stripes: Tensor
    squares: Tensor


@ATTACKS.register_module()
class Square(Attack):
    """Change random squares by plus or minus eps; keep what helps.

    The first query is of vertical stripes of plus or minus eps. Each further
    one moves a square window of the best image so far to plus or minus eps,
    one sign for each channel, and keeps it if that raises the score of the
    image: the mean over its labelled pixels of the margin max_{k != y} z_k -
    z_y, cut off at 0 where the pixel is wrong. The squares shrink by the
    published schedule. Only the order of the logits of a pixel and the size
    of its margin are used, so the attack also works where a model hides,
    breaks or rescales its gradients: it must not beat a white box.

    Paper: Andriushchenko et al., Square Attack: a query-efficient black-box
    adversarial attack via random search, ECCV 2020, Algorithms 1 and 2; p as
    in AutoAttack (Croce and Hein, ICML 2020). It is defined for
    classification. Deviations: the score is the mean over pixels, cut off so
    that pixels that are wrong already earn nothing more; every image uses
    all its queries; a square that would change nothing is not drawn again.

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, 0.03.
        norm (str): 'linf'; the squares of the l2 attack are others.
            Defaults to 'linf'.
        steps (int): Number of queries, a forward pass each; the start is the
            first. Defaults to 500.
        p_init (float): Share of the area of the image that the first squares
            take, in (0, 1]. Defaults to 0.8.
        keep (str): ``'best'`` returns the query with most wrong labelled
            pixels, ``'last'`` the one with the highest score. Defaults to
            'best'.
        kwargs: ignore_index, restarts and targeted of :class:`Attack`.

    Raises:
        ValueError: If an argument is out of range, or norm is not 'linf'.
        FloatingPointError: If a margin of the model is NaN; names the step.

    Example:
        >>> attack = Square('8/255', steps=1000)
    """

    defined_for = ('linf', )

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 steps: int = 500,
                 p_init: Number = 0.8,
                 keep: str = 'best',
                 **kwargs: Any) -> None:
        super().__init__(eps, keep=keep, **kwargs)
        check_int('steps', steps, least=1)
        self.steps = steps
        self.p_init = parse_number('p_init', p_init)
        if not 0 < self.p_init <= 1:
            raise ValueError('p_init, a share of the area of the image, must '
                             f'be in (0, 1], but got {p_init}')

    def side(self, step: int, height: int, width: int) -> int:
        """Return the side of the square that step 2, 3, ... tries."""
        query = (step - 1) / self.steps * 10_000
        halved = sum(query > bound for bound in HALVINGS)
        side = round((self.p_init / 2**halved * height * width)**0.5)
        return max(1, min(side, height, width))

    @torch.no_grad()
    def _run(self, model: CheckedModel, inputs: AttackInputs,
             callback: Optional[Callback]) -> AttackResult:
        ball = self.threat_model.around(inputs.images, inputs.mask)
        tracker = BestIterate(inputs)
        for chances in self._chances(inputs):
            result = self._search(model, inputs, ball, chances, callback,
                                  tracker)
        if self.keep == 'best' or self.restarts > 1:
            return tracker.result()
        return result

    def _chances(self, inputs: AttackInputs) -> List[Chances]:
        """Draw all that a run needs, image by image.

        So a batch equals its images one by one; an image without a labelled
        pixel, which stays clean, draws nothing.
        """
        images = inputs.images
        stripes = images.new_zeros(self.restarts, len(images), 3,
                                   images.shape[3])
        squares = images.new_zeros(self.restarts, len(images), self.steps, 5)
        for i, (count, generator) in enumerate(
                zip(inputs.num_labelled.tolist(), inputs.generators)):
            device = images.device if generator is None else generator.device
            for run in range(self.restarts if count else 0):
                for table in (stripes[run, i], squares[run, i]):
                    table.copy_(torch.rand(
                        table.shape, generator=generator, dtype=table.dtype,
                        device=device))
        return [Chances(*run) for run in zip(stripes, squares)]

    def _search(self, model: CheckedModel, inputs: AttackInputs, ball: Ball,
                chances: Chances, callback: Optional[Callback],
                tracker: BestIterate) -> AttackResult:
        """Run once; return the images of the highest score."""
        finite = FiniteCheck(self.name, self.steps, inputs.images.device,
                             what='margin')
        best = ball.project(
            inputs.images + ball.eps * signs(chances.stripes)[:, :, None])
        score = None
        for step in range(1, self.steps + 1):
            tried = best if step == 1 else self._with_square(
                best, inputs, ball, chances.squares[:, step - 1], step)
            logits = model(tried).logits
            tracker.see(tried, logits)
            wrong = inputs.count_wrong(logits)
            new = self._score(logits, inputs)
            finite.note(new.isnan().any(), step)
            if score is None:
                score, best_wrong = new, wrong
            else:
                better = new > score
                score = torch.where(better, new, score)
                best = torch.where(better.view(-1, 1, 1, 1), tried, best)
                best_wrong = torch.where(better, wrong, best_wrong)
            if callback is not None:
                callback(step, best)
        finite.raise_if_not()
        return AttackResult(best, 100 * best_wrong / inputs.num_labelled)

    def _with_square(self, images: Tensor, inputs: AttackInputs, ball: Ball,
                     chances: Tensor, step: int) -> Tensor:
        """Return the images with a square of each at the edge of the ball.

        Shape:
            chances (B, 5), see :class:`Chances`.
        """
        height, width = images.shape[2:]
        side = self.side(step, height, width)
        rows = inside(chances[:, 0], side, height)[:, None, :, None]
        columns = inside(chances[:, 1], side, width)[:, None, None, :]
        moved = (inputs.images +
                 ball.eps * signs(chances[:, 2:])[:, :, None, None])
        return ball.project(torch.where(rows & columns, moved, images))

    def _score(self, logits: Tensor, inputs: AttackInputs) -> Tensor:
        """Return how far each image has come (B,), 0 at most."""
        with full_precision(logits.device):
            margins = margin(logits, inputs.labels)
            if self.targeted:
                margins = -margins
            return mean_over_labelled(margins.clamp(max=0), inputs)


def signs(chances: Tensor) -> Tensor:
    """Return 1 or -1 for numbers in [0, 1)."""
    return torch.where(chances < 0.5, -1., 1.).to(chances)


def inside(chances: Tensor, side: int, size: int) -> Tensor:
    """Return which of ``size`` places (B, size) a window of ``side`` takes.

    Every place where it fits is equally likely.
    """
    # A number just below 1 can round up when it is multiplied.
    first = (chances * (size - side + 1)).long().clamp(max=size - side)
    places = torch.arange(size, device=chances.device)
    return (places >= first[:, None]) & (places < first[:, None] + side)
