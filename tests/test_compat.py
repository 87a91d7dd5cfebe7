"""What compat mends, seen from outside: imports, checkpoints, messages."""
import os
import pickle
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import CheckpointLoader, Runner

from mmseg_rppgd import compat

needs_weights_only = pytest.mark.skipif(
    tuple(int(v) for v in torch.__version__.split('.')[:2]) < (2, 6),
    reason='torch loads with weights_only=True from 2.6 on')


def fake_package(folder, name, **files):
    package = folder / name
    package.mkdir()
    for file, text in {'__init__': '', **files}.items():
        (package / f'{file}.py').write_text(text)
    return str(folder)


# ------------------------------------------------------------------ imports
FRESH = """
    import sys
    import time
    import torch, mmengine.logging, mmengine.config
    start = time.perf_counter()
    import mmseg_rppgd
    seconds = time.perf_counter() - start
    loaded = {'mmseg', 'mmcv', 'pkg_resources'} & set(sys.modules)
    checkpoint = torch.load(sys.argv[1], map_location='cpu')
    print(seconds, sorted(loaded), checkpoint['meta']['iter'])
    """


def test_fresh_import_is_quiet_quick_and_enough_to_load(checkpoint):
    """One interpreter, because starting one is what takes long."""
    result = subprocess.run(
        [sys.executable, '-c', textwrap.dedent(FRESH), str(checkpoint)],
        capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ''
    seconds, loaded, iteration = result.stdout.split()
    assert float(seconds) < 0.5  # beside torch and mmengine
    assert loaded == '[]'  # mmseg and mmcv are left alone
    assert iteration == '2'


# Torch comes first in one process, mmengine in the other, which is spawned.
LATER = """
    import multiprocessing
    import sys
    import mmseg_rppgd
    print(sorted({'torch', 'mmengine', 'numpy'} & set(sys.modules)))
    import torch
    print(torch.load(sys.argv[1])['meta']['iter'])
    from mmengine.config.utils import MODULE2PACKAGE
    print('mmseg_rppgd' in MODULE2PACKAGE)
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        pool.apply(exec, ('import mmseg_rppgd, mmengine', ))
        print(pool.apply(torch.load, (sys.argv[1], ))['meta']['iter'])
    """


def test_what_is_imported_later_is_mended_then(checkpoint):
    result = subprocess.run(
        [sys.executable, '-c', textwrap.dedent(LATER), str(checkpoint)],
        capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ['[]', '2', 'True', '2']


def test_public_names_load_on_first_use():
    import mmseg_rppgd
    from mmseg_rppgd.registry import ATTACKS
    assert mmseg_rppgd.ATTACKS is ATTACKS
    assert 'PixelModel' in dir(mmseg_rppgd)


def test_unknown_public_name_is_an_attribute_error():
    import mmseg_rppgd
    with pytest.raises(AttributeError, match='no attribute .Pixelmodel'):
        mmseg_rppgd.Pixelmodel


# -------------------------------------------------------- compiled operators
def test_mmseg_and_mmcv_ops_import():
    compat.require_mmseg()
    import mmcv.ops
    import mmseg.models
    assert mmcv.ops.nms and mmseg.models.EncoderDecoder


def test_missing_operator_says_what_to_install():
    operator = compat._PlaceholderOps('mmcv._ext').nms
    with pytest.raises(RuntimeError, match="'nms'.*pip install .mmcv"):
        operator(torch.rand(3, 4), torch.rand(3))


@pytest.fixture
def fake_mmcv(tmp_path, monkeypatch):
    """Put another mmcv in the place of the one that is imported."""
    for name in list(sys.modules):
        if name.partition('.')[0] == 'mmcv':
            monkeypatch.delitem(sys.modules, name)

    def install(**files):
        monkeypatch.syspath_prepend(fake_package(tmp_path, 'mmcv', **files))
        compat.apply()

    yield install
    for name in list(sys.modules):
        if name.partition('.')[0] == 'mmcv':
            del sys.modules[name]


def test_placeholder_has_a_spec_and_reports_no_operators(fake_mmcv):
    fake_mmcv()
    assert find_spec('mmcv._ext').loader is None
    from mmcv import _ext
    assert _ext.get_compiler_version() == 'n/a (mmcv-lite)'
    assert not compat.has_mmcv_ops()


def test_full_mmcv_is_left_alone(fake_mmcv):
    fake_mmcv(_ext='nms = "compiled"')
    assert 'mmcv._ext' not in sys.modules
    from mmcv import _ext
    assert _ext.nms == 'compiled'
    assert compat.has_mmcv_ops()


@pytest.mark.parametrize('module, command', [
    ('torch', 'pip install torch'),
    ('mmengine', 'pip install "mmengine'),
    ('mmcv', 'pip install "mmcv-lite'),
    ('mmseg', 'pip install "mmsegmentation'),
    ('pkg_resources', 'pip install "setuptools<81"'),
    ('ftfy', 'pip install ftfy'),
])
def test_missing_package_names_its_pip_command(monkeypatch, module, command):
    monkeypatch.setattr(
        compat, 'find_spec',
        lambda name: None if name == module else find_spec(name))
    with pytest.raises(ImportError, match=f'{module} is not.*{command}'):
        compat.require_mmseg()


def test_wrong_mmcv_version_names_the_right_one(monkeypatch, tmp_path):
    fake_package(tmp_path, 'mmseg')
    (tmp_path / 'mmseg' / '__init__.py').write_text(
        'raise AssertionError("MMCV==2.2.0 is used but incompatible.")')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'mmseg', raising=False)
    with pytest.raises(ImportError, match='2.2.0 is used.*needs mmcv.*<2.2'):
        compat.require_mmseg()


# -------------------------------------------------------------- checkpoints
class Model(BaseModel):
    """One layer, trained by its output."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, x, mode):
        y = self.layer(torch.stack(x))
        return dict(loss=y.sum()) if mode == 'loss' else [y]


class Metric(BaseMetric):
    """A score that is an array, as numpy pickles it."""

    def process(self, data_batch, data_samples):
        self.results.append(data_samples[0].mean().numpy())

    def compute_metrics(self, results):
        return dict(score=results[0])


def train(work_dir, max_iters, resume):
    """Train and validate with EMA, as a run of its own."""
    loader = dict(dataset=[dict(x=torch.rand(2)) for _ in range(8)],
                  sampler=dict(type='DefaultSampler', shuffle=True),
                  batch_size=2, num_workers=0)
    runner = Runner(
        model=Model(), work_dir=str(work_dir), resume=resume,
        train_dataloader=loader, val_dataloader=loader,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        param_scheduler=dict(type='PolyLR', by_epoch=False),
        train_cfg=dict(by_epoch=False, max_iters=max_iters, val_interval=2),
        val_cfg=dict(), val_evaluator=[Metric()],
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', by_epoch=False,
                            interval=2, save_best='score', rule='less')),
        custom_hooks=[dict(type='EMAHook')], log_level='ERROR',
        experiment_name=f'{work_dir}-{max_iters}')
    runner.train()
    return runner


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """A checkpoint of a real mmengine run: EMA, best score, log history."""
    work_dir = tmp_path_factory.mktemp('run')
    train(work_dir, 2, resume=False)
    return work_dir / 'iter_2.pth'


def test_mmengine_checkpoint_resumes(checkpoint):
    runner = train(checkpoint.parent, 4, resume=True)
    losses = runner.message_hub.get_scalar('train/loss')
    assert runner.iter == 4
    assert len(losses.data[0]) == 4
    assert losses.mean() == pytest.approx(losses.data[0].mean())


@needs_weights_only
def test_without_the_allowlist_it_would_not(checkpoint):
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        with pytest.raises(pickle.UnpicklingError):
            CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu')
    finally:
        torch.serialization.add_safe_globals(allowed)


def test_log_history_survives(checkpoint):
    loaded = CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu')
    history = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    assert history.statistics('mean') == history.data[0].mean()


@pytest.mark.parametrize('core', [
    'numpy.core', pytest.param('numpy._core', marks=needs_weights_only)])
def test_arrays_of_numpy_1_and_2_load(tmp_path, core):
    file = tmp_path / 'arrays.pth'
    array = np.array([1.5, 2.5], dtype=np.float32)
    torch.save(dict(array=array, scalar=np.float64(0.5)), file,
               _use_new_zipfile_serialization=False)
    own = np.array(0).__reduce__()[0].__module__.rpartition('.')[0]
    file.write_bytes(file.read_bytes().replace(
        f'c{own}.multiarray\n'.encode(), f'c{core}.multiarray\n'.encode()))
    loaded = CheckpointLoader.load_checkpoint(str(file), 'cpu')
    assert loaded['array'].tolist() == [1.5, 2.5]
    assert loaded['array'].dtype == np.float32
    assert loaded['scalar'] == 0.5


class Payload:
    """Unpickles by calling what it was given."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced

    def __call__(self):
        """Only callables may be reduced to; this one never runs."""


@needs_weights_only
@pytest.mark.parametrize('payload', [
    lambda file: Payload(os.system, (f'touch {file}', )),
    lambda file: Payload(eval, (f'open({str(file)!r}, "w")', )),
    lambda file: Payload(
        Payload(getattr, (HistoryBuffer, '__subclasses__')), ()),
    lambda file: Payload(getattr, (HistoryBuffer, 'statistics')),
    lambda file: Payload(getattr, (Payload(getattr, (
        HistoryBuffer, 'mean')), '__globals__')),
    lambda file: np.array([Payload(os.system, (f'touch {file}', ))]),
    lambda file: np.array([1, 'a'], dtype=object),
    lambda file: Payload(np.ndarray, ((1, ), 'O', b'A' * 8)),
    lambda file: Payload(np.array(0).__reduce__()[0], (list, (0, ), b'b')),
], ids=['system', 'eval', 'subclasses', 'statistics', 'globals',
        'object array of system', 'object array', 'array of pointers',
        'no array'])
def test_malicious_checkpoint_does_not_run(tmp_path, payload):
    file, proof = tmp_path / 'evil.pth', tmp_path / 'ran'
    torch.save(dict(state_dict={}, meta=payload(proof)), file)
    with pytest.raises(pickle.UnpicklingError):
        CheckpointLoader.load_checkpoint(str(file), 'cpu')
    assert not proof.exists()


@needs_weights_only
def test_checkpoint_cannot_forge_a_dtype_of_pointers(tmp_path):
    file = tmp_path / 'forged.pth'
    flags = 63
    state = (3, '<', None, None, None, -1, -1, flags)
    torch.save(Payload(np.dtype, ('f8', False, True), state), file)
    loaded = CheckpointLoader.load_checkpoint(str(file), 'cpu')
    assert loaded == np.dtype('f8')
    assert not loaded.hasobject
    assert not np.dtype('f8').hasobject
