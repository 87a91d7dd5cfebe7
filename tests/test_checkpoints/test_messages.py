"""A file that is no checkpoint gets one sentence, with its name."""
import pickle
import zipfile

import numpy as np
import pytest
import torch
from malicious import Payload
from mmengine.logging import HistoryBuffer

from mmseg_rppgd.checkpoints import load_checkpoint, restricted_loading


def weights(path, **kwargs):
    torch.save(dict(state_dict=dict(a=torch.rand(100, 100))), path, **kwargs)


def text(path):
    path.write_text('e\nis 2.718')


def config(path):
    path.write_text('model = dict()\n')


def other_alphabet(path):
    path.write_text('ü' * 600, encoding='utf-8')


def page(path):
    path.write_text('<!DOCTYPE html><html>Not here</html>')


def half(path):
    weights(path)
    path.write_bytes(path.read_bytes()[:20000])


def half_of_an_old_one(path):
    weights(path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:20000])


def start_of_an_old_one(path):
    weights(path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:60])


def noise(path):
    path.write_bytes(bytes(np.random.default_rng(0).integers(
        0, 256, 1000, np.uint8)))


def plain_pickle(path):
    path.write_bytes(pickle.dumps(dict(a=1)))


def arrays(path):
    with open(path, 'wb') as file:
        np.savez(file, a=np.ones(3))


def other_archive(path):
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('x', 'y')


@pytest.mark.parametrize('make, name, message', [
    (text, 'a.pth', r"is a text file and no checkpoint.*'e is 2.718'"),
    (page, 'a.pth', 'is a text file.*DOCTYPE html'),
    (other_alphabet, 'a.pth', 'is a text file'),
    (config, 'a.py', 'is a Python file; CONFIG comes first'),
    (half, 'a.pth', 'cut off or damaged'),
    (half_of_an_old_one, 'a.pth', 'cut off or damaged'),
    (start_of_an_old_one, 'a.pth', 'cut off or damaged'),
    (noise, 'a.pth', 'is no checkpoint'),
    (plain_pickle, 'a.pth', 'is no checkpoint'),
    (arrays, 'a.pth', 'is no checkpoint'),
    (other_archive, 'a.pth', 'is no checkpoint')])
@pytest.mark.parametrize('trust', [False, True])
def test_what_is_no_checkpoint_is_said_in_a_sentence(make, name, message,
                                                     trust, tmp_path):
    make(tmp_path / name)
    with pytest.raises(ValueError, match=f'{name}.*{message}') as error:
        load_checkpoint(str(tmp_path / name), trust=trust)
    assert 'weights_only' not in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('value, message', [
    (torch.nn.Linear(1, 1), 'asks for torch.nn.modules.linear.Linear'),
    (Payload(getattr, (HistoryBuffer, 'statistics')),
     'may only ask for the statistics'),
    (Payload(np.ndarray, ((1, ), 'O', b'A' * 8)), 'may name numpy.ndarray'),
    (np.array([1, 'a'], object), 'arrays of plain numbers')])
def test_what_holds_more_names_it_and_the_way_to_trust(value, message,
                                                       tmp_path):
    torch.save(value, tmp_path / 'more.pth')
    with pytest.raises(pickle.UnpicklingError,
                       match=f'more.pth.*{message}.*--trust-checkpoint'
                       ) as error:
        load_checkpoint(str(tmp_path / 'more.pth'))
    assert 'weights_only' not in str(error.value)
    assert '\n' not in str(error.value)


def test_another_protocol_of_pickle_needs_trust_and_is_not_damaged(tmp_path):
    path = str(tmp_path / 'new.pth')
    torch.save(dict(a=torch.ones(1)), path, pickle_protocol=4)
    with pytest.raises(pickle.UnpicklingError,
                       match='new.pth.*Unsupported operand.*--trust'):
        load_checkpoint(path)
    assert load_checkpoint(path, trust=True) == dict(a=torch.ones(1))


def test_a_program_is_told_from_weights(tmp_path):
    path = str(tmp_path / 'script.pth')
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), path)
    with pytest.raises(ValueError, match='is a TorchScript archive'):
        load_checkpoint(path)


@pytest.mark.parametrize('error', [
    MemoryError(), OSError(5, 'Input/output error'),
    RuntimeError('CUDA out of memory'),
    RuntimeError('please use torch.load with map_location')])
def test_a_fault_of_the_machine_is_not_blamed_on_the_file(error, tmp_path,
                                                          monkeypatch):
    def load(*args, **kwargs):
        raise error

    weights(tmp_path / 'a.pth')
    monkeypatch.setattr(torch, 'load', load)
    with restricted_loading(), pytest.raises(type(error)) as raised:
        load_checkpoint(str(tmp_path / 'a.pth'))
    assert raised.value is error
