"""Text-driven picture editing with automatic masks.

    import diffedit

    model = diffedit.Model()  # the pocket model; or a path
    editor = model.editor(diffedit.POCKET / "samples/horse.png")
    editor.edit("a horse", "a zebra").save("zebra.png")

A model is opened once; an editor is one picture under it, and remembers what it has computed.
docs/PYTHON.md is the guide."""
from ._native import ffi as _ffi
from ._native import lib as _lib
from ._calls import STAGES
from ._options import OPTIONS, PRESETS, Option
from .devices import Device, devices
from .editor import ARRAYS, VIEWS, Editor, Region, Stats
from .errors import (ArgumentError, BusyError, Cancelled, DeviceError, DiffeditError, FileError,
                     ForkedError, ModelError, OutOfMemoryError, PictureError)
from .model import POCKET, Model, ModelInfo
from .picture import Picture

__version__: str = _ffi.string(_lib.diffedit_version()).decode()

__all__ = ["ARRAYS", "OPTIONS", "POCKET", "PRESETS", "STAGES", "VIEWS", "ArgumentError",
           "BusyError", "Cancelled", "Device", "DeviceError", "DiffeditError", "Editor",
           "FileError", "ForkedError", "Model", "ModelError", "ModelInfo", "Option",
           "OutOfMemoryError", "Picture", "PictureError", "Region", "Stats", "__version__",
           "devices"]
