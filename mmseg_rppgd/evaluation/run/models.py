"""A model under test: what can be attacked, and asked for predictions.

Shapes: images (3, h, w) in [0, 1], labels and predictions (H, W).
"""
import copy
import hashlib
from contextlib import contextmanager
from typing import (Any, Callable, Dict, Iterator, List, NamedTuple, Optional,
                    Sequence)

import torch
from mmengine.runner.amp import autocast
from mmengine.structures import PixelData
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from ...attacks.base import (Attack, SegOutput, check_model, describe,
                             predict_classes)
from ...pixel_model import PixelModel, perturb_batch, unwrap_segmentor
from ...pixel_model.space import PixelSpace
from ...pixel_model.windows import check_windows
from ..files import digest

# An image is decoded far faster than it is attacked.
MAX_WORKERS = 2


class Sample(NamedTuple):
    """One image of the test set.

    Args:
        index (int): Index in the data set.
        image (Tensor): (3, h, w) float RGB in [0, 1].
        labels (Tensor): (H, W) int64.
        path (str): File of the image, or else its index.
        data (dict, optional): What the loader of MMSeg gave: ``inputs`` and
            ``data_samples``, lists of one. Defaults to None.
    """
    index: int
    image: Tensor
    labels: Tensor
    path: str
    data: Optional[Dict[str, list]] = None

    @property
    def sizes(self) -> tuple:
        """tuple: What samples must share to be attacked together."""
        return tuple(self.image.shape), tuple(self.labels.shape)


class Attacked(NamedTuple):
    """What an attack made of one sample.

    Args:
        image (Tensor): (3, h, w) in [0, 1].
        mis_ratio (Tensor, optional): Percentage of wrong labelled pixels in
            the last prediction that the attack saw.
        prediction (Tensor, optional): (H, W) classes, where there is no one
            image that could be predicted (surface 'crop').
    """
    image: Tensor
    mis_ratio: Optional[Tensor]
    prediction: Optional[Tensor] = None


