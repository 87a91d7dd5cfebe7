"""How many passes through a network an attack, or a training, takes."""
from functools import lru_cache
from typing import Any, List, Optional, Tuple

import torch
from mmengine.config import Config
from torch import Tensor, nn

from ..attacks.base import Attack, SegOutput
from ..config import without_scopes
from ..evaluation.plan.typed import parse_attack
from ..pixel_model.batches import share_of
from ..registry import ATTACKS, HOOKS, MODELS

# Forward, gradients of the features, gradients of the weights.
TRAINING_PASSES = 3
CLASSES, SIDE = 21, 4


class Probe(nn.Module):
    """A network that counts its passes, and that no attack fools.

    So an attack that stops once enough pixels are wrong takes all its steps:
    what is counted is the most that it takes.
    """

    right: Tensor
    weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Two classes, for prototypes that can be alike.
        self.labels = torch.zeros(1, SIDE, SIDE, dtype=torch.long)
        self.labels[..., SIDE // 2:] = 1
        right = nn.functional.one_hot(self.labels, CLASSES)
        self.register_buffer('right', 9. * right.permute(0, 3, 1, 2))
        generator = torch.Generator().manual_seed(0)
        self.register_buffer(
            'weights', 0.1 * torch.rand(CLASSES, 3, 1, 1, generator=generator))
        self.passes = 0

    def forward(self, images: Tensor) -> SegOutput:
        """Return logits whose argmax is that of the labels."""
        self.passes += len(images)
        features = nn.functional.conv2d(images, self.weights)
        if features.requires_grad:
            features.register_hook(self._count_backward)
        return SegOutput(self.right + features, features)

    def _count_backward(self, grad: Tensor) -> None:
        self.passes += len(grad)


def attack_passes(attack: Attack) -> int:
    """Count the passes that an attack takes for an image.

    A forward pass, and a backward pass to the image, are one each: of a step
    of PGD there are 2, and RP-PGD takes one more for the clean image. They
    are counted while the attack runs on a network of a few numbers.

    Example:
        >>> attack_passes(RPPGD(steps=3))
        7
    """
    probe = Probe()
    images = torch.full((1, 3, SIDE, SIDE), 0.5)
    attack(probe, images, probe.labels,
           generator=torch.Generator().manual_seed(0))
    return probe.passes


@lru_cache(maxsize=None)
def passes_of(attack: str, steps: Optional[int]) -> int:
    """Count the passes of an attack as typed; None leaves it its steps."""
    config = parse_attack(attack)
    if steps is not None:
        config['steps'] = steps
    return attack_passes(ATTACKS.build(config))


def training_passes(cfg: Config) -> float:
    """Count the passes over a batch that an iteration of a training takes.

    A plain one takes 3. To these comes the attack, on the share of the batch
    that it is run on: RP-PGD of 3 steps on half of the batch makes 6.5.
    DDC-AT attacks the rest too, and predicts it before and after that.

    Args:
        cfg (Config): Config of the training.
    """
    passes = float(TRAINING_PASSES)
    batch_size = cfg.train_dataloader.batch_size
    for attack, adv_ratio in attacks_in_training(cfg):
        share = share_of(batch_size, adv_ratio) / batch_size
        passes += share * attack_passes(attack)
        if divides(cfg):
            passes += (1 - share) * (attack_passes(attack) + 2)
    return passes


def attacks_in_training(cfg: Config) -> List[Tuple[Attack, float]]:
    """Return the attacks of a training, each with its share of a batch."""
    found = []
    for hook in cfg.get('custom_hooks') or ():
        if HOOKS.own(name_of(hook)) is None:
            continue
        built: Any = HOOKS.build(without_scopes(hook))
        if 'train' in getattr(built, 'stages', ()):
            found.append((built.attack, built.adv_ratio))
    if MODELS.own(name_of(cfg.model)) is not None:
        attack = cfg.model.get('attack')
        if attack is None:
            from ..segmentors.ddcat_segmentor import PAPER_ATTACK
            attack = PAPER_ATTACK
        found.append((ATTACKS.build(without_scopes(attack)),
                      cfg.model.get('adv_ratio', 0.5)))
    return found


def divides(cfg: Config) -> bool:
    """Whether a training must know where clean images flip, as DDC-AT."""
    wrapper = MODELS.own(name_of(cfg.model))
    if wrapper is None:
        return False
    from ..segmentors import DDCATSegmentor  # knows mmseg
    return issubclass(wrapper, DDCATSegmentor)


def name_of(part: Any) -> str:
    """Return the type of a part of a config, without the package."""
    return str(part.get('type')).rpartition('.')[2]
