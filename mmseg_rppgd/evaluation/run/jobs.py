"""What is done with one image: predict it, or attack it and predict that.

A job turns a sample of the test loader into records, plain data that is
stored as it comes. Shapes: images (3, H, W) in [0, 1], maps at label size.
"""
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import torch
from mmengine.runner.amp import autocast
from torch import Tensor, nn

from ...pixel_model import PerturbedBatch, perturb_batch, unwrap_segmentor
from ...pixel_space import PixelSpace
from ...windows import check_windows
from .examples import Example, to_8bit
from ...metrics import count_classes, pack_counts
from ..plan.rows import AttackRun, Row

Records = Dict[str, Dict[str, Any]]


class Sample(NamedTuple):
    """One image of the test set.

    Args:
        index (int): Index in the data set.
        data (dict): ``inputs`` and ``data_samples``, lists of one.
    """
    index: int
    data: Dict[str, list]

    @property
    def path(self) -> str:
        """str: File of the image, or else its index."""
        return str(self.data['data_samples'][0].get('img_path', self.index))

    @property
    def label(self) -> Tensor:
        """Tensor: Labels (H, W)."""
        data_sample = self.data['data_samples'][0]
        if 'gt_sem_seg' not in data_sample:
            raise ValueError(
                f'{self.path} has no labels, which a test needs; add '
                'LoadAnnotations to the test pipeline, and take a split of '
                'the data set with public labels')
        return data_sample.gt_sem_seg.data.squeeze(0)


class Predictor:
    """The tested model on single samples.

    Args:
        segmentor (nn.Module): The tested segmentor, in eval mode.
        num_classes (int): Classes of the data set.
        ignore_index (int, optional): The void label of the evaluator.
        fp16 (bool): Whether to test under autocast. Defaults to False.
    """

    def __init__(self, segmentor: nn.Module, num_classes: int,
                 ignore_index: Optional[int], fp16: bool = False) -> None:
        self.segmentor = segmentor
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.fp16 = fp16

    @property
    def device(self) -> torch.device:
        """torch.device: Where the model is."""
        return next(self.segmentor.parameters()).device

    def predict(self, sample: Sample,
                image: Optional[Tensor] = None) -> list:
        """Predict a sample as mmseg's test does.

        Args:
            sample (Sample): Says size and labels.
            image (Tensor, optional): Shown instead of the sample's own.
        """
        data = dict(sample.data)
        if image is not None:
            data['inputs'] = [PixelSpace.to_loader(image)]
        with torch.no_grad(), autocast(enabled=self.fp16):
            return unwrap_segmentor(self.segmentor).test_step(data)

    def count(self, sample: Sample, prediction: Tensor) -> np.ndarray:
        """Class counts (3, C) of a prediction (H, W)."""
        try:
            return count_classes(prediction, sample.label, self.num_classes,
                                 self.ignore_index)
        except ValueError as error:
            raise ValueError(f'{sample.path}: {error}') from None

    def measure(self, sample: Sample,
                image: Tensor) -> Tuple[np.ndarray, Tensor]:
        """Class counts (3, C) and prediction (H, W) of an image shown."""
        prediction = prediction_of(self.predict(sample, image))
        return self.count(sample, prediction), prediction

    def clean_image(self, sample: Sample) -> Tensor:
        """The image of a sample in [0, 1]."""
        return PixelSpace.from_loader(sample.data['inputs'][0], self.device)


def prediction_of(outputs: list) -> Tensor:
    """The predicted classes (H, W) of the only sample."""
    return outputs[0].pred_sem_seg.data.squeeze(0)


