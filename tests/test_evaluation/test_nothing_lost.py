"""evaluate() interrupted, resumed, beside another, and with a full disk."""
import errno
import json
import os
import shutil

import pytest
import torch
from tiny_project import numbers
from toy_networks import CLASSES, ToyNetwork, toy_data, toy_model

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.evaluation import TestedModel, evaluate
from mmseg_rppgd.evaluation.run.folder import FolderLock

WORDS = dict(attacks=['PGD'], steps=[2], probes=1, panels=1)


class Stopping(ToyNetwork):
    """Stops after a number of calls, as Ctrl-C would."""
    calls = 10**9
    error = KeyboardInterrupt

    def forward(self, images):
        self.calls -= 1
        if self.calls < 0:
            raise self.error
        return super().forward(images)


def stopped(out, calls, data, **words):
    """The model of a test that was stopped after a number of calls."""
    network = Stopping().eval()
    network.calls = calls
    with pytest.raises(KeyboardInterrupt):
        evaluate(TestedModel(network, CLASSES), data, out_dir=str(out),
                 **{**WORDS, **words})
    network.calls = 10**9
    return TestedModel(network, CLASSES)


def said(capsys):
    return ' '.join(capsys.readouterr().out.split())


def rows(out):
    return {path.name: [json.loads(line) for line in
                        path.read_text().splitlines()]
            for path in (out / 'per_image').glob('*.jsonl')}


@pytest.mark.parametrize('calls', [7, 18, 40])
@pytest.mark.parametrize('what', ['image', 'labels'])
def test_what_has_changed_since_is_done_again(tmp_path, capsys, calls, what):
    data = toy_data()
    model = stopped(tmp_path, calls, data)
    image, labels = data[1]
    data[1] = ((1 - image, labels) if what == 'image' else
               (image, (labels + 1) % 4))
    resumed = evaluate(model, data, out_dir=str(tmp_path), resume=True,
                       **WORDS)
    whole = evaluate(model, data, quiet=True, **WORDS)
    assert numbers(resumed) == numbers(whole)
    assert ('1: not what the finished results are of' in said(capsys))
    for records in rows(tmp_path).values():
        assert len({r['index'] for r in records}) == len(records)


def test_a_finished_test_is_compared_too(tmp_path):
    data = toy_data(3)
    evaluate(toy_model(), data, out_dir=str(tmp_path), quiet=True, **WORDS)
    data[2] = (1 - data[2][0], data[2][1])
    resumed = evaluate(toy_model(), data, out_dir=str(tmp_path), resume=True,
                       quiet=True, **WORDS)
    assert numbers(resumed) == numbers(
        evaluate(toy_model(), data, quiet=True, **WORDS))


def test_nothing_is_done_again_where_nothing_has_changed(tmp_path):
    evaluate(toy_model(), toy_data(3), out_dir=str(tmp_path), quiet=True,
             **WORDS)
    before = rows(tmp_path)
    evaluate(toy_model(), toy_data(3), out_dir=str(tmp_path), resume=True,
             quiet=True, **WORDS)
    assert rows(tmp_path) == before  # also the times


class Drawing(list):
    """Gives other pixels each time, as a random transform does."""

    def __getitem__(self, index):
        image, labels = super().__getitem__(index)
        return image.roll(int(torch.randint(1, 9, ())), 2), labels


def test_a_random_pipeline_is_refused():
    with pytest.raises(ValueError, match='draw random numbers'):
        evaluate(toy_model(), Drawing(toy_data(4)), quiet=True,
                 **{**WORDS, 'steps': [1, 2, 3]}, minimal=['DeepFool'])


@pytest.mark.parametrize('resume', [False, True])
def test_lines_of_another_model_never_count(tmp_path, resume):
    other = TestedModel(ToyNetwork(seed=1).eval(), CLASSES)
    evaluate(other, toy_data(), out_dir=str(tmp_path / 'a'), quiet=True,
             **WORDS)
    stopped(tmp_path / 'b', 12, toy_data())
    # However they came there: all that the test could take up is theirs.
    for path in (tmp_path / 'a' / 'per_image').glob('*.jsonl'):
        shutil.copy(path, tmp_path / 'b' / 'per_image' / path.name)
    if not resume:
        (tmp_path / 'b' / 'per_image' / 'settings.json').unlink()
    model = TestedModel(Stopping().eval(), CLASSES)
    results = evaluate(model, toy_data(), out_dir=str(tmp_path / 'b'),
                       resume=resume, quiet=True, **WORDS)
    assert numbers(results) == numbers(
        evaluate(model, toy_data(), quiet=True, **WORDS))


