"""The wheel of this tree, installed in a folder of its own."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ('mmseg_rppgd', 'configs', 'tools', 'requirements')
FILES = ('setup.py', 'setup.cfg', 'README.md', 'MANIFEST.in', 'LICENSE',
         'model-index.yml')


@pytest.fixture(scope='session')
def wheel(tmp_path_factory):
    """Folder that a wheel was installed into, for PYTHONPATH."""
    folder = tmp_path_factory.mktemp('wheel')
    skip = shutil.ignore_patterns('__pycache__', '*.egg-info', '.*')
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / 'source' / name, ignore=skip)
    for name in FILES:
        shutil.copy(ROOT / name, folder / 'source')
    pip('wheel', '--no-build-isolation', '--wheel-dir', folder,
        folder / 'source')
    file, = folder.glob('*.whl')
    pip('install', '--target', folder / 'site', file)
    return folder / 'site'


def pip(*words):
    """Run pip without the network and without dependencies."""
    command, *words = map(str, words)
    subprocess.run(
        [sys.executable, '-m', 'pip', command, '--no-index', '--no-deps',
         *words], check=True, capture_output=True)
