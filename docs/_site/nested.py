"""What is nested in a list, indented as the site's Markdown wants it.

Where the files are read as they are, what is nested begins below the text of
its entry, two or three columns in; the Markdown of the site wants four.
"""
import re
from typing import List

ENTRY = re.compile(r'([-*] |\d+\. )\S')
FENCE = re.compile(r' *(```|~~~)')
WANTED = 4


def indented(text: str) -> str:
    """Return a page whose nested lines are indented by four columns."""
    lines: List[str] = []
    inside = 0  # columns of the entry that the line belongs to, if any
    fenced = False
    for line in text.splitlines():
        entry = ENTRY.match(line)
        if entry and not fenced:
            inside = len(entry[1])
        elif inside and line.startswith(' ' * inside):
            line = ' ' * (WANTED - inside) + line
        elif line and not fenced and lines and not lines[-1]:
            inside = 0  # a paragraph of its own
        if FENCE.match(line):
            fenced = not fenced
            inside = inside if line.startswith(' ') else 0
        lines.append(line)
    return '\n'.join(lines) + '\n'