class TestedModel:
    """A network of torch under test: images in [0, 1] -> logits.

    Args:
        network (callable): An ``nn.Module``, or a function, from float RGB
            images (B, 3, H, W) in [0, 1] to logits (B, C, H, W) at the size
            of the labels, or to a ``SegOutput``. Normalisation is inside.
        classes (Sequence[str]): Names of the C classes.
        ignore_index (int, optional): Label of the pixels that do not count.
            None means that every pixel counts. Defaults to 255.
        feature_layer (str, optional): Path of the module in ``network``
            whose output RP-PGD reads as features, such as
            ``'net.classifier.3'``. Defaults to None, the features of a
            ``SegOutput``.
        info (dict, optional): ``config``, ``checkpoint`` and ``sha256`` as a
            report names the model. Defaults to None, its class.

    Raises:
        TypeError: If ``network`` is not callable or a segmentor of MMSeg.
        ValueError: If ``classes`` are not names that differ.

    Example:
        >>> model = TestedModel(net, classes=['road', 'car'])
        >>> results = evaluate(model, loader, suite='quick')
    """

    __test__ = False  # for pytest, which collects names like this one
    surface = 'whole'
    fp16 = False
    palette: Optional[Sequence[Sequence[int]]] = None

    def __init__(self,
                 network: Callable[[Tensor], Any],
                 classes: Sequence[str],
                 ignore_index: Optional[int] = 255,
                 feature_layer: Optional[str] = None,
                 *,
                 info: Optional[Dict[str, Any]] = None) -> None:
        self.attacked = check_model(network, type(self).__name__)
        if feature_layer is not None:
            self.attacked = self.attacked.with_feature_layer(feature_layer)
        if isinstance(classes, str) or not classes or any(
                not isinstance(name, str) for name in classes):
            raise ValueError('classes must be a list of names, one for each '
                             f'class, but got {classes!r}')
        repeated = sorted({n for n in classes if list(classes).count(n) > 1})
        if repeated:
            raise ValueError(
                'classes must have names that differ, for the report lists '
                f'them by name, but {repeated[0]!r} occurs twice')
        self.network = network
        self.classes = list(classes)
        self.ignore_index = ignore_index
        self.feature_layer = feature_layer
        self.info = info or dict(config=self._name(), checkpoint=None,
                                 sha256=None)

    def _name(self) -> str:
        return getattr(self.network, '__qualname__',
                       type(self.network).__name__)

    @property
    def num_logits(self) -> Optional[int]:
        """int: Classes that the model tells apart; None if not known yet."""
        return None

    @property
    def device(self) -> torch.device:
        """torch.device: Where the model is."""
        for network in self.attacked.attacked_networks():
            for tensor in (*network.parameters(), *network.buffers()):
                return tensor.device
        return torch.device('cpu')

    @property
    def settings(self) -> Dict[str, Any]:
        """dict: What decides predictions and adversarial images."""
        weights = [_weights_sha256(network)
                   for network in self.attacked.attacked_networks()]
        return dict(self.info, model=self._name(), weights=weights,
                    ignore_index=self.ignore_index,
                    feature_layer=self.feature_layer)

    @property
    def resume_settings(self) -> Dict[str, Any]:
        """dict: What else decides the numbers of a test."""
        return {}

    def class_counts(self, folder: Optional[str]) -> Optional[List[int]]:
        """Pixels of each class in the training labels; None if not known."""
        return None

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Predict as after training; every module's flag is put back."""
        modules = [m for network in self.attacked.attacked_networks()
                   for m in network.modules() if m.training]
        for module in modules:
            module.training = False
        try:
            yield
        finally:
            for module in modules:
                module.training = True

    def samples(self, loader: Any,
                indices: Sequence[int]) -> Iterator[Sample]:
        """Load single samples, in worker processes where there are many.

        Args:
            loader (DataLoader | Dataset): Of a map-style data set, with
                items (image, labels).
            indices (Sequence[int]): Which samples.
        """
        dataset, options = getattr(loader, 'dataset', loader), {}
        if isinstance(loader, DataLoader):
            options = dict(
                collate_fn=loader.collate_fn, num_workers=min(
                    loader.num_workers, MAX_WORKERS, len(indices) // 8))
        # With chance of its own: nothing global is drawn from.
        batches = DataLoader(Subset(dataset, list(indices)), batch_size=1,
                             generator=torch.Generator(), **options)
        for index, data in zip(indices, batches):
            yield self.to_sample(index, data)

    def to_sample(self, index: int, data: Any) -> Sample:
        """Turn what the loader gave, a batch of one, into a sample."""
        where = f'sample {index} of the data set'
        if not isinstance(data, (list, tuple)) or len(data) < 2 or not all(
                isinstance(x, Tensor) for x in data[:2]):
            raise TypeError(f'{where} must be a pair (image, labels) of '
                            f'tensors, but is {type(data).__name__}')
        image, labels = (x.to(self.device) for x in data[:2])
        if image.dim() != 4 or image.shape[:2] != (1, 3):
            raise ValueError(f'{where}: the image must have the shape (3, H, '
                             f'W), but has {tuple(image.shape[1:])}')
        if labels.dim() == 4 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.dim() != 3 or labels.is_floating_point():
            raise ValueError(
                f'{where}: the labels must be whole numbers (H, W), but are '
                f'{tuple(labels.shape[1:])} of {labels.dtype}')
        if image.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f'{where}: the image must be float32 or float64 in [0, 1], '
                f'but is {image.dtype}; divide 8-bit images by 255')
        if not bool(((image >= 0) & (image <= 1)).all()):
            raise ValueError(
                f'{where}: the image must lie in [0, 1] (normalise inside '
                f'the network), but has values from {float(image.min()):g} '
                f'to {float(image.max()):g}')
        return Sample(index, image[0], labels[0].long(), str(index))

    def num_values(self, image: Tensor) -> int:
        """3HW of what is attacked by itself: the image."""
        return image.numel()

    def attack(self, attack: Attack, samples: Sequence[Sample],
               generators: Sequence[torch.Generator],
               callback: Optional[Callable] = None) -> List[Attacked]:
        """Attack samples of one size together, noise image by image.

        Args:
            attack (Attack): The attack.
            samples (Sequence[Sample]): Of one size.
            generators (Sequence[torch.Generator]): One for each.
            callback (callable, optional): ``callback(step, adv_images)``
                with (B, 3, h, w). Defaults to None.
        """
        if attack.ignore_index is None and self.ignore_index is not None:
            attack = copy.copy(attack)
            attack.ignore_index = self.ignore_index
        result = attack.run(
            self.attacked,
            torch.stack([s.image for s in samples]).to(self.device),
            torch.stack([s.labels for s in samples]).to(self.device),
            callback=callback, generator=list(generators))
        ratios = [None] * len(samples) if result.mis_ratio is None else (
            result.mis_ratio)
        return [Attacked(*pair) for pair in zip(result.adv_images, ratios)]

    def outputs(self, samples: Sequence[Sample],
                images: Optional[Sequence[Tensor]] = None) -> List[Any]:
        """Predict samples of one size, or images shown in their place."""
        if images is None:
            images = [sample.image for sample in samples]
        with torch.no_grad():
            output = self.network(torch.stack(list(images)).to(self.device))
        logits = output.logits if isinstance(output, SegOutput) else output
        size = tuple(samples[0].labels.shape)
        expected = (len(samples), len(self.classes), *size)
        if tuple(getattr(logits, 'shape', ())) != expected:
            raise ValueError(
                'the network must give logits (B, C, H, W) for the '
                f'{len(self.classes)} classes at the size of the labels, '
                f'{expected}, but gives {describe(logits)} for sample '
                f'{samples[0].path}; resize the logits, or name the classes, '
                'accordingly')
        return list(predict_classes(logits))

    def classes_in(self, output: Any) -> Tensor:
        """Predicted classes (H, W) of one of the outputs."""
        return output

    def predict(self, samples: Sequence[Sample],
                images: Optional[Sequence[Tensor]] = None) -> List[Tensor]:
        """Return the predicted classes (H, W) of each sample."""
        return [self.classes_in(out) for out in self.outputs(samples, images)]


class TestedSegmentor(TestedModel):
    """A segmentor of MMSeg under test.

    Args:
        segmentor (nn.Module): The segmentor, loaded; see
            :class:`PixelModel`.
        classes (Sequence[str]): Names of the classes of the data set.
        ignore_index (int, optional): Void label of the evaluator. Defaults
            to 255.
        surface (str, optional): ``'whole'``, ``'slide'`` or ``'crop'``.
            Defaults to None, the mode in which it infers.
        fp16 (bool): Whether to attack and predict under autocast. Defaults
            to False.
        info (dict, optional): ``config``, ``checkpoint`` and ``sha256``.
        config (dict, optional): The settings of the model itself. Defaults
            to None.
        resume_settings (dict, optional): What else decides the numbers.
        class_counts (callable, optional): ``class_counts(folder)`` counts
            the training labels. Defaults to None.
        palette (sequence, optional): Colour of each class.

    Raises:
        TypeError: If it is no segmentor of RGB images.
        ValueError: If it has no windows for the surface; names its config.
    """

    def __init__(self,
                 segmentor: nn.Module,
                 classes: Sequence[str],
                 ignore_index: Optional[int] = 255,
                 *,
                 surface: Optional[str] = None,
                 fp16: bool = False,
                 info: Optional[Dict[str, Any]] = None,
                 config: Optional[dict] = None,
                 resume_settings: Optional[Dict[str, Any]] = None,
                 class_counts: Optional[Callable] = None,
                 palette: Optional[Sequence[Sequence[int]]] = None) -> None:
        segmentor = unwrap_segmentor(segmentor)
        self._model = PixelModel(
            segmentor, surface='whole' if surface == 'crop' else None)
        super().__init__(self._model, classes, ignore_index, info=info)
        self.segmentor = segmentor
        self.fp16 = fp16
        self.config = config
        self.palette = palette
        self._resume_settings = resume_settings or {}
        self._class_counts = class_counts
        try:
            if surface == 'crop':
                check_windows(self._model.test_cfg)
                self.surface = surface
            else:
                self.surface = PixelModel(segmentor, surface=surface).surface
        except ValueError as error:
            raise ValueError(f'{self.info["config"]}: {error}') from None

    @property
    def num_logits(self) -> Optional[int]:
        return self._model.num_classes

    @property
    def settings(self) -> Dict[str, Any]:
        return dict(self.info, model=digest(self.config),
                    ignore_index=self._model.ignore_index)

    @property
    def resume_settings(self) -> Dict[str, Any]:
        return self._resume_settings

    def class_counts(self, folder: Optional[str]) -> Optional[List[int]]:
        if self._class_counts is None:
            return None
        return self._class_counts(folder)

    def to_sample(self, index: int, data: Any) -> Sample:
        inputs, data_sample = data['inputs'][0], data['data_samples'][0]
        if isinstance(inputs, (list, tuple)):
            raise ValueError(
                'the test pipeline must give one image per sample, but got '
                f'{len(inputs)} views of it; test-time augmentation cannot '
                'be attacked')
        path = str(data_sample.get('img_path', index))
        if 'gt_sem_seg' not in data_sample:
            raise ValueError(
                f'{path} has no labels, which a test needs; add '
                'LoadAnnotations to the test pipeline, and take a split of '
                'the data set with public labels')
        return Sample(
            index, PixelSpace.from_loader(inputs, self.device),
            data_sample.gt_sem_seg.data.squeeze(0), path, data)

    def num_values(self, image: Tensor) -> int:
        """3HW of what is attacked by itself: a window under 'crop'."""
        if self.surface != 'crop':
            return image.numel()
        sides = zip(image.shape[-2:], self._model.test_cfg['crop_size'])
        height, width = (min(pair) for pair in sides)
        return 3 * height * width

    def attack(self, attack: Attack, samples: Sequence[Sample],
               generators: Sequence[torch.Generator],
               callback: Optional[Callable] = None) -> List[Attacked]:
        data = self._batch(samples)
        with autocast(enabled=self.fp16):
            batch = perturb_batch(
                attack, self.segmentor, data['inputs'], data['data_samples'],
                surface=self.surface, generator=list(generators),
                callback=None if self.surface == 'crop' else callback)
        none = [None] * len(samples)
        return [
            Attacked(image, ratio,
                     None if logits is None else logits.argmax(0))
            for image, ratio, logits in zip(
                batch.adv_images,
                none if batch.mis_ratio is None else batch.mis_ratio,
                batch.logits or none)]

    def outputs(self, samples: Sequence[Sample],
                images: Optional[Sequence[Tensor]] = None) -> List[Any]:
        """Predict as mmseg's own test does: data samples, one for each."""
        data = self._batch(samples)
        if images is not None:
            data['inputs'] = [PixelSpace.to_loader(image) for image in images]
        with torch.no_grad(), autocast(enabled=self.fp16):
            return self.segmentor.test_step(data)

    def classes_in(self, output: Any) -> Tensor:
        return output.pred_sem_seg.data.squeeze(0)

    @staticmethod
    def _batch(samples: Sequence[Sample]) -> Dict[str, list]:
        """What mmseg's loader would give of these samples."""
        inputs, data_samples = [], []
        for sample in samples:
            data = sample.data or _as_mmseg(sample)
            inputs += data['inputs']
            data_samples += data['data_samples']
        return dict(inputs=inputs, data_samples=data_samples)


def _as_mmseg(sample: Sample) -> Dict[str, list]:
    """A sample of plain tensors as mmseg's loader would give it."""
    from mmseg.structures import SegDataSample
    data_sample = SegDataSample(
        gt_sem_seg=PixelData(data=sample.labels[None]),
        metainfo=dict(img_path=sample.path,
                      ori_shape=tuple(sample.labels.shape),
                      img_shape=tuple(sample.image.shape[-2:])))
    return dict(inputs=[PixelSpace.to_loader(sample.image)],
                data_samples=[data_sample])


def _weights_sha256(network: nn.Module) -> str:
    """Hash of a network's parameters and buffers, by name."""
    content = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        content.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        content.update(tensor.detach().cpu().contiguous().flatten().view(
            torch.uint8).numpy().tobytes())
    return content.hexdigest()
