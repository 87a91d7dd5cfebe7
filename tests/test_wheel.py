"""A wheel is complete: it needs no checkout."""
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """A copy of the sources."""
    folder = tmp_path_factory.mktemp('wheel')
    skip = shutil.ignore_patterns('__pycache__', '*.egg-info', '.*')
    for name in ('mmseg_rppgd', 'configs', 'tools', 'requirements', 'docs'):
        shutil.copytree(ROOT / name, folder / 'source' / name, ignore=skip)
    for name in ('setup.py', 'setup.cfg', 'README.md', 'MANIFEST.in',
                 'LICENSE', 'model-index.yml', 'CHANGELOG.md',
                 'CITATION.cff', 'CONTRIBUTING.md', 'mkdocs.yml'):
        shutil.copy(ROOT / name, folder / 'source')
    return folder / 'source'


@pytest.fixture(scope='module')
def sdist(source):
    """Folder of an unpacked source distribution."""
    subprocess.run([sys.executable, 'setup.py', '-q', 'sdist', '--dist-dir',
                    source.parent], cwd=source, check=True,
                   capture_output=True)
    file, = source.parent.glob('*.tar.gz')
    shutil.unpack_archive(file, source.parent)
    return source.parent / file.name[:-len('.tar.gz')]


@pytest.fixture(scope='module')
def wheel(source):
    """Folder of an unpacked wheel."""
    folder = source.parent
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '--no-build-isolation',
         '--no-deps', '--no-index', '--wheel-dir', folder,
         source], check=True, capture_output=True)
    file, = folder.glob('*.whl')
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / 'unpacked')
    return folder / 'unpacked'


def names(folder, ending):
    return sorted(str(file.relative_to(folder))
                  for file in folder.rglob(f'*.{ending}'))


@pytest.mark.parametrize('name, kinds', [
    ('configs', {'py', 'yaml'}), ('tools', {'py', 'sh'}), ('docs', {'md'})])
def test_configs_tools_and_docs_are_inside(wheel, name, kinds):
    inside = wheel / 'mmseg_rppgd' / '.mim' / name
    for kind in kinds - {'sh'}:
        assert names(inside, kind) == names(ROOT / name, kind) != []
    assert {file.suffix[1:] for file in inside.rglob('*.*')} == kinds


def test_no_script_is_inside_that_would_install_something(wheel):
    assert names(wheel, 'sh') == ['mmseg_rppgd/.mim/tools/launch.sh']


def test_metadata_is_complete_and_without_dead_links(wheel):
    file, = wheel.glob('*.dist-info/METADATA')
    head, _, page = file.read_text().partition('\n\n')
    found = Parser().parsestr(head)
    citation = (ROOT / 'CITATION.cff').read_text()
    assert f'- name: {found["Author"]}\n' in citation
    assert f'license: {found["License"]}\n' in citation
    assert f'version: {found["Version"]}\n' in citation
    assert 'Typing :: Typed' in found.get_all('Classifier')
    assert 'RP-PGD' in found['Keywords']
    links = re.findall(r'\]\(([^)\s]+)\)', without_code(page))
    assert all(link.startswith('https://') for link in links)
    readme = (ROOT / 'README.md').read_text()
    assert CODE.findall(page) == CODE.findall(readme) != []


CODE = re.compile(r'^ *```.*?^ *```$', re.M | re.S)


def without_code(page):
    return re.sub('`[^`]*`', '', CODE.sub('', page))


def test_types_are_said_to_be_there(wheel):
    assert (wheel / 'mmseg_rppgd' / 'py.typed').is_file()


def test_one_extra_has_what_a_test_needs(wheel):
    file, = wheel.glob('*.dist-info/METADATA')
    needed = [line.partition(' ')[2] for line in file.read_text().splitlines()
              if line.startswith('Requires-Dist: ')]
    own = [line for line in needed if 'extra' not in line]
    lite = [line for line in needed if 'extra == "lite"' in line]
    assert len(lite) == 1 and lite[0].startswith('mmcv-lite')
    assert {'tqdm', 'ftfy', 'regex'} <= set(own)
    assert not [line for line in needed if 'visdom' in line
                or line.startswith(('torchvision', 'adv-lib'))]


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


def test_sdist_holds_docs_and_all_that_a_wheel_is_built_of(sdist):
    for name in ('docs', 'configs', 'tools', 'requirements'):
        assert all((sdist / file.relative_to(ROOT)).is_file()
                   for file in (ROOT / name).rglob('*.*')
                   if file.suffix in ('.md', '.py', '.yaml', '.sh', '.txt')
                   and '__pycache__' not in file.parts)
    for name in ('setup.py', 'README.md', 'LICENSE', 'CHANGELOG.md',
                 'CITATION.cff', 'CONTRIBUTING.md', 'model-index.yml',
                 'mmseg_rppgd/py.typed'):
        assert (sdist / name).is_file()
    modules = [name for name in names(ROOT / 'mmseg_rppgd', 'py')
               if not name.startswith('.mim')]
    assert set(modules) <= set(names(sdist / 'mmseg_rppgd', 'py'))
