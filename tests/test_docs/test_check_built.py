"""A site that needs the network or has dead links is told."""
import subprocess
import sys
from pathlib import Path

import check_built
import pytest


@pytest.fixture
def site(tmp_path):
    """A sound site of two pages."""
    (tmp_path / 'a.html').write_text(
        '<link rel="stylesheet" href="site.css"><h1 id="top">A</h1>'
        '<link rel="canonical" href="https://example.org/a.html">'
        '<a href="https://example.org">out</a> <a href="#top">up</a>'
        '<a href="b.html#here">b</a>')
    (tmp_path / 'b.html').write_text('<p id="here"><a href=".">home</a>')
    (tmp_path / 'index.html').write_text('<p>home')
    (tmp_path / 'site.css').write_text('a {color: red}')
    return tmp_path


def test_sound_site_is_none(site):
    assert list(check_built.troubles(site)) == []


@pytest.mark.parametrize('content, message', [
    ('<script src="https://unpkg.com/x"></script>',
     'a.html loads https://unpkg.com/x'),
    ('<link rel="preconnect" href="//fonts.gstatic.com">',
     'a.html loads //fonts.gstatic.com'),
    ('<pre class="mermaid">', 'a.html loads https://unpkg.com/mermaid'),
    ('<img src="gone.png">', 'a.html loads gone.png, which is not there'),
    ('<a href="gone.html">', 'a.html links to gone.html, which is not there'),
    ('<a href="b.html#gone">',
     'a.html links to b.html#gone, which has no such anchor'),
    ('<a href="#gone">', 'a.html links to #gone, which has no such anchor')])
def test_trouble_of_a_page_is_named(site, content, message):
    (site / 'a.html').write_text(content)
    assert list(check_built.troubles(site)) == [message]


@pytest.mark.parametrize('style', [
    '@import "https://fonts.googleapis.com/css";',
    'a {background: url(https://fonts.googleapis.com/css)}'])
def test_style_from_elsewhere_is_named(site, style):
    (site / 'site.css').write_text(style)
    assert list(check_built.troubles(site)) == [
        'site.css loads https://fonts.googleapis.com/css']


def test_no_page_is_trouble(tmp_path):
    assert list(check_built.troubles(tmp_path)) == [
        f'{tmp_path} holds no page']


def test_command_fails_with_the_sentence(site):
    (site / 'b.html').write_text('<img src="gone.png">')
    result = subprocess.run(
        [sys.executable, Path(check_built.__file__), site],
        capture_output=True, text=True)
    assert result.returncode == 1
    assert 'b.html loads gone.png' in result.stderr
