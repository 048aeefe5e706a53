"""Forks: threads do not come along. A child that needs those of libvips or of a GPU's driver would
wait forever."""
from __future__ import annotations

import os
from typing import Any

from ._native import ffi, lib
from .errors import ForkedError

PICTURES, GPU = "pictures", "a GPU"
_used: set[str] = set()
_lost: set[str] = set()  # by a fork


def check_not_lost(what: str) -> None:
    if what in _lost:
        raise ForkedError(f"this process was forked from one that had used {what}; fork before, "
                          "or start processes by multiprocessing's \"spawn\" or \"forkserver\"")


def use_pictures() -> None:
    """Before anything that may need libvips's threads."""
    check_not_lost(PICTURES)
    _used.add(PICTURES)


def use_model(model: Any) -> None:
    """Before anything that a model's device computes."""
    if _on_gpu(model):
        check_not_lost(GPU)
        _used.add(GPU)


def may_free(model: Any) -> bool:
    """Whether the model and what was made with it can be freed: what is left of a GPU's memory
    after a fork is for its driver alone."""
    return GPU not in _lost or not _on_gpu(model)


def _on_gpu(model: Any) -> bool:
    info = ffi.new("diffedit_model_info *", {"struct_size": ffi.sizeof("diffedit_model_info")})
    lib.diffedit_model_get_info(info, model)
    return bool(info.device != lib.DIFFEDIT_DEVICE_CPU)


def _after_fork() -> None:
    _lost.update(_used)


os.register_at_fork(after_in_child=_after_fork)
