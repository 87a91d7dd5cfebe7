"""Show the adversarial images that a training trains on."""
from functools import partial
from typing import Any, List, Optional, Sequence

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ..attacks.base import check_int, frozen, own_chance, predict_classes
from ..painting import Tile, colour_classes, full_palette, magnify, tile
from ..pixel_model import PerturbedBatch, PixelModel
from ..pixel_model.space import size_of
from ..registry import HOOKS
from .attack_hook import AttackHook

NAME = 'adversary'  # of the pictures, for the backends
WHITE = 255  # what does not count


@HOOKS.register_module()
class AdversaryPicturesHook(Hook):
    """Show an adversarial image of the training now and then.

    A picture has the image, the adversary and the perturbation side by side,
    magnified around grey, and below them the predictions of both and the
    labels, with the share of labelled pixels that are right. It goes to the
    visualizer of the runner and so to every backend that this has, a file
    ``vis_data/vis_image/adversary_N.png`` of iteration N with
    ``LocalVisBackend``.

    The adversary is the one that the iteration trains on, so that nothing is
    attacked for it; the model predicts it and its image as the attack saw
    them: in evaluation mode, before the step of the optimizer.

    Note:
        - Only the first process shows its first attacked image.
        - Pixels without a label that counts are white.

    Args:
        interval (int): Show the first iteration and every ``interval``-th
            after it. Where a batch has no adversary, as after an overflow in
            half precision, the next that has one is shown. Defaults to 500.

    Example:
        >>> custom_hooks = [
        ...     dict(type='mmseg_rppgd.RPPGDHook', steps=3),
        ...     dict(type='mmseg_rppgd.AdversaryPicturesHook', interval=500)
        ... ]
    """

    # Before AttackHook, which it asks.
    priority = 'ABOVE_NORMAL'

    def __init__(self, interval: int = 500) -> None:
        check_int('interval', interval, least=1)
        self.interval = interval
        self._attacker: Any = None

    def before_train(self, runner: Runner) -> None:
        """Find out who attacks: a hook or the model."""
        hooks = [hook for hook in runner.hooks
                 if isinstance(hook, AttackHook) and 'train' in hook.stages]
        model = runner.model
        model = getattr(model, 'module', model)
        if getattr(model, 'attacks_in_training', False):
            hooks.append(model)
        if not hooks or not hooks[0].adv_ratio:
            raise ValueError(
                f'{type(self).__name__} has nothing to show: this training '
                'attacks no image; add an attack hook with '
                "stages='train', or an AdversarialSegmentor, with adv_ratio "
                f'above 0, or remove {type(self).__name__}')
        self._attacker = hooks[0]

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Ask for the images where it is time."""
        if runner.iter % self.interval == 0 and is_main_process():
            self._attacker.training_attack.watcher = partial(
                self.show, runner)

    def show(self, runner: Runner, batch: PerturbedBatch) -> None:
        """Show the first adversarial image of a batch.

        Args:
            runner (Runner): Has the visualizer and the classes.
            batch (PerturbedBatch): With adversarial images.
        """
        meta = getattr(runner.train_dataloader.dataset, 'metainfo', {})
        palette = full_palette(meta.get('palette'),
                               model_of(batch).num_classes)
        runner.visualizer.add_image(
            NAME, self.draw(batch, palette), runner.iter + 1)

    def draw(self, batch: PerturbedBatch,
             palette: Sequence[Sequence[int]]) -> np.ndarray:
        """Draw the first adversarial image of a batch.

        Args:
            batch (PerturbedBatch): With adversarial images.
            palette (sequence): Colour of each class.

        Returns:
            np.ndarray: (H, W, 3) uint8 RGB.
        """
        image, adversary, labels = (
            each[0] for each in (batch.clean_images, batch.adv_images,
                                 batch.labels))
        model = model_of(batch)
        void = self._attacker.attack.resolved_ignore_index(model)
        labelled = (labels != void).cpu().numpy()
        truth = labels.cpu().numpy()
        tiles = [
            Tile(to_bytes(image), 'image', True),
            Tile(to_bytes(adversary), 'adversary', True), _noise(
                adversary - image)]
        predictions = predict(
            model.with_label_size(size_of(labels)), [image, adversary])
        for name, classes in zip(('clean', 'attacked'), predictions):
            right = (classes == truth)[labelled]
            share = f' {100 * right.mean():.1f} %' if right.size else ''
            tiles.append(Tile(_paint(classes, palette, labelled),
                              f'{name} prediction{share}'))
        tiles.append(Tile(_paint(truth, palette, labelled), 'ground truth'))
        return tile(tiles, columns=3)


def predict(model: PixelModel, images: List[Tensor]) -> List[np.ndarray]:
    """Predict images as an attack sees them; change nothing.

    Args:
        model (PixelModel): The model.
        images (list[Tensor]): (3, H, W) of one size.

    Returns:
        list[np.ndarray]: Classes of each, at the size of the labels.
    """
    generator = torch.Generator().manual_seed(0)
    # Frozen, for autocast would keep casts without a gradient otherwise.
    with torch.no_grad(), frozen(model.attacked_networks()), own_chance(
            generator, images[0].device):
        logits = model(torch.stack(images)).logits
    return list(predict_classes(logits).cpu().numpy())


def model_of(batch: PerturbedBatch) -> PixelModel:
    """Return what was attacked in a batch that has adversarial images."""
    assert batch.model is not None
    return batch.model


def to_bytes(image: Tensor) -> np.ndarray:
    """An image (3, H, W) in [0, 1] as (H, W, 3) uint8."""
    image = (image.detach() * 255).round().clamp(0, 255).byte()
    return image.permute(1, 2, 0).cpu().numpy()


def _noise(delta: Tensor) -> Tile:
    picture, factor = magnify(
        delta.detach().permute(1, 2, 0).cpu().numpy())
    return Tile(picture, f'perturbation x{factor:.3g}', True)


def _paint(classes: np.ndarray, palette: Sequence[Sequence[int]],
           labelled: np.ndarray) -> np.ndarray:
    painted = colour_classes(classes, palette)
    painted[~labelled] = WHITE
    return painted
