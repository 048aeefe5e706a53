"""Errors by kind. Each says in one sentence what was expected and what was found."""
from __future__ import annotations

import re
from typing import Any, Callable

from ._native import ffi, lib

__all__ = ["DiffeditError", "ArgumentError", "FileError", "ModelError", "PictureError",
           "OutOfMemoryError", "DeviceError", "Cancelled", "BusyError", "ForkedError"]


class DiffeditError(Exception):
    """What every error of diffedit is."""


class ArgumentError(DiffeditError, ValueError):
    """An option or argument is out of range, or conflicts with another."""


class FileError(DiffeditError, OSError):
    """A file cannot be opened, read or written."""


class ModelError(DiffeditError):
    """A model's files are damaged, incomplete or of an unknown kind."""


class PictureError(DiffeditError):
    """A picture cannot be decoded, or is larger than allowed."""


class OutOfMemoryError(DiffeditError, MemoryError):
    """An allocation failed."""


class DeviceError(DiffeditError):
    """A GPU is missing, cannot be used, or was lost; then close the model and open it again."""


class Cancelled(DiffeditError):
    """A progress function asked to stop, by returning True."""


class BusyError(DiffeditError, RuntimeError):
    """The editor is in a call already: of another thread, or of a progress function's own."""


class ForkedError(DiffeditError, RuntimeError):
    """This process is a fork of one that had used pictures, or a GPU."""


KINDS = {lib.DIFFEDIT_ERROR_ARGUMENT: ArgumentError, lib.DIFFEDIT_ERROR_FILE: FileError,
         lib.DIFFEDIT_ERROR_MODEL: ModelError, lib.DIFFEDIT_ERROR_PICTURE: PictureError,
         lib.DIFFEDIT_ERROR_MEMORY: OutOfMemoryError, lib.DIFFEDIT_ERROR_CANCELLED: Cancelled,
         lib.DIFFEDIT_ERROR_DEVICE: DeviceError}


def _as_keyword(found: re.Match[str]) -> str:
    name = found[1]
    return "`source`" if name == "from" else f"`{name.replace('-', '_')}`"


def in_python(message: str) -> str:
    """A message or a help text of the library: options are keywords, functions methods."""
    message = re.sub(r"`settings\.(\w+)`", r"`\1`", message)  # keywords of Model
    message = re.sub(r"\bdiffedit_(?:editor_)?(\w+\(\))", r"\1", message)
    return re.sub(r"`([a-z-]+)`", _as_keyword, message)


def text_of(chars: Any) -> str:
    """What the library wrote: UTF-8, in which the bytes of a path are kept as Python keeps them."""
    return str(ffi.string(chars).decode("utf-8", "surrogateescape"))


def check(status: int, error: Any) -> None:
    """Raises what a function reported in *error."""
    if status != lib.DIFFEDIT_OK:
        raise KINDS.get(status, DiffeditError)(in_python(text_of(error.message)))


def made(kind: str, free: Callable[[Any], Any], call: Callable[[Any, Any], int]) -> Any:
    """What call(out, error) puts into *out, freed by `free`: once nothing refers to it, and at once
    where the call fails, or where Ctrl-C was pressed meanwhile, which Python raises at its end."""
    out, error = ffi.new(f"{kind} **"), ffi.new("diffedit_error *")
    try:
        check(call(out, error), error)
    except BaseException:
        if out[0] != ffi.NULL:
            free(out[0])
        raise
    return ffi.gc(out[0], free)
