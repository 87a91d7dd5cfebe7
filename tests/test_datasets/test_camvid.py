"""CamVid on a tiny folder of the same layout."""
import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope

import mmseg_rppgd  # noqa: F401
from mmseg_rppgd.datasets import CamVid

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
NAMES = ['0001TP_1.png', '0001TP_2.png', '0001TP_3.png']


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


@pytest.fixture
def root(tmp_path):
    """Three images per split; all twelve labels occur in each."""
    labels = np.arange(12, dtype=np.uint8).repeat(4).reshape(6, 8)
    for split in ('train', 'val'):
        for folder in (split, f'{split}annot'):
            (tmp_path / folder).mkdir()
        for number, name in enumerate(NAMES):
            image = np.full((6, 8, 3), 10 * number, np.uint8)
            cv2.imwrite(str(tmp_path / split / name), image)
            cv2.imwrite(str(tmp_path / f'{split}annot' / name), labels)
        # As published: paths of another machine, and an empty last line.
        (tmp_path / f'{split}.txt').write_text(''.join(
            f'/SegNet/CamVid/{split}/{name} '
            f'/SegNet/CamVid/{split}annot/{name}\n'
            for name in NAMES[:2]) + '\n')
    return tmp_path


def make(root, **kwargs):
    return CamVid(data_root=str(root), pipeline=PIPELINE, **kwargs)


def labels_of(dataset, index=0):
    return dataset[index]['data_samples'].gt_sem_seg.data


def test_void_becomes_255_and_the_classes_stay(root):
    assert labels_of(make(root)).unique().tolist() == [*range(11), 255]


def test_the_published_list_is_read_with_its_foreign_folders(root):
    dataset = make(root, split='val')
    assert len(dataset) == 2
    assert dataset.get_data_info(1)['img_path'] == str(
        root / 'val' / NAMES[1])
    assert dataset.get_data_info(1)['seg_map_path'] == str(
        root / 'valannot' / NAMES[1])


def test_a_list_of_names_alone(root):
    (root / 'train.txt').write_text('0001TP_3\n0001TP_1.png\n')
    dataset = make(root)
    assert [dataset.get_data_info(i)['seg_map_path'] for i in range(2)] == [
        str(root / 'trainannot' / NAMES[i]) for i in (2, 0)]


def test_without_a_list_every_image_is_taken(root):
    (root / 'train.txt').unlink()
    assert len(make(root)) == 3


def test_names_of_files_and_folders_can_be_given(root):
    dataset = make(root, ann_file='val.txt', data_prefix=dict(
        img_path='val', seg_map_path='valannot'))
    assert '/val/' in dataset.get_data_info(0)['img_path']


def test_a_choice_of_classes_maps_the_others_to_void(root):
    dataset = make(root, metainfo=dict(classes=('Car', 'Sky')))
    assert labels_of(dataset).unique().tolist() == [0, 1, 255]
    assert dataset.metainfo['palette'] == [[64, 0, 128], [128, 128, 128]]


def test_a_label_beyond_the_classes_names_file_and_value(root):
    path = root / 'trainannot' / NAMES[0]
    cv2.imwrite(str(path), np.full((6, 8), 12, np.uint8))
    dataset = make(root)
    with pytest.raises(ValueError, match=f'{path} holds the label 12, beyond '
                       'the 11 classes'):
        dataset[0]


def test_a_coloured_label_picture_is_named(root):
    path = root / 'trainannot' / NAMES[0]
    cv2.imwrite(str(path), np.zeros((6, 8, 3), np.uint8))
    dataset = make(root)
    with pytest.warns(UserWarning), pytest.raises(
            ValueError, match=f'{path} must have one channel'):
        dataset[0]


def test_a_missing_root_is_named(tmp_path):
    with pytest.raises(FileNotFoundError,
                       match=f"no folder {tmp_path / 'no' / 'train'}.*"
                       'set data_root'):
        make(tmp_path / 'no')


def test_a_missing_list_that_was_asked_for_is_named(root):
    with pytest.raises(FileNotFoundError,
                       match=f"ann_file {root / 'some.txt'} does not exist"):
        make(root, ann_file='some.txt')


def test_a_listed_file_that_is_missing_is_named(root):
    (root / 'trainannot' / NAMES[1]).unlink()
    with pytest.raises(FileNotFoundError,
                       match=f"{root / 'trainannot' / NAMES[1]} is listed"):
        make(root)


def test_folders_that_do_not_match_are_named(root):
    (root / 'train.txt').unlink()
    (root / 'trainannot' / NAMES[2]).unlink()
    with pytest.raises(ValueError, match=f"{root / 'train'} and .*"
                       "do not match: 1 names .* such as 0001TP_3"):
        make(root)


def test_an_empty_folder_is_named(root):
    (root / 'train.txt').unlink()
    for folder in ('train', 'trainannot'):
        for name in NAMES:
            (root / folder / name).unlink()
    with pytest.raises(ValueError, match=f"{root / 'train'} holds no .png"):
        make(root)


def test_labels_of_another_size_than_the_image_are_named(root):
    path = root / 'trainannot' / NAMES[1]
    cv2.imwrite(str(path), np.zeros((6, 9), np.uint8))
    dataset = make(root)
    dataset[0]
    with pytest.raises(ValueError, match=f'{path} must have the size of its '
                       'image, 8 x 6 pixels, but has 9 x 6'):
        dataset[1]


def test_labels_that_wrap_are_named(root):
    path = root / 'trainannot' / NAMES[0]
    cv2.imwrite(str(path), np.full((6, 8), 256, np.uint16))
    with pytest.raises(ValueError, match=f'{path} holds labels of 16 bits'):
        make(root)[0]


def test_a_list_with_too_many_fields_names_the_line(root):
    (root / 'train.txt').write_text('a.png a.png\na b c\n')
    with pytest.raises(ValueError, match='train.txt, line 2: .*3 fields'):
        make(root)
