"""Numbers as people write them."""
import pytest

from mmseg_rppgd.words import counted


@pytest.mark.parametrize('number, text', [
    (0, '0 searches'), (1, '1 search'), (2, '2 searches'),
    (12345, '12,345 searches')])
def test_one_has_no_plural(number, text):
    assert counted(number, 'search', 'searches') == text


def test_a_plural_ends_in_s():
    assert [counted(n, 'image') for n in (0, 1, 2)] == [
        '0 images', '1 image', '2 images']
