"""Checkpoints that run code when they are loaded, and a place to get them."""
import threading
from contextlib import contextmanager
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest
import torch


class Payload:
    """Unpickles by calling what it was given."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


class Trap:
    """A checkpoint that leaves a file when its code runs.

    Args:
        folder (Path): Where the checkpoint, and the proof, go.
        name (str): Name of its file.
    """

    def __init__(self, folder, name='evil.pth'):
        self.path = folder / name
        self.proof = folder / 'ran'
        torch.save(dict(state_dict={}, meta=Payload(
            eval, (f'open({str(self.proof)!r}, "w")', ))), self.path)

    @property
    def has_run(self):
        return self.proof.exists()


class _Quiet(SimpleHTTPRequestHandler):

    def log_message(self, *args):
        """Say nothing."""


@contextmanager
def served(folder):
    """Serve a folder on this machine; gives its address."""
    server = HTTPServer(('127.0.0.1', 0),
                        partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_port}'
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A malicious checkpoint, and an empty cache of downloads."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path / 'mmengine'))
    folder = tmp_path / 'server'
    folder.mkdir()
    return Trap(folder)


@pytest.fixture
def site(trap):
    """Address of the folder in which the malicious checkpoint lies."""
    with served(trap.path.parent) as address:
        yield address