def flat(step, steps):
    return (1, 1, 1)


def other(step, steps):
    return (1, 0, 1)


other.__name__ = other.__qualname__ = 'flat'


@pytest.mark.parametrize('one, two', [
    (flat, other),
    ((lambda i, n: (1, 1, 1)), (lambda i, n: (1, 0, 1))),
])
def test_resume_notices_another_function_of_one_name(tmp_path, one, two):
    words = dict(out_dir=str(tmp_path), quiet=True, steps=[2])
    attack = dict(type='RPPGD', beta=1)
    evaluate(toy_model(), toy_data(2), **words,
             attacks=[dict(attack, region_weights=one)])
    with pytest.raises(ValueError, match='cannot resume.*source_code'):
        evaluate(toy_model(), toy_data(2), **words, resume=True,
                 attacks=[dict(attack, region_weights=two)])


def test_resume_notices_an_edited_attack(tmp_path):

    def edited(factor):
        return type('Mine', (PGD, ), {
            '_factor': factor, '__module__': 'project.attacks'})

    words = dict(out_dir=str(tmp_path), quiet=True, steps=[2])
    evaluate(toy_model(), toy_data(2), attacks=[dict(type=edited(1))],
             **words)
    evaluate(toy_model(), toy_data(2), attacks=[dict(type=edited(1))],
             resume=True, **words)
    with pytest.raises(ValueError, match='cannot resume.*source_code'):
        evaluate(toy_model(), toy_data(2), attacks=[dict(type=edited(2))],
                 resume=True, **words)


def test_resume_notices_another_bare_function(tmp_path):
    network, words = ToyNetwork().eval(), dict(out_dir=str(tmp_path), **WORDS)

    def victim(factor):
        return TestedModel(lambda images: network(images) * factor, CLASSES)

    evaluate(victim(1), toy_data(2), quiet=True, **words)
    with pytest.raises(ValueError, match='cannot resume.*code'):
        evaluate(victim(-1), toy_data(2), quiet=True, resume=True, **words)


def test_an_interrupt_says_what_is_kept_and_how_to_go_on(tmp_path, capsys):
    stopped(tmp_path, 8, toy_data())
    count = sum(map(len, rows(tmp_path).values()))
    assert count > 5
    assert f'Interrupted. {count} results of single images are kept in ' in (
        said(capsys))


def test_a_new_start_says_where_unfinished_work_went(tmp_path, capsys):
    model = stopped(tmp_path, 12, toy_data())
    count = sum(map(len, rows(tmp_path).values()))
    capsys.readouterr()
    evaluate(model, toy_data(), out_dir=str(tmp_path), **WORDS)
    text = said(capsys).replace(' ', '')
    assert f'its{count}resultsofsingleimages' in text
    assert f'--out{tmp_path}/previous--resume' in text
    old = str(tmp_path / 'previous')  # and so it can be done
    resumed = evaluate(model, toy_data(), out_dir=old, resume=True,
                       quiet=True, **WORDS)
    assert numbers(resumed) == numbers(
        evaluate(model, toy_data(), quiet=True, **WORDS))


def test_three_reports_are_three_folders(tmp_path):
    for seed in (0, 1, 2):
        evaluate(TestedModel(ToyNetwork(seed=seed).eval(), CLASSES),
                 toy_data(2), out_dir=str(tmp_path), seed=seed, quiet=True,
                 **WORDS)
    seeds = [json.loads((tmp_path / name / 'results.json').read_text())[
        'environment']['seed'] for name in ('previous', 'previous-2', '.')]
    assert seeds == [0, 1, 2]


def test_two_tests_in_one_folder_are_refused(tmp_path):
    lock = FolderLock(str(tmp_path))
    lock.acquire()
    words = dict(out_dir=str(tmp_path), quiet=True, **WORDS)
    with pytest.raises(ValueError, match='another test.*--out'):
        evaluate(toy_model(), toy_data(1), **words)
    assert not (tmp_path / 'per_image').exists()
    lock.release()
    evaluate(toy_model(), toy_data(1), **words)
    evaluate(toy_model(), toy_data(1), **words)  # given up at the end


