"""Label files that mmseg would read wrongly without a word."""
import os.path as osp
from typing import Optional

import numpy as np
from PIL import Image

PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
DEPTH_AT = 24  # byte of a PNG file that holds the bits of each sample


def check_label_file(path: Optional[str]) -> None:
    """Refuse a PNG of 16 bits whose labels do not fit into 8.

    mmseg reads labels as bytes, so that 256 becomes 0 and 300 becomes 44.
    A path that is no local PNG file is not looked at; of one of 8 bits, only
    the header is read.

    Args:
        path (str, optional): A label file.

    Raises:
        ValueError: If a label is over 255; names the file.
    """
    if not path or not str(path).lower().endswith('.png') or not osp.isfile(
            path):
        return
    with open(path, 'rb') as file:
        header = file.read(DEPTH_AT + 1)
    if len(header) <= DEPTH_AT or not header.startswith(PNG_SIGNATURE) or (
            header[DEPTH_AT] != 16):
        return
    with Image.open(path) as image:
        highest = int(np.asarray(image).max(initial=0))
    if highest > 255:
        raise ValueError(
            f'{path} holds labels of 16 bits up to {highest}, which mmseg '
            f'reads modulo 256 ({highest} becomes {highest % 256}); convert '
            'it to labels of 8 bits')
