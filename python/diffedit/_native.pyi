"""The extension: the public header, as cffi has it."""
from typing import Any

ffi: Any
lib: Any
