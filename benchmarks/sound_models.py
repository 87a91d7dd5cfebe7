"""Sound models of several families, small and trained for a minute.

The scenes are those of SyntheticShapes, 64 x 64. A model is trained once and
kept in a folder.
"""
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
import torch.nn.functional as F
from mmengine.hub import get_config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmseg_rppgd import PixelModel
from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.datasets.scenes import CLASSES, VOID, draw_scene

SIZE = (64, 64)
SCENES = 256
NARROW = dict(depth=18, stem_channels=16, base_channels=16)
# Stock configs, and what makes them small.
FAMILIES: Dict[str, Tuple[str, Dict[str, Any]]] = dict(
    pspnet=('pspnet_r50-d8', dict(
        backbone=NARROW, decode_head=dict(in_channels=128, channels=32))),
    deeplabv3=('deeplabv3_r50-d8', dict(
        backbone=NARROW, decode_head=dict(in_channels=128, channels=32))),
    fcn=('fcn_r50-d8', dict(
        backbone=NARROW, decode_head=dict(in_channels=128, channels=32))),
    danet=('danet_r50-d8', dict(
        backbone=NARROW, decode_head=dict(
            in_channels=128, channels=32, pam_channels=16))),
    upernet=('upernet_r50', dict(
        backbone=NARROW, decode_head=dict(
            in_channels=[16, 32, 64, 128], channels=32))),
    ocrnet=('ocrnet_r50-d8', dict(backbone=NARROW)),
    segformer=('segformer_mit-b0', dict(
        backbone=dict(embed_dims=16, num_layers=[1, 1, 1, 1]),
        decode_head=dict(in_channels=[16, 32, 80, 128], channels=64))),
    fast_scnn=('fast_scnn', {}),
    bisenetv2=('bisenetv2', dict(decode_head=dict(channels=64))),
)


def build_segmentor(family: str) -> nn.Module:
    """Build a small model of a family, with fresh weights."""
    from mmseg.registry import MODELS
    init_default_scope('mmseg')
    base, changes = FAMILIES[family]
    config = get_config(f'mmseg::_base_/models/{base}.py')
    config.merge_from_dict(dict(model=changes))
    config = config.model
    config.pretrained = None
    config.pop('auxiliary_head', None)
    if family == 'ocrnet':
        for head, channels, inside in zip(config.decode_head, (64, 128),
                                          (32, 64)):
            head.update(in_channels=channels, channels=inside)
        config.decode_head[1].ocr_channels = 32
    _adapt(config)
    config.data_preprocessor.size = SIZE
    return MODELS.build(config)


def _adapt(config: Any) -> None:
    """One process, and the classes of the scenes."""
    if isinstance(config, dict):
        if config.get('type') == 'SyncBN':
            config['type'] = 'BN'
        if 'num_classes' in config:
            config['num_classes'] = len(CLASSES)
        for value in config.values():
            _adapt(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _adapt(value)


def scenes(split: str, count: int, banded: bool = False
           ) -> Tuple[Tensor, Tensor]:
    """Images (N, 3, H, W) in [0, 1] and labels (N, H, W).

    Args:
        split (str): 'train' or 'val'.
        count (int): N.
        banded (bool): Whether the upper and the lower third are of one class
            each, so that the place tells more than the look.
    """
    images, labels = [], []
    for index in range(count):
        image, label = draw_scene(split, index, SIZE)
        images.append(torch.from_numpy(image).permute(2, 0, 1).float() / 255)
        labels.append(torch.from_numpy(label).long())
    pictures, classes = torch.stack(images), torch.stack(labels)
    if banded:
        for i, label in enumerate(classes):
            upper, lower = 18 + i % 7, 40 + i % 5
            label[:upper], label[lower:] = 1, 2
    return pictures, classes


class LocationPrior(nn.Module):
    """A network that adds what it has learned of every place.

    Args:
        network (nn.Module): images -> logits.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.prior = nn.Parameter(torch.zeros(1, len(CLASSES), *SIZE))

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images) + 10 * self.prior


class Subsampled(nn.Module):
    """A network that reads every second row and column."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return F.interpolate(self.network(images[..., ::2, ::2]),
                             images.shape[-2:], mode='bilinear')


class Plain(nn.Module):
    """Convolutions in plain torch, a few pixels wide."""

    def __init__(self) -> None:
        super().__init__()
        layers: List[nn.Module] = []
        for inputs, dilation in ((3, 1), (32, 2), (32, 4), (32, 8)):
            layers += [nn.Conv2d(inputs, 32, 3, padding=dilation,
                                 dilation=dilation, bias=False),
                       nn.BatchNorm2d(32), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(32, len(CLASSES), 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(4 * images - 2)


class Segmentor(nn.Module):
    """A model of MMSeg, from images in [0, 1] to logits at their size."""

    def __init__(self, family: str) -> None:
        super().__init__()
        self.segmentor = build_segmentor(family)
        # In a list: it shares the parameters and is no module of its own.
        self.pixel_model = [PixelModel(self.segmentor)]

    def forward(self, images: Tensor) -> Tensor:
        if not self.training:
            return self.pixel_model[0](images).logits
        space = self.segmentor.data_preprocessor
        logits = self.segmentor(
            (255 * images - space.mean) / space.std, mode='tensor')
        if isinstance(logits, tuple):  # of DANet, whose first is the sum
            logits = logits[0]
        return F.interpolate(logits, images.shape[-2:], mode='bilinear')


# name: (network, adversarial training steps, training iterations)
SOUND: Dict[str, Tuple[Callable[[], nn.Module], int, int]] = {
    **{family: (lambda family=family: Segmentor(family), 0, 200)
       for family in FAMILIES},
    'plain torch': (Plain, 0, 300),
    'pspnet, PGD3-AT': (lambda: Segmentor('pspnet'), 3, 200),
    'segformer, PGD3-AT': (lambda: Segmentor('segformer'), 3, 200),
    'plain torch, PGD3-AT': (Plain, 3, 200),
    'pspnet, hardly trained': (lambda: Segmentor('pspnet'), 0, 8),
    'plain torch, long trained': (Plain, 0, 2000),
    'location prior': (lambda: LocationPrior(Plain()), 0, 200),
    'every second pixel': (lambda: Subsampled(Plain()), 0, 300),
}


def train(network: nn.Module, iterations: int, attack_steps: int,
          banded: bool, seed: int = 0) -> nn.Module:
    """Train on scenes, all of them adversarial if there are steps."""
    images, labels = scenes('train', SCENES, banded)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 4e-3, total_steps=iterations + 1)
    attack = PGD(steps=attack_steps) if attack_steps else None
    generator = torch.Generator().manual_seed(seed)
    for _ in range(iterations):
        chosen = torch.randint(SCENES, (8, ), generator=generator)
        batch, targets = images[chosen], labels[chosen]
        if attack is not None:
            network.eval()
            batch = attack(network, batch, targets, generator=generator)
        network.train()
        loss = F.cross_entropy(network(batch), targets, ignore_index=VOID)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)


def sound_model(name: str, folder: Optional[Path] = None) -> nn.Module:
    """Return a trained model, from the folder if it is there."""
    make, attack_steps, iterations = SOUND[name]
    torch.manual_seed(0)
    network = make()
    path = folder and folder / f'{name.replace(" ", "_")}.pth'
    if path is not None and path.exists():
        network.load_state_dict(torch.load(path, weights_only=True))
        return network.eval().requires_grad_(False)
    train(network, iterations, attack_steps, name == 'location prior')
    if path is not None:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), path)
    return network
