"""Which file a name stands for."""
import hashlib
import sys

import pytest
from malicious import served

from mmseg_rppgd.checkpoints import checkpoint_sha256, files, local_file


def content(name):
    with local_file(str(name)) as path, open(path, 'rb') as file:
        return file.read()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Two files of one name in two folders, served on this machine."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    for folder in ('a', 'b'):
        (tmp_path / 'site' / folder).mkdir(parents=True)
        (tmp_path / 'site' / folder / 'x.pth').write_text(folder)
    with served(tmp_path / 'site') as address:
        yield address


def test_two_addresses_with_one_file_name_are_two_files(site):
    assert content(f'{site}/a/x.pth') == b'a'
    assert content(f'{site}/b/x.pth') == b'b'


def test_an_address_is_hashed(site):
    assert checkpoint_sha256(f'{site}/a/x.pth') == hashlib.sha256(
        b'a').hexdigest()


def test_an_address_is_downloaded_once(site, tmp_path):
    content(f'{site}/a/x.pth')
    (tmp_path / 'site' / 'a' / 'x.pth').unlink()
    assert content(f'{site}/a/x.pth') == b'a'


def test_a_copy_that_torch_has_made_is_taken_by_its_hash_alone(site,
                                                               tmp_path):
    cache = tmp_path / 'cache' / 'hub' / 'checkpoints'
    cache.mkdir(parents=True)
    for text in ('a', 'other'):
        (cache / 'x.pth').write_text('other')
        name = f'x-{hashlib.sha256(text.encode()).hexdigest()[:8]}.pth'
        (tmp_path / 'site' / name).write_text('from the site')
        (cache / name).write_text('other')
        wanted = b'other' if text == 'other' else b'from the site'
        assert content(f'{site}/{name}') == wanted
    assert content(f'{site}/a/x.pth') == b'a'


def test_an_answer_that_is_cut_off_is_not_kept(site, tmp_path, monkeypatch):
    class Short:
        headers = {'Content-Length': '9'}

        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

        def read(self, size):
            text, self.text = self.text, b''
            return text

        text = b'half'

    monkeypatch.setattr(files, 'urlopen', lambda *args, **kwargs: Short())
    with pytest.raises(ValueError, match='incomplete .4 of 9 bytes'):
        content(f'{site}/a/x.pth')
    assert not list((tmp_path / 'cache').rglob('*x.pth*'))


def test_an_address_without_an_answer_says_so(site):
    with pytest.raises(ValueError, match='no.pth.*not be downloaded.*404'):
        content(f'{site}/no.pth')
    with pytest.raises(ValueError, match='could not be downloaded'):
        content('http://127.0.0.1:9/x.pth')


def test_unknown_kinds_of_address_are_refused():
    with pytest.raises(ValueError, match='unknown kind of address, ftp://'):
        content('ftp://somewhere/x.pth')


def test_unknown_names_of_a_model_zoo_get_similar_ones():
    with pytest.raises(ValueError, match='not known.*resnet50_v1c'):
        content('open-mmlab://resnet50_v1')


def test_missing_packages_are_named(monkeypatch):
    for module in ('torchvision', 'pavi'):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ImportError, match=f'needs.*{module}'):
            content(f'{module}://resnet18')


def test_a_folder_names_a_file_in_it(tmp_path):
    (tmp_path / 'iter_20.pth').write_text('x')
    with pytest.raises(ValueError, match='is a folder.*iter_20.pth'):
        content(tmp_path)


def test_what_is_empty_or_not_there_is_named(tmp_path):
    (tmp_path / 'empty.pth').touch()
    with pytest.raises(ValueError, match='empty.pth.*is empty'):
        content(tmp_path / 'empty.pth')
    with pytest.raises(FileNotFoundError, match='no.pth.*does not exist'):
        content(tmp_path / 'no.pth')


def test_the_home_folder_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'x.pth').write_text('x')
    assert content('~/x.pth') == b'x'
