"""The tables of docs/PERFORMANCE.md.

Each is between two marker lines, and is replaced by the script that makes it.
"""
import pathlib
import re
import textwrap

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs/PERFORMANCE.md"


def paragraph(text):
    """`text` in lines of at most 100 characters."""
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def write(begin, end, text):
    """Puts `text` between the lines `begin` and `end`."""
    between = re.compile(f"(?<={begin}).*?(?={end})", re.DOTALL)
    PAGE.write_text(between.sub(lambda _: text, PAGE.read_text()))
