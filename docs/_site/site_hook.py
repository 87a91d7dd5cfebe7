"""What mkdocs calls: adds the generated pages to those in docs/."""
from typing import Any

import attack_pages
import nested
from generated import pages
from mkdocs.structure.files import File, Files


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
    """Add the generated pages."""
    for name, content in pages().items():
        files.append(File.generated(config, name, content=content()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Indent what is nested in lists."""
    return nested.indented(markdown)
