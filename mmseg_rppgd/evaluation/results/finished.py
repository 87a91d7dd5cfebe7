"""Finished tests read back, and the worst case over several of them.

Several reports of one model on the same images join their attacks, so an
ensemble may be run in parts, or be extended later.
"""
import json
import os.path as osp
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np

from ..run.store import SETTINGS, ImageStore
from .results import SCHEMA, stack_counts
from .worst_case import worst_case

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
            f'{file} does not exist: run tools/robust_test.py with --out '
            'first, or with --resume if it was interrupted')
    results = _read_json(file)
    if not isinstance(results, dict) or 'schema' not in results:
        raise ValueError(
            f'{file} must be the results.json of a robustness test, but has '
            'no "schema": name the report folder of tools/robust_test.py')
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
    """A finished test on disk, with its counts of single images."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.results = read_results(folder)
        per_image = osp.join(folder, 'per_image')
        settings = osp.join(per_image, SETTINGS)
        if not osp.isfile(settings):
            raise FileNotFoundError(
                f'{settings} does not exist: the worst case is computed from '
                'the whole report folder, not from results.json alone')
        self.keys = _read_json(settings)['keys']
        self.store = ImageStore(per_image)

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
        """Class counts (N, 3, C) of a row."""
        records = self.store.load(key)
        images = self.results['dataset']['num_images']
        if len(records) != images:
            raise ValueError(
                f'{osp.join(self.folder, "per_image")} must hold {images} '
                f'images of {key}, but holds {len(records)}: repeat the test '
                'with --resume')
        return stack_counts([records[i] for i in sorted(records)],
                            len(self.results['dataset']['classes']))
