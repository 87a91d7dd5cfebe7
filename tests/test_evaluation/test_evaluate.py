"""evaluate() on plain torch, on MMSeg, in batches, resumed."""
import copy
import json
import os

import pytest
import torch
from tiny_project import numbers
from torch.utils.data import DataLoader, IterableDataset
from toy_networks import CLASSES, Failing, ToyNetwork, toy_data, toy_model

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.evaluation import TestedModel, evaluate, load_model
from mmseg_rppgd.metrics import compute_metrics, count_classes


def test_plain_torch_gives_the_numbers_of_a_loop_by_hand():
    data, network = toy_data(), ToyNetwork().eval()
    results = evaluate(TestedModel(network, CLASSES), data,
                       attacks=['BIM'], eps=['8/255'], steps=[3], quiet=True)
    attack = PGD('8/255', steps=3, random_start=False)
    for row, images in (
            (results['clean'], [image for image, _ in data]),
            (results['attacks'][0],
             [attack(network, image[None], labels[None])[0]
              for image, labels in data])):
        counts = torch.stack([
            torch.from_numpy(count_classes(
                network(image[None])[0].argmax(0), labels, 4))
            for image, (_, labels) in zip(images, data)]).numpy()
        expected = compute_metrics(counts, CLASSES)
        assert {k: row[k] for k in expected} == expected
    assert results['attacks'][0]['aAcc'] < results['clean']['aAcc'] - 5


def test_a_data_loader_gives_the_numbers_of_its_data_set():
    data, words = toy_data(), dict(attacks=['PGD'], steps=[2], quiet=True)
    plain = evaluate(toy_model(), data, **words)
    loader = DataLoader(data, batch_size=4, shuffle=True)
    assert numbers(evaluate(toy_model(), loader, **words)) == numbers(plain)


