"""A checkpoint of weights alone, which plain mmseg loads."""
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.utils import digit_version

from mmseg_rppgd.commands import publish
from mmseg_rppgd.commands.work.publish import publish as publish_weights

# As mmengine does it, in a process that never imports this package.
PLAIN = '''
import sys
import torch
from mmengine.runner.checkpoint import load_checkpoint
model = torch.nn.Linear(2, 1)
checkpoint = load_checkpoint(model, sys.argv[1], strict=True)
assert not any(name.startswith('mmseg_rppgd') for name in sys.modules)
print(float(model.weight.sum()), checkpoint['meta']['dataset_meta'])
'''


def plain_load(path):
    return subprocess.run([sys.executable, '-c', PLAIN, str(path)],
                          capture_output=True, text=True)


@pytest.fixture
def checkpoint(tmp_path):
    """As a training leaves it, with its log and its DDC-AT branches."""
    path = tmp_path / 'iter_2.pth'
    torch.save(dict(
        meta=dict(iter=2, cfg='token = "secret"', dataset_meta=dict(
            classes=('a', 'b'), palette=np.array([[1, 2, 3], [4, 5, 6]]))),
        state_dict={'weight': torch.tensor([[1., 2.]]),
                    'bias': torch.zeros(1),
                    'ddcat_head.mask.weight': torch.zeros(1)},
        optimizer=dict(state={}, param_groups=[]),
        message_hub=dict(
            log_scalars=dict(loss=HistoryBuffer([1.], [1])))), path)
    return path


def test_plain_mmengine_loads_what_is_published(checkpoint):
    if digit_version(torch.__version__) >= digit_version('2.6'):
        assert plain_load(checkpoint).returncode  # the reason for it all
    path = publish_weights(str(checkpoint))
    loaded = plain_load(path)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.endswith(
        "3.0 {'classes': ('a', 'b'), 'palette': [[1, 2, 3], [4, 5, 6]]}\n")


def test_the_name_has_the_hash_and_the_file_no_more_than_weights(
        checkpoint, tmp_path, capsys):
    publish.main([str(checkpoint), str(tmp_path / 'new' / 'pspnet.pth')])
    path = Path(capsys.readouterr().out.splitlines()[-1])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    assert path == tmp_path / 'new' / f'pspnet-{digest}.pth'
    assert list(path.parent.iterdir()) == [path]
    assert b'secret' not in path.read_bytes()
    loaded = torch.load(path, weights_only=True)
    assert set(loaded) == {'meta', 'state_dict'}
    assert set(loaded['state_dict']) == {'weight', 'bias'}
    assert loaded['meta']['iter'] == 2


@pytest.mark.parametrize('content, message', [
    (None, 'does not exist'), (dict(a=1), 'weights')])
def test_what_is_no_checkpoint_is_refused(content, message, tmp_path):
    path = tmp_path / 'x.pth'
    if content is not None:
        torch.save(content, path)
    with pytest.raises(SystemExit, match=message):
        publish.main([str(path)], 'mmseg_rppgd publish')
    assert list(tmp_path.iterdir()) == ([path] if content else [])
