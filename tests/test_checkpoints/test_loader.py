"""Whatever way a checkpoint comes, its code does not run."""
import json
import pickle
import sys
import threading
import types

import mmengine.fileio
import mmengine.runner.checkpoint as stock
import pytest
import torch
from malicious import Payload
from mmengine.model import BaseModule, PretrainedInit
from mmengine.runner import CheckpointLoader, load_checkpoint

from mmseg_rppgd import checkpoints
from mmseg_rppgd.checkpoints import restricted_loading
from mmseg_rppgd.checkpoints.files import file_sha256

REFUSED = 'asks for eval while it is loaded.*--trust-checkpoint.*trust=True'


@pytest.fixture
def ways(trap, site, tmp_path, monkeypatch):
    """Every kind of address that mmengine knows, all to one file."""
    url = f'{site}/evil.pth'
    home = tmp_path / 'mmengine'
    home.mkdir()
    (home / 'open_mmlab.json').write_text(json.dumps(
        dict(evil=url, local_evil=str(trap.path))))
    monkeypatch.setattr(stock, 'get_mmcls_models', lambda: dict(evil=url))
    monkeypatch.setattr(stock, 'get_torchvision_models',
                        lambda: dict(evil=url))
    backend = types.SimpleNamespace(get=lambda name: trap.path.read_bytes())
    for module in (mmengine.fileio, stock):
        monkeypatch.setattr(module, 'get_file_backend',
                            lambda *args, **kwargs: backend)
    model = types.SimpleNamespace(
        name='evil.pth', download=lambda path: open(path, 'wb').write(
            trap.path.read_bytes()))
    monkeypatch.setitem(sys.modules, 'pavi', types.SimpleNamespace(
        modelcloud=types.SimpleNamespace(get=lambda name: model)))
    return dict(
        path=str(trap.path), http=url, openmmlab='open-mmlab://evil',
        openmmlab_short='openmmlab://evil',
        openmmlab_file='open-mmlab://local_evil', mmcls='mmcls://evil',
        torchvision='torchvision://evil', modelzoo='modelzoo://evil',
        s3='s3://bucket/evil.pth', cluster='cluster:s3://bucket/evil.pth',
        petrel='petrel://bucket/evil.pth', pavi='pavi://evil')


WAYS = ('path', 'http', 'openmmlab', 'openmmlab_short', 'openmmlab_file',
        'mmcls', 'torchvision', 'modelzoo', 's3', 'cluster', 'petrel', 'pavi')


@pytest.mark.parametrize('way', WAYS)
def test_code_runs_by_no_address(way, ways, trap):
    with restricted_loading(), pytest.raises(pickle.UnpicklingError,
                                             match=REFUSED):
        CheckpointLoader.load_checkpoint(ways[way], 'cpu')
    assert not trap.has_run


def test_every_loader_of_mmengine_has_been_thought_of(ways):
    """Those that nothing restricts would be refused, one and all."""
    kinds = {checkpoints.files.scheme(name) for name in ways.values()}
    known = {checkpoints.files.scheme(prefix.replace(r'(\S+\:)?', ''))
             for prefix in CheckpointLoader._schemes}
    assert known - {'https'} <= kinds


def test_mmengine_itself_would_run_it(ways, trap):
    CheckpointLoader.load_checkpoint(ways['http'], 'cpu')
    assert trap.has_run


def by_torch(trap, url):
    torch.load(trap.path, weights_only=False)


def by_an_open_file(trap, url):
    with open(trap.path, 'rb') as file:
        torch.serialization.load(file, None, pickle)


def by_torch_hub(trap, url):
    torch.hub.load_state_dict_from_url(url)


def by_mmengines_function(trap, url):
    stock.load_from_http(url)


def by_load_checkpoint(trap, url):
    load_checkpoint(torch.nn.Linear(1, 1), url)


def by_init_cfg(trap, url):
    class Module(BaseModule):
        pass

    Module(dict(type='Pretrained', checkpoint=url)).init_weights()


