"""Adversarial images of a test, kept for other programs.

.. code:: text

 DIR/manifest.json         the test, its rows, and what each file holds
 DIR/ROW/INDEX-NAME.npy    the image that was measured, number by number
 DIR/ROW/INDEX-NAME.png    the same in 8 bits, to be looked at
"""
import json
import os
import os.path as osp
import re
import shutil
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

import numpy as np
from PIL import Image
from torch import Tensor

from ... import __version__
from ...metrics import accuracy, number, unpack_counts
from ..files import replacing, short_name, write_json
from ..plan.rows import Row
from ..plan.suites import Plan
from .folder import remove_if_left
from .images import DAMAGED, to_8bit
from .models import Sample, TestedModel
from .processes import on_first
from .store import ImageStore, Record

MANIFEST = 'manifest.json'
LONGEST_NAME = 100  # characters that a file has of that of its image
HOLDS = (
    'npy: the image (3, h, w) as it was measured, RGB in [0, 1], at the size '
    'that the test pipeline gives; png: the same rounded to 8 bits, inside '
    'the ball of a row in linf alone, which is another attack and measured in '
    'no row; distance: that of the image in the norm of its row, null where a '
    'search for the smallest perturbation found none that suffices')


class SavedRow(NamedTuple):
    """A row whose images are saved.

    Args:
        key (str): Name of its records and of its folder.
        about (dict): What the manifest says of it.
    """
    key: str
    about: Dict[str, Any]


class SavedAdversaries:
    """The folder of the adversarial images of one test.

    Args:
        folder (str): The folder.
        rows (Iterable[SavedRow]): What is saved.
        about (dict): What the manifest says of the test.
    """

    def __init__(self, folder: str, rows: Iterable[SavedRow],
                 about: Dict[str, Any]) -> None:
        self.folder = folder
        self.rows = list(rows)
        self.about = about

    def check(self, stamp: str) -> None:
        """Refuse a folder that has images of another test, or of others.

        Args:
            stamp (str): What identifies the settings of this test.

        Raises:
            ValueError: If it has.
        """
        path = osp.join(self.folder, MANIFEST)
        if not osp.exists(path):
            return
        try:
            with open(path, encoding='utf-8') as file:
                found = json.load(file)['test']
        except (ValueError, KeyError, TypeError):
            found = None
        if found != stamp:
            raise ValueError(
                f'save_adv must be a folder without adversarial images of '
                f'another test, but {path} is of '
                + ('another model, other data or other settings'
                   if found else 'something else')
                + '; name another folder, or remove this one')

    def start(self, stamp: str, store: ImageStore) -> int:
        """Prepare the folder; only the first process does this.

        Results whose image is not in the folder, or is damaged, are
        forgotten, so that they are made again.

        Args:
            stamp (str): What identifies the settings of this test.
            store (ImageStore): Has what an earlier run has finished.

        Returns:
            int: How many images are made again.
        """
        self.about = dict(schema=1, test=stamp, complete=False, holds=HOLDS,
                          **self.about)
        write_json(osp.join(self.folder, MANIFEST), self.about)
        again = 0
        for row in self.rows:
            folder = osp.join(self.folder, row.key)
            for name in os.listdir(folder) if osp.isdir(folder) else ():
                remove_if_left(folder, name)
            gone = [index for index, record in store.load(row.key).items()
                    if not self._is_whole(row.key, record)]
            store.drop(gone, [row.key])
            again += len(gone)
        return again

    def save(self, key: str, sample: Sample, image: Tensor,
             rounded: Tensor) -> None:
        """Save what a row made of a sample.

        Args:
            key (str): Key of the row.
            sample (Sample): The sample.
            image (Tensor): The adversarial image (3, h, w).
            rounded (Tensor): The same as 8 bits hold it.
        """
        path = self._path(key, sample.index, sample.path)
        # The picture first: where the numbers are, both are whole.
        with replacing(f'{path}.png', '.png') as temporary:
            Image.fromarray(to_8bit(rounded)).save(temporary)
        with replacing(f'{path}.npy') as temporary:
            with open(temporary, 'wb') as file:
                np.save(file, image.detach().cpu().numpy())

    def finish(self, records: Dict[str, List[Record]]) -> None:
        """Write the manifest of what is there now.

        Args:
            records (dict): By key, what the rows gave of each image.
        """
        on_first(lambda: write_json(
            osp.join(self.folder, MANIFEST),
            dict(self.about, complete=True, rows=[
                dict(row.about, folder=row.key, images=[
                    self._entry(row.key, record)
                    for record in records[row.key]]) for row in self.rows])))

    def size_sentence(self, sample: Sample, images: int) -> str:
        """Say how much room all of it takes, judged by one sample.

        Args:
            sample (Sample): The sample.
            images (int): How many there are.
        """
        values = sample.image.numel()
        each = values * (sample.image.element_size() + 1)  # and the picture
        size = each * images * len(self.rows)
        height, width = sample.image.shape[-2:]
        free = shutil.disk_usage(_existing(self.folder)).free
        sentence = (
            f'{len(self.rows)} x {images} adversarial images go to '
            f'{self.folder}, {in_bytes(size)} at most if all are of '
            f'{height} x {width} pixels')
        if free < size:
            sentence += (f'; only {in_bytes(free)} are free there, so make '
                         'room, or the test will stop')
        return sentence + '.'

    def _path(self, key: str, index: int, image: str) -> str:
        """The path of the files of an image, without their ending."""
        name = f'{index:05d}'
        if image != str(index):
            stem = re.sub(r'[^\w.-]+', '-',
                          osp.splitext(osp.basename(image))[0])
            name += f'-{short_name(stem, LONGEST_NAME)}'
        return osp.join(self.folder, key, name)

    def _is_whole(self, key: str, record: Record) -> bool:
        path = self._path(key, record['index'], record['image'])
        try:
            np.load(f'{path}.npy', mmap_mode='r')
        except DAMAGED:
            return False
        return True

    def _entry(self, key: str, record: Record) -> Dict[str, Any]:
        """What the manifest says of one image."""
        path = self._path(key, record['index'], record['image'])
        entry = dict(index=record['index'], image=record['image'],
                     file=osp.relpath(f'{path}.npy', self.folder),
                     distance=record['norm'])
        if 'tp' in record:
            counts = unpack_counts(record, len(self.about['classes']))
            entry.update(eps=record['eps'], aAcc=number(accuracy(counts)))
        return entry


