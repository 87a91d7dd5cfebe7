"""Rows of pictures, as a paper prints them: PNG and PDF."""
import numpy as np
import pytest
from PIL import Image
from printed import pdf_texts

from mmseg_rppgd.evaluation.report.panels import (ClassMap, Photo, draw_panels,
                                                  percent_right)
from mmseg_rppgd.evaluation.report.sheet import letter
from mmseg_rppgd.painting import default_palette

PALETTE = [[250, 0, 0], [0, 250, 0], [0, 0, 250]]
CLASSES = ['ground', 'wall', 'sky']
LABEL = np.array([[0, 0, 1, 1], [0, 0, 1, 1]])
VOID = np.array([[0, 0, 0, 1], [0, 0, 0, 1]], bool)
PHOTO = Photo(np.full((8, 16, 3), [10, 20, 30], np.uint8))


def colours(path):
    with Image.open(f'{path}.png') as picture:
        pixels = np.asarray(picture.convert('RGB')).reshape(-1, 3)
    return {tuple(c): n for c, n in zip(*map(
        np.ndarray.tolist, np.unique(pixels, axis=0, return_counts=True)))}


def size(path):
    with Image.open(f'{path}.png') as picture:
        return picture.size


def texts(path):
    return pdf_texts(path.with_suffix('.pdf'))


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'out' / 'figure'


def draw(path, rows=None, columns=('image', 'truth'), **kwargs):
    rows = rows or [[PHOTO, ClassMap(LABEL)]]
    draw_panels(rows, columns, PALETTE, CLASSES, str(path), **kwargs)


def test_a_bitmap_and_a_vector_file_are_written(path):
    draw(path)
    assert sorted(p.name for p in path.parent.iterdir()) == [
        'figure.pdf', 'figure.png']
    content = (path.parent / 'figure.pdf').read_bytes()
    assert content.startswith(b'%PDF')
    assert content.count(b'/Subtype /Image') == 2
    assert b'/Type3' not in content  # which journals refuse


def test_text_of_the_pdf_is_text(path):
    rows = [[PHOTO, ClassMap(LABEL, VOID, '87.5 %')]]
    draw(path, rows, names=['a row'], caption='All that is said.')
    shown = texts(path)
    for text in ('a row', '87.5 %', '(a) image', '(b) truth', 'ground',
                 'wall', 'not counted', 'All that is said.'):
        assert text in shown
    assert 'sky' not in shown  # which no picture has


def test_bitmap_is_fit_for_print_and_in_the_colours_of_the_classes(path):
    draw(path, [[PHOTO, ClassMap(LABEL)] * 3], 'abcdef')
    width, height = size(path)
    assert width == 7 * 300
    found = colours(path)
    assert {(10, 20, 30), (250, 0, 0), (0, 250, 0)} <= set(found)
    assert (0, 0, 250) not in found
    with Image.open(f'{path}.png') as picture:
        assert picture.mode == 'RGB'
        assert picture.info['dpi'] == pytest.approx((300, 300), abs=1)


def test_pixels_that_do_not_count_are_striped(path):
    draw(path, [[PHOTO, ClassMap(LABEL, VOID)]])
    striped = colours(path)
    draw(path, [[PHOTO, ClassMap(LABEL)]])
    plain = colours(path)
    assert striped[0, 250, 0] < 0.6 * plain[0, 250, 0]
    assert striped[250, 0, 0] == plain[250, 0, 0]
    for grey in (140, ) * 3, (225, ) * 3:
        assert striped[grey] > plain.get(grey, 0) + 1000


def test_a_class_under_void_alone_is_not_in_the_legend(path):
    label = np.where(VOID, 2, 0)
    draw(path, [[PHOTO, ClassMap(label, VOID)]])
    assert (0, 0, 250) not in colours(path)
    assert 'sky' not in texts(path)


def test_what_is_no_class_is_black_and_not_in_the_legend(path):
    draw(path, [[PHOTO, ClassMap(np.full((2, 4), 9))]])
    assert colours(path)[0, 0, 0] > 1000
    assert not set(CLASSES) & set(texts(path))


