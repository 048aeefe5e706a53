"""Forks: libvips's threads do not come along, and a child that needs them would wait forever."""
from __future__ import annotations

import os

from .errors import ForkedError

_used = _lost = False


def use_pictures() -> None:
    """Before anything that may need libvips's threads."""
    global _used
    if _lost:
        raise ForkedError("this process was forked from one that had used pictures; fork before, "
                          "or start processes by multiprocessing's \"spawn\" or \"forkserver\"")
    _used = True


def _after_fork() -> None:
    global _lost
    _lost = _used


os.register_at_fork(after_in_child=_after_fork)
