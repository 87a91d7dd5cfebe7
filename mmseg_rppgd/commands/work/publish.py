"""Make a checkpoint that loads anywhere: weights alone, named by a hash."""
import argparse
import os
import os.path as osp
from typing import Any, Optional

import numpy as np
import torch

from ...checkpoints import (drop_branches, file_sha256, load_checkpoint,
                            restricted_loading)
from ...checkpoints.weights import state_dict_of
from ...compat import require_mmseg
from ...config import require_checkpoint
from ...evaluation.files import temporary_name, writing

DIGITS = 8  # of the hash, as mmseg's publish_model.py has them
KEPT = ('dataset_meta', 'epoch', 'iter', 'experiment_name',
        'mmengine_version', 'seed', 'time')


def publish(checkpoint: str, out: Optional[str] = None,
            trust: bool = False) -> str:
    """Write the weights of a checkpoint alone.

    Where mmengine's EMAHook has averaged weights, they are the averaged
    ones, as the hook saves them.

    Args:
        checkpoint (str): The file.
        out (str, optional): Path of the new file, without the hash. Defaults
            to None, that of the checkpoint.
        trust (bool): Whether to run the code that it may hold. Defaults to
            False.

    Returns:
        str: Path of the new file, ``STEM-HASH.pth``; the hash is the start
        of its SHA-256.

    Raises:
        FileNotFoundError: If the checkpoint is not there.
        UnpicklingError: If it holds more than weights.
        ValueError: If it has no weights.
        OSError: If the file cannot be written; names it.
    """
    require_checkpoint(checkpoint)
    with restricted_loading(trust):
        loaded = load_checkpoint(checkpoint)
    drop_branches(loaded, checkpoint)
    weights = state_dict_of(loaded, checkpoint)
    for key, value in weights.items():
        if not isinstance(value, torch.Tensor):
            raise ValueError(
                f'the weights of {checkpoint} must be tensors, but {key!r} is '
                f'{type(value).__name__}; name a checkpoint of a training')
    meta = loaded.get('meta') or {}
    result = dict(
        meta={key: plain(meta[key]) for key in KEPT if key in meta},
        state_dict={key: value.detach().cpu().clone()
                    for key, value in weights.items()})
    stem = osp.splitext(out or checkpoint)[0]
    with writing(f'{stem}-HASH.pth'):
        os.makedirs(osp.dirname(stem) or '.', exist_ok=True)
        temporary = temporary_name(f'{stem}.pth')
        try:
            torch.save(result, temporary)
            final = f'{stem}-{file_sha256(temporary)[:DIGITS]}.pth'
            os.replace(temporary, final)
        finally:
            if osp.exists(temporary):
                os.remove(temporary)
    return final


def plain(value: Any) -> Any:
    """What any ``torch.load`` reads without running code."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def run(args: argparse.Namespace) -> None:
    """Write the file, and say where it is."""
    require_mmseg()
    print(publish(args.checkpoint, args.out, args.trust_checkpoint))
