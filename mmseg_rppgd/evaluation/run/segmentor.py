"""A segmentor of MMSeg under test.

Shapes: images (3, h, w) in [0, 1], labels and predictions (H, W).
"""
from typing import Any, Callable, Dict, List, Optional, Sequence

import torch
from mmengine.runner.amp import autocast
from mmengine.structures import PixelData
from torch import Tensor, nn

from ...attacks.base import Attack
from ...label_files import check_label_file
from ...pixel_model import PixelModel, perturb_batch, unwrap_segmentor
from ...pixel_model.space import PixelSpace, find_pixel_range
from ...pixel_model.windows import check_windows
from ..files import digest
from ..plan.code import classes_digest
from .models import Attacked, Sample, TestedModel


class TestedSegmentor(TestedModel):
    """A segmentor of MMSeg under test.

    Args:
        segmentor (nn.Module): The segmentor, loaded; see
            :class:`PixelModel`.
        classes (Sequence[str]): Names of the classes of the data set.
        ignore_index (int, optional): Void label of the evaluator: those
            pixels are neither attacked nor counted. Defaults to 255.
        surface (str, optional): ``'whole'``, ``'slide'`` or ``'crop'``.
            Defaults to None, the mode in which it infers.
        fp16 (bool): Whether to attack and predict under autocast. Defaults
            to False.
        info (dict, optional): ``config``, ``checkpoint`` and ``sha256``.
        config (dict, optional): The settings of the model itself. Defaults
            to None.
        resume_settings (dict, optional): What else decides the numbers.
        class_counts (callable, optional): ``class_counts(num_classes,
            folder)`` counts the training labels. Defaults to None.
        palette (sequence, optional): Colour of each class.
        pixel_range (float, optional): Value of white in loader inputs: 255,
            or 1 where the pipeline scales images to [0, 1]. Defaults to
            None, what is certain from the first sample, which otherwise is
            refused.

    Raises:
        TypeError: If it is no segmentor of RGB images.
        ValueError: If it has no windows for the surface, or its data
            preprocessor is not understood; names its config.
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
                 palette: Optional[Sequence[Sequence[int]]] = None,
                 pixel_range: Optional[float] = None) -> None:
        segmentor = unwrap_segmentor(segmentor)
        self._model = PixelModel(
            segmentor, surface='whole' if surface == 'crop' else None,
            pixel_range=pixel_range)
        super().__init__(self._model, classes, ignore_index, info=info)
        self.segmentor = segmentor
        self.fp16 = fp16
        self.config = config
        self.palette = palette
        self.pixel_range = pixel_range
        self._given_range = pixel_range
        self._resume_settings = resume_settings or {}
        self._class_counts = class_counts
        try:
            test_cfg = self._model.test_cfg
            if 'slide' in (test_cfg.get('mode'), surface):
                check_windows(test_cfg)  # also those of the predictions
            if surface == 'crop':
                check_windows(test_cfg)
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
                    code=classes_digest(self.segmentor),
                    ignore_index=self.ignore_index,
                    pixel_range=self._given_range)

    @property
    def resume_settings(self) -> Dict[str, Any]:
        return self._resume_settings

    def class_counts(self, folder: Optional[str]) -> Optional[List[int]]:
        if self._class_counts is None:
            return None
        return self._class_counts(self.num_logits, folder)

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
        check_label_file(data_sample.get('seg_map_path'))
        if self.pixel_range is None:
            self.pixel_range = find_pixel_range(
                inputs, self.segmentor.data_preprocessor, path)
        space = self.pixel_space
        return Sample(
            index, space.from_loader(inputs, self.device, path),
            data_sample.gt_sem_seg.data.squeeze(0), path, data,
            space.loader_form)

    @property
    def pixel_space(self) -> PixelSpace:
        """PixelSpace: Between images and what the segmentor is given."""
        return PixelSpace.of(self.segmentor, self.pixel_range)

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
                callback=None if self.surface == 'crop' else callback,
                counted=self.counted,
                pixel_range=self.pixel_space.pixel_range)
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
            data['inputs'] = [
                self.pixel_space.to_loader(image) for image in images]
        with torch.no_grad(), autocast(enabled=self.fp16):
            return self.segmentor.test_step(data)

    def classes_in(self, output: Any) -> Tensor:
        return output.pred_sem_seg.data.squeeze(0)

    def _batch(self, samples: Sequence[Sample]) -> Dict[str, list]:
        """What the loader of this segmentor would give of these samples."""
        space = self.pixel_space
        inputs: List[Tensor] = []
        data_samples: List[Any] = []
        for sample in samples:
            data = sample.data or _as_mmseg(sample)
            data_samples += data['data_samples']
            # Those of another model may come from another pipeline.
            inputs += (data['inputs'] if sample.loader_form ==
                       space.loader_form else [space.to_loader(sample.image)])
        return dict(inputs=inputs, data_samples=data_samples)


def _as_mmseg(sample: Sample) -> Dict[str, list]:
    """The data sample of plain tensors, as mmseg's loader would give it."""
    from mmseg.structures import SegDataSample
    return dict(data_samples=[SegDataSample(
        gt_sem_seg=PixelData(data=sample.labels[None]),
        metainfo=dict(img_path=sample.path,
                      ori_shape=tuple(sample.labels.shape),
                      img_shape=tuple(sample.image.shape[-2:])))])
