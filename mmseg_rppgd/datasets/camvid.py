"""CamVid in the folder layout of SegNet."""
import os
import os.path as osp
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import torch
from mmseg.datasets import BaseSegDataset
from PIL import Image

from ..label_files import check_label_file
from ..registry import DATASETS

SUFFIX = '.png'


@DATASETS.register_module()
class CamVid(BaseSegDataset):
    """CamVid: street scenes, 11 classes; label 11 is void and becomes 255.

    .. code-block:: none

        data_root
        ├── train.txt  trainannot/  train/
        ├── val.txt    valannot/    val/
        └── test.txt   testannot/   test/

    Lines of the text file are ``IMAGE LABELS`` or ``IMAGE``. Of a path only
    the file name counts, because the public files carry the folders of the
    machine they were made on. Without a text file, all images are taken.

    Args:
        data_root (str): The folder above. Defaults to 'data/CamVid'.
        split (str): Gives the names of the text file and of the two folders,
            where ``ann_file`` and ``data_prefix`` do not. Defaults to 'train'.
        **kwargs: What ``BaseSegDataset`` takes, such as ``pipeline``.

    Raises:
        FileNotFoundError: If a folder or file is missing; names the path.
        ValueError: If images and labels do not match, no image is there, or
            (on reading) labels are of another size than their image, or one
            is beyond the classes; names the file.

    Example:
        >>> dict(type='mmseg_rppgd.CamVid', data_root='data/CamVid',
        ...      split='val', pipeline=[dict(type='LoadImageFromFile'),
        ...      dict(type='LoadAnnotations'), dict(type='PackSegInputs')])
    """

    METAINFO = dict(
        classes=('Sky', 'Building', 'Pole', 'Road', 'Pavement', 'Tree',
                 'SignSymbol', 'Fence', 'Car', 'Pedestrian', 'Bicyclist'),
        palette=[[128, 128, 128], [128, 0, 0], [192, 192, 128],
                 [128, 64, 128], [60, 40, 222], [128, 128, 0],
                 [192, 128, 128], [64, 64, 128], [64, 0, 128], [64, 64, 0],
                 [0, 128, 192]])
    VOID = 11

    def __init__(self,
                 data_root: str = 'data/CamVid',
                 split: str = 'train',
                 **kwargs: Any) -> None:
        self._must_have_list = bool(kwargs.get('ann_file'))
        self._sizes_agree: Set[int] = set()
        kwargs.setdefault('ann_file', f'{split}.txt')
        kwargs.setdefault(
            'data_prefix',
            dict(img_path=split, seg_map_path=f'{split}annot'))
        kwargs.setdefault('img_suffix', SUFFIX)
        super().__init__(data_root=data_root, **kwargs)

    @classmethod
    def get_label_map(cls,
                      new_classes: Optional[Sequence] = None
                      ) -> Dict[int, int]:
        """The map of the chosen classes, and void to 255."""
        label_map = super().get_label_map(new_classes) or {}
        return {**label_map, cls.VOID: 255}

    def load_data_list(self) -> List[dict]:
        images = self._folder('img_path')
        labels = self._folder('seg_map_path')
        if osp.isfile(self.ann_file):
            pairs = self._listed_pairs()
            for folder, names in zip((images, labels), zip(*pairs)):
                self._check_files(folder, names)
        elif self._must_have_list:
            raise FileNotFoundError(f'ann_file {self.ann_file} does not exist')
        else:
            pairs = self._all_pairs(images, labels)
        return [
            dict(
                img_path=osp.join(images, image),
                seg_map_path=osp.join(labels, label),
                label_map=self.label_map,
                reduce_zero_label=self.reduce_zero_label,
                seg_fields=[]) for image, label in pairs
        ]

    def _folder(self, key: str) -> str:
        folder = self.data_prefix[key]
        if not osp.isdir(folder):
            raise FileNotFoundError(
                f'CamVid has no folder {folder} ({key}): set data_root to the '
                'folder that holds train/, trainannot/, val/ and valannot/')
        return folder

    def _listed_pairs(self) -> List[Tuple[str, str]]:
        with open(self.ann_file, encoding='utf-8') as file:
            lines = [line.split() for line in file]
        pairs = []
        for number, fields in enumerate(lines, start=1):
            if not fields:
                continue
            if len(fields) > 2:
                raise ValueError(
                    f'{self.ann_file}, line {number}: expected an image and '
                    f'its labels, but got {len(fields)} fields')
            image, label = osp.basename(fields[0]), osp.basename(fields[-1])
            if not osp.splitext(image)[1]:
                image += self.img_suffix
            if not osp.splitext(label)[1]:
                label += self.seg_map_suffix
            if len(fields) == 1:
                label = osp.splitext(image)[0] + self.seg_map_suffix
            pairs.append((image, label))
        if not pairs:
            raise ValueError(f'{self.ann_file} lists no image')
        return pairs

    def _all_pairs(self, images: str, labels: str) -> List[Tuple[str, str]]:
        def stems(folder: str, suffix: str) -> List[str]:
            return sorted(name[:-len(suffix)] for name in os.listdir(folder)
                          if name.endswith(suffix))

        image_stems = stems(images, self.img_suffix)
        label_stems = stems(labels, self.seg_map_suffix)
        if not image_stems:
            raise ValueError(f'{images} holds no {self.img_suffix} image')
        alone = sorted(set(image_stems) ^ set(label_stems))
        if alone:
            raise ValueError(
                f'{images} and {labels} do not match: {len(alone)} names are '
                f'only in one of them, such as {alone[0]}')
        return [(stem + self.img_suffix, stem + self.seg_map_suffix)
                for stem in image_stems]

    def _check_files(self, folder: str, names: Sequence[str]) -> None:
        missing = sorted(set(names) - set(os.listdir(folder)))
        if missing:
            raise FileNotFoundError(
                f'{osp.join(folder, missing[0])} is listed in {self.ann_file} '
                f'but does not exist ({len(missing)} such files)')

    def prepare_data(self, idx: int) -> Any:
        if idx not in self._sizes_agree:
            self._check_sizes(idx)
            self._sizes_agree.add(idx)
        data = super().prepare_data(idx)
        sample = data.get('data_samples') if isinstance(data, dict) else None
        if sample and 'gt_sem_seg' in sample:
            self._check_labels(sample.gt_sem_seg.data, idx)
        return data

    def _check_sizes(self, idx: int) -> None:
        """Compare image and labels before a crop hides that they differ."""
        info = self.get_data_info(idx)
        sizes = []
        for path in (info['img_path'], info['seg_map_path']):
            try:
                with Image.open(path) as picture:
                    sizes.append(picture.size)
            except OSError:
                return  # those that cannot be read are the pipeline's matter
        check_label_file(info['seg_map_path'])
        if sizes[0] != sizes[1]:
            raise ValueError(
                f'{info["seg_map_path"]} must have the size of its image, '
                f'{sizes[0][0]} x {sizes[0][1]} pixels, but has '
                f'{sizes[1][0]} x {sizes[1][1]}')

    def _check_labels(self, labels: torch.Tensor, idx: int) -> None:
        """Find a label beyond the classes before a loss does, namelessly."""
        path = self.get_data_info(idx)['seg_map_path']
        if labels.shape[0] != 1:
            raise ValueError(
                f'{path} must have one channel that holds class numbers, but '
                f'its shape is {tuple(labels.shape)}; colour-coded label '
                'pictures have to be converted first')
        classes = len(self.metainfo['classes'])
        beyond = labels[(labels >= classes) & (labels != self.ignore_index)]
        if len(beyond):
            raise ValueError(
                f'{path} holds the label {int(beyond.max())}, beyond the '
                f'{classes} classes (0 to {classes - 1}, and {self.VOID} for '
                'void)')
