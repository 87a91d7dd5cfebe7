"""What is read off a config: the tested model, its weights, its labels."""
import json
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from malicious import served
from mmengine.config import Config
from mmengine.registry import DATASETS, TRANSFORMS
from torch.utils.data import Dataset

from mmseg_rppgd.checkpoints import file_sha256
from mmseg_rppgd.evaluation import load_model
from mmseg_rppgd.evaluation.configs import (count_training_labels, is_own_hook,
                                            load_segmentor, prepare_config)


def load(tiny, **kwargs):
    return load_model(str(tiny / 'config.py'), str(tiny / 'checkpoint.pth'),
                      **kwargs)


def test_a_loaded_model_knows_its_data_set(tiny):
    model, loader = load(tiny)
    assert model.classes == ['ground', 'wall', 'sky']
    assert len(model.palette) == 3 and len(loader.dataset) == 5
    assert model.info['sha256'] and model.surface == 'whole'
    assert not model.segmentor.training


def test_options_of_the_config_are_overridden(tiny):
    slide = {'model.test_cfg.mode': 'slide', 'model.test_cfg.stride': (8, 8),
             'model.test_cfg.crop_size': (16, 16)}
    assert load(tiny, cfg_options=slide)[0].surface == 'slide'
    assert load(tiny, cfg_options=slide, surface='crop')[0].surface == 'crop'
    with pytest.raises(ValueError, match='config.py: .*needs crop_size'):
        load(tiny, surface='slide')


def test_branches_of_ddc_at_are_left_out(tiny, tmp_path, caplog, capfd):
    from mmseg_rppgd import DDCATSegmentor
    stock = load(tiny)[0].segmentor
    expected = {k: v.clone() for k, v in stock.state_dict().items()}
    trained = DDCATSegmentor(stock)
    torch.save(dict(state_dict=trained.state_dict()), tmp_path / 'x.pth')
    capfd.readouterr()
    model, _ = load_model(str(tiny / 'config.py'), str(tmp_path / 'x.pth'))
    found = model.segmentor.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[k], v) for k, v in expected.items())
    assert 'ddcat' not in capfd.readouterr().out + caplog.text


def test_weights_that_do_not_fit_are_refused(tiny, tmp_path):
    with pytest.raises(ValueError, match='does not fit.*conv_seg.weight'):
        load(tiny, cfg_options={'model.decode_head.num_classes': 4})
    torch.save({'state_dict': {}}, tmp_path / 'empty.pth')
    with pytest.raises(ValueError, match='does not fit.*is missing'):
        load_model(str(tiny / 'config.py'), str(tmp_path / 'empty.pth'))