class CleanJob:
    """Predict the clean image.

    Args:
        predictor (Predictor): The tested model.
        key (str): Key of the records. Defaults to 'clean'.
        before (callable, optional): ``before(sample)``, for hooks.
        after (callable, optional): ``after(sample, outputs)``, for hooks.
        keep (callable, optional): Takes the :class:`Example` of an image.
    """
    cost = 1

    def __init__(self, predictor: Predictor, key: str = 'clean',
                 before: Optional[Callable] = None,
                 after: Optional[Callable] = None,
                 keep: Optional[Callable[[Example], None]] = None) -> None:
        self.predictor = predictor
        self.name = key
        self.keys = [key]
        self.before = before
        self.after = after
        self.keep = keep

    def __call__(self, sample: Sample) -> Records:
        if self.before is not None:
            self.before(sample)
        outputs = self.predictor.predict(sample)
        prediction = prediction_of(outputs)
        counts = self.predictor.count(sample, prediction)
        if self.after is not None:
            self.after(sample, outputs)
        if self.keep is not None:
            self.keep(Example(
                sample.index, 'clean',
                to_8bit(self.predictor.clean_image(sample)),
                prediction.cpu().numpy(), label=sample.label.cpu().numpy()))
        return {self.name: {'index': sample.index, 'image': sample.path,
                            **pack_counts(counts)}}


class AttackJob:
    """Attack an image and predict what came out, for all rows of one run.

    Args:
        run (AttackRun): The attack and the rows that are read off it.
        predictor (Predictor): The tested model.
        attacked (nn.Module): The segmentor that the attacker knows: the
            tested one, or a surrogate.
        surface (str): ``'whole'``, ``'slide'`` or ``'crop'``.
        seed (int): Seed of the evaluation.
        keep (callable, optional): Takes the :class:`Example` of an image.
        save (callable, optional): ``save(row, sample, clean, adv_image,
            seconds)``, for who needs the adversarial image itself.
    """

    def __init__(self, run: AttackRun, predictor: Predictor,
                 attacked: nn.Module, surface: str, seed: int,
                 keep: Optional[Callable[[Example], None]] = None,
                 save: Optional[Callable] = None) -> None:
        self.run = run
        self.rows = run.rows
        self.predictor = predictor
        self.attacked = attacked
        self.surface = surface
        self.seed = seed
        self.keep = keep
        self.save = save

    @property
    def name(self) -> str:
        """str: What is shown while it runs."""
        return self.run.longest.label

    @property
    def keys(self) -> List[str]:
        """list[str]: Keys of the rows that one call gives."""
        return [row.key for row in self.run.rows]

    @property
    def cost(self) -> float:
        """float: About how many steps one image takes."""
        last = self.run.longest
        steps = last.steps or 10
        return steps * (1.4 if last.trace else 1) + len(self.run.rows)

    def __call__(self, sample: Sample) -> Records:
        records: Records = {}
        curve: List[Dict[str, Any]] = []
        clean = self.predictor.clean_image(sample)
        num_values = self._num_values(clean)
        attack = self.run.longest.build(num_values)
        # Measuring between the steps is not part of an attack's time.
        watch = StopWatch(self.predictor.device)

        def look(step: int, adv_images: Tensor) -> None:
            rows = [r for r in self.run.rows[:-1] if r.steps == step]
            if self.surface == 'crop' or not (rows or self.run.longest.trace):
                return
            with watch.paused():
                counts, prediction = self.predictor.measure(sample,
                                                          adv_images[0])
                if self.run.longest.trace:
                    curve.append(pack_counts(counts))
                for row in rows:
                    records[row.key] = self._record(
                        sample, row, attack, clean, adv_images[0], counts,
                        prediction, watch.seconds, num_values)

        watched = WatchedAttack(attack, look)
        batch = perturb(watched, self.attacked, sample, self.surface,
                        self.run.generator(self.seed, sample.index),
                        self.predictor.fp16)
        seconds = watch.stop()
        row = self.run.longest
        adv_image = batch.adv_images[0]
        if batch.logits is None:
            counts, prediction = self.predictor.measure(sample, adv_image)
        else:  # 'crop': there is no single adversarial image to predict
            prediction = batch.logits[0].argmax(0)
            counts = self.predictor.count(sample, prediction)
        records[row.key] = self._record(sample, row, attack, clean, adv_image,
                                        counts, prediction, seconds,
                                        num_values)
        if row.trace and not watched.ran:  # nothing labelled, so no step
            curve = [pack_counts(counts)] * (row.steps or 0)
        for other in self.run.rows[:-1]:
            if other.key not in records:
                records[other.key] = self._record(
                    sample, other, attack, clean, adv_image, counts,
                    prediction, seconds, num_values)
        if row.trace:
            records[row.key]['curve'] = curve
        return records

    def _record(self, sample: Sample, row: Row, attack: Any, clean: Tensor,
                adv_image: Tensor, counts: np.ndarray, prediction: Tensor,
                seconds: float, num_values: int) -> Dict[str, Any]:
        if self.keep is not None:
            self.keep(example_of(sample, row, clean, adv_image, prediction))
        if self.save is not None:
            self.save(row, sample, clean, adv_image, seconds)
        return {
            **attack_record(sample, row, attack, clean, adv_image, counts,
                            num_values), 'seconds': round(seconds, 4)}

    def _num_values(self, clean: Tensor) -> int:
        """3HW of what is attacked: a window, if each is by itself."""
        if self.surface != 'crop':
            return clean.numel()
        check_windows(self.attacked.test_cfg)
        sides = zip(clean.shape[-2:], self.attacked.test_cfg['crop_size'])
        height, width = (min(pair) for pair in sides)
        return 3 * height * width