def saving(folder: Optional[str], plan: Plan, model: TestedModel,
           surrogate: Optional[TestedModel], dataset: str,
           seed: int) -> Optional[SavedAdversaries]:
    """Return what saves the rows and the searches of a test.

    Args:
        folder (str, optional): Where. None saves nothing.
        plan (Plan): What is tested.
        model (TestedModel): The tested model.
        surrogate (TestedModel, optional): What is attacked in its place.
        dataset (str): Name of the data set.
        seed (int): Seed of the test.
    """
    if folder is None:
        return None
    rows = [SavedRow(row.key, dict(_describe(row), eps=row.eps, rms=row.rms))
            for row in plan.rows]
    rows += [SavedRow(row.search_key, _describe(row)) for row in plan.minimal]
    return SavedAdversaries(folder, rows, dict(
        model=model.info, surrogate=surrogate and surrogate.info,
        surface=(surrogate or model).surface, dataset=dataset,
        classes=model.classes, seed=seed, version=__version__))


def _describe(row: Row) -> Dict[str, Any]:
    return dict(name=row.name, label=row.label, config=row.full_config,
                norm=row.norm, steps=row.steps)


def in_bytes(size: float) -> str:
    """A size for people: 3.2 GB."""
    for unit in ('bytes', 'kB', 'MB'):
        if size < 1000:
            break
        size /= 1000
    else:
        unit = 'GB'
    return f'{size:.3g} {unit}' if size < 1000 else f'{size:,.0f} {unit}'


def _existing(folder: str) -> str:
    """The folder, or the nearest above it that is there."""
    folder = osp.abspath(folder)
    while not osp.isdir(folder):
        folder = osp.dirname(folder)
    return folder
