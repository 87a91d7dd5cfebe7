"""Every generated page of the site."""
import re
from pathlib import Path
from typing import Callable, Dict

import api_pages
import attack_pages
import list_pages

ROOT = Path(__file__).parents[2]


def pages() -> Dict[str, Callable[[], str]]:
    """Return every generated page: its file in docs/, and what makes it."""
    result: Dict[str, Callable[[], str]] = {
        f'{attack_pages.FOLDER}/index.md': attack_pages.overview,
        'reference/configs.md': list_pages.configs,
        'reference/suites.md': list_pages.suites,
        'contributing.md': lambda: root_page('CONTRIBUTING.md'),
        'changes.md': lambda: root_page('CHANGELOG.md'),
    }
    sections = headings(ROOT / 'docs' / 'attacks.md')
    for name in attack_pages.attacks():
        file = f'{attack_pages.FOLDER}/{attack_pages.page_name(name)}'
        result[file] = lambda name=name: attack_pages.page(name, sections)
    for file in api_pages.PAGES:
        result[file] = lambda file=file: api_pages.page(file)
    return result


def headings(path: Path) -> Dict[str, str]:
    """Return the headings of a page below its title, and their anchors."""
    text = re.sub(r'^ *```.*?^ *```', '', path.read_text(encoding='utf-8'),
                  flags=re.M | re.S)
    return {heading: anchor(heading)
            for heading in re.findall(r'^##+ (.+)$', text, re.M)}


def anchor(heading: str) -> str:
    """Return the anchor that Markdown gives a heading."""
    return re.sub(r'[^\w -]', '', heading).strip().lower().replace(' ', '-')


def root_page(name: str) -> str:
    """Return a file beside the README, whose links lead into docs/."""
    text = (ROOT / name).read_text(encoding='utf-8')
    return text.replace('](docs/', '](')
