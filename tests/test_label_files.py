"""Labels of 16 bits, which mmseg reads modulo 256."""
import cv2
import numpy as np
import pytest

from mmseg_rppgd.label_files import check_label_file


def save(path, values, dtype):
    cv2.imwrite(str(path), np.array([values], dtype=dtype))
    return str(path)


def test_labels_that_wrap_name_the_file(tmp_path):
    path = save(tmp_path / 'a.png', [0, 300], np.uint16)
    with pytest.raises(ValueError, match='a.png holds labels of 16 bits up '
                       r'to 300, .*\(300 becomes 44'):
        check_label_file(path)


def test_what_does_not_wrap_passes(tmp_path):
    check_label_file(save(tmp_path / 'a.png', [0, 255], np.uint16))
    check_label_file(save(tmp_path / 'b.png', [0, 255], np.uint8))
    (tmp_path / 'c.png').write_bytes(b'')
    for path in (str(tmp_path / 'c.png'), 's3://bucket/a.png', 'a.jpg', None):
        check_label_file(path)