def test_a_checkpoint_may_be_an_address(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    by_path = load(tiny)[0]
    with served(tiny) as site:
        url = f'{site}/checkpoint.pth'
        by_url, _ = load_model(str(tiny / 'config.py'), url)
    assert by_url.info == dict(by_path.info, checkpoint=url)
    assert by_url.info['sha256'] == file_sha256(tiny / 'checkpoint.pth')
    for ours, theirs in zip(by_path.segmentor.parameters(),
                            by_url.segmentor.parameters()):
        assert torch.equal(ours, theirs)


def test_the_code_of_a_checkpoint_runs_for_trust_alone(tiny, trap, site):
    for name in (str(trap.path), f'{site}/evil.pth'):
        with pytest.raises(pickle.UnpicklingError, match='trust=True'):
            load_model(str(tiny / 'config.py'), name)
        with pytest.raises(pickle.UnpicklingError):
            load_segmentor(str(tiny / 'config.py'), name, 'cpu')
    assert not trap.has_run
    with pytest.raises(ValueError, match='does not fit'):
        load_model(str(tiny / 'config.py'), str(trap.path), trust=True)
    assert trap.has_run


@pytest.mark.parametrize('change, message', [
    (lambda v: torch.full_like(v, float('nan')), 'NaN'),
    (lambda v: torch.quantize_per_tensor(v, .1, 0, torch.qint8), 'quantised'),
    (torch.Tensor.to_sparse, 'sparse'),
    (lambda v: v.to('meta'), 'meta tensor')])
def test_weights_that_hold_no_numbers_are_refused(change, message, tiny,
                                                  tmp_path):
    checkpoint = torch.load(tiny / 'checkpoint.pth')
    name = 'decode_head.conv_seg.weight'
    checkpoint['state_dict'][name] = change(checkpoint['state_dict'][name])
    torch.save(checkpoint, tmp_path / 'x.pth')
    for load in (load_model, partial(load_segmentor, device='cpu')):
        with pytest.raises(ValueError, match=f'x.pth.*{name}.*{message}'):
            load(str(tiny / 'config.py'), str(tmp_path / 'x.pth'))


def test_a_config_and_a_checkpoint_may_not_be_swapped(tiny):
    files = str(tiny / 'checkpoint.pth'), str(tiny / 'config.py')
    with pytest.raises(ValueError, match='checkpoint.pth.*CONFIG comes first'):
        load_model(*files)
    with pytest.raises(ValueError, match='config.py.*CONFIG comes first'):
        load_model(files[1], files[1])
    with pytest.raises(ValueError, match='is a folder; give a file'):
        load_model(str(tiny), files[0])
    with pytest.raises(ValueError, match=r'is a folder.*\.pth'):
        load_model(files[1], str(tiny))


@pytest.mark.parametrize('options, label', [
    ({}, 255), ({'test_evaluator.ignore_index': 7}, 7),
    ({'model.decode_head.ignore_index': 7}, 255)])
def test_void_is_what_the_evaluator_ignores(tiny, options, label):
    assert load(tiny, cfg_options=options)[0].ignore_index == label


def test_classes_must_have_names_that_differ(tiny):
    names = {'test_dataloader.dataset.metainfo.classes': ('a', 'b', 'a')}
    with pytest.raises(ValueError, match="names that differ, .*'a' occurs"):
        load(tiny, cfg_options=names)


@pytest.mark.parametrize('hook, own', [
    (dict(type='mmseg_rppgd.PGDHook'), True),
    (dict(type='RobustValHook'), True), (dict(type='EMAHook'), False),
    (dict(type='mmengine.EMAHook'), False)])
def test_hooks_of_this_package_are_told_from_others(hook, own):
    assert is_own_hook(hook) is own


@pytest.mark.parametrize('model', [3, None])
def test_what_is_no_model_is_refused_in_a_sentence(tiny, model):
    cfg = Config.fromfile(str(tiny / 'config.py'))
    cfg.model = model
    with pytest.raises(ValueError, match='model of the config must be a dict'):
        prepare_config(cfg)


def test_a_model_without_a_preprocessor_is_refused_in_a_sentence(tiny):
    cfg = Config.fromfile(str(tiny / 'config.py'))
    cfg.model.data_preprocessor = None
    with pytest.raises(ValueError, match='has no data_preprocessor.*set mod'):
        prepare_config(cfg)


def test_class_names_that_are_none_are_refused_in_a_sentence(tiny):
    cfg = Config.fromfile(str(tiny / 'config.py'))
    cfg.test_dataloader.dataset.metainfo.classes = 3
    with pytest.raises(ValueError, match='classes of test_data.*but is 3'):
        prepare_config(cfg)


def test_a_config_without_test_data_says_what_is_missing(tiny):
    cfg = Config.fromfile(str(tiny / 'config.py'))
    cfg.test_evaluator = None
    with pytest.raises(ValueError, match='test_evaluator must be set'):
        prepare_config(cfg)


def training_config(tiny, **dataset):
    cfg = Config.fromfile(str(tiny / 'config.py'))
    cfg.train_dataloader = dict(dataset={
        **cfg.test_dataloader.dataset, **dataset})
    return cfg


def test_training_labels_are_counted_without_void(tiny, tmp_path):
    import cv2
    labels = np.stack([
        cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        for path in (tiny / 'labels').glob('*.png')])
    counts = count_training_labels(training_config(tiny), 3, 255,
                                   str(tmp_path))
    assert counts == np.bincount(labels[labels != 255], minlength=3).tolist()


def test_counts_are_kept(tiny, tmp_path):
    cfg = training_config(tiny)
    count_training_labels(cfg, 3, 255, str(tmp_path))
    path, = tmp_path.glob('class_counts-*.json')
    path.write_text('[1, 2, 3]')
    assert count_training_labels(cfg, 3, 255, str(tmp_path)) == [1, 2, 3]


@pytest.mark.parametrize('content', ['', '[1, 2', '[1, 2]', '{}', '[1, 2, -3]',
                                     '[1, 2, "3"]'])
def test_damaged_counts_are_counted_again(tiny, tmp_path, content):
    cfg = training_config(tiny)
    counts = count_training_labels(cfg, 3, 255, str(tmp_path))
    path, = tmp_path.glob('class_counts-*.json')
    path.write_text(content)
    assert count_training_labels(cfg, 3, 255, str(tmp_path)) == counts
    assert json.loads(path.read_text()) == counts


def test_repeated_data_sets_are_looked_through(tiny, tmp_path):
    cfg = training_config(tiny)
    once = count_training_labels(cfg, 3, 255, str(tmp_path))
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset', times=3, dataset=cfg.train_dataloader.dataset)
    assert count_training_labels(cfg, 3, 255, str(tmp_path)) == once


@DATASETS.register_module(force=True)
class PlainData(Dataset):
    """Has no pipeline that could be asked for labels."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise NotImplementedError


@TRANSFORMS.register_module(force=True)
class ReadMask:
    """Reads labels, under a name of its own."""

    def __call__(self, results):
        return dict(results, gt_seg_map=None)


@pytest.mark.parametrize('dataset', [
    dict(data_root='nowhere'),
    dict(pipeline=[dict(type='mmengine.ReadMask')]),
    dict(type='mmengine.PlainData', _delete_=True),
    dict(type='NoSuchDataSet'),
    dict(data_prefix=dict(img_path='images', seg_map_path='nowhere'))])
def test_labels_that_cannot_be_told_give_no_counts(tiny, tmp_path, dataset,
                                                   capsys):
    cfg = training_config(tiny, **dataset)
    if dataset.pop('_delete_', False):
        cfg.train_dataloader = dict(dataset=dataset)
    assert count_training_labels(cfg, 3, 255, str(tmp_path)) is None
    assert not list(tmp_path.glob('class_counts-*.json'))


def test_counts_are_of_the_classes_that_the_model_tells_apart(tiny):
    model, _ = load(tiny)
    asked = []
    model._class_counts = lambda num_classes, folder: asked.append(
        (num_classes, folder))
    model.class_counts('x')
    assert asked == [(3, 'x')]
