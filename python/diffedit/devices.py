"""What this machine has to compute on."""
from __future__ import annotations

from dataclasses import dataclass

from ._native import ffi, lib
from .errors import text_of

__all__ = ["Device", "devices"]


@dataclass(frozen=True)
class Device:
    """The processor, or a GPU."""

    name: str | None  # for Model(device=...): "cpu", "gpu:0"; None: it cannot be used
    title: str
    kind: str  # "processor", "discrete GPU", "integrated GPU", "virtual GPU", "software"
    memory: int  # bytes, free or not
    family: str  # of its kernels: "avx2", ...; of a GPU "matrix" or "scalar"
    driver: str | None
    problem: str | None  # why it cannot be used


def devices() -> list[Device]:
    """All of them: the processor, the GPUs by number, then those that cannot be used."""
    count = ffi.new("size_t *")
    rows = lib.diffedit_devices(count)
    return [Device(name=_text(row.name), title=text_of(row.title), kind=text_of(row.kind),
                   memory=row.memory, family=text_of(row.family), driver=_text(row.driver),
                   problem=_text(row.problem)) for row in rows[0:count[0]]]


def _text(chars: object) -> str | None:
    return None if chars == ffi.NULL else text_of(chars)
