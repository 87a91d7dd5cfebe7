"""What the benchmarks share: victims, interleaved timing, peak memory."""
import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

import torch
from mmengine.config import ConfigDict
from mmengine.hub import get_config
from torch import Tensor, nn

import mmseg_rppgd
from mmseg_rppgd.evaluation import load_model

BASES = dict(
    pspnet='mmseg::_base_/models/pspnet_r50-d8.py',
    deeplabv3='mmseg::_base_/models/deeplabv3_r50-d8.py')


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument('--model', choices=BASES, default='pspnet')
    options.add_argument('--depth', type=int, choices=(18, 50), default=50)
    options.add_argument(
        '--size', type=int, nargs=2, default=(512, 512), metavar=('H', 'W'))
    options.add_argument('--batch', type=int, default=1)
    options.add_argument(
        '--pairs', type=int, default=15, help='interleaved measurements')
    options.add_argument(
        '--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    options.add_argument('--seed', type=int, default=0)
    options.add_argument('--out', type=Path, help='write the table as JSON')
    return options


def segmentor_config(name: str, depth: int, num_classes: int,
                     size: Sequence[int]) -> ConfigDict:
    """Return a stock model with plain BatchNorm and random weights."""
    config = get_config(BASES[name])
    norm = dict(type='BN', requires_grad=True)
    config.merge_from_dict(
        dict(
            model=dict(
                pretrained=None,
                data_preprocessor=dict(size=tuple(size)),
                backbone=dict(depth=depth, norm_cfg=norm),
                decode_head=dict(norm_cfg=norm, num_classes=num_classes),
                auxiliary_head=dict(norm_cfg=norm, num_classes=num_classes))))
    config = config.model
    if depth == 18:
        config.decode_head.update(in_channels=512, channels=128)
        config.auxiliary_head.update(in_channels=256, channels=64)
    return config


def build_segmentor(config: ConfigDict, device: str) -> nn.Module:
    """Build a model of MMSeg from its config, quietly."""
    from mmseg.registry import MODELS
    from mmseg.utils import register_all_modules
    register_all_modules()
    segmentor = MODELS.build(config)
    # Fresh weights give vanishing features; unit scale keeps them alive.
    for module in segmentor.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return segmentor.to(device)


def model_options(description: str) -> argparse.ArgumentParser:
    """Return a parser for what measures a trained model on its test set."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument('config')
    options.add_argument('checkpoint')
    options.add_argument('--steps', type=int, nargs='+', default=[10, 40, 100])
    options.add_argument(
        '--limit', type=int, default=8, help='the first images')
    options.add_argument('--seed', type=int, default=0)
    options.add_argument('--data-root')
    return options


def model_and_samples(options: argparse.Namespace
                      ) -> Tuple[nn.Module, Iterator[Tuple[Tensor, Tensor]]]:
    """Return the trained segmentor, and images (1, 3, H, W) with labels."""
    changes = {}
    if options.data_root:
        changes['test_dataloader.dataset.data_root'] = options.data_root
    model, loader = load_model(
        options.config, options.checkpoint, cfg_options=changes)

    def samples() -> Iterator[Tuple[Tensor, Tensor]]:
        indices = range(min(options.limit, len(loader.dataset)))
        for sample in model.samples(loader, indices):
            yield sample.image[None], sample.labels[None].long().to(
                sample.image.device)

    return model.segmentor, samples()


def time_interleaved(jobs: Dict[str, Callable[[], None]], pairs: int,
                     device: str) -> Dict[str, List[float]]:
    """Run the jobs in turn, ``pairs`` times; return seconds of each."""
    seconds: Dict[str, List[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()  # warm up
    for _ in range(pairs):
        for name, job in jobs.items():
            synchronize(device)
            start = time.perf_counter()
            job()
            synchronize(device)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(seconds: Dict[str, List[float]], name: str, floor: str) -> float:
    """Return the median of the ratios of neighbouring measurements."""
    return statistics.median(
        a / b for a, b in zip(seconds[name], seconds[floor]))


def synchronize(device: str) -> None:
    """Wait for the device."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)


def peak_memory(job: Callable[[], None], device: str) -> int:
    """Return the most bytes that a job holds above what was there before."""
    if torch.device(device).type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        job()
        return torch.cuda.max_memory_allocated(device) - before
    # The allocator of the CPU reports to the profiler alone.
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(
            activities=activities, profile_memory=True) as profile:
        job()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'trace.json'
        profile.export_chrome_trace(str(path))
        events = json.loads(path.read_text())['traceEvents']
    changes = sorted((event['ts'], event['args']['Bytes']) for event in events
                     if event.get('name') == '[memory]')
    held = most = 0
    for _, change in changes:
        held += change
        most = max(most, held)
    return most


def machine(device: str) -> str:
    """Describe the machine and the versions in a line."""
    if torch.device(device).type == 'cuda':
        name = torch.cuda.get_device_name(device)
    else:
        name = (f'{platform.machine()} CPU, '
                f'{torch.get_num_threads()} threads')
    return (f'{name}; torch {torch.__version__}, '
            f'mmseg_rppgd {mmseg_rppgd.__version__}')


def report(title: str, header: List[str], rows: List[list], options) -> None:
    """Print a Markdown table and write it as JSON where asked."""
    print(f'\n{title} ({machine(options.device)})\n')
    for cells in [header, ['---'] * len(header)] + rows:
        print('| ' + ' | '.join(
            f'{cell:.3f}' if isinstance(cell, float) else str(cell)
            for cell in cells) + ' |')
    if options.out:
        options.out.write_text(
            json.dumps(
                dict(
                    title=title, machine=machine(options.device),
                    settings={k: str(v) for k, v in vars(options).items()},
                    header=header, rows=rows), indent=2))
