"""Results of single images on disk."""
import json

import pytest

from mmseg_rppgd.evaluation.run.store import (ImageStore, SettingsChanged,
                                              differences, write_json)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'report' / 'per_image'


def started(folder, resume=False, rank=0, **settings):
    store = ImageStore(str(folder), rank)
    if rank == 0:
        store.start(settings or {'seed': 0}, resume)
    return store


def test_records_are_on_disk_at_once(folder):
    started(folder).append('PGD', {'index': 3, 'tp': [1]})
    assert (folder / 'PGD.jsonl').read_text() == '{"index": 3, "tp": [1]}\n'


def test_records_of_all_processes_are_read(folder):
    started(folder).append('PGD', {'index': 0})
    started(folder, rank=1).append('PGD', {'index': 1})
    started(folder, True).append('PGD-10', {'index': 2})
    assert set(ImageStore(str(folder)).load('PGD')) == {0, 1}


def test_merge_leaves_one_file_in_order(folder):
    store = started(folder)
    store.append('PGD', {'index': 2})
    started(folder, rank=1).append('PGD', {'index': 1})
    store.merge('PGD', store.load('PGD'))
    assert [p.name for p in folder.glob('PGD*')] == ['PGD.jsonl']
    lines = (folder / 'PGD.jsonl').read_text().splitlines()
    assert [json.loads(line)['index'] for line in lines] == [1, 2]


def test_a_torn_last_line_is_done_again(folder):
    started(folder).append('PGD', {'index': 0})
    with open(folder / 'PGD.jsonl', 'a') as file:
        file.write('{"index": 1, "tp": [')
    store = started(folder, resume=True)
    store.append('PGD', {'index': 1, 'tp': [7]})
    assert store.load('PGD') == {0: {'index': 0},
                                 1: {'index': 1, 'tp': [7]}}


def test_changed_settings_are_refused_with_old_and_new(folder):
    started(folder, seed=0, eps=0.03)
    with pytest.raises(SettingsChanged,
                       match=r'eps was 0.03 and is 0.01\. Repeat'):
        started(folder, True, seed=0, eps=0.01)


def test_differences_are_named_by_their_path():
    assert differences({'rows': {'a': 1, 'b': {'c': 2}}},
                       {'rows': {'b': {'c': 3}, 'd': 4}}) == [
        'rows.a was there and is not now', 'rows.b.c was 2 and is 3',
        'rows.d was not there and is now']


def test_resume_of_nothing_starts(folder):
    assert started(folder, resume=True).load('PGD') == {}


def test_a_new_start_sets_the_previous_results_and_reports_aside(folder):
    started(folder).append('PGD', {'index': 0})
    for name in ('results.json', 'transfer.json', 'notes.txt'):
        (folder.parent / name).write_text('old')
    assert started(folder).load('PGD') == {}
    previous = folder.parent / 'previous'
    assert (previous / 'per_image' / 'PGD.jsonl').read_text() == (
        '{"index": 0}\n')
    assert sorted(p.name for p in previous.glob('*.json')) == [
        'results.json', 'transfer.json']
    assert sorted(p.name for p in folder.parent.iterdir()) == [
        'notes.txt', 'per_image', 'previous']
    started(folder)
    assert (previous / 'results.json').exists()  # nothing is lost
    assert (folder.parent / 'previous-2' / 'per_image' / 'settings.json'
            ).exists()


def test_images_are_dropped_from_all_rows_or_some(folder):
    store = started(folder)
    for key in ('clean', 'PGD'):
        for index in (0, 1):
            store.append(key, {'index': index})
    started(folder, True, 1).append('PGD', {'index': 2})
    assert store.keys() == {'clean', 'PGD'}
    store.drop([0, 2])
    store.drop([1], ['clean'])
    assert (set(store.load('clean')), set(store.load('PGD'))) == (set(), {1})


def test_settings_that_were_lost_start_anew(folder):
    started(folder).append('PGD', {'index': 0})
    (folder / 'settings.json').unlink()
    store = started(folder, resume=True)
    assert store.load('PGD') == {}
    assert store.earlier.records == 1


def test_a_folder_may_have_a_name_that_globs_read_otherwise(tmp_path):
    folder = tmp_path / 'a[b]*' / 'per_image'
    started(folder).append('PGD', {'index': 0})
    with open(folder / 'PGD.jsonl', 'a') as file:
        file.write('{"index": 1')
    started(folder, resume=True)
    assert (folder / 'PGD.jsonl').read_text() == '{"index": 0}\n'


def test_settings_that_cannot_be_read_are_named(folder):
    started(folder)
    (folder / 'settings.json').write_text('')
    with pytest.raises(ValueError, match='settings.json must hold.*--resume'):
        started(folder, resume=True)


def test_a_refusal_names_a_few_changes_only(folder):
    started(folder, **{f's{i}': 0 for i in range(9)})
    with pytest.raises(SettingsChanged, match='s4 was 0 and is 1; and 4 more'):
        started(folder, True, **{f's{i}': 1 for i in range(9)})


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError):
        write_json(str(tmp_path / 'x.json'), float('nan'))
