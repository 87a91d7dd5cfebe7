"""Pictures of the adversarial images that a training trains on."""
import numpy as np
import pytest
import torch
from mmengine.registry import VISBACKENDS
from mmengine.visualization.vis_backend import BaseVisBackend
from PIL import Image
from tiny_runner import make_runner, wrapped
from tiny_segmentors import segmentor_cfg, tiny_segmentor

from mmseg_rppgd.hooks import AdversaryPicturesHook, adversary_pictures_hook
from mmseg_rppgd.pixel_model import TrainingAttack, training

ATTACK = dict(type='PGD', steps=2)
WAYS = dict(
    hook=dict(hooks=[dict(type='mmseg_rppgd.AttackHook', attack=ATTACK)]),
    wrapper=dict(model=wrapped(ATTACK)),
    ddcat=dict(model=dict(
        type='mmseg_rppgd.DDCATSegmentor', segmentor=segmentor_cfg(),
        attack=ATTACK)))


@VISBACKENDS.register_module(force=True)
class Memory(BaseVisBackend):
    """Keeps what it is given."""

    def __init__(self, save_dir):
        super().__init__(save_dir)
        self.images = []

    def ignore(self, *args, **kwargs):
        pass

    experiment = _init_env = add_config = ignore
    add_graph = add_scalar = add_scalars = ignore

    def add_image(self, name, image, step=0, **kwargs):
        self.images.append((name, step, image))


def train(tmp_path, interval=2, hooks=(), max_iters=5, pictures=True,
          **cfg):
    shown = [dict(type='mmseg_rppgd.AdversaryPicturesHook',
                  interval=interval)] if pictures else []
    runner = make_runner(
        tmp_path, hooks=[*shown, *hooks], max_iters=max_iters,
        visualizer=dict(type='Visualizer', name=str(tmp_path), vis_backends=[
            dict(type='mmengine.Memory')]), **cfg)
    torch.manual_seed(0)
    runner.train()
    return runner


def images(runner):
    return runner.visualizer.get_backend('Memory').images


@pytest.mark.parametrize('way', WAYS)
def test_at_an_interval_in_every_way_to_train(tmp_path, way):
    runner = train(tmp_path, **WAYS[way])
    assert [(name, step) for name, step, _ in images(runner)] == [
        ('adversary', 1), ('adversary', 3), ('adversary', 5)]
    for _, _, image in images(runner):
        assert image.dtype == np.uint8 and image.shape[2] == 3


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('optim', ['OptimWrapper', 'CPUAmpOptimWrapper'])
def test_the_training_is_what_it_would_have_been(tmp_path, way, optim):
    states = []
    for pictures in (True, False):
        runner = train(
            tmp_path / str(pictures), 1, pictures=pictures, max_iters=3,
            optim_wrapper=dict(type=optim, optimizer=dict(
                type='SGD', lr=0.05)), **WAYS[way])
        assert len(images(runner)) == (3 if pictures else 0)
        states.append(runner.model.state_dict())
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])


def test_hook_and_wrapper_show_the_same(tmp_path):
    first, second = (images(train(tmp_path / way, **WAYS[way]))
                     for way in ('hook', 'wrapper'))
    assert all(np.array_equal(a[2], b[2]) for a, b in zip(first, second))


def test_no_attack_is_made_for_it(tmp_path, monkeypatch):
    calls = []
    original = training.perturb_batch
    monkeypatch.setattr(training, 'perturb_batch', lambda *args, **kwargs: (
        calls.append(0), original(*args, **kwargs))[1])
    train(tmp_path, 1, **WAYS['hook'])
    assert len(calls) == 5


def test_only_the_first_process_shows(tmp_path, monkeypatch):
    monkeypatch.setattr(adversary_pictures_hook, 'is_main_process',
                        lambda: False)
    assert not images(train(tmp_path, **WAYS['hook']))


