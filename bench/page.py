"""The tables of docs/PERFORMANCE.md.

Each is between two marker lines, and is replaced by the script that makes it.
"""
import pathlib
import re
import sys
import textwrap

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs/PERFORMANCE.md"


def paragraph(text):
    """`text` in lines of at most 100 characters."""
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def write(begin, end, text):
    """Puts `text` between the lines `begin` and `end`."""
    between = re.compile(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", re.DOTALL)
    changed, found = between.subn(lambda _: text, PAGE.read_text())
    if not found:
        sys.exit(f"{PAGE.name} has no line {begin.strip()}")
    PAGE.write_text(changed)
