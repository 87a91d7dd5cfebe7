"""The pages for Python name everything that the signatures have."""
import inspect
import re

import api_pages
import pytest

MEMBERS = [member for _, _, members in api_pages.PAGES.values()
           for member in members]


@pytest.mark.parametrize('member', MEMBERS, ids=lambda m: m.__name__)
def test_every_argument_is_documented(member):
    text = '\n'.join(api_pages.entry(member))
    documented = {
        name.strip() for cell in re.findall(r'^\| `([^`]+)` \|', text, re.M)
        for name in cell.split(',')}
    named = {name for name, parameter in
             inspect.signature(member).parameters.items()
             if parameter.kind not in (parameter.VAR_POSITIONAL,
                                       parameter.VAR_KEYWORD)}
    assert named - documented in (set(), {'unknown'})


@pytest.mark.parametrize('file', api_pages.PAGES)
def test_page_has_a_section_of_each_member(file):
    text = api_pages.page(file)
    _, _, members = api_pages.PAGES[file]
    assert re.findall('^## (.+)$', text, re.M) == [
        member.__name__ for member in members]


@pytest.mark.parametrize('member', MEMBERS, ids=lambda m: m.__name__)
def test_import_path_is_where_it_can_be_imported_from(member):
    space = {}
    exec(f'from {api_pages.public_module(member)} import {member.__name__}',
         space)
    assert space[member.__name__] is member


def test_signature_has_defaults_and_no_annotations():
    def shown(model: int, *, seed: int = 0, **kwargs: str) -> None:
        """Show."""
    assert api_pages.signature(shown) == [
        'model', '*', 'seed=0', '**kwargs']
