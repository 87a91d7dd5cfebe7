"""Docstrings become Markdown that says the same."""
import pytest
from docstrings import block, call, example, inline, items, parse, table


def documented():
    """Do what is documented.

    A paragraph that goes
    over two lines.

    .. code:: text

       drawn  as it is

    Args:
        eps (float | str, optional): Radius, see :class:`PGD`.
            Defaults to None.
        kwargs: Others.

    Raises:
        ValueError: If it is not.

    Example:
        >>> for step in range(2):
        ...     print(step)
    """


def test_docstring_has_its_parts():
    doc = parse(documented)
    assert doc.summary == 'Do what is documented.'
    assert doc.text[0] == 'A paragraph that goes\nover two lines.'
    assert list(doc.sections) == ['Args', 'Raises', 'Example']


def test_nothing_documented_is_nothing():
    doc = parse(test_nothing_documented_is_nothing)
    assert (doc.summary, doc.text, doc.sections) == ('', [], {})


def test_arguments_have_name_type_and_meaning():
    eps, kwargs = items(parse(documented).sections['Args'])
    assert eps == ('eps', 'float | str, optional',
                   'Radius, see :class:`PGD`. Defaults to None.')
    assert kwargs == ('kwargs', '', 'Others.')


@pytest.mark.parametrize('indentation', ['', '    '])
def test_several_arguments_share_a_meaning(indentation):
    assert items(f'a, b,\n{indentation}c (int): Numbers.\nd: One.') == [
        ('a, b, c', 'int', 'Numbers.'), ('d', '', 'One.')]


def test_text_in_place_of_arguments_has_no_name():
    assert items('As it is with PGD') == [('', '', 'As it is with PGD')]


def test_roles_become_code_or_links():
    def link(name):
        return 'pgd.md' if name == 'PGD' else None
    assert inline('see :class:`PGD`', link) == 'see [`PGD`](pgd.md)'
    assert inline('see :meth:`~a.B.c` and ``d``') == 'see `a.B.c` and `d`'


def test_marks_of_markdown_are_shown_as_they_are():
    assert inline('||a||_* and <b>') == r'\|\|a\|\|_\* and \<b>'
    assert inline('the *input* of `a|b`') == r'the *input* of `a\|b`'


def test_drawings_keep_their_lines():
    lines = [line for text in parse(documented).text[1:]
             for line in block(text)]
    assert lines == ['', '```text', 'drawn  as it is', '```', '']


def test_lists_stay_lists():
    assert block('- one,\n  still one\n- two') == [
        '', '- one, still one', '- two', '']


def test_examples_are_statements():
    lines = example(parse(documented).sections['Example'])
    assert lines[2:4] == ['for step in range(2):', '    print(step)']


def test_long_calls_have_a_line_for_each_argument():
    assert call('f', ['a', '*', 'b=1'])[2] == 'f(a, *, b=1)'
    lines = call('f', ['a' * 50, '*', 'b' * 50])
    assert lines[2:6] == ['f(', f'    {"a" * 50},', '    *,',
                          f'    {"b" * 50},']


def test_tables_have_a_line_below_their_head():
    assert table(['a', 'b'], [['1', '2']])[1:4] == [
        '| a | b |', '| --- | --- |', '| 1 | 2 |']
