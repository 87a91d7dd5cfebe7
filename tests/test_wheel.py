"""A wheel is complete: it needs no checkout."""
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Folder of an unpacked wheel, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp('wheel')
    skip = shutil.ignore_patterns('__pycache__', '*.egg-info', '.*')
    for name in ('mmseg_rppgd', 'configs', 'tools', 'requirements'):
        shutil.copytree(ROOT / name, folder / 'source' / name, ignore=skip)
    for name in ('setup.py', 'setup.cfg', 'README.md', 'MANIFEST.in',
                 'LICENSE', 'model-index.yml'):
        shutil.copy(ROOT / name, folder / 'source')
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '--no-build-isolation',
         '--no-deps', '--no-index', '--wheel-dir', folder,
         folder / 'source'], check=True, capture_output=True)
    file, = folder.glob('*.whl')
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / 'unpacked')
    return folder / 'unpacked'


def names(folder, ending):
    return sorted(str(file.relative_to(folder))
                  for file in folder.rglob(f'*.{ending}'))


@pytest.mark.parametrize('name', ['configs', 'tools'])
def test_configs_and_tools_are_inside(wheel, name):
    inside = wheel / 'mmseg_rppgd' / '.mim' / name
    assert names(inside, 'py') == names(ROOT / name, 'py') != []
    assert names(inside, 'yaml') == names(ROOT / name, 'yaml')


def test_templates_of_pages_are_inside(wheel):
    folder = Path('mmseg_rppgd/evaluation/report/page/templates')
    for ending in ('html', 'css', 'js'):
        assert names(wheel / folder, ending) == names(
            ROOT / folder, ending) != []


def test_metafiles_are_inside(wheel):
    inside = wheel / 'mmseg_rppgd' / '.mim'
    index = (inside / 'model-index.yml').read_text()
    listed = [line[2:] for line in index.splitlines() if line[0] == '-']
    assert listed and all((inside / file).is_file() for file in listed)


def test_every_module_and_the_page_are_inside(wheel):
    package = ROOT / 'mmseg_rppgd'
    modules = [name for name in names(package, 'py')
               if not name.startswith('.mim')]
    assert set(modules) <= set(names(wheel / 'mmseg_rppgd', 'py'))
    assert names(wheel / 'mmseg_rppgd', 'html') == names(package, 'html')
    assert names(package, 'html') != []


def test_command_has_an_entry_point(wheel):
    file, = wheel.glob('*.dist-info/entry_points.txt')
    assert 'mmseg_rppgd = mmseg_rppgd.commands:main' in file.read_text()


def test_command_runs_in_an_empty_folder(wheel, tmp_path):
    result = subprocess.run(
        [sys.executable, '-m', 'mmseg_rppgd', 'list', 'suites'],
        cwd=tmp_path, env={**os.environ, 'PYTHONPATH': str(wheel)},
        capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert 'reliable-mini' in result.stdout
