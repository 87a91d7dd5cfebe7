"""Pixels that were wrong from the start and become right under attack."""
import json

import pytest
import torch
from torch import nn
from toy_networks import CLASSES, ToyNetwork, toy_data, toy_model

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.attacks.base import Attack
from mmseg_rppgd.evaluation import TestedModel, evaluate
from mmseg_rppgd.evaluation.run.folder import FolderInUse, FolderLock
from mmseg_rppgd.reproduce.recovered import measure_recovered, read_recovered

ATTACK = 'PGD(steps=3)'


class Brightness(nn.Module):
    """Class 1 where the red of a pixel is over a half, else class 0."""

    def forward(self, images):
        red = images[:, :1] - 0.5
        return torch.cat([-red, red], 1)


def by_hand():
    """One image, of which every step can be told beforehand.

    Without noise a pixel of label 1 gets darker and one of label 0 brighter,
    by alpha each step. The last pixel is void.
    """
    red = torch.tensor([[0.45, 0.45, 0.65, 0.9]])
    labels = torch.tensor([[0, 1, 1, 255]])
    return [(torch.stack([red, red * 0, red * 0]), labels)]


class Swapping(nn.Module):
    """As :class:`Brightness`, but swaps what has changed by over 0.15."""

    def __init__(self):
        super().__init__()
        self.plain = Brightness()
        self.first = None

    def forward(self, images):
        if self.first is None:
            self.first = images.detach()
        moved = (images - self.first)[:, :1].abs() > 0.15
        logits = self.plain(images)
        return torch.where(moved, logits.flip(1), logits)


def test_what_is_wrong_gets_more_wrong(tmp_path):
    model = TestedModel(Brightness(), ['dark', 'bright'])
    found = measure_recovered(
        model, by_hand(), 'PGD(steps=2, alpha=0.1, eps=0.5, '
        'random_start=False)', str(tmp_path))
    assert found['labelled_pixels'] == 3 and found['wrong_pixels'] == 1
    assert found['clean_MisRatio'] == pytest.approx(100 / 3)
    assert found['per_step'] == [0, 0] and found['ever'] == 0
    # 0.45 -> 0.55 is wrong at once, 0.65 -> 0.55 -> 0.45 at the second step.
    assert found['MisRatio'] == pytest.approx([200 / 3, 100])


def test_shares_are_those_counted_by_hand(tmp_path):
    red = torch.tensor([[0.45, 0.45, 0.1, 0.1, 0.1, 0.9]])
    labels = torch.ones_like(red).long()
    data = [(torch.stack([red, red * 0, red * 0]), labels)]
    model = TestedModel(Swapping(), ['dark', 'bright'])
    found = measure_recovered(
        model, data, 'PGD(steps=3, alpha=0.1, eps=0.5, random_start=False)',
        str(tmp_path))
    assert found['wrong_pixels'] == 5 and found['labelled_pixels'] == 6
    # 0.45 -> 0.35 -> 0.25, now swapped and so right; the gradient is swapped
    # too and leads back to 0.35: wrong. 0.1 -> 0 has moved by 0.1 alone.
    assert found['per_step'] == pytest.approx([0, 40, 0])
    assert found['last'] == 0
    assert found['mean'] == pytest.approx(40 / 3)
    assert found['max'] == pytest.approx(40)
    assert found['ever'] == pytest.approx(40)


def test_shares_are_those_of_an_attack_in_a_loop_of_ones_own(tmp_path):
    data, network = toy_data(3), ToyNetwork().eval()
    found = measure_recovered(
        TestedModel(network, CLASSES), data,
        'PGD(steps=4, alpha=0.1, eps=0.3, random_start=False)',
        str(tmp_path))
    wrong, right, ever = 0, [0] * 4, 0
    for image, labels in data:
        counts = labels != 255
        first = counts & (network(image[None])[0].argmax(0) != labels)
        once = torch.zeros_like(first)
        for step in range(4):
            attack = PGD(0.3, alpha=0.1, steps=step + 1,
                         random_start=False)
            adversary = attack(network, image[None], labels[None])
            now = first & (network(adversary)[0].argmax(0) == labels)
            right[step] += int(now.sum())
            once |= now
        wrong += int(first.sum())
        ever += int(once.sum())
    assert found['wrong_pixels'] == wrong > 0
    assert found['per_step'] == pytest.approx([100 * n / wrong for n in right])
    assert found['ever'] == pytest.approx(100 * ever / wrong)
    assert found['ever'] >= found['max'] > 0