def test_nothing_is_written_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evaluate(toy_model(), toy_data(2), attacks=['PGD'], minimal=['DeepFool'],
             others=[toy_model()], quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_intervals_need_no_folder(tmp_path):
    words = dict(attacks=['PGD'], steps=[2], quiet=True)
    results = evaluate(toy_model(), toy_data(4), **words)
    low, high = results.intervals['attacks'][0]['mIoU']
    assert low <= results['attacks'][0]['mIoU'] <= high and low < high
    out = tmp_path / 'out'
    evaluate(toy_model(), toy_data(4), out_dir=str(out), **words)
    written = json.loads((out / 'intervals.json').read_text())
    assert written == results.intervals


def test_a_folder_holds_the_whole_report(tmp_path):
    out = tmp_path / 'out'
    results = evaluate(toy_model(), toy_data(2), attacks=['PGD'],
                       out_dir=str(out), quiet=True)
    assert json.loads((out / 'results.json').read_text()) == results
    for name in ('results.csv', 'table.md', 'curves.png', 'report.html'):
        assert (out / name).stat().st_size > 100
    assert len(list((out / 'panels').glob('*.png'))) == 2


EVERY = ['PGD', 'SegPGD', 'RPPGD(beta=1)', 'BIM(norm=l2)', 'PGD(restarts=2)',
         'APGD', 'MIFGSM(diversity=0.7)', 'PAdam', 'CW', 'CW(norm=l2)',
         'DeepFool', 'ALMAProx', 'DAG', 'Square',
         "EnsembleAttack(attacks=[{'type': 'PGD'}, {'type': 'CosPGD'}])"]


def test_batches_give_the_numbers_of_single_images():
    sizes = [(10, 12), (10, 12), (8, 9)]
    network = ToyNetwork().double().eval()
    data = toy_data(7, dtype=torch.float64, network=network, sizes=sizes)
    model = TestedModel(network, CLASSES, feature_layer='features')
    words = dict(attacks=[*EVERY, 'RPPGD'], steps=[4], quiet=True,
                 minimal=['DeepFool(threshold=0.5)'])
    single = evaluate(model, data, **words)
    batched = evaluate(model, data, batch_size=3, **words)
    for one, many in zip(single['attacks'], batched['attacks']):
        for key in ('aAcc', 'mIoU', 'NmIoU', 'per_class'):
            assert one[key] == many[key], (one['name'], key)
        assert one['max_norm'] == pytest.approx(many['max_norm'], abs=1e-12)
    assert single['worst_case'] == batched['worst_case']
    assert numbers(single)['checks'] == numbers(batched)['checks']


class Crowded(ToyNetwork):
    """Has no memory for more than two images."""

    def forward(self, images):
        if len(images) > 2:
            raise torch.cuda.OutOfMemoryError('CUDA out of memory')
        return super().forward(images)


def test_out_of_memory_halves_the_batch_and_loses_nothing(capsys):
    words = dict(attacks=['PGD'], steps=[2])
    whole = evaluate(toy_model(), toy_data(6), quiet=True, **words)
    crowded = TestedModel(Crowded().eval(), CLASSES)
    halved = evaluate(crowded, toy_data(6), batch_size=6, **words)
    assert halved['attacks'][0]['aAcc'] == whole['attacks'][0]['aAcc']
    said = ' '.join(capsys.readouterr().out.split())
    assert '6 images at once do not fit into the memory' in said
    assert 'going on with 2' in said


def test_other_errors_of_the_network_are_not_taken_for_memory():

    def broken(images):
        raise RuntimeError('shape mismatch')

    with pytest.raises(RuntimeError, match='shape mismatch'):
        evaluate(TestedModel(broken, CLASSES), toy_data(2), quiet=True)


@pytest.mark.parametrize('calls', [3, 12, 25])
def test_resumed_equals_unbroken(tmp_path, calls):
    words = dict(attacks=['PGD', 'APGD'], steps=[2, 3], quiet=True, panels=1)
    whole = evaluate(toy_model(), toy_data(), **words)
    failing = Failing().eval()
    failing.calls = calls
    out = str(tmp_path / 'out')
    with pytest.raises(KeyboardInterrupt):
        evaluate(TestedModel(failing, CLASSES), toy_data(), out_dir=out,
                 **words)
    failing.calls = 10**9
    resumed = evaluate(TestedModel(failing, CLASSES), toy_data(), out_dir=out,
                       resume=True, **words)
    assert numbers(resumed) == numbers(whole)


def test_resume_notices_other_weights(tmp_path):
    out, words = str(tmp_path / 'out'), dict(attacks=['FGSM'], quiet=True)
    evaluate(toy_model(), toy_data(2), out_dir=out, **words)
    other = TestedModel(ToyNetwork(seed=1).eval(), CLASSES)
    with pytest.raises(ValueError, match='cannot resume.*weights'):
        evaluate(other, toy_data(2), out_dir=out, resume=True, **words)


def test_a_surrogate_and_a_matrix_of_plain_networks(tmp_path):
    model = toy_model(info=dict(config='ours', checkpoint=None, sha256=None))
    other = TestedModel(
        ToyNetwork(seed=1).eval(), CLASSES,
        info=dict(config='theirs', checkpoint=None, sha256=None))
    words = dict(attacks=['PGD'], steps=[5], eps=['16/255'], quiet=True)
    white = evaluate(model, toy_data(), **words)
    black = evaluate(model, toy_data(), surrogate=other, **words)
    assert black['attacks'][0]['aAcc'] > white['attacks'][0]['aAcc']
    assert black['attacks'][0]['threat']['surrogate']['config'] == 'theirs'
    assert set(black['attacks'][0]['rounded']) >= {'mIoU', 'aAcc'}
    out = tmp_path / 'out'
    evaluate(model, toy_data(), others=[other], out_dir=str(out), **words)
    matrix = json.loads((out / 'transfer.json').read_text())
    cells = matrix['attacks'][0]['matrix']
    assert cells['ours']['ours']['float']['aAcc'] == (
        white['attacks'][0]['aAcc'])
    assert cells['theirs']['ours']['float']['aAcc'] == (
        black['attacks'][0]['aAcc'])


def test_networks_are_left_as_they_were():
    network = torch.nn.Sequential(
        ToyNetwork(), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5))
    network.train()
    network[1].eval()
    state = copy.deepcopy(network.state_dict())
    chance = torch.get_rng_state()
    first = evaluate(TestedModel(network, CLASSES), toy_data(3),
                     attacks=['PGD'], quiet=True)
    assert [m.training for m in network] == [True, False, True]
    assert all(torch.equal(state[k], v)
               for k, v in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), chance)
    again = evaluate(TestedModel(network, CLASSES), toy_data(3),
                     attacks=['PGD'], quiet=True)
    assert numbers(first) == numbers(again)


def test_every_model_of_a_matrix_predicts_as_after_training(tmp_path):
    network = torch.nn.Sequential(ToyNetwork(), torch.nn.Dropout(0.5))
    cells = []
    for training in (False, True):
        other = TestedModel(network.train(training), CLASSES)
        out = tmp_path / str(training)
        evaluate(toy_model(), toy_data(2), attacks=['FGSM'], others=[other],
                 out_dir=str(out), quiet=True)
        assert network[1].training is training
        matrix = json.loads((out / 'transfer.json').read_text())
        cells.append((matrix['clean'], matrix['attacks']))
    assert cells[0] == cells[1]


