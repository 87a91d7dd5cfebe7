"""Where RP-PGD gains and loses pixels against SegPGD, region by region.

Divides the labelled pixels of each image by the history of an attack, as
Definitions 1-3 do, and reports which share of each region is wrong at the
end. Between RP-PGD and SegPGD stand variants that differ in one thing each.

    python benchmarks/rppgd_regions.py CONFIG CHECKPOINT --steps 10 40 100
"""
from collections import defaultdict
from typing import Dict, List, Tuple

import torch
from common import model_and_samples, model_options
from torch import Tensor, nn

from mmseg_rppgd import PixelModel
from mmseg_rppgd.attacks import RPPGD, Attack, SegPGD
from mmseg_rppgd.attacks.base import AttackedModel, predict_classes

HEADER = ('attack', 'steps', 'MisRatio', 'True', 'Boundary', 'False',
          'wrong in T', 'wrong in B', 'wrong in F')


def segpgd_weights(step: int, steps: int) -> Tuple[float, float, float]:
    """SegPGD's weights, given by history instead of the prediction."""
    wrong_weight = (step - 1) / (2 * steps)
    return 1 - wrong_weight, wrong_weight, wrong_weight


def variants(steps: int) -> Dict[str, Attack]:
    """From SegPGD to RP-PGD, one change at a time."""
    return {
        'SegPGD': SegPGD(steps=steps),
        '+ history (T, B and F for right and wrong)': RPPGD(
            steps=steps, beta=1, region_weights=segpgd_weights),
        '+ weights of Eq. 4 (region term alone)': RPPGD(steps=steps, beta=1),
        '+ prototype term (RP-PGD)': RPPGD(steps=steps),
    }


class Watched(AttackedModel):
    """A model that notes where each of its predictions is right.

    Args:
        model (PixelModel): The model.
        labels (Tensor): Labels (1, H, W).
    """

    def __init__(self, model: nn.Module, labels: Tensor) -> None:
        super().__init__(model)
        self.labels = labels
        self.right: List[Tensor] = []

    def __call__(self, images: Tensor):
        output = self.network(images)
        self.right.append(predict_classes(output.logits) == self.labels)
        return output

    def attacked_networks(self) -> List[nn.Module]:
        return self.network.attacked_networks()


def count(attack: Attack, model: PixelModel, image: Tensor, labels: Tensor,
          seed: int) -> Tensor:
    """Return pixels (2, 3): in T, B and F at the end, and wrong of those."""
    labelled = labels != 255
    watched = Watched(model, labels)
    adv_image = attack(watched, image, labels,
                       generator=torch.Generator().manual_seed(seed))
    iterates = watched.right[-(attack.steps - 1):]  # x_adv_1..x_adv_{N-1}
    with torch.no_grad():
        clean_right = watched(image) is not None and watched.right[-1]
        wrong = watched(adv_image) is not None and ~watched.right[-1]
    always_right = torch.stack(iterates).all(0)
    regions = (clean_right & always_right, clean_right & ~always_right,
               ~clean_right)
    return torch.stack([
        torch.stack([(region & labelled).sum() for region in regions]),
        torch.stack([(region & labelled & wrong).sum() for region in regions])
    ])


def main() -> None:
    options = model_options(__doc__.splitlines()[0]).parse_args()
    segmentor, samples = model_and_samples(options)
    totals = defaultdict(lambda: torch.zeros(2, 3, dtype=torch.int64))
    for index, (image, labels) in enumerate(samples):
        model = PixelModel(segmentor, tuple(labels.shape[1:]))
        for steps in options.steps:
            for name, attack in variants(steps).items():
                totals[steps, name] += count(attack, model, image, labels,
                                             options.seed + index).cpu()
        print(f'{index + 1} of {options.limit} images', flush=True)
    print('| ' + ' | '.join(HEADER) + ' |\n' + '|---' * len(HEADER) + '|')
    for (steps, name), (pixels, wrong) in totals.items():
        shares = [wrong.sum() / pixels.sum(), *(pixels / pixels.sum()),
                  *(wrong / pixels.clamp_min(1))]
        print(f'| {name} | {steps} | ' +
              ' | '.join(f'{100 * share:.1f}' for share in shares) + ' |')


if __name__ == '__main__':
    main()
