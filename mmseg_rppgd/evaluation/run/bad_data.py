"""Images and labels that cannot be tested: named, and told from defects."""
import os.path as osp
from contextlib import contextmanager
from typing import (Any, Callable, Dict, Iterator, List, NamedTuple, Optional,
                    Sequence)

import torch
from torch.utils.data import DataLoader, Dataset, default_collate

# What loading a file raises because of the file. Others are defects of the
# code that loads it, and keep their traceback, unless the file is bad.
OF_FILES = (OSError, EOFError, ValueError, AssertionError)


class BadSample(ValueError):
    """An image, or its labels, that cannot be tested.

    Args:
        index (int): Index in the data set.
        where (str): The file, or else the index in words.
        reason (str): What is wrong with it.
    """

    def __init__(self, index: int, where: str, reason: str) -> None:
        super().__init__(index, where, reason)
        self.index, self.where, self.reason = index, where, reason

    def __str__(self) -> str:
        return (f'{self.sentence}. Mend it, and repeat the command with '
                '--resume: what is done is kept. Or leave out such images '
                'with --skip-bad, which lists them in the report')

    @property
    def sentence(self) -> str:
        """str: What is wrong with which image, in one line."""
        reason = ' '.join(self.reason.split()).rstrip('.')
        if self.where in reason:
            return reason
        joint = ' ' if reason.startswith(('is ', 'does ', 'cannot ')) else ': '
        return self.where + joint + reason


class Loaded(NamedTuple):
    """What the data set gave for an index, or why it gave nothing."""
    data: Any
    bad: Optional[BadSample] = None


class Guarded(Dataset):
    """Chosen samples of a data set; a bad one is no end of the others.

    Args:
        dataset (Dataset): Of any kind that takes an index.
        indices (Sequence[int]): Which samples.
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = list(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Loaded:
        index = self.indices[place]
        try:
            data = self.dataset[index]
        except Exception as error:
            bad = diagnose(self.dataset, index, error)
            if bad is None:
                raise
            return Loaded(None, bad)
        return Loaded(data, _another(self.dataset, index, data))


class Collate:
    """Make batches of one as a loader does, of what was loaded.

    Args:
        collate (callable, optional): That of the loader. Defaults to None,
            torch's.
    """

    def __init__(self, collate: Optional[Callable] = None) -> None:
        self.collate = collate or default_collate

    def __call__(self, batch: List[Loaded]) -> Loaded:
        loaded, = batch
        if loaded.bad is not None:
            return loaded
        return Loaded(self.collate([loaded.data]))


def load_each(loader: Any, indices: Sequence[int],
              most_workers: int) -> DataLoader:
    """Load samples one by one, in worker processes where there are many.

    Args:
        loader (DataLoader | Dataset): Has the data set.
        indices (Sequence[int]): Which samples.
        most_workers (int): Number of worker processes at most.
    """
    dataset, collate = getattr(loader, 'dataset', loader), None
    options: Dict[str, Any] = {}
    if isinstance(loader, DataLoader):
        collate = loader.collate_fn
        options = dict(num_workers=min(
            loader.num_workers, most_workers, len(indices) // 8))
    # With chance of its own: nothing global is drawn from.
    return DataLoader(Guarded(dataset, indices), batch_size=1,
                      collate_fn=Collate(collate),
                      generator=torch.Generator(), **options)


def diagnose(dataset: Any, index: int,
             error: Exception) -> Optional[BadSample]:
    """Say what is wrong with a sample that could not be loaded.

    Returns:
        BadSample: None if it is not the fault of a file.
    """
    files = files_of(dataset, index)
    for path in files.values():
        reason = fault_of(path)
        if reason is not None:
            return BadSample(index, path, reason)
    if not isinstance(error, OF_FILES) and not (
            type(error).__module__.startswith('cv2')):
        return None
    where = files.get('img_path', f'sample {index} of the data set')
    text = str(error).strip().splitlines()
    return BadSample(
        index, where, f'cannot be loaded: {type(error).__name__}' +
        (f': {text[0]}' if text else ''))


def fault_of(path: str) -> Optional[str]:
    """What is wrong with the file of an image; None if it can be read."""
    import cv2
    import numpy as np
    if '://' in path:
        return None
    if not osp.exists(path):
        return 'does not exist'
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        return f'cannot be read: {error.strerror}'
    if not content.size:
        return 'is empty'
    if osp.splitext(path)[1].lower() not in (
            '.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp'):
        return None
    if cv2.imdecode(content, cv2.IMREAD_UNCHANGED) is None:
        return 'is no image, or is cut off'
    return None


def files_of(dataset: Any, index: int) -> Dict[str, str]:
    """Files of image and labels of an MMSeg data set, as far as known."""
    try:
        info = dataset.get_data_info(index)
        found = {key: info.get(key) for key in ('img_path', 'seg_map_path')}
    except Exception:  # a data set of another kind
        return {}
    return {k: path for k, path in found.items() if isinstance(path, str)}


@contextmanager
def data_set_faults() -> Iterator[None]:
    """Say in a sentence what a test set cannot be built for.

    mmseg joins an empty list of samples, and compares palette and classes
    without a word on either.
    """
    try:
        yield
    except ValueError as error:
        if 'need at least one array to concatenate' in str(error):
            raise ValueError(
                'the test set has no images; check data_root, data_prefix '
                'and img_suffix of test_dataloader.dataset') from error
        if 'palette does not match' in str(error):
            raise ValueError(
                'the palette of the test set must have one colour for each '
                'class; mend palette, or leave it out, in metainfo of '
                'test_dataloader.dataset') from error
        raise


def _another(dataset: Any, index: int, data: Any) -> Optional[BadSample]:
    """Notice another sample in the place of one that was not loaded.

    So mmengine's data sets do out of test mode.
    """
    wanted = files_of(dataset, index).get('img_path')
    if wanted is None or not isinstance(data, dict):
        return None
    given = getattr(data.get('data_samples'), 'img_path', None)
    if not isinstance(given, str) or given == wanted:
        return None
    reason = fault_of(wanted) or 'cannot be loaded'
    return BadSample(index, wanted, f'{reason}: the data set gave {given} in '
                                    'its place')


def data_set_of(loader: Any) -> Any:
    """Return the data set of a loader, or what is given as one.

    Raises:
        TypeError: If its samples cannot be asked for by index.
        ValueError: If it has none.
    """
    dataset = getattr(loader, 'dataset', loader)
    if not (hasattr(dataset, '__len__') and hasattr(dataset, '__getitem__')):
        raise TypeError(
            'loader must have a data set whose samples can be asked for by '
            'index (with __len__ and __getitem__), but got '
            f'{type(dataset).__name__}; list its samples')
    if not len(dataset):
        raise ValueError('the test set has no images; check data_root and '
                         'data_prefix of test_dataloader.dataset')
    return dataset
