"""The worst case over finished tests, from their stored counts alone.

    python -m mmseg_rppgd compare --worst-case DIR [DIR ...]

Several reports of one model on the same images join their attacks, so an
ensemble may be run in parts, or be extended later.
"""
import json
import os.path as osp
from typing import Any, Dict, List, Sequence

import numpy as np

from .results import stack_counts
from ..run.store import SETTINGS, ImageStore
from .worst_case import worst_case


def worst_case_of(folders: Sequence[str], seed: int = 0) -> Dict[str, Any]:
    """Compute the worst case over the attacks of one or several reports.

    Args:
        folders (Sequence[str]): Folders of reports, as ``--out`` named them.
        seed (int): Seed of the greedy choice. Defaults to 0.

    Returns:
        dict: As ``worst_case`` in results.json.

    Raises:
        FileNotFoundError: If a folder holds no finished test.
        ValueError: If the reports are of different models or images.
    """
    if not folders:
        raise ValueError('folders must name one report at least, but is '
                         'empty')
    reports = [_Report(folder) for folder in folders]
    first = reports[0]
    for other in reports[1:]:
        if other.identity != first.identity:
            raise ValueError(
                f'{first.folder} and {other.folder} must be reports of one '
                'model on the same images, but model, number of images or '
                'clean predictions differ')
    counts = [first.counts('clean')]
    members: List[Dict[str, Any]] = [
        {'name': 'clean', 'norm': None, 'eps': None, 'steps': None}]
    for report in reports:
        for key, member in report.members():
            counts.append(report.counts(key))
            members.append(member)
    return worst_case(np.stack(counts), members, seed)


class _Report:
    """A finished test on disk."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.store = ImageStore(osp.join(folder, 'per_image'))
        self.results = self._read('results.json')
        self.settings = self._read(osp.join('per_image', SETTINGS))

    def _read(self, name: str) -> Dict[str, Any]:
        with open(osp.join(self.folder, name), encoding='utf-8') as file:
            return json.load(file)

    @property
    def identity(self) -> List[Any]:
        """list: What reports must share to be joined."""
        return [self.results['model']['sha256'], self.results['dataset'],
                self.results['clean']]

    def members(self):
        """Key and description of every row."""
        for attack, key in zip(self.results['attacks'],
                               self.settings['keys']):
            yield key, {
                'name': attack['name'], 'norm': attack['threat']['norm'],
                'eps': attack['threat']['eps'],
                'steps': attack['config'].get('steps')}

    def counts(self, key: str) -> np.ndarray:
        """Class counts (N, 3, C) of a row."""
        records = self.store.load(key)
        return stack_counts([records[i] for i in sorted(records)],
                            len(self.results['dataset']['classes']))
