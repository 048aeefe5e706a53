"""What goes into the library: texts, paths, and arrays."""
from __future__ import annotations

import math
import os
from typing import Any, Union

import numpy
from numpy.typing import NDArray

from ._native import ffi
from .errors import ArgumentError

Floats = NDArray[numpy.float32]
PathLike = Union[str, "os.PathLike[str]"]


def text_in(text: object, name: str) -> Any:
    """A text as the library takes it; `name` is the argument's."""
    if not isinstance(text, str):
        raise TypeError(f"`{name}`: expected a text (str), found {type(text).__name__}")
    if "\0" in text:
        raise ArgumentError(f"`{name}`: expected a text without a null character")
    try:
        return ffi.new("char[]", text.encode())
    except UnicodeEncodeError as error:
        raise ArgumentError(f"`{name}`: expected characters that Unicode has, found "
                            f"{error.object[error.start]!a}") from None


def path_text(path: Any, name: str) -> str:
    """A path as text, in which bytes that are no text stand as Python keeps them."""
    try:
        found = os.fsdecode(path)
        os.fsencode(found)
        return found
    except TypeError:
        raise TypeError(f"`{name}`: expected a path (str or PathLike), found "
                        f"{type(path).__name__}") from None
    except UnicodeEncodeError:
        raise ArgumentError(f"`{name}`: expected a path of characters that Unicode has, found "
                            f"{found!a}") from None


def path_in(path: Any, name: str) -> Any:
    """A path as the library takes it: the system's bytes."""
    found = os.fsencode(path_text(path, name))
    if b"\0" in found:
        raise ArgumentError(f"`{name}`: expected a path without a null character")
    return ffi.new("char[]", found)


def is_real(value: Any) -> bool:
    """Whether float() makes a number of it, and it is no text."""
    return hasattr(value, "__float__") and not isinstance(value, (str, complex))


def real_in(value: Any, name: str) -> float:
    """A number as C's double, which has infinity in place of what is larger."""
    if is_real(value):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
        except TypeError:  # an array of several
            pass
    raise TypeError(f"`{name}`: expected a number, found {value!r}")


def whole_text(number: int) -> str:
    """A whole number for the library or a message; Python does not write out the longest."""
    bits = number.bit_length()
    return str(number) if bits <= 128 else f"a number of {bits} bits"


def _whole(value: Any, name: str, bits: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"`{name}`: expected a whole number, found {value!r}")
    number = int(value.__index__())
    if not -2 ** (bits - 1) <= number < 2 ** (bits - 1):
        raise ArgumentError(f"`{name}`: expected a whole number of {bits} bits, found "
                            f"{whole_text(number)}")
    return number


def int_in(value: Any, name: str) -> int:
    """A whole number that C's int can hold."""
    return _whole(value, name, 32)


def long_in(value: Any, name: str) -> int:
    """Likewise int64_t."""
    return _whole(value, name, 64)


def floats_in(array: Any, shape: tuple[int | None, ...], name: str) -> Floats:
    """A float32 array in C order of this shape, of which None stands for any length above 0.
    Whatever numpy turns into finite floats is taken; a float32 array in C order is not copied."""
    found = numpy.asarray(array)
    if found.dtype.kind not in "fiu":
        raise TypeError(f"`{name}`: expected an array of floats, found one of {found.dtype}")
    fits = found.ndim == len(shape) and all(
        length > 0 and wanted in (None, length) for wanted, length in zip(shape, found.shape))
    if not fits:
        raise ArgumentError(f"`{name}`: expected an array of shape {_shape(shape)}, found "
                            f"{_shape(found.shape)}")
    with numpy.errstate(over="ignore"):  # of float64; it becomes infinite
        given: Floats = numpy.ascontiguousarray(found, dtype=numpy.float32)
    finite = numpy.isfinite(given)
    if not finite.all():
        place = numpy.unravel_index(int(finite.argmin()), given.shape)
        raise ArgumentError(f"`{name}`: expected finite numbers of float32, found "
                            f"{found[place]} at {_shape(tuple(map(int, place)))}")
    return given


def _shape(lengths: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if length is None else str(length) for length in lengths) + ")"


def floats(array: Floats) -> Any:
    """The numbers of a float32 array, valid as long as the array."""
    return ffi.cast("float *", ffi.from_buffer(array))
