"""The restricted loader against pickles that were made at random."""
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from mmseg_rppgd.checkpoints import load_checkpoint

# What code could be run with, and what the allowlist answers to.
REFUSED = [
    'posix system', 'os system', 'builtins eval', 'builtins exec',
    'builtins __import__', 'builtins open', 'subprocess Popen',
    'importlib import_module', 'operator attrgetter', 'functools partial',
    'types FunctionType', 'pickle loads', 'torch load', 'torch.jit load',
    'mmengine.config Config.fromstring']
ALLOWED = [
    'builtins getattr', 'numpy ndarray', 'numpy dtype',
    'numpy._core.multiarray _reconstruct', 'numpy._core.multiarray scalar',
    'numpy.core.multiarray _reconstruct',
    'mmengine.logging.history_buffer HistoryBuffer',
    'collections OrderedDict', 'torch._utils _rebuild_tensor_v2',
    'torch FloatStorage', 'torch.nn.parameter Parameter']
ROUNDS = 150


def text(value):
    raw = value.encode()
    return b'X' + struct.pack('<I', len(raw)) + raw


class Writer:
    """Writes values that call, build and hold others, as pickles do."""

    def __init__(self, rng, proof):
        self.rng = rng
        code = f'open({str(proof)!r}, "w")'
        self.words = [code, f'touch {proof}', '__globals__', 'mean', 'O',
                      '__class__', 'f8', 'system', '__reduce__']

    def pick(self, choices):
        return choices[self.rng.integers(len(choices))]

    def name(self):
        names = REFUSED if self.rng.random() < 0.1 else ALLOWED
        module, name = self.pick(names).split()
        return f'c{module}\n{name}\n'.encode()

    def word(self):
        return self.pick([text(self.pick(self.words)), b'N', b'K\x05',
                          b'\x89', b']', b'}', b')'])

    def arguments(self, depth):
        parts = [self.value(depth - 1) for _ in range(self.rng.integers(4))]
        return b'(' + b''.join(parts) + b't'

    def value(self, depth):
        if depth == 0:
            return self.pick([self.word, self.word, self.name])()
        kind = self.rng.integers(5)
        if kind == 0:
            return self.word()
        if kind == 1:
            return self.arguments(depth)
        called = self.pick([self.name(), self.value(depth - 1)])
        made = called + self.arguments(depth) + self.pick([b'R', b'\x81'])
        return made if kind < 4 else made + self.value(depth - 1) + b'b'

    def pickle(self):
        return b'\x80\x02' + self.value(4) + b'.'


def packed(pickled):
    """The pickle as the data of a checkpoint."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        for name, data in [('data.pkl', pickled), ('version', b'3\n'),
                           ('byteorder', b'little')]:
            archive.writestr(f'archive/{name}', data)
    return buffer.getvalue()


def test_the_container_is_one_that_loads(tmp_path):
    path = tmp_path / 'x.pth'
    path.write_bytes(packed(pickle.dumps(dict(a=1), protocol=2)))
    assert load_checkpoint(str(path)) == dict(a=1)


@pytest.mark.parametrize('seed', range(4))
def test_generated_pickles_run_nothing(seed, tmp_path):
    proof, path = tmp_path / 'ran', tmp_path / 'x.pth'
    writer = Writer(np.random.default_rng(seed), proof)
    for _ in range(ROUNDS):
        pickled = writer.pickle()
        path.write_bytes(packed(pickled))
        try:
            load_checkpoint(str(path))
        except (ValueError, pickle.UnpicklingError) as error:
            assert 'x.pth' in str(error) and '\n' not in str(error)
        assert not proof.exists(), pickled
