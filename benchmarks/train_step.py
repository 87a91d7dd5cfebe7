"""Cost of an adversarial training iteration over a plain one.

Forward, loss, backward and optimizer step of a batch, half clean and half
attacked by RP-PGD with 3 and 7 steps, over the same without an attack.

    python benchmarks/train_step.py --depth 18 --size 128 128 --batch 4
"""
from functools import partial

import torch
from common import (build_segmentor, parser, ratio, report, segmentor_config,
                    time_interleaved)
from mmengine.optim import OptimWrapper
from mmengine.structures import PixelData
from torch.optim import SGD


def train(segmentor, data_batch, optim_wrapper):
    """Do one training iteration."""
    segmentor.train()
    segmentor.train_step(data_batch, optim_wrapper)


def main():
    options = parser(__doc__.splitlines()[0])
    options.add_argument('--classes', type=int, nargs='+', default=(19, ))
    options.add_argument('--adv-ratio', type=float, default=0.5)
    options.set_defaults(batch=4)
    options = options.parse_args()
    rows = []
    for num_classes in options.classes:
        torch.manual_seed(options.seed)
        plain = segmentor_config(options.model, options.depth, num_classes,
                                 options.size)
        configs = {'plain': plain}
        for steps in (3, 7):
            configs[f'RP-PGD{steps}-AT'] = dict(
                type='mmseg_rppgd.AdversarialSegmentor',
                segmentor=plain,
                attack=dict(type='RPPGD', steps=steps),
                adv_ratio=options.adv_ratio)
        data_batch = make_batch(options.batch, tuple(options.size),
                                num_classes)
        jobs = {}
        for name, config in configs.items():
            segmentor = build_segmentor(config, options.device)
            optim_wrapper = OptimWrapper(
                SGD(segmentor.parameters(), lr=1e-4))
            jobs[name] = partial(train, segmentor, data_batch, optim_wrapper)
        seconds = time_interleaved(jobs, options.pairs, options.device)
        for name in jobs:
            rows.append([
                num_classes, name,
                ratio(seconds, name, 'plain'),
                min(seconds[name])
            ])
    size = 'x'.join(map(str, options.size))
    report(
        f'One training iteration, {options.model}-R{options.depth}, '
        f'{options.batch}x{size}, adv_ratio {options.adv_ratio}, median of '
        f'{options.pairs} interleaved runs',
        ['classes', 'training', 'time ratio', 'least seconds'], rows, options)


def make_batch(batch, size, num_classes):
    """Return a batch as the loader of MMSeg gives it."""
    from mmseg.structures import SegDataSample
    inputs, samples = [], []
    for _ in range(batch):
        inputs.append(torch.randint(256, (3, *size), dtype=torch.uint8))
        blobs = torch.randint(num_classes, (1, size[0] // 16 + 1,
                                            size[1] // 16 + 1))
        labels = blobs.repeat_interleave(16, 1).repeat_interleave(16, 2)
        sample = SegDataSample(
            metainfo=dict(img_shape=size, ori_shape=size, pad_shape=size))
        sample.gt_sem_seg = PixelData(data=labels[:, :size[0], :size[1]])
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


if __name__ == '__main__':
    main()