@pytest.mark.parametrize('attack', ['PGD', 'SegPGD', 'PGD(norm=l2)'])
@pytest.mark.parametrize('seed', [0, 3])
def test_the_last_step_is_the_row_of_evaluate(tmp_path, attack, seed):
    results = evaluate(toy_model(), toy_data(), attacks=[attack], steps=[3],
                       seed=seed, limit=4, quiet=True)
    typed = attack.replace(')', ', steps=3)') if '(' in attack else (
        f'{attack}(steps=3)')
    found = measure_recovered(toy_model(), toy_data(), typed, str(tmp_path),
                              seed=seed, limit=4)
    row = results['attacks'][0]
    assert found['MisRatio'][-1] == row['MisRatio']
    assert found['clean_MisRatio'] == pytest.approx(
        results['clean']['MisRatio'])
    assert found['attack'] == dict(row['config'], name=row['name'])


def test_a_segmentor_of_mmseg_agrees_with_evaluate(tiny, tmp_path):
    from mmseg_rppgd.evaluation import load_model
    model, loader = load_model(str(tiny / 'config.py'),
                               str(tiny / 'checkpoint.pth'), device='cpu')
    results = evaluate(model, loader, attacks=['PGD'], steps=[3], quiet=True)
    found = measure_recovered(model, loader, ATTACK, str(tmp_path))
    assert found['MisRatio'][-1] == results['attacks'][0]['MisRatio']
    assert found['dataset'] == results['dataset']
    assert found['model'] == results['model']
    assert 0 < found['ever'] < 100


def test_the_file_says_where_its_numbers_come_from(tmp_path):
    found = measure_recovered(toy_model(), toy_data(2), ATTACK, str(tmp_path),
                              seed=5)
    assert json.loads((tmp_path / 'recovered.json').read_text()) == found
    assert read_recovered(str(tmp_path)) == found
    assert found['environment']['seed'] == 5
    assert {'torch', 'mmseg', 'commit', 'command', 'device'} <= set(
        found['environment'])
    assert found['attack']['eps'] == 0.03 and found['attack']['steps'] == 3
    assert found['dataset']['num_images'] == 2


class Stopping(ToyNetwork):
    """Stops after a number of calls, as Ctrl-C would; counts them."""
    left = 10**9
    calls = 0

    def forward(self, images):
        self.calls += 1
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().forward(images)


def test_an_interrupted_measurement_goes_on(tmp_path):
    network = Stopping().eval()
    model = TestedModel(network, CLASSES)
    whole = measure_recovered(model, toy_data(4), ATTACK,
                              str(tmp_path / 'whole'))
    each = network.calls // 4
    network.left = 2 * each + each // 2
    out = tmp_path / 'out'
    with pytest.raises(KeyboardInterrupt):
        measure_recovered(model, toy_data(4), ATTACK, str(out))
    assert read_recovered(str(out)) is None
    network.left, network.calls = 10**9, 0
    assert measure_recovered(model, toy_data(4), ATTACK, str(out)) == whole
    assert network.calls == 2 * each


def test_a_finished_measurement_is_read(tmp_path):
    network = Stopping().eval()
    model = TestedModel(network, CLASSES)
    first = measure_recovered(model, toy_data(2), ATTACK, str(tmp_path))
    network.left = 0
    assert measure_recovered(model, toy_data(2), ATTACK,
                             str(tmp_path)) == first


