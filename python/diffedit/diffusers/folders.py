"""Where the folder of a model is."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import ArgumentError, FileError
from ..model import find

if TYPE_CHECKING:
    from .._values import PathLike


def _hub_cache() -> str:
    for name, inner in (("HF_HUB_CACHE", ""), ("HF_HOME", "hub"),
                        ("XDG_CACHE_HOME", "huggingface/hub")):
        if os.environ.get(name):
            return os.path.join(os.environ[name], inner)
    return os.path.expanduser("~/.cache/huggingface/hub")


def find_folder(path: PathLike, cache_dir: PathLike | None, revision: str | None) -> str:
    """The folder of a model in diffusers' layout: one that is there, one in the hub's cache, or one
    that diffedit has fetched."""
    name = os.fspath(path)
    if os.path.isdir(name):
        return name
    if os.path.exists(name):
        raise ArgumentError(f"{name}: expected a folder in diffusers' layout; a single file is "
                            "opened by diffedit.Model")
    cache = os.fspath(cache_dir or _hub_cache())
    repository = os.path.join(cache, "models--" + name.replace("/", "--"))
    commit = revision or "main"
    reference = os.path.join(repository, "refs", commit)
    if os.path.isfile(reference):
        with open(reference, encoding="utf-8") as file:
            commit = file.read().strip()
    folder = os.path.join(repository, "snapshots", commit)
    if os.path.isdir(folder):
        return folder
    try:
        if os.path.isdir(folder := find(name)):
            return folder
    except FileError:
        pass
    raise FileError(f"{name}: expected a folder, or a repository in the hub's cache {cache}; "
                    f"`hf download {name}` fetches one")
