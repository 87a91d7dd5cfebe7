"""Which pictures a page shows, in what order."""
import json

import numpy as np
import pytest
from small_reports import report_of
from tiny_results import CLASSES, HOSTILE, Examples

from mmseg_rppgd.evaluation.report.page import pictures
from mmseg_rppgd.evaluation.report.page.pictures import Gallery
from mmseg_rppgd.metrics import accuracy


def test_the_worst_image_and_the_strongest_attack_come_first():
    report = report_of('PGD', 'SegPGD', indices=(0, 1, 2))
    images = Gallery(report).images
    order = np.argsort(accuracy(report.attacks[1].counts))
    assert [image['name'] for image in images] == [
        f'{i}: {i}.png' for i in order]
    for image in images:
        assert [attack['name'].split()[0] for attack in image['attacks']] == [
            'SegPGD', 'PGD']
        assert sum(image['attacks'][0]['percent']) == pytest.approx(100)
        assert set(image['seen']) <= set(range(len(CLASSES)))


def test_the_strongest_attack_is_that_of_the_sentence():
    report = report_of('PGD', 'SegPGD', indices=(0, 1, 2))
    weak, strong = report.results['attacks']
    weak['mIoU'], strong['mIoU'] = strong['mIoU'], weak['mIoU']
    images = Gallery(report).images
    assert all(image['attacks'][0]['name'].startswith('PGD')
               for image in images)
    left = [image['attacks'][0]['aAcc'] for image in images]
    assert left == sorted(left)


def test_seen_classes_are_in_the_order_of_their_pixels():
    report = report_of('PGD', indices=(0, ))
    clean, attacked = (report.examples.load(key, 0) for key in (
        'clean', 'attacked'))
    clean.ignored = np.zeros(clean.label.shape, bool)
    clean.ignored[:, 8:] = True  # of class 0 alone
    clean.label[:], clean.prediction[:], attacked.prediction[:] = 2, 2, 0
    clean.label[:, 0], attacked.prediction[:, :5] = 1, 1
    report.examples.load = lambda key, index: (
        clean if key == 'clean' else attacked)
    image, = Gallery(report).images
    assert image['seen'] == [2, 1]
    assert image['attacks'][0]['seen'] == [1, 0]


def test_accuracies_are_those_of_the_records():
    report = report_of('PGD')
    for image in Gallery(report).images:
        index = int(image['name'].split(':')[0])
        assert image['aAcc'] == float(accuracy(report.clean.counts)[index])
        assert image['attacks'][0]['aAcc'] == float(
            accuracy(report.attacks[0].counts)[index])


def test_every_image_has_its_strongest_attack_before_others_are_shown(
        monkeypatch):
    monkeypatch.setattr(pictures, 'MAX_EMBEDDED', 40000)
    report = report_of('PGD', 'BIM', 'SegPGD', indices=(0, 1, 2))
    gallery = Gallery(report)
    assert gallery.others == 0 and len(gallery.images) == 3
    shown = [len(image['attacks']) for image in gallery.images]
    assert min(shown) == 1 and sum(shown) + gallery.beside == 9
    assert all(image['attacks'][0]['name'].startswith('SegPGD')
               for image in gallery.images)


def test_images_that_have_no_room_are_counted(monkeypatch):
    monkeypatch.setattr(pictures, 'MAX_EMBEDDED', 1)
    gallery = Gallery(report_of('PGD', 'BIM', indices=(0, 1, 2)))
    assert len(gallery.images) == 1 and gallery.others == 2
    assert len(gallery.images[0]['attacks']) == 1 and gallery.beside == 1


def test_images_that_were_not_kept_are_left_out():
    report = report_of('PGD', indices=(0, 1))
    load = report.examples.load

    class Some(Examples):
        def load(self, key, index):
            missing = index == 0 or key != 'clean'
            return None if missing else load(key, index)

    report.examples = Some(0, 1)
    image, = Gallery(report).images
    assert image['name'].startswith('1:') and image['attacks'] == []


def test_names_of_files_are_text():
    report = report_of('PGD', indices=(0, ))
    report.clean.records[0]['image'] = f'folder\\{HOSTILE}'
    image, = Gallery(report).images
    assert image['name'].startswith('0: ')
    json.dumps(image)