def test_mmseg_from_python_gives_the_numbers_of_the_tool(tiny, run_tool):
    words = '--attacks', 'PGD', 'RPPGD', '--steps', 2
    theirs = run_tool(*words)
    model, loader = load_model(str(tiny / 'config.py'),
                               str(tiny / 'checkpoint.pth'))
    ours = evaluate(model, loader, attacks=['PGD', 'RPPGD'], steps=[2],
                    probes=1, batch_size=2, quiet=True)
    for theirs_row, row in zip(theirs['attacks'], ours['attacks']):
        assert row['aAcc'] == pytest.approx(theirs_row['aAcc'], abs=0.05)
    assert ours['clean'] == theirs['clean']
    assert ours['model'] == theirs['model']


def test_a_plain_network_is_a_surrogate_of_a_segmentor(tiny):
    model, loader = load_model(str(tiny / 'config.py'),
                               str(tiny / 'checkpoint.pth'))
    plain = TestedModel(ToyNetwork(classes=3).eval(), model.classes)
    sizes = {tuple(s.labels.shape) for s in model.samples(loader, [0, 1])}
    assert sizes == {(30, 44)}  # larger than the images: it says so
    with pytest.raises(ValueError, match='labels must have the size'):
        evaluate(model, loader, attacks=['FGSM'], surrogate=plain, limit=1,
                 quiet=True)


def test_a_segmentor_is_a_surrogate_of_a_plain_network(tiny):
    segmentor, _ = load_model(str(tiny / 'config.py'),
                              str(tiny / 'checkpoint.pth'))
    network = ToyNetwork(classes=3).eval()
    pairs = [(image, labels.clamp(max=2)) for image, labels in toy_data(2)]
    results = evaluate(
        TestedModel(network, segmentor.classes, ignore_index=None), pairs,
        attacks=['PGD'], surrogate=segmentor, quiet=True)
    assert results['attacks'][0]['max_norm'] == pytest.approx(0.03, abs=1e-6)


class Stream(IterableDataset):

    def __iter__(self):
        yield from toy_data(1)


@pytest.mark.parametrize('change, error', [
    (dict(model=ToyNetwork()), 'model must be a TestedModel'),
    (dict(loader=[]), 'no images'),
    (dict(loader=Stream()), 'asked for by index'),
    (dict(loader=[torch.rand(3, 4, 4)]), r'must be a pair \(image, labels\)'),
    (dict(loader=[(torch.rand(4, 4), torch.zeros(4, 4).long())]),
     r'the image must have the shape \(3, H, W\)'),
    (dict(loader=[(torch.rand(3, 4, 4) * 255, torch.zeros(4, 4).long())]),
     r'sample 0.*must lie in \[0, 1\]'),
    (dict(loader=[((torch.rand(3, 4, 4) * 255).byte(),
                   torch.zeros(4, 4).long())]), 'divide 8-bit images by 255'),
    (dict(loader=[(torch.rand(3, 4, 4), torch.zeros(4, 4))]),
     'labels must be whole numbers'),
    (dict(loader=[(torch.rand(3, 4, 4), torch.full((4, 4), 9))]),
     r'\[0, 4\).*got 9'),
    (dict(loader=[(torch.rand(3, 4, 4), torch.zeros(2, 2).long())]),
     'at the size of the labels'),
    (dict(limit=0), 'limit must be >= 1'),
    (dict(batch_size=0), 'batch_size must be >= 1'),
    (dict(seed=2**32), 'seed must be less than'),
    (dict(seed='1'), 'seed must be a whole number'),
    (dict(resume=True), 'resume needs out_dir'),
    (dict(attacks=['PDG']), 'did you mean PGD'),
    (dict(surrogate=TestedModel(ToyNetwork(3), ['a', 'b', 'c'])),
     'must have the 4 classes'),
    (dict(surrogate=ToyNetwork()), 'surrogate must be a TestedModel'),
])
def test_what_cannot_be_tested_is_refused_in_a_sentence(change, error):
    words = dict(model=toy_model(), loader=toy_data(1), attacks=['FGSM'],
                 quiet=True)
    words.update(change)
    with pytest.raises((TypeError, ValueError, KeyError), match=error):
        evaluate(words.pop('model'), words.pop('loader'), **words)


def test_a_refused_test_leaves_no_folder(tmp_path):
    out = tmp_path / 'out'
    with pytest.raises(KeyError):
        evaluate(toy_model(), toy_data(1), attacks=['PDG'],
                 out_dir=os.fspath(out), quiet=True)
    assert not out.exists()


def test_an_l2_length_on_images_of_several_sizes_has_no_common_rms(tmp_path):
    data = toy_data(2, sizes=[(10, 12), (8, 9)])
    results = evaluate(toy_model(), data, attacks=['BIM(norm=l2, eps=0.5)'],
                       out_dir=str(tmp_path), quiet=True)
    threat = results['attacks'][0]['threat']
    assert threat['eps'] == 0.5 and threat['rms'] is None
    assert (tmp_path / 'report.html').exists()