def by_prefix(trap, url):
    PretrainedInit(url, prefix='backbone.')(torch.nn.Linear(1, 1))


@pytest.mark.parametrize('way', [
    by_torch, by_an_open_file, by_torch_hub, by_mmengines_function,
    by_load_checkpoint, by_init_cfg, by_prefix])
def test_code_runs_by_no_function(way, trap, site):
    with restricted_loading(), pytest.raises(pickle.UnpicklingError):
        way(trap, f'{site}/evil.pth')
    assert not trap.has_run


def test_neither_do_the_variables_of_torch(trap, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    with restricted_loading(), pytest.raises(pickle.UnpicklingError):
        torch.load(trap.path)
    assert not trap.has_run


@pytest.mark.parametrize('backbone', [
    dict(type='SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1),
         num_heads=(1, 1, 1, 1)),
    dict(type='VisionTransformer', embed_dims=8, num_layers=1, num_heads=1,
         img_size=32),
    dict(type='BEiT', embed_dims=8, num_layers=1, num_heads=1, img_size=32),
    dict(type='MAE', embed_dims=8, num_layers=1, num_heads=1, img_size=32),
    dict(type='PIDNet', channels=4),
], ids=lambda backbone: backbone['type'])
def test_nor_where_backbones_load_by_themselves(backbone, trap, site):
    import mmseg.models  # noqa: F401
    from mmseg.registry import MODELS
    url = f'{site}/evil.pth'
    model = MODELS.build(dict(
        backbone, init_cfg=dict(type='Pretrained', checkpoint=url)))
    with restricted_loading(), pytest.raises(pickle.UnpicklingError):
        model.init_weights()
    assert not trap.has_run


def test_a_loader_of_others_needs_trust(tmp_path, monkeypatch):
    monkeypatch.setattr(CheckpointLoader, '_schemes',
                        dict(CheckpointLoader._schemes))
    CheckpointLoader.register_scheme(
        'mine://', lambda filename, map_location: dict(came=filename))
    with restricted_loading(), pytest.raises(
            pickle.UnpicklingError, match='mine://.*nothing restricts'):
        CheckpointLoader.load_checkpoint('mine://x')
    with restricted_loading(trust=True):
        assert CheckpointLoader.load_checkpoint('mine://x') == dict(
            came='mine://x')


def test_trust_runs_it(trap, site):
    with restricted_loading(trust=True):
        CheckpointLoader.load_checkpoint(f'{site}/evil.pth', 'cpu')
    assert trap.has_run


def test_trust_of_the_outer_block_remains(trap):
    with restricted_loading(trust=True), restricted_loading():
        checkpoints.load_checkpoint(str(trap.path))
    assert trap.has_run


def test_other_code_keeps_its_loaders(trap):
    before = torch.load, CheckpointLoader.load_checkpoint, vars(
        PretrainedInit)['__call__'], torch.serialization.load
    with restricted_loading(), restricted_loading():
        assert torch.load is not before[0]
    assert before == (torch.load, CheckpointLoader.load_checkpoint, vars(
        PretrainedInit)['__call__'], torch.serialization.load)
    torch.load(trap.path, weights_only=False)
    assert trap.has_run


def test_other_threads_keep_theirs(trap):
    with restricted_loading():
        thread = threading.Thread(
            target=torch.load, args=[trap.path],
            kwargs=dict(weights_only=False))
        thread.start()
        thread.join()
    assert trap.has_run


def test_weights_are_what_torch_reads(tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=dict(a=torch.rand(3)), meta=dict(iter=5)),
               path)
    ours = checkpoints.load_checkpoint(str(path))
    assert torch.equal(ours['state_dict']['a'],
                       torch.load(path)['state_dict']['a'])
    assert ours['meta'] == dict(iter=5)