def test_other_settings_start_again_and_lose_nothing(tmp_path):
    first = measure_recovered(toy_model(), toy_data(2), ATTACK, str(tmp_path))
    other = measure_recovered(toy_model(), toy_data(2), ATTACK, str(tmp_path),
                              seed=1)
    assert other['MisRatio'] != first['MisRatio']
    kept = json.loads((tmp_path / 'previous/recovered.json').read_text())
    assert kept == first
    assert len(list((tmp_path / 'previous/per_image').glob('*.jsonl'))) == 1


@pytest.mark.parametrize('content', ['', '[1]', '{"schema": 9}', '{"sch'])
def test_a_file_of_another_kind_is_no_measurement(tmp_path, content):
    (tmp_path / 'recovered.json').write_text(content)
    with pytest.raises(ValueError, match='recovered.json must be a file of'):
        read_recovered(str(tmp_path))


def test_nothing_measured_is_nothing_to_read(tmp_path):
    assert read_recovered(str(tmp_path / 'nowhere')) is None


def test_a_second_measurement_in_a_folder_is_refused(tmp_path):
    lock = FolderLock(str(tmp_path))
    lock.acquire()
    try:
        with pytest.raises(FolderInUse, match='at work in'):
            measure_recovered(toy_model(), toy_data(2), ATTACK,
                              str(tmp_path))
    finally:
        lock.release()


def test_images_without_labels_count_for_nothing(tmp_path):
    data = toy_data(2)
    alone = measure_recovered(toy_model(), data[:1], ATTACK,
                              str(tmp_path / 'alone'))
    void = (data[1][0], torch.full_like(data[1][1], 255))
    both = measure_recovered(toy_model(), [data[0], void], ATTACK,
                             str(tmp_path / 'both'))
    assert both['per_step'] == alone['per_step']
    none = measure_recovered(toy_model(), [void], ATTACK,
                             str(tmp_path / 'none'))
    assert none['per_step'] == [None] * 3 and none['MisRatio'] == [None] * 3
    assert none['ever'] is none['mean'] is none['max'] is none['last'] is None


def test_nothing_wrong_is_no_share(tmp_path):
    image, labels = toy_data(1)[0]
    right = ToyNetwork()(image[None])[0].argmax(0)
    found = measure_recovered(toy_model(), [(image, right)], ATTACK,
                              str(tmp_path))
    assert found['wrong_pixels'] == 0 and found['per_step'] == [None] * 3
    assert found['clean_MisRatio'] == 0 and found['MisRatio'][-1] > 0


class Stepless(Attack):
    """An attack of one's own, without steps."""

    def _run(self, model, inputs, callback):
        raise NotImplementedError


@pytest.mark.parametrize('attack, message', [
    ('PGD(steps=2, restarts=2)', 'after each of its steps and return the '
     'last, but PGD'),
    ('DeepFool(steps=2)', 'return the last, but DeepFool'),
    ('APGD(steps=2)', 'return the last, but APGD'),
    (dict(type=Stepless), 'one that counts steps, but Stepless does not'),
])
def test_attacks_without_an_image_after_each_step_are_refused(
        tmp_path, attack, message):
    with pytest.raises(ValueError, match=message):
        measure_recovered(toy_model(), toy_data(1), attack, str(tmp_path))


def test_what_is_no_model_or_attack_is_refused(tmp_path):
    with pytest.raises(TypeError, match='model must be a TestedModel'):
        measure_recovered(ToyNetwork(), toy_data(1), ATTACK, str(tmp_path))
    with pytest.raises(TypeError, match='attack must be one attack'):
        measure_recovered(toy_model(), toy_data(1), ['PGD'], str(tmp_path))
    with pytest.raises(ValueError, match='limit must be >= 1'):
        measure_recovered(toy_model(), toy_data(1), ATTACK, str(tmp_path),
                          limit=0)
    with pytest.raises(ValueError, match='the test set has no images'):
        measure_recovered(toy_model(), [], ATTACK, str(tmp_path))


def test_windows_of_their_own_are_refused(tmp_path):
    model = toy_model()
    model.surface = 'crop'
    with pytest.raises(ValueError, match="surface 'crop' has no image"):
        measure_recovered(model, toy_data(1), ATTACK, str(tmp_path))
