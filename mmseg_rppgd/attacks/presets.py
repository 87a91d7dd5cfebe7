"""The attacks of the literature, each a line of objective and update."""
from typing import Any, Optional, Union

from ..registry import ATTACKS
from .diversity import InputDiversity
from .gradient_attack import GradientAttack
from .objectives import PixelObjective
from .pixel_losses import PixelLoss
from .threat_model import Number, parse_length, parse_number
from .updates import AdamStep, MomentumStep


@ATTACKS.register_module()
class PGD(GradientAttack):
    """Climb the mean cross-entropy by fixed steps from a random start.

    Paper: Madry et al., Towards Deep Learning Models Resistant to
    Adversarial Attacks, ICLR 2018. Deviations: none; the mean is over the
    labelled pixels of each image (Eq. 2 of RP-PGD).

    Args:
        eps (float | str, optional): Radius of the ball, in units of the
            [0, 1] pixel range. Defaults to None, 0.03 for linf and
            0.03 x sqrt(3HW) for l2.
        alpha (float | str, optional): Step size, in the same units. Defaults
            to None, 0.01 for linf and eps / 4 for l2.
        steps (int): Number of steps. Defaults to 10.
        random_start (bool): Begin at uniform noise in the ball. Defaults to
            True.
        kwargs: norm, ignore_index, restarts, targeted and keep of
            :class:`Attack`.

    Example:
        >>> adv_images = PGD(eps='8/255')(model, images, labels)
    """

    pixel_weights: Optional[str] = None

    def __init__(self, eps: Optional[Number] = None, **kwargs: Any) -> None:
        super().__init__(
            eps,
            objective=PixelObjective('ce', self.pixel_weights),
            **kwargs)


@ATTACKS.register_module()
class SegPGD(PGD):
    """PGD whose weight moves from right pixels to wrong ones.

    Paper: Gu et al., SegPGD: An Effective and Efficient Adversarial Attack
    for Evaluating and Boosting Segmentation Robustness, ECCV 2022.
    Deviations: none. With l = (step - 1) / (2 steps), pixels that are right
    at this step weigh 1 - l and wrong ones l; targeted swaps them. The
    arguments are those of :class:`PGD`.
    """

    pixel_weights = 'segpgd'


@ATTACKS.register_module()
class CosPGD(PGD):
    """PGD whose pixels weigh the cosine of softmax and one-hot label.

    Paper: Agnihotri and Keuper, CosPGD: an efficient white-box adversarial
    attack for pixel-wise prediction tasks, ICML 2024. Deviations: none; the
    weight is detached, targeted takes 1 minus it. The arguments are those of
    :class:`PGD`.
    """

    pixel_weights = 'cosine'


@ATTACKS.register_module()
class BIM(PGD):
    """PGD from the clean image; with ``norm='l2'`` the paper's l2-BIM.

    Paper: Kurakin et al., Adversarial Examples in the Physical World, 2017.
    The arguments are those of :class:`PGD`, with random_start False.
    """

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 random_start: bool = False,
                 **kwargs: Any) -> None:
        super().__init__(eps, random_start=random_start, **kwargs)


@ATTACKS.register_module()
class FGSM(BIM):
    """One step of the size of the ball from the clean image.

    Paper: Goodfellow et al., Explaining and Harnessing Adversarial Examples,
    ICLR 2015. The arguments are those of :class:`PGD`, with one step and no
    random start.

    Args:
        eps (float | str, optional): As of :class:`PGD`.
        alpha (float | str, optional): Step size, in the units of eps.
            Defaults to None, eps.
        kwargs: As of :class:`PGD`.
    """

    steps_are_fixed = True

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 steps: int = 1,
                 **kwargs: Any) -> None:
        super().__init__(eps, steps=steps, **kwargs)

    def resolved_alpha(self, eps: float) -> float:
        return eps if self.alpha is None else self.alpha


@ATTACKS.register_module()
class MIFGSM(GradientAttack):
    """Steps along accumulated gradients, for adversaries that transfer.

    Paper: Dong et al., Boosting Adversarial Attacks with Momentum, CVPR
    2018; diversity after Xie et al., CVPR 2019. Deviations: the transformed
    logits are mapped back to the labels.

    Args:
        eps (float | str, optional): As of :class:`PGD`.
        decay (float): What is kept of the accumulated gradient, >= 0.
            Defaults to 1.
        diversity (float): Probability that an image is attacked through a
            scaled and shifted view of it. Defaults to 0.
        alpha (float | str, optional): Step size, in the units of eps.
            Defaults to None, eps / steps.
        random_start (bool): Begin at uniform noise in the ball. Defaults to
            False.
        kwargs: As of :class:`PGD`.
    """

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 decay: Number = 1.0,
                 diversity: Number = 0.0,
                 random_start: bool = False,
                 **kwargs: Any) -> None:
        decay = parse_number('decay', decay)
        if decay < 0:
            raise ValueError(f'decay must be >= 0, but got {decay}')
        view = InputDiversity(diversity)
        super().__init__(
            eps,
            objective=PixelObjective('ce'),
            update=MomentumStep(decay),
            view=view if view.probability else None,
            random_start=random_start,
            **kwargs)

    def resolved_alpha(self, eps: float) -> float:
        return eps / self.steps if self.alpha is None else self.alpha


@ATTACKS.register_module()
class PAdam(GradientAttack):
    """Climb with Adam instead of signed steps; keep the best iterate.

    Paper: Halmosi et al., Evaluating the Adversarial Robustness of Semantic
    Segmentation: Trying Harder Pays Off, ECCV 2024 (PAdam-CE and PAdam-Cos).
    Deviations: the loss is the sum over the labelled pixels, not the mean,
    so that Adam's 1e-8 does not stop it on large images; the best iterate is
    chosen per image, by its wrong pixels.

    Args:
        eps (float | str, optional): As of :class:`PGD`.
        steps (int): Number of steps. Defaults to 200.
        lr (float | str): Learning rate, in the units of eps. Defaults to
            '2/255'.
        pixel_loss (str | callable): 'ce', 'cosine' (1 - cos of logits and
            one-hot label) or as of :class:`PixelObjective`. Defaults to 'ce'.
        random_start (bool): Begin at uniform noise in the ball. Defaults to
            True.
        keep (str): Defaults to 'best'.
        kwargs: norm, ignore_index, restarts and targeted of
            :class:`Attack`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self,
                 eps: Optional[Number] = None,
                 *,
                 steps: int = 200,
                 lr: Number = '2/255',
                 pixel_loss: Union[str, PixelLoss] = 'ce',
                 random_start: bool = True,
                 keep: str = 'best',
                 norm: str = 'linf',
                 ignore_index: Optional[int] = None,
                 restarts: int = 1,
                 targeted: bool = False) -> None:
        super().__init__(
            eps,
            objective=PixelObjective(pixel_loss),
            update=AdamStep(),
            alpha=parse_length('lr', lr, norm),
            steps=steps,
            random_start=random_start,
            keep=keep,
            norm=norm,
            ignore_index=ignore_index,
            restarts=restarts,
            targeted=targeted)