def perturb(attack: Any, attacked: nn.Module, sample: Sample, surface: str,
            generator: torch.Generator, fp16: bool) -> PerturbedBatch:
    """Attack one sample."""
    with autocast(enabled=fp16):
        return perturb_batch(
            attack, attacked, sample.data['inputs'],
            sample.data['data_samples'], surface=surface,
            generator=[generator])


def attack_record(sample: Sample, row: Row, attack: Any, clean: Tensor,
                  adv_image: Tensor, counts: np.ndarray,
                  num_values: int) -> Dict[str, Any]:
    """What is stored of one attacked image."""
    eps = attack.resolved_eps(clean[None])
    return {
        'index': sample.index, 'image': sample.path, **pack_counts(counts),
        'eps': eps,
        'rms': eps if row.norm == 'linf' else eps / num_values**0.5,
        **measure_perturbation(clean, adv_image, row.norm),
    }


def example_of(sample: Sample, row: Row, clean: Tensor, adv_image: Tensor,
               prediction: Tensor) -> Example:
    """What pictures show of one attacked image."""
    delta = (adv_image - clean).permute(1, 2, 0).cpu().numpy()
    return Example(sample.index, row.key, to_8bit(adv_image),
                   prediction.cpu().numpy(), delta.astype(np.float16))


class WatchedAttack:
    """An attack whose iterates are shown to somebody.

    Args:
        attack (Attack): The attack.
        callback (callable): ``callback(step, adv_images)``.
    """

    def __init__(self, attack: Any, callback: Callable) -> None:
        self.attack = attack
        self.callback = callback
        self.ran = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.attack, name)

    def run(self, model: Any, images: Tensor, labels: Tensor,
            mask: Optional[Tensor] = None,
            callback: Optional[Callable] = None,
            generator: Optional[torch.Generator] = None) -> Any:
        """Run the attack and watch it."""

        def look(step: int, adv_images: Tensor) -> None:
            self.ran = True
            self.callback(step, adv_images)

        return self.attack.run(model, images, labels, mask, look, generator)

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        return self.run(*args, **kwargs).adv_images


class StopWatch:
    """Seconds of the device's work, without the pauses.

    Args:
        device (torch.device): Where the work is.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.
        self._start()

    def _now(self) -> float:
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def _start(self) -> None:
        self._since = self._now()

    def stop(self) -> float:
        """Stop and return the seconds."""
        self.seconds += self._now() - self._since
        return self.seconds

    def paused(self) -> 'StopWatch':
        """A context in which time does not count."""
        return self

    def __enter__(self) -> None:
        self.stop()

    def __exit__(self, *error: Any) -> None:
        self._start()


def measure_perturbation(clean: Tensor, adv_image: Tensor,
                         norm: str) -> Dict[str, Any]:
    """Size of a perturbation, and whether the image is an image.

    Not-a-number pixels are counted, and left out of the other numbers.
    """
    bad = ~torch.isfinite(adv_image)
    adv_image = torch.where(bad, clean, adv_image).double()
    delta = adv_image - clean.double()
    size = delta.abs().max() if norm == 'linf' else delta.norm()
    return {'norm': float(size), 'nan': int(bad.sum()),
            'min': float(adv_image.min()), 'max': float(adv_image.max())}