def test_a_row_has_the_shape_of_its_labels(path):
    draw(path, [[PHOTO, ClassMap(LABEL)]])
    flat = size(path)[1]
    draw(path, [[PHOTO, ClassMap(np.zeros((8, 4), int))]])
    assert size(path)[1] > flat + 300
    draw(path, [[PHOTO, PHOTO]])
    assert size(path)[1] < flat + 100


def test_rows_of_one_name_are_headed_once(path):
    rows = [[PHOTO, ClassMap(LABEL)]] * 3
    draw(path, rows, names=['one', 'one', 'other'])
    assert [texts(path).count(name) for name in ('one', 'other')] == [1, 1]


def test_long_and_hostile_names_stay_on_the_sheet(path):
    classes = ['a_class ' * 30, '$x_{1$ \\frac', '']
    labels = ClassMap(np.array([[0, 1, 2, 2]]))
    draw_panels([[PHOTO, labels]], ['a caption of many words ' * 4, 'b'],
                PALETTE, classes, str(path), caption='word ' * 200)
    shown = texts(path)
    assert '$x_{1$ \\frac' in shown
    assert sum(text.count('a_class') for text in shown) == 30
    assert sum(text.count('word') for text in shown) == 201 + 3
    with Image.open(f'{path}.png') as picture:
        pixels = np.asarray(picture.convert('L'))
    for edge in (pixels[:, :3], pixels[:, -3:], pixels[:3], pixels[-3:]):
        assert (edge == 255).all()


def test_many_classes_make_the_sheet_longer_not_wider(path):
    sizes = []
    for count in (3, 150):
        labels = np.arange(6000).reshape(40, 150) % count
        draw_panels([[ClassMap(labels)] * 3], 'abc', default_palette(count),
                    [f'class {i}' for i in range(count)], str(path),
                    kinds=['png'])
        sizes.append(size(path))
    assert sizes[0][0] == sizes[1][0] and sizes[1][1] > sizes[0][1]


def test_large_pictures_are_not_embedded_whole(path):
    rng = np.random.default_rng(0)
    photo = Photo(rng.integers(256, size=(1000, 2000, 3)).astype(np.uint8))
    draw(path, [[photo, ClassMap(np.zeros((1000, 2000), int))]],
         kinds=['pdf'])
    written = (path.parent / 'figure.pdf').stat().st_size
    assert written < 0.5 * photo.image.nbytes
    assert not (path.parent / 'figure.png').exists()


def test_the_same_pictures_are_the_same_files(path):
    contents = []
    for _ in range(2):
        draw(path)
        contents.append([p.read_bytes() for p in sorted(
            path.parent.iterdir())])
    assert contents[0] == contents[1]


def test_share_that_is_right_is_of_what_counts():
    prediction = np.array([[0, 1, 1, 1], [0, 0, 1, 0]])
    assert percent_right(prediction, LABEL) == '75.0 %'
    assert percent_right(prediction, LABEL, VOID) == '83.3 %'
    assert percent_right(prediction, LABEL, VOID | True) == 'no labels'


def test_columns_beyond_z_have_two_letters():
    assert [letter(i) for i in (0, 25, 26, 53)] == ['a', 'z', 'aa', 'bb']


@pytest.mark.parametrize('rows', [[], [[PHOTO]], [[PHOTO] * 2, [PHOTO]]])
def test_rows_without_a_picture_for_each_column_are_refused(path, rows):
    with pytest.raises(ValueError, match='rows must have one picture for '
                                         'each of 2 columns'):
        draw_panels(rows, 'ab', PALETTE, CLASSES, str(path))


def test_names_without_one_for_each_row_are_refused(path):
    with pytest.raises(ValueError, match='names must be one for each of 1'):
        draw(path, names=['a', 'b'])


def test_what_cannot_be_written_is_named(path):
    path.parent.write_text('a file in the place of the folder')
    with pytest.raises(OSError, match='cannot write .*figure.png'):
        draw(path)
