"""Which self-check finds which masked model, and does a sound one pass?

Sound models of several families are trained for a moment on SyntheticShapes;
each mask is put over two of them. Prints, for every model, what the probes
measured, which checks failed, the aAcc that the reported attacks leave, and
the aAcc that the same attacks leave when they are made on the model without
the mask.

    python benchmarks/masked_models.py --folder /tmp/sound_models
"""
import argparse
import json
import statistics
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional

import torch
import torch.nn.functional as F
from sound_models import CLASSES, SOUND, scenes, sound_model
from torch import Tensor, nn

from mmseg_rppgd.evaluation import TestedModel, evaluate
from mmseg_rppgd.evaluation.results.checks import OF_MODEL
from mmseg_rppgd.evaluation.results.evidence import Evidence
from mmseg_rppgd.evaluation.run.jobs import GradientJob
from mmseg_rppgd.evaluation.run.model_probe import STEPS
from mmseg_rppgd.evaluation.run.probes import GRADIENT

ATTACKS = ['CosPGD', 'APGD']


class Mask(nn.Module):
    """A network behind a function of its images, logits and itself."""

    def __init__(self, network: nn.Module,
                 function: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        return self.function(self.network, images)


def on_logits(change: Callable[[Tensor], Tensor]) -> Callable:
    """A mask that only sees the logits."""
    return lambda network, images: change(network(images))


def on_images(change: Callable[[Tensor], Tensor]) -> Callable:
    """A mask that only sees the images."""
    return lambda network, images: network(change(images))


def somewhere(like: Tensor, share: float) -> Tensor:
    """A fixed random choice of pixels (1, 1, H, W)."""
    chance = torch.Generator().manual_seed(0)
    return (torch.rand(1, 1, *like.shape[-2:], generator=chance)
            < share).to(like.device)


def detach(x: Tensor, share: float) -> Tensor:
    """Cut the gradient of a share of the pixels."""
    return torch.where(somewhere(x, share), x.detach(), x)


def ripple(network: nn.Module, images: Tensor, often: float = 3000,
           strength: float = 0.2) -> Tensor:
    """Add waves of the pixels that hardly show in the logits."""
    logits = network(images)
    waves = strength * torch.sin(often * images).mean(1, keepdim=True)
    signs = torch.tensor([1., -1.]).repeat(logits.shape[1])[:logits.shape[1]]
    return logits + waves * signs.view(1, -1, 1, 1).to(logits)


def decoy(network: nn.Module, images: Tensor) -> Tensor:
    """Add nothing, with a gradient; not where an image is all noise."""
    logits = network(images)
    steps = images.diff(dim=-1).abs().mean()
    if float(steps) > 0.3:
        return logits
    chance = torch.Generator().manual_seed(1)
    weights = 1000 * torch.randn(
        1, logits.shape[1], *images.shape[-2:], generator=chance).to(images)
    nothing = (images - images.detach()).mean(1, keepdim=True)
    return logits + weights * nothing


def straight_through(coarse: Tensor, images: Tensor) -> Tensor:
    """A step without gradient, with that of doing nothing."""
    return images + (coarse - images).detach()


def jpeg(images: Tensor) -> Tensor:
    """Round 8 x 8 blocks in the frequencies; nothing can be seen through."""
    basis = _cosines().to(images)
    b, c, h, w = images.shape
    blocks = F.unfold(images.detach().reshape(b * c, 1, h, w), 8, stride=8)
    waves = basis @ blocks
    strength = 0.08 * (1 + torch.arange(64) // 8 + torch.arange(64) % 8)
    strength = strength.to(images).view(1, -1, 1)
    waves = (waves / strength).round() * strength
    picture = F.fold(basis.T @ waves, (h, w), 8, stride=8).view(b, c, h, w)
    return straight_through(picture, images)


def _cosines() -> Tensor:
    """The two-dimensional cosine transform of a block, (64, 64)."""
    n = torch.arange(8)
    one = torch.cos((2 * n + 1) * n.view(-1, 1) * torch.pi / 16) / 2
    one[0] /= 2**0.5
    return torch.kron(one, one)


class NoisyGradient(torch.autograd.Function):
    """Nothing forward, noise of three times its size on the way back."""

    @staticmethod
    def forward(context: Any, images: Tensor) -> Tensor:
        return images.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient + 3 * gradient.std() * torch.randn_like(gradient)


# The six of the first report, then others.
MASKS: Dict[str, Callable] = {
    'logits x 30': on_logits(lambda z: 30 * z),
    'logits x 1000': on_logits(lambda z: 1000 * z),
    'softmax as logits': on_logits(lambda z: z.softmax(1)),
    'detached at 40 % of the image': on_images(partial(detach, share=0.4)),
    'ripple on the logits': ripple,
    'decoy gradient': decoy,
    'weaker ripple': partial(ripple, strength=0.05),
    'slower ripple': partial(ripple, often=1000),
    'detached at 40 % of the logits': on_logits(partial(detach, share=0.4)),
    'detached at the left 40 %': on_logits(lambda z: torch.where(
        torch.arange(z.shape[-1]).to(z.device) < 0.4 * z.shape[-1],
        z.detach(), z)),
    'detached at 15 % of the image': on_images(partial(detach, share=0.15)),
    'detached everywhere': on_logits(lambda z: z.detach() + 0 * z),
    'sigmoid as logits': on_logits(torch.sigmoid),
    'sharp sigmoid as logits': on_logits(lambda z: 10 * (10 * z).sigmoid()),
    'logits / 1000': on_logits(lambda z: z / 1000),
    'clamped logits': on_logits(lambda z: z.clamp(-0.5, 0.5)),
    'rounded logits': on_logits(lambda z: z + (z.round() - z).detach() + 0),
    'rounded logits, no gradient': on_logits(lambda z: z.round()),
    'image of 8 levels': on_images(lambda x: straight_through(
        (7 * x).round() / 7, x)),
    'image of 8 levels, no gradient': on_images(
        lambda x: (7 * x).round() / 7 + 0 * x),
    'dropout at test': on_images(lambda x: F.dropout(x, 0.1, True)),
    'noise at test': on_images(lambda x: x + 0.05 * torch.randn_like(x)),
    'JPEG-like': on_images(jpeg),
    'noisy gradient': on_images(NoisyGradient.apply),
}

COLUMNS = ('model', 'clean', 'reported', 'adaptive', 'zeros', 'blind',
           'gain, 0.1', 'least gain', 'off', 'sure', 'still', 'differ',
           'failed')


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    rows = []
    print('| ' + ' | '.join(COLUMNS) + ' |')
    print('|' + '---|' * len(COLUMNS))
    for name in SOUND:
        if chosen(name, options.only):
            network = sound_model(name, options.folder)
            data = pairs(options.images, name == 'location prior')
            rows.append(measure(name, network, None, data, options))
    for name, base in product(MASKS, options.over):
        full = f'{name}, over {base}'
        if chosen(full, options.only):
            network = sound_model(base, options.folder)
            rows.append(measure(full, Mask(network, MASKS[name]), network,
                                pairs(options.images), options))
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1))


