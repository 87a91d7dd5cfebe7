"""Compare RP-PGD with Algorithm 1 written line by line, on a trained model.

Both run in float64 from the same start, on labels at the size of the images.
The literal implementation is that of the tests.

    python benchmarks/rppgd_literal.py CONFIG CHECKPOINT --steps 40 100
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from common import model_and_samples, model_options

from mmseg_rppgd import PixelModel
from mmseg_rppgd.attacks import PGD, RPPGD

sys.path.insert(0, str(Path(__file__).parents[1] / 'tests' / 'test_attacks'))
from literal_rppgd import attack_one  # noqa: E402

EPS, ALPHA = 0.03, 0.01


def main() -> None:
    options = model_options(__doc__.splitlines()[0]).parse_args()
    segmentor, samples = model_and_samples(options)
    model = PixelModel(segmentor.double().requires_grad_(False))
    print('| image | steps | largest difference | MisRatio |\n' + '|---' * 4 +
          '|')
    for index, (image, labels) in enumerate(samples):
        image = image.double()
        labels = F.interpolate(
            labels[:, None].double(), image.shape[2:],
            mode='nearest-exact')[:, 0].long()

        def seeded(seed: int = options.seed + index) -> torch.Generator:
            return torch.Generator().manual_seed(seed)

        start = PGD(EPS, alpha=0, steps=1)(
            model, image, labels, generator=seeded())
        for steps in options.steps:
            ours = RPPGD(EPS, alpha=ALPHA, steps=steps)(
                model, image, labels, generator=seeded())
            literal = attack_one(
                model, image[0], labels[0], start[0], eps=EPS, alpha=ALPHA,
                steps=steps, beta=0.75)
            with torch.no_grad():
                wrong = model(ours).logits.argmax(1) != labels
            ratio = wrong[labels != 255].double().mean()
            gap = (ours[0] - literal).abs().max()
            print(f'| {index} | {steps} | {gap:.1e}'
                  f' | {100 * ratio:.2f} |', flush=True)


if __name__ == '__main__':
    main()
