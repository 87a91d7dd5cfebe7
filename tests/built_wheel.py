"""The wheel of this tree, installed in a folder of its own."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_BUILT = ('tests', 'benchmarks', 'build', 'dist', 'data', 'work_dirs')


@pytest.fixture(scope='session')
def wheel(tmp_path_factory):
    """Folder that a wheel was installed into, for PYTHONPATH."""
    folder = tmp_path_factory.mktemp('wheel')
    shutil.copytree(ROOT, folder / 'source', ignore=not_built)
    pip('wheel', '--no-build-isolation', '--wheel-dir', folder,
        folder / 'source')
    file, = folder.glob('*.whl')
    pip('install', '--target', folder / 'site', file)
    return folder / 'site'


def not_built(folder, names):
    """What of a folder is left out of a copy."""
    made = {name for name in names if name[0] == '.'
            or name.endswith(('.egg-info', '__pycache__'))}
    return made | (set(NOT_BUILT) if Path(folder) == ROOT else set())


def pip(*words):
    """Run pip without the network and without dependencies."""
    command, *words = map(str, words)
    subprocess.run(
        [sys.executable, '-m', 'pip', command, '--no-index', '--no-deps',
         *words], check=True, capture_output=True)
