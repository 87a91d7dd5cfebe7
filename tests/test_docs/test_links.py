"""Links of README and docs lead somewhere, and every page can be found."""
import re
from pathlib import Path

import generated
import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md')])
LINK = re.compile(r'\]\(([^)\s]+)\)')


@pytest.fixture(scope='module')
def generated_pages():
    return {(ROOT / 'docs' / name).resolve() for name in generated.pages()}


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)
def test_links_lead_somewhere(file, generated_pages):
    text = re.sub(r'```.*?```', '', file.read_text(encoding='utf-8'),
                  flags=re.DOTALL)
    for link in LINK.findall(text):
        path, _, anchor = link.partition('#')
        if '://' in link:
            continue
        target = (file.parent / path).resolve() if path else file
        if target in generated_pages:
            continue
        assert target.exists(), link
        if anchor:
            assert anchor in generated.headings(target).values(), link


def test_every_page_is_in_the_navigation():
    text = (ROOT / 'mkdocs.yml').read_text(encoding='utf-8')
    listed = set(re.findall(r'[\w/]+\.md$', text, re.M))
    pages = {*(path.name for path in (ROOT / 'docs').glob('*.md')),
             *(name for name in generated.pages()
               if not name.startswith('reference/attacks/')),
             'reference/attacks/index.md'}
    assert listed == pages, 'list the page in the nav of mkdocs.yml'


def test_headings_in_code_are_none(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text("# A\n\n## B's `c`, d\n\n```bash\n## no\n```\n")
    assert generated.headings(page) == {"B's `c`, d": 'bs-c-d'}


def test_pages_of_the_root_link_into_docs():
    text = generated.root_page('CONTRIBUTING.md')
    assert text.startswith('# Contributing')
    assert '[docs/attacks.md](attacks.md)' in text
