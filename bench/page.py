"""The tables of docs/PERFORMANCE.md: each stands between two lines of its own, and is written anew by the script that made it."""
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs/PERFORMANCE.md"


def write(begin, end, text):
    """Puts `text` between the lines `begin` and `end`."""
    PAGE.write_text(re.sub(f"(?<={begin}).*?(?={end})", lambda _: text, PAGE.read_text(), flags=re.DOTALL))
