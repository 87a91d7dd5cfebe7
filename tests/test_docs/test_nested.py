"""What is nested in a list stays there, and nothing else moves."""
from textwrap import dedent

import pytest
from nested import indented


@pytest.mark.parametrize('text, expected', [
    ('- a\n\n  b\n', '- a\n\n    b\n'),
    ('1. a\n\n   b\n2. c\n', '1. a\n\n    b\n2. c\n'),
    ('- a\n  goes on\n', '- a\n    goes on\n'),
    ('- a\n  - b\n', '- a\n    - b\n')])
def test_nested_lines_move_to_four_columns(text, expected):
    assert indented(text) == expected


def test_code_in_an_entry_keeps_its_own_indentation():
    text = dedent('''\
        1. a

           ```python
           if True:

               print('- no entry')
           ```
        2. b
        ''')
    assert indented(text) == text.replace('\n   ', '\n    ')


@pytest.mark.parametrize('text', [
    'a\n  b\n', '- a\n\nb\n\n    code\n',
    '```python\n- 1\n  + 2\n```\n\n  c\n',
    '- a\n\n```python\nif True:\n  pass\n```\n'])
def test_other_lines_stay(text):
    assert indented(text) == text
