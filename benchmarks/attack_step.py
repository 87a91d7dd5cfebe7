"""Cost of one attack step over the least it could cost.

The floor is one forward pass, upsampling to label size, mean cross-entropy
and one backward pass to the input alone, with frozen parameters.

    python benchmarks/attack_step.py --depth 18 --size 256 256
"""
from functools import partial

import torch
import torch.nn.functional as F
from common import (build_segmentor, parser, peak_memory, ratio, report,
                    segmentor_config, time_interleaved)

from mmseg_rppgd import PixelModel
from mmseg_rppgd.attacks.base import frozen
from mmseg_rppgd.registry import ATTACKS

ATTACK_NAMES = ('PGD', 'SegPGD', 'CosPGD', 'RPPGD')


def floor(segmentor, inputs, labels, steps):
    """Do the least that an attack of so many steps must do."""
    metas = [dict(img_shape=inputs.shape[2:], ori_shape=inputs.shape[2:])
             ] * len(inputs)
    with frozen([segmentor]):
        for _ in range(steps):
            leaf = inputs.detach().requires_grad_()
            logits = segmentor.encode_decode(leaf, metas)
            loss = F.cross_entropy(logits, labels, ignore_index=255)
            torch.autograd.grad(loss, leaf)


def clean_forward(model, images):
    """Do the one pass that RP-PGD needs to know the clean prediction."""
    with torch.no_grad(), frozen(model.attacked_networks()):
        model(images).logits.argmax(1)


def main():
    options = parser(__doc__.splitlines()[0])
    options.add_argument(
        '--classes', type=int, nargs='+', default=(11, 21, 150))
    options.add_argument('--steps', type=int, default=2)
    options = options.parse_args()
    rows = []
    for num_classes in options.classes:
        torch.manual_seed(options.seed)
        config = segmentor_config(options.model, options.depth, num_classes,
                                  options.size)
        segmentor = build_segmentor(config, options.device)
        model = PixelModel(segmentor, surface='whole')
        shape = (options.batch, 3, *options.size)
        images = torch.rand(shape, device=options.device)
        inputs = torch.randn(shape, device=options.device)
        labels = torch.randint(
            num_classes, (options.batch, *options.size),
            device=options.device)
        # Blobs, as labels are, rather than noise; some pixels are ignored.
        labels = labels[:, ::32, ::32].repeat_interleave(
            32, 1).repeat_interleave(32, 2)[:, :shape[2], :shape[3]]
        labels = labels.contiguous()
        labels[:, :8] = 255
        jobs = {'floor': partial(floor, segmentor, inputs, labels,
                                 options.steps)}
        for name in ATTACK_NAMES:
            # Its clean pass is timed apart: the regions are divided at the
            # start instead, at the same cost for each step.
            extra = dict(init_state='start') if name == 'RPPGD' else {}
            attack = ATTACKS.build(
                dict(type=name, steps=options.steps, **extra))
            jobs[name] = partial(attack, model, images, labels)
        jobs['clean'] = partial(clean_forward, model, images)
        seconds = time_interleaved(jobs, options.pairs, options.device)
        floor_bytes = peak_memory(jobs['floor'], options.device)
        for name in ATTACK_NAMES:
            rows.append([
                num_classes, name,
                ratio(seconds, name, 'floor'),
                peak_memory(jobs[name], options.device) / floor_bytes,
                min(seconds[name]) / options.steps
            ])
        rows.append([
            num_classes, 'clean pass of RPPGD (once)',
            options.steps * ratio(seconds, 'clean', 'floor'), '',
            min(seconds['clean'])
        ])
    size = 'x'.join(map(str, options.size))
    report(
        f'One attack step over the floor, {options.model}-R{options.depth}, '
        f'{options.batch}x{size}, median of {options.pairs} interleaved runs',
        ['classes', 'attack', 'time ratio', 'peak memory ratio',
         'least seconds'], rows, options)


if __name__ == '__main__':
    main()