def test_a_config_in_a_checkpoint_does_not_reach_mmengine(tmp_path):
    """Which would run it as Python on a resume."""
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict={}, meta=dict(config='1 / 0', iter=1)), path)
    assert checkpoints.load_checkpoint(str(path))['meta'] == dict(iter=1)


def test_backbones_of_classifiers_lose_their_prefix(tmp_path, monkeypatch):
    path = tmp_path / 'classifier.pth'
    torch.save(dict(state_dict={'backbone.a': torch.ones(1),
                                'head.b': torch.ones(1)}), path)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    from malicious import served
    with served(tmp_path) as site:
        monkeypatch.setattr(stock, 'get_mmcls_models',
                            lambda: dict(x=f'{site}/classifier.pth'))
        with restricted_loading():
            loaded = CheckpointLoader.load_checkpoint('mmcls://x', 'cpu')
    assert list(loaded['state_dict']) == ['a']


# --------------------------------------------------------------------- hashes
def test_what_is_loaded_has_the_hash_that_is_reported(tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(dict(a=torch.ones(1)), path)
    with restricted_loading():
        reported = checkpoints.checkpoint_sha256(str(path))
        assert reported == file_sha256(path)
        checkpoints.load_checkpoint(str(path))
        torch.save(dict(a=torch.zeros(1)), path)
        with pytest.raises(ValueError, match='weights.pth.*has changed'):
            checkpoints.load_checkpoint(str(path))


def test_the_hash_is_that_of_what_was_loaded(tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(dict(a=torch.ones(1)), path)
    before = file_sha256(path)
    with restricted_loading():
        checkpoints.load_checkpoint(str(path))
        torch.save(dict(a=torch.zeros(1)), path)
        assert checkpoints.checkpoint_sha256(str(path)) == before


# ----------------------------------------------------------- versions of torch
@pytest.mark.parametrize('version', ['2.0.1', '2.3.0+cu121', '2.5.1'])
def test_torch_that_cannot_restrict_needs_trust(version, trap, monkeypatch):
    monkeypatch.setattr(torch, '__version__', version)
    with restricted_loading():
        for load in (checkpoints.load_checkpoint, torch.load):
            with pytest.raises(pickle.UnpicklingError,
                               match=f'{version[:5]}.*Upgrade torch'):
                load(str(trap.path))
    assert not trap.has_run
    checkpoints.load_checkpoint(str(trap.path), trust=True)
    assert trap.has_run


@pytest.mark.parametrize('trust', [False, True])
def test_the_limit_is_passed_and_not_left_to_a_default(trust, tmp_path,
                                                       monkeypatch):
    passed = []

    def load(file, map_location=None, **kwargs):
        passed.append(kwargs)
        return {}

    path = tmp_path / 'x.pth'
    path.write_bytes(b'x')
    monkeypatch.setattr(torch, 'load', load)
    with restricted_loading(trust):
        CheckpointLoader.load_checkpoint(str(path))
    assert passed == [dict(weights_only=not trust)]


# -------------------------------------------------------------- damaged values
@pytest.mark.parametrize('weights, shown', [
    (None, 'None'), ([torch.ones(1)], 'a list'), (0.5, 'a float'),
    (torch.ones(1), 'a Tensor'), ({1: torch.ones(1)}, 'the key 1')])
def test_a_state_dict_is_a_dict_of_names(weights, shown, tmp_path):
    path = tmp_path / 'odd.pth'
    torch.save(dict(state_dict=weights), path)
    with pytest.raises(ValueError, match=f'odd.pth.*{shown}'):
        checkpoints.load_checkpoint(str(path))


def test_payload_of_a_container_runs_neither(tmp_path):
    proof, path = tmp_path / 'ran', tmp_path / 'evil.pth'
    for new in (True, False):
        torch.save([Payload(exec, (f'open({str(proof)!r}, "w")', ))], path,
                   _use_new_zipfile_serialization=new)
        with pytest.raises(pickle.UnpicklingError, match='exec'):
            checkpoints.load_checkpoint(str(path))
    assert not proof.exists()
