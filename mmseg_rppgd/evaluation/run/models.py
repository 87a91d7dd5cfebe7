"""A model under test: what can be attacked, and asked for predictions.

Shapes: images (3, h, w) in [0, 1], labels and predictions (H, W).
"""
import hashlib
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import (Any, Callable, Dict, Iterator, List, NamedTuple, Optional,
                    Sequence, Tuple)

import torch
from torch import Tensor, nn

from ...attacks.base import (Attack, SegOutput, check_model, evaluating,
                             predict_classes, two_logits)
from ...loaded import digest_tensors
from ...pixel_model import CountedPixels
from ..plan.code import code_digest
from .bad_data import BadSample, files_of, load_each
from .logits import check_logits

# An image is decoded far faster than it is attacked.
MAX_WORKERS = 2


@dataclass(frozen=True, eq=False)
class Sample:
    """One image of the test set.

    Args:
        index (int): Index in the data set.
        image (Tensor): (3, h, w) float RGB in [0, 1].
        labels (Tensor): (H, W) int64.
        path (str): File of the image, or else its index.
        data (dict, optional): What the loader of MMSeg gave: ``inputs`` and
            ``data_samples``, lists of one. Defaults to None.
        loader_form (tuple, optional): Value of white in these inputs, and
            whether they are RGB. Defaults to None, there are none.
    """
    index: int
    image: Tensor
    labels: Tensor
    path: str
    data: Optional[Dict[str, list]] = None
    loader_form: Optional[Tuple[float, bool]] = None

    @property
    def sizes(self) -> tuple:
        """tuple: What samples must share to be attacked together."""
        return tuple(self.image.shape), tuple(self.labels.shape)

    @property
    def digest(self) -> str:
        """str: Hash of the image and the labels as the loader gave them.

        It does not depend on the device or on what is made of them here.
        """
        image = self.image if self.data is None else self.data['inputs'][0]
        return digest_tensors(image, self.labels)


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
            One logit, (B, 1, H, W), tells two classes: the second is where
            its sigmoid is over 0.5.
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
        self._asked = False
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
    def counted(self) -> CountedPixels:
        """CountedPixels: Which pixels are attacked and measured."""
        return CountedPixels(self.ignore_index, len(self.classes))

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
                    code=code_digest(self.network, deep=False),
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
        with evaluating(self.attacked.attacked_networks()):
            yield

    def samples(self, loader: Any, indices: Sequence[int],
                leave_out: Optional[Callable[[BadSample], None]] = None
                ) -> Iterator[Sample]:
        """Load single samples, in worker processes where there are many.

        Args:
            loader (DataLoader | Dataset): Of a map-style data set, with
                items (image, labels).
            indices (Sequence[int]): Which samples.
            leave_out (callable, optional): Is told of samples that cannot be
                tested. Defaults to None: the first of them ends it.

        Raises:
            BadSample: If a sample cannot be tested.
        """
        for index, loaded in zip(
                indices, load_each(loader, indices, MAX_WORKERS)):
            bad = loaded.bad
            if bad is None:
                try:
                    sample = self.to_sample(index, loaded.data)
                except ValueError as error:
                    dataset = getattr(loader, 'dataset', loader)
                    bad = BadSample(
                        index, files_of(dataset, index).get(
                            'img_path', f'sample {index} of the data set'),
                        str(error))
                else:
                    yield sample
                    continue
            if leave_out is None:
                raise bad
            leave_out(bad)

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
        attack = self.counted.attacked(attack)
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
        shown = torch.stack(list(images)).to(self.device)
        watch = nullcontext() if self._asked else self.attacked.watched(
            type(self).__name__)
        with torch.no_grad(), watch:
            output = self.network(shown)
        self._asked = True
        logits = two_logits(
            output.logits if isinstance(output, SegOutput) else output)
        check_logits(logits, shown, samples, len(self.classes), self.attacked)
        return list(predict_classes(logits))

    def classes_in(self, output: Any) -> Tensor:
        """Predicted classes (H, W) of one of the outputs."""
        return output

    def predict(self, samples: Sequence[Sample],
                images: Optional[Sequence[Tensor]] = None) -> List[Tensor]:
        """Return the predicted classes (H, W) of each sample."""
        return [self.classes_in(out) for out in self.outputs(samples, images)]


def _weights_sha256(network: nn.Module) -> str:
    """Hash of a network's parameters and buffers, by name."""
    content = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        content.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        content.update(tensor.detach().cpu().contiguous().flatten().view(
            torch.uint8).numpy().tobytes())
    return content.hexdigest()
