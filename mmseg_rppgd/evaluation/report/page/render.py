"""One HTML file of a template, with its styles and scripts inside."""
import os.path as osp
from typing import Any, Sequence

from markupsafe import Markup

from .... import __version__
from ..writers import brackets, cell

FOLDER = osp.join(osp.dirname(__file__), 'templates')
STYLES = ('style.css', 'bars.css', 'tables.css')
SCRIPTS = ('tables.js', )


def render(template: str, styles: Sequence[str] = (),
           scripts: Sequence[str] = (), **values: Any) -> str:
    """Fill a template that extends ``base.html``.

    Everything that is filled in is escaped, unless it is Markup.

    Args:
        template (str): Name of a file in the folder of templates.
        styles (sequence[str]): Style sheets beside those of every page: names
            of files in the folder, or Markup. Defaults to none.
        scripts (sequence[str]): Likewise.
        values: What the template needs; ``title`` of the document at least.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=StrictUndefined)
    environment.globals.update(
        cell=cell, brackets=brackets, breakable=breakable,
        version=__version__, styles=_read([*STYLES, *styles]),
        scripts=_read([*SCRIPTS, *scripts]))
    return environment.get_template(template).render(**values)


def breakable(name: Any) -> Markup:
    """A name that may break where a person would break it."""
    text = Markup.escape(name)
    for mark in ('_', '/'):
        text = text.replace(mark, Markup(f'{mark}<wbr>'))
    return text


def _read(names: Sequence[str]) -> Markup:
    """Files of the folder, as they are: nothing in them is a template."""
    return Markup('\n').join(
        name if isinstance(name, Markup) else Markup(_text(name))
        for name in names)


def _text(name: str) -> str:
    with open(osp.join(FOLDER, name), encoding='utf-8') as file:
        return file.read()
