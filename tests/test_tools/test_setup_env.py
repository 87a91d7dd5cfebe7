"""Into which python tools/setup_env.sh installs: the environment's own."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAKE = '''#!/bin/sh
# A python of the environment {prefix} that has all but one package.
case "$*" in
    *sys.prefix*) echo {prefix} ;;
    *sys.exit*) exit 0 ;;
    *"-m pip"*) echo "pip $*" >> {log} ;;
    "- "*) [ -e {log} ] || echo torch ;;
esac
'''


@pytest.fixture
def setup_env(tmp_path):
    """Source the script with a python that belongs to a folder."""
    log = tmp_path / 'installed.txt'

    def run(prefix, **variables):
        folder = tmp_path / 'bin'
        folder.mkdir(exist_ok=True)
        python = folder / 'python'
        python.write_text(FAKE.format(prefix=prefix, log=log))
        python.chmod(0o755)
        env = {key: value for key, value in os.environ.items()
               if key not in ('VIRTUAL_ENV', 'CONDA_PREFIX',
                              'CONDA_DEFAULT_ENV')}
        env.update({key: str(value) for key, value in variables.items()},
                   PATH=f'{folder}{os.pathsep}{os.environ["PATH"]}')
        done = subprocess.run(
            ['bash', '-c', f'source {ROOT}/tools/setup_env.sh'], env=env,
            capture_output=True, text=True)
        return done, log.read_text() if log.exists() else ''

    return run


@pytest.mark.parametrize('exists', [True, False])
def test_a_python_of_another_place_is_refused(setup_env, tmp_path, exists):
    stale = tmp_path / 'stale'
    if exists:
        stale.mkdir()
    done, installed = setup_env('/usr', VIRTUAL_ENV=stale)
    assert done.returncode == 1 and installed == ''
    for words in (f'the active environment is {stale}', 'belongs to /usr',
                  'nothing was installed', 'unset VIRTUAL_ENV'):
        assert words in done.stderr


def test_the_same_file_in_another_environment_is_not_the_environment(
        setup_env, tmp_path):
    """The python of an environment is a link to one that others have too."""
    stale = tmp_path / 'stale'
    (stale / 'bin').mkdir(parents=True)
    (stale / 'bin' / 'python').symlink_to(tmp_path / 'bin' / 'python')
    done, installed = setup_env('/usr', VIRTUAL_ENV=stale)
    assert done.returncode == 1 and installed == ''


def test_the_environments_own_python_is_used(setup_env, tmp_path):
    (tmp_path / 'own').mkdir()
    (tmp_path / 'link').symlink_to(tmp_path / 'own')
    for active in ('own', 'link'):
        done, installed = setup_env(tmp_path / 'own',
                                    VIRTUAL_ENV=tmp_path / active)
        assert done.returncode == 0, done.stderr
        assert 'torch' in installed


def test_a_conda_environment_is_checked_too(setup_env, tmp_path):
    (tmp_path / 'conda').mkdir()
    names = dict(CONDA_DEFAULT_ENV='mine', CONDA_PREFIX=tmp_path / 'conda')
    done, installed = setup_env('/usr', **names)
    assert done.returncode == 1 and installed == ''
    assert f'the active environment is {tmp_path / "conda"}' in done.stderr
    done, installed = setup_env(tmp_path / 'conda', **names)
    assert done.returncode == 0 and installed
    # One that was activated after a virtual environment.
    done, _ = setup_env(tmp_path / 'conda', VIRTUAL_ENV=tmp_path / 'gone',
                        **names)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('words', [['--help'], ['a', 'b']])
def test_quickstart_shows_its_usage(words, tmp_path):
    done = subprocess.run(['bash', ROOT / 'tools' / 'quickstart.sh', *words],
                          capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and 'usage:' in done.stderr
    assert not list(tmp_path.iterdir())


def test_this_python_is_that_of_its_prefix(tmp_path):
    """The question that the script asks is answered by real ones."""
    done = subprocess.run(
        ['bash', '-c', f'source {ROOT}/tools/setup_env.sh'], text=True,
        capture_output=True, env={
            'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
            'VIRTUAL_ENV': str(tmp_path / 'gone')})
    if (Path(sys.executable).parent / 'python').exists():
        assert done.returncode == 1
        assert 'nothing was installed' in done.stderr
