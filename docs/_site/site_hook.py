"""What mkdocs calls: adds the generated pages to those in docs/."""
import re
from pathlib import Path
from typing import Any, Callable, Dict, List

import api_pages
import attack_pages
import list_pages
from mkdocs.structure.files import File, Files
from pymdownx.slugs import slugify

ROOT = Path(__file__).parents[2]
to_anchor = slugify(case='lower')


def on_config(config: Any) -> Any:
    """List the pages of the attacks in the navigation."""
    reference, = [entry['Reference'] for entry in config.nav
                  if 'Reference' in entry]
    attacks, = [entry['Attacks'] for entry in reference if 'Attacks' in entry]
    attacks += [
        f'{attack_pages.FOLDER}/{attack_pages.page_name(name)}'
        for name in attack_pages.attacks()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    for name, content in pages().items():
        files.append(File.generated(config, name, content=content()))
    return files


def pages() -> Dict[str, Callable[[], str]]:
    """Return every generated page: its file, and what makes it."""
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
    """Return the sections of a page and their anchors."""
    found: List[str] = re.findall(
        r'^## (.+)$', path.read_text(encoding='utf-8'), re.M)
    return {heading: to_anchor(heading, '-') for heading in found}


def root_page(name: str) -> str:
    """Return a file beside the README, whose links lead into docs/."""
    text = (ROOT / name).read_text(encoding='utf-8')
    return re.sub(r'\]\(docs/', '](', text)
