"""What a running program is at."""
import pathlib
import re


def catches(process, number):
    """Whether the program is so far that it handles a signal."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> (number - 1) & 1
