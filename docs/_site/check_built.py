"""Check a built site: nothing comes from elsewhere, no link is dead.

    python docs/_site/check_built.py site
"""
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Set, Tuple
from urllib.parse import unquote, urlsplit

# Tags that a browser loads something for, and the attribute that says what.
LOADING = {'script': 'src', 'img': 'src', 'iframe': 'src', 'source': 'src',
           'link': 'href'}
SAID_ONLY = {'canonical', 'prev', 'next'}  # links that load nothing
IN_STYLES = re.compile(r'url\(\s*["\']?([^)"\']+)|@import\s+["\']([^"\']+)')
NEEDS_MERMAID = 'mermaid'  # a class for which the theme fetches a script


class Page(HTMLParser):
    """Addresses of a page.

    Attributes:
        ids (set[str]): Its anchors.
        loaded (list[str]): What a browser loads with it.
        linked (list[str]): Where its links lead.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: Set[str] = set()
        self.loaded: List[str] = []
        self.linked: List[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str,
                        attrs: List[Tuple[str, Optional[str]]]) -> None:
        given = {name: value or '' for name, value in attrs}
        self.ids.update(given[key] for key in ('id', 'name') if key in given)
        if NEEDS_MERMAID in given.get('class', '').split():
            self.loaded.append('https://unpkg.com/mermaid')
        if tag == 'a' and 'href' in given:
            self.linked.append(given['href'])
        elif LOADING.get(tag) in given and given.get('rel') not in SAID_ONLY:
            self.loaded.append(given[LOADING[tag]])


def troubles(site: Path) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with a built site."""
    pages: Dict[Path, Page] = {
        path: Page(path.read_text(encoding='utf-8'))
        for path in sorted(site.rglob('*.html'))}
    if not pages:
        yield f'{site} holds no page'
    for path, page in pages.items():
        where = path.relative_to(site)
        for address in page.loaded:
            if is_elsewhere(address):
                yield f'{where} loads {address}'
            elif not address.startswith('data:') and not target(
                    site, path, address).is_file():
                yield f'{where} loads {address}, which is not there'
        for address in page.linked:
            if is_elsewhere(address) or address.startswith('mailto:'):
                continue
            found = target(site, path, address)
            anchor = unquote(urlsplit(address).fragment)
            if found not in pages and not found.is_file():
                yield f'{where} links to {address}, which is not there'
            elif anchor and found in pages and anchor not in pages[found].ids:
                yield f'{where} links to {address}, which has no such anchor'
    for path in sorted(site.rglob('*.css')):
        for found in IN_STYLES.findall(path.read_text(encoding='utf-8')):
            if is_elsewhere(''.join(found)):
                yield f'{path.relative_to(site)} loads {"".join(found)}'


def is_elsewhere(address: str) -> bool:
    """Whether an address is on another machine."""
    return address.startswith('//') or urlsplit(address).scheme in (
        'http', 'https')


def target(site: Path, page: Path, address: str) -> Path:
    """Return the file that an address on a page leads to."""
    path = unquote(urlsplit(address).path)
    if not path:
        return page
    start = site / path[1:] if path.startswith('/') else page.parent / path
    found = start.resolve()
    return found / 'index.html' if found.is_dir() else found


def main() -> None:
    """Print what is wrong, and fail if there is anything."""
    found = list(troubles(Path(sys.argv[1]).resolve()))
    print('\n'.join(found), file=sys.stderr)
    sys.exit(bool(found))


if __name__ == '__main__':
    main()