def test_a_file_of_the_local_backend(tmp_path):
    runner = make_runner(
        tmp_path, max_iters=1, **dict(WAYS['hook'], hooks=[
            *WAYS['hook']['hooks'],
            dict(type='mmseg_rppgd.AdversaryPicturesHook')]))
    runner.train()
    path, = tmp_path.rglob('vis_image/*')
    assert path.name == 'adversary_1.png'
    assert Image.open(path).width > 3 * 200


def test_what_is_shown(tmp_path, monkeypatch):
    """The pixels of the batch, and predictions in evaluation mode."""
    model = tiny_segmentor()
    given, tiles = [], []
    original = TrainingAttack._perturb
    monkeypatch.setattr(TrainingAttack, '_perturb', lambda *args, **kwargs: (
        given.append(original(*args, **kwargs)), given[-1])[1])
    monkeypatch.setattr(
        adversary_pictures_hook, 'tile', lambda shown, columns: (
            tiles.extend(shown), np.zeros((1, 1, 3), np.uint8))[1])
    weights = str(tmp_path / 'weights.pth')
    torch.save(model.state_dict(), weights)
    train(tmp_path, max_iters=1, load_from=weights, **WAYS['hook'])
    batch, = given
    clean, adversary = batch.clean_images[0], batch.adv_images[0]
    for shown, image in zip(tiles, (clean, adversary)):
        assert np.array_equal(
            shown.picture,
            (image * 255).round().byte().permute(1, 2, 0).numpy())
    labels = batch.labels[0].numpy()
    labelled = labels != 255
    for shown, image in zip(tiles[3:5], (clean, adversary)):
        inputs = (image.flip(0) * 255).clamp(0, 255)  # BGR, as a loader gives
        prediction = model.test_step(dict(
            inputs=[inputs], data_samples=[meta()]))[0].pred_sem_seg.data[0]
        right = 100 * (prediction.numpy() == labels)[labelled].mean()
        # Class i is painted (i, i, i), what does not count white.
        assert (shown.picture[labelled][:, 0] == prediction.numpy()[labelled]
                ).all()
        assert (shown.picture[~labelled] == 255).all()
        assert shown.title.endswith(f'prediction {right:.1f} %')
    assert (tiles[5].picture[labelled][:, 0] == labels[labelled]).all()
    assert [t.title.split(' x')[0].split(' predi')[0] for t in tiles] == [
        'image', 'adversary', 'perturbation', 'clean', 'attacked',
        'ground truth']


def meta():
    from mmseg.structures import SegDataSample
    return SegDataSample(metainfo=dict(
        ori_shape=(32, 32), img_shape=(32, 32), img_path='a'))


def test_labels_may_be_larger_than_their_image(tmp_path):
    runner = train(tmp_path, max_iters=1, train=dict(label_size=(40, 40)),
                   **WAYS['hook'])
    assert len(images(runner)) == 1


def test_a_batch_without_an_adversary_is_waited_out(tmp_path, monkeypatch):
    original, calls = training.perturb_batch, []

    def overflowing(*args, **kwargs):
        calls.append(0)
        if len(calls) <= 2:
            raise FloatingPointError('overflow')
        return original(*args, **kwargs)

    monkeypatch.setattr(training, 'perturb_batch', overflowing)
    monkeypatch.setattr(training, 'in_half_precision', lambda model: True)
    runner = train(tmp_path, 4, **WAYS['hook'])
    assert [step for _, step, _ in images(runner)] == [3, 5]


@pytest.mark.parametrize('hooks', [
    [], [dict(type='mmseg_rppgd.PGDHook', stages='test')],
    [dict(type='mmseg_rppgd.PGDHook', adv_ratio=0)]])
def test_a_training_without_adversaries_is_refused(tmp_path, hooks):
    with pytest.raises(ValueError, match='AdversaryPicturesHook has nothing '
                       'to show: this training attacks no image; add'):
        train(tmp_path, hooks=hooks)


@pytest.mark.parametrize('interval, error', [
    (0, ValueError), (2.5, TypeError), ('often', TypeError),
    (True, TypeError)])
def test_the_interval_is_a_number_of_iterations(interval, error):
    with pytest.raises(error, match='interval must be'):
        AdversaryPicturesHook(interval)
