"""A segmentation data set without files: scenes drawn when they are read."""
from functools import lru_cache
from typing import Any, List, Sequence, Tuple

import cv2
import numpy as np
from mmengine.fileio import BaseStorageBackend, register_backend
from mmseg.datasets import BaseSegDataset

from ..registry import DATASETS
from .scenes import CLASSES, SPLITS, draw_scene

PREFIX = 'shapes'


# The image and its labels are read one after the other: draw them once.
@lru_cache(maxsize=2)
def _draw(split: str, seed: str, size: str,
          index: str) -> Tuple[np.ndarray, np.ndarray]:
    height, width = size.split('x')
    return draw_scene(split, int(index), (int(height), int(width)), int(seed))


class SceneBackend(BaseStorageBackend):
    """Answers ``shapes://SPLIT/SEED/HxW/INDEX/{image,labels}.png``.

    A file backend, so that whatever reads a picture through mmengine reads
    these: ``LoadImageFromFile``, ``LoadAnnotations``, mmseg's visualisation.
    """

    def get(self, filepath: str) -> bytes:
        try:
            split, seed, size, index, name = str(filepath).split('://')[
                1].split('/')
            image, labels = _draw(split, seed, size, index)
            picture = {'image.png': image[..., ::-1],
                       'labels.png': labels}[name]
        except (IndexError, KeyError, ValueError):
            raise FileNotFoundError(
                f'{filepath} is no scene: expected {PREFIX}://SPLIT/SEED/HxW/'
                'INDEX/image.png or labels.png with SPLIT one of '
                f'{", ".join(SPLITS)}') from None
        # OpenCV wants BGR. The lowest compression is the fastest.
        done, data = cv2.imencode('.png', np.ascontiguousarray(picture),
                                  [cv2.IMWRITE_PNG_COMPRESSION, 1])
        assert done
        return data.tobytes()

    def get_text(self, filepath: str) -> str:
        raise TypeError(f'{filepath} is a picture, not a text')


register_backend(SceneBackend.__name__, SceneBackend, force=True,
                 prefixes=PREFIX)


def _check_count(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f'{name} must be an int, but got {value!r}')
    if value < least:
        raise ValueError(f'{name} must be at least {least}, but got {value}')
    return int(value)


@DATASETS.register_module()
class SyntheticShapes(BaseSegDataset):
    """Textured shapes on textured ground: six classes, no files, any size.

    Every scene follows from split, seed and index alone, so it is the same in
    every process, worker and run, and no global random state is used. The
    outlines are void (255). Outline and texture tell the class; colour alone
    is worth about 25 mIoU. Stock mmseg pipelines read it.

    Args:
        split (str): ``'train'``, ``'val'`` or ``'test'``: three different
            sets of scenes. Defaults to 'train'.
        num_images (int): How many scenes, from index 0 on. Defaults to 512.
        size (Sequence[int]): Height and width in pixels, each at least 16.
            Defaults to (64, 64).
        seed (int): Another seed gives another data set. Defaults to 0.
        **kwargs: What ``BaseSegDataset`` takes, such as ``pipeline``.

    Raises:
        ValueError: If the split is unknown, or a number is too small.
        TypeError: If a number is no int, or an argument about files is given.

    Example:
        >>> dict(type='mmseg_rppgd.SyntheticShapes', split='val',
        ...      size=(64, 64), pipeline=[dict(type='LoadImageFromFile'),
        ...      dict(type='LoadAnnotations'), dict(type='PackSegInputs')])
    """

    METAINFO = dict(
        classes=CLASSES,
        palette=[[90, 90, 90], [230, 80, 60], [70, 160, 230], [240, 200, 60],
                 [90, 200, 110], [190, 90, 210]])

    def __init__(self,
                 split: str = 'train',
                 *,
                 num_images: int = 512,
                 size: Sequence[int] = (64, 64),
                 seed: int = 0,
                 **kwargs: Any) -> None:
        if split not in SPLITS:
            raise ValueError(f'split must be one of {", ".join(SPLITS)}, '
                             f'but got {split!r}')
        files = {'ann_file', 'data_root', 'data_prefix', 'img_suffix',
                 'seg_map_suffix', 'reduce_zero_label'} & set(kwargs)
        if files:
            raise TypeError('SyntheticShapes draws its scenes and takes no '
                            f'{", ".join(sorted(files))}; leave it out')
        if not isinstance(size, (tuple, list)) or len(size) != 2:
            raise ValueError('size must be (height, width) in pixels, '
                             f'but got {size!r}')
        self.split = split
        self.num_images = _check_count('num_images', num_images, 1)
        self.size = tuple(_check_count('size', side, 16) for side in size)
        self.seed = _check_count('seed', seed, 0)
        super().__init__(**kwargs)

    def load_data_list(self) -> List[dict]:
        folder = (f'{PREFIX}://{self.split}/{self.seed}/'
                  f'{self.size[0]}x{self.size[1]}')
        return [
            dict(
                img_path=f'{folder}/{index:05d}/image.png',
                seg_map_path=f'{folder}/{index:05d}/labels.png',
                label_map=self.label_map,
                reduce_zero_label=False,
                seg_fields=[]) for index in range(self.num_images)
        ]