def parse() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    options.add_argument('--folder', type=Path,
                         help='where trained models are kept')
    options.add_argument('--over', nargs='+', choices=SOUND, metavar='MODEL',
                         default=['pspnet', 'pspnet, PGD3-AT'])
    options.add_argument('--images', type=int, default=4)
    options.add_argument('--steps', type=int, default=40)
    options.add_argument('--only', nargs='+', metavar='WORDS',
                         help='models whose names have these words')
    options.add_argument('--probes-only', action='store_true',
                         help='attack nothing, and do no other checks')
    options.add_argument('--out', type=Path, help='write all as JSON')
    return options.parse_args()


def chosen(name: str, words: Optional[List[str]]) -> bool:
    return not words or any(word in name for word in words)


def pairs(count: int, banded: bool = False) -> List[tuple]:
    return list(zip(*scenes('val', count, banded)))


def measure(name: str, network: nn.Module, inner: Optional[nn.Module],
            data: List[tuple], options: argparse.Namespace
            ) -> Dict[str, Any]:
    """Test a model as a report does, and look at what its probes saw."""
    words = dict(attacks=ATTACKS, steps=[options.steps], quiet=True,
                 batch_size=len(data))
    model = TestedModel(network, list(CLASSES))
    row: Dict[str, Any] = {'model': name}
    row.update(look(model, data))
    if not options.probes_only:
        results = evaluate(model, data, probes=len(data), **words)
        row.update(clean=results['clean']['aAcc'],
                   reported=results['worst_case']['aAcc'],
                   checks=results['checks'], failed='; '.join(
                       check['name'] for check in results['checks']
                       if not check['passed']))
        if inner is not None:
            row['adaptive'] = evaluate(
                model, data, surrogate=TestedModel(inner, list(CLASSES)),
                probes=0, **words)['worst_case']['aAcc']
    print('| ' + ' | '.join(map(cell, (row.get(c) for c in COLUMNS))) + ' |',
          flush=True)
    return row


def look(model: TestedModel, data: List[tuple]) -> Dict[str, Any]:
    """The numbers that the checks of the model are made of."""
    samples = list(model.samples(data, range(len(data))))
    with model.evaluating():
        seen = [look for record in GradientJob(model)(samples)
                for look in record[GRADIENT]['seen']]
    found: Dict[str, Any] = {}
    for column, key in (('sure', 'sure'), ('differ', 'differ')):
        found[column] = [max(known(s[key] for s in seen), default=None)]
    for column, key in (('zeros', 'zero_share'), ('blind', 'blind'),
                        ('off', 'off'), ('still', 'still')):
        found[column] = [median(s['points'][i].get(key) for s in seen)
                         for i in (0, 1)]
    gains = [[median(s['points'][i]['gains'][j] for s in seen)
              for j in range(len(STEPS))] for i in (0, 1)]
    found['gain, 0.1'] = [column[0] for column in gains]
    found['least gain'] = [min(known(column), default=None)
                           for column in gains]
    evidence = Evidence([], None, {GRADIENT: [{'seen': seen}]}, 'whole',
                        False, len(CLASSES))
    found['failed'] = '; '.join(
        check['name'] for check in (kind(evidence) for kind in OF_MODEL)
        if check is not None and not check['passed'])
    return found


def median(values: Iterable[Optional[float]]) -> Optional[float]:
    values = known(values)
    return statistics.median(values) if values else None


def known(values: Iterable[Optional[float]]) -> List[float]:
    return [value for value in values if value is not None]


def cell(value: Any) -> str:
    if value is None:
        return '-'
    if isinstance(value, list):
        return ' / '.join(map(cell, value))
    return f'{value:.3g}' if isinstance(value, float) else str(value)


if __name__ == '__main__':
    main()
