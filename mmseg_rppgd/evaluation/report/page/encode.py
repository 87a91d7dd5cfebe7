"""Pictures as addresses that need no file."""
import base64
import io
from typing import Any

import numpy as np
from PIL import Image

WIDEST = 960  # pixels of a picture, so that the page stays small
LOSSLESS = 128  # pixels, up to which a photograph is no JPEG
COLOURS = 256  # of a PNG with a palette


def data_uri(content: bytes, kind: str) -> str:
    """A picture as an address that needs no file."""
    return f'data:image/{kind};base64,{base64.b64encode(content).decode()}'


def photo(picture: np.ndarray, widest: int = WIDEST) -> str:
    """Encode a photograph; a small one without loss.

    Args:
        picture (np.ndarray): (h, w, 3) uint8.
        widest (int): Pixels from side to side, at most.
    """
    shown = _fitted(Image.fromarray(picture), widest,
                    Image.Resampling.BILINEAR)
    if shown.width <= LOSSLESS:
        return _encode(shown, 'png')
    return _encode(shown, 'jpeg', quality=85)


def flat_picture(picture: np.ndarray, widest: int = WIDEST) -> str:
    """Encode a picture of few colours without loss of any.

    Args:
        picture (np.ndarray): (h, w, 3) uint8.
        widest (int): Pixels from side to side, at most.
    """
    shown = _fitted(Image.fromarray(picture), widest, Image.Resampling.NEAREST)
    pixels = np.asarray(shown).astype(np.int32)
    packed = (pixels[..., 0] << 16) + (pixels[..., 1] << 8) + pixels[..., 2]
    colours, places = np.unique(packed, return_inverse=True)
    if len(colours) <= COLOURS:
        indexed = Image.fromarray(
            places.reshape(packed.shape).astype(np.uint8))
        indexed.putpalette([(int(colour) >> shift) & 255 for colour in colours
                            for shift in (16, 8, 0)])
        shown = indexed
    return _encode(shown, 'png')


def _fitted(picture: Image.Image, widest: int,
            how: Image.Resampling) -> Image.Image:
    if picture.width <= widest:
        return picture
    height = max(1, round(picture.height * widest / picture.width))
    return picture.resize((widest, height), how)


def _encode(picture: Image.Image, kind: str, **options: Any) -> str:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return data_uri(content.getvalue(), kind)