@pytest.mark.parametrize('where', ['clean', 'row'])
def test_damaged_pictures_are_made_again(tmp_path, capsys, where):
    data, words = toy_data(2), dict(out_dir=str(tmp_path), **WORDS)
    evaluate(toy_model(), data, quiet=True, **words)
    folder, = (p for p in (tmp_path / 'examples').iterdir()
               if (p.name == 'clean') == (where == 'clean'))
    path, = folder.glob('*.npz')
    whole = path.read_bytes()
    for content in (b'', whole[:len(whole) // 2], b'text'):
        path.write_bytes(content)
        evaluate(toy_model(), data, resume=True, **words)
        assert 'is damaged and is made again' in said(capsys)
        assert path.stat().st_size == len(whole)


def test_a_damaged_adversary_is_made_again(tmp_path, capsys):
    surrogate = TestedModel(ToyNetwork(seed=1).eval(), CLASSES)
    words = dict(surrogate=surrogate, **{**WORDS, 'probes': 0})
    cache, first = str(tmp_path / 'cache'), str(tmp_path / 'a')
    whole = evaluate(toy_model(), toy_data(2), cache=cache, out_dir=first,
                     quiet=True, **words)
    path = sorted((tmp_path / 'cache').rglob('*.npz'))[0]
    path.write_bytes(path.read_bytes()[:100])
    again = evaluate(toy_model(), toy_data(2), cache=cache,
                     out_dir=str(tmp_path / 'b'), **words)
    assert numbers(again) == numbers(whole)
    text = said(capsys).replace(' ', '')
    assert f'{path.name}isdamaged' in text
    assert path.stat().st_size > 100


class Disk:
    """Counts what is done to files in a folder, and fails once, or from then
    on."""

    def __init__(self, monkeypatch, folder, fail_at, error):
        self.count = 0
        self.folder, self.fail_at, self.error = str(folder), fail_at, error
        for module, name in [(os, 'replace'), (os, 'rename'),
                             (os, 'makedirs')]:
            monkeypatch.setattr(module, name, self.watch(
                getattr(module, name)))
        plain = open

        def watched(file, mode='r', *args, **kwargs):
            if set(mode) & set('wa+'):
                self.step(file)
            return plain(file, mode, *args, **kwargs)

        monkeypatch.setattr('builtins.open', watched)

    def watch(self, function):

        def watched(name, *args, **kwargs):
            self.step(name)
            return function(name, *args, **kwargs)

        return watched

    def step(self, name):
        if isinstance(name, (str, os.PathLike)) and os.fspath(
                name).startswith(self.folder):
            self.count += 1
            if self.count == self.fail_at:
                raise self.error


def operations(folder, monkeypatch):
    with monkeypatch.context() as patch:
        disk = Disk(patch, folder, 0, None)
        evaluate(toy_model(), toy_data(2), out_dir=str(folder), quiet=True,
                 **WORDS)
        return disk.count


def test_a_crash_at_any_operation_on_files_costs_nothing(
        tmp_path, monkeypatch):
    whole = evaluate(toy_model(), toy_data(2), quiet=True, **WORDS)
    count = operations(tmp_path / 'count', monkeypatch)
    assert count > 25
    for number in range(1, count + 1, 4 if count > 80 else 2):
        out = tmp_path / str(number)
        with monkeypatch.context() as patch:
            Disk(patch, out, number, KeyboardInterrupt())
            with pytest.raises(KeyboardInterrupt):
                evaluate(toy_model(), toy_data(2), out_dir=str(out),
                         quiet=True, **WORDS)
        resumed = evaluate(toy_model(), toy_data(2), out_dir=str(out),
                           resume=True, quiet=True, **WORDS)
        assert numbers(resumed) == numbers(whole), number
        assert not list(out.rglob('*.tmp*'))


def test_a_full_disk_is_a_sentence_with_file_and_way_on(
        tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, 'No space left on device')
    count = operations(tmp_path / 'count', monkeypatch)
    for number in range(2, count + 1, 9):
        out = tmp_path / str(number)
        with monkeypatch.context() as patch:
            Disk(patch, out, number, full)
            with pytest.raises(OSError, match=(
                    f'cannot write {out}.*No space left.*--resume')):
                evaluate(toy_model(), toy_data(2), out_dir=str(out),
                         quiet=True, **WORDS)


def test_a_name_that_is_too_long_is_a_sentence(tmp_path):
    with pytest.raises(OSError, match='cannot write .*too long'):
        evaluate(toy_model(), toy_data(1), out_dir=str(tmp_path / 'x' / (
            'y' * 300)), quiet=True, **WORDS)


def test_rows_of_any_length_of_name_are_written(tmp_path):
    suite = dict(attacks=[dict(attack=dict(type='FGSM'), name='n' * 400)])
    results = evaluate(toy_model(), toy_data(1), suite=suite, probes=0,
                       out_dir=str(tmp_path), quiet=True,
                       others=[TestedModel(ToyNetwork(seed=1).eval(), CLASSES,
                               info=dict(config='m' * 200, checkpoint=None,
                                         sha256=None))])
    assert results['attacks'][0]['name'] == 'n' * 400
