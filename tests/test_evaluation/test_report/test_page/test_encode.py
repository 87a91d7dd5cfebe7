"""Pictures as addresses that need no file."""
import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmseg_rppgd.evaluation.report.page.encode import flat_picture, photo


def decoded(address):
    head, _, content = address.partition(',')
    kind = head[len('data:image/'):].partition(';')[0]
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        return kind, np.asarray(picture.convert('RGB'))


def noise(width, height=30):
    return np.random.default_rng(0).integers(
        256, size=(height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize('colours', [1, 3, 256, 300])
def test_flat_pictures_keep_every_colour(colours):
    palette = noise(colours, 1)[0]
    places = np.arange(20 * 40).reshape(20, 40) % colours
    kind, shown = decoded(flat_picture(palette[places]))
    assert kind == 'png' and (shown == palette[places]).all()


def test_a_wide_map_mixes_no_colours():
    picture = np.where(noise(2000)[..., :1] < 128, 0, 255).repeat(3, 2)
    _, shown = decoded(flat_picture(picture.astype(np.uint8)))
    assert shown.shape == (14, 960, 3) and set(np.unique(shown)) == {0, 255}


def test_small_photographs_are_kept_and_large_ones_are_smaller_files():
    kind, shown = decoded(photo(noise(100)))
    assert kind == 'png' and (shown == noise(100)).all()
    kind, shown = decoded(photo(noise(2000, 1000)))
    assert kind == 'jpeg' and shown.shape == (480, 960, 3)
    assert len(photo(noise(600, 300), 300)) < len(photo(noise(600, 300))) / 2
