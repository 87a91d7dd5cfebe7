"""Finished tests read back, and the worst case over several of them.

Several reports of one model on the same images join their attacks, so an
ensemble may be run in parts, or be extended later.
"""
import json
import os.path as osp
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ...metrics import accuracy, mean_iou, number
from ..run.store import SETTINGS, ImageStore
from .balls import lies_in
from .results import SCHEMA, stack_counts
from .worst_case import worst_case, worst_counts

# What every report has, also one of another version with the same schema.
KEYS = ('dataset', 'clean', 'attacks', 'worst_case')


def read_results(path: str) -> Dict[str, Any]:
    """Read the results of a finished test.

    Args:
        path (str): Folder of the report, or its results.json.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, cut off, of another program or of another
            schema.
    """
    file = osp.join(path, 'results.json') if osp.isdir(path) else path
    if not osp.isfile(file):
        raise FileNotFoundError(
            f'{file} does not exist: run python -m mmseg_rppgd '
            'robust-test with --out first, or with --resume if it was '
            'interrupted')
    results = _read_json(file)
    if not isinstance(results, dict) or 'schema' not in results:
        raise ValueError(
            f'{file} must be the results.json of a robustness test, but has '
            'no "schema": name the report folder of robust-test')
    if results['schema'] != SCHEMA:
        raise ValueError(
            f'{file} must have schema {SCHEMA}, but has '
            f'{results["schema"]!r}: read it with the version of mmseg_rppgd '
            'that wrote it, or repeat the test')
    missing = [key for key in KEYS if key not in results]
    if missing:
        raise ValueError(
            f'{file} must have {", ".join(KEYS)}, but lacks '
            f'{", ".join(missing)}: repeat the test, with --resume if its '
            'folder per_image is there')
    return results


def _read_json(file: str) -> Any:
    try:
        with open(file, encoding='utf-8') as stream:
            return json.load(stream)
    except ValueError:  # of JSON or of UTF-8
        state = 'cut off or no JSON' if osp.getsize(file) else 'empty'
        raise ValueError(
            f'{file} must be a JSON file of a finished test, but is {state}: '
            'repeat the test, with --resume if its folder per_image is there'
        ) from None


def worst_case_of(folders: Sequence[str], seed: int = 0) -> Dict[str, Any]:
    """Compute the worst case over the attacks of one or several reports.

    Args:
        folders (Sequence[str]): Folders of reports, as ``--out`` named them.
        seed (int): Seed of the greedy choice. Defaults to 0.

    Returns:
        dict: As ``worst_case`` in results.json.

    Raises:
        FileNotFoundError: If a folder holds no finished test.
        ValueError: If a report cannot be read, or the reports are of
            different models or images.
    """
    if not folders:
        raise ValueError('folders must name one report at least, but is '
                         'empty')
    reports = [FinishedTest(folder) for folder in folders]
    first = reports[0]
    for other in reports[1:]:
        if other.identity != first.identity:
            raise ValueError(
                f'{first.folder} and {other.folder} must be reports of one '
                'model on the same images, but model, number of images or '
                'clean predictions differ')
    rows = [list(report.members()) for report in reports]
    counts = [first.counts('clean')]
    members: List[Dict[str, Any]] = [
        {'name': 'clean', 'norm': None, 'eps': None, 'steps': None}]
    for report, own in zip(reports, rows):
        for key, member in own:
            counts.append(report.counts(key))
            members.append(member)
    return worst_case(np.stack(counts), members, seed)


class FinishedTest:
    """A finished test on disk, with its counts of single images.

    Args:
        path (str): Folder of the report, or its results.json.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no report, see :func:`read_results`.
    """

    def __init__(self, path: str) -> None:
        self.results = read_results(path)
        self.folder = path if osp.isdir(path) else osp.dirname(path)
        per_image = osp.join(self.folder, 'per_image')
        self.settings_file = osp.join(per_image, SETTINGS)
        self.store = ImageStore(per_image)

    @property
    def has_counts(self) -> bool:
        """bool: Whether the counts of single images are there too."""
        return osp.isfile(self.settings_file)

    @property
    def keys(self) -> List[str]:
        """list[str]: What the rows are stored by, in their order.

        Raises:
            FileNotFoundError: If there is results.json alone.
        """
        if not self.has_counts:
            raise FileNotFoundError(
                f'{self.settings_file} does not exist: the worst case is '
                'computed from the whole report folder, not from '
                'results.json alone')
        return _read_json(self.settings_file)['keys']

    @property
    def available(self) -> Optional[int]:
        """int, optional: Images of the data set; None if that is unknown."""
        if not self.has_counts:
            return None
        return _read_json(self.settings_file).get('available')

    @property
    def seed(self) -> int:
        """int: Seed of the test."""
        return self.results['environment']['seed']

    @property
    def identity(self) -> List[Any]:
        """list: What reports must share to be joined."""
        return [self.results['model']['sha256'], self.results['dataset'],
                self.results['clean']]

    def members(self) -> Iterator[Tuple[str, Dict[str, Any]]]:
        """Key and description of every row."""
        for attack, key in zip(self.results['attacks'], self.keys):
            yield key, {
                'name': attack['name'], 'norm': attack['threat']['norm'],
                'eps': attack['threat']['eps'],
                'steps': attack['config'].get('steps')}

    def counts(self, key: str) -> np.ndarray:
        """Class counts (N, 3, C) of a row; of the clean images ``'clean'``.

        Raises:
            ValueError: If there are not those of all images.
        """
        records = self.store.load(key)
        images = self.results['dataset']['num_images']
        if len(records) != images:
            raise ValueError(
                f'{osp.join(self.folder, "per_image")} must hold {images} '
                f'images of {key}, but holds {len(records)}: repeat the test '
                'with --resume')
        return stack_counts([records[i] for i in sorted(records)],
                            len(self.results['dataset']['classes']))

    def worst_counts(self, ball: Dict[str, Any]) -> Dict[str, np.ndarray]:
        """Class counts of the attacks that stand for the images in a ball.

        Args:
            ball (dict): One of :func:`worst_balls`.

        Returns:
            dict: Counts (N, 3, C) by ``'aAcc'`` and ``'mIoU_greedy'``.

        Raises:
            ValueError: If they do not give the numbers of the report.
        """
        inside = ['clean'] + [
            key for attack, key in zip(self.results['attacks'], self.keys)
            if lies_in(attack['threat']['norm'], *_given_radius(attack), ball)
            or 'by_ball' not in self.results['worst_case']]
        found = worst_counts(
            np.stack([self.counts(key) for key in inside]), self.seed)
        counts = {name: chosen for name, (_, chosen) in found.items()}
        values = dict(aAcc=accuracy, mIoU_greedy=mean_iou)
        for name, chosen in counts.items():
            value = number(values[name](chosen.sum(axis=0)))
            if value != ball[name]:
                raise ValueError(
                    f'{self.folder} must hold the counts of its worst case '
                    f'{name} {ball[name]}, but they give {value}: repeat the '
                    'test')
        return counts


def _given_radius(attack: Dict[str, Any]
                  ) -> Tuple[Optional[float], Optional[float]]:
    """The radius of a row as it was given, a length or a root mean square."""
    eps = attack['config'].get('eps')
    return eps, attack['threat']['rms'] if eps is None else None
