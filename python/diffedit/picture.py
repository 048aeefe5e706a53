"""Pictures: the library's own, and how PIL's images and numpy's arrays become them."""
from __future__ import annotations

import functools
import io
import os
import struct
import zlib
from typing import Any, Callable, Union

import numpy
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from ._native import ffi, lib
from ._process import use_pictures
from ._values import int_in, long_in, path_in, text_in
from .errors import ArgumentError, PictureError, check, made, text_of

# What is taken for a picture: an image of PIL, an array (H, W) or (H, W, C) of uint8 or uint16, a
# path, the bytes of a file, or a Picture.
PictureLike = Union["Picture", PIL.Image.Image, "NDArray[Any]", str, "os.PathLike[str]",
                    bytes, bytearray, memoryview]
# Masks may be arrays of bool, too.
MaskLike = PictureLike

_MODES = {(1, 8): "L", (2, 8): "LA", (3, 8): "RGB", (4, 8): "RGBA", (1, 16): "I;16"}


class Picture:
    """Pixels of 8 or 16 bit with all that a file says beside them: profile, EXIF, XMP, texts. It
    does not change once it is made; any number of threads may use it.

    `Picture.open()` reads a file and `Picture(...)` takes whatever else is a picture. `image` is
    the same for PIL, `array` for numpy, and `save()` writes what the command would write."""

    __slots__ = ("_handle", "_plain", "_record", "_warning", "__weakref__")
    _handle: Any  # the library's picture
    _plain: bool  # there is nothing beside the pixels
    _record: str | None  # of how it was made
    _warning: str | None  # of what it was read from before it was the library's

    def __init__(self, picture: PictureLike) -> None:
        made = to_picture(picture, "picture")
        self._handle, self._plain = made._handle, made._plain
        self._record, self._warning = made._record, made._warning

    @classmethod
    def _own(cls, handle: Any, plain: bool, record: str | None = None) -> Picture:
        """Of what the library made."""
        picture = cls.__new__(cls)
        picture._handle, picture._plain = handle, plain
        picture._record, picture._warning = record, None
        return picture

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, max_pixels: int = 0) -> Picture:
        """Reads a PNG, JPEG, WebP, TIFF, HEIC or AVIF file, upright. One of more than `max_pixels`
        pixels (0: 2**28) is refused before it is decoded."""
        place, most = path_in(path, "path"), long_in(max_pixels, "max_pixels")
        return cls._own(_made(lambda out, error: lib.diffedit_picture_open(
            out, place, most, error)), plain=False)

    @classmethod
    def decode(cls, data: bytes | bytearray | memoryview, *, name: str = "the picture",
               max_pixels: int = 0) -> Picture:
        """Reads the bytes of such a file; messages call it `name`."""
        called, most = text_in(name, "name"), long_in(max_pixels, "max_pixels")
        try:
            view = ffi.from_buffer(data)
        except TypeError:
            raise TypeError(f"`data`: expected the bytes of a file, found {type(data).__name__}"
                            ) from None
        with view as held:
            return cls._own(_made(lambda out, error: lib.diffedit_picture_decode(
                out, held, len(held), called, most, error)), plain=False)

    @property
    def width(self) -> int:
        """In pixels."""
        return int(lib.diffedit_picture_width(self._handle))

    @property
    def height(self) -> int:
        """In pixels."""
        return int(lib.diffedit_picture_height(self._handle))

    @property
    def channels(self) -> int:
        """1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha)."""
        return int(lib.diffedit_picture_channels(self._handle))

    @property
    def bits(self) -> int:
        """8 or 16, of each channel."""
        return int(lib.diffedit_picture_bits(self._handle))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), as PIL has it."""
        return self.width, self.height

    @property
    def warning(self) -> str | None:
        """What a person should know about how it was read."""
        found = lib.diffedit_picture_warning(self._handle)
        return self._warning if found == ffi.NULL else text_of(found)

    @property
    def record(self) -> str | None:
        """The JSON that says how diffedit made it."""
        found = lib.diffedit_picture_record(self._handle)
        return self._record if found == ffi.NULL else text_of(found)

    @property
    def array(self) -> NDArray[Any]:
        """(height, width), or with channels (height, width, channels), of uint8 or uint16: the
        picture's own memory, not a copy, and so not to be written to. It keeps the picture."""
        shape = (self.height, self.width) + ((self.channels,) if self.channels > 1 else ())
        kind = numpy.dtype(numpy.uint8 if self.bits == 8 else numpy.uint16)
        size = self.height * self.width * self.channels * kind.itemsize
        # a pointer that keeps the picture for as long as an array looks at its memory
        pixels = ffi.gc(ffi.cast("char *", lib.diffedit_picture_pixels(self._handle)),
                        functools.partial(_forget, self._handle))
        array = numpy.frombuffer(ffi.buffer(pixels, size), dtype=kind).reshape(shape)
        array.flags.writeable = False
        return array

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """For numpy.asarray(), which makes `array` of it."""
        return self.array.__array_interface__

    @property
    def image(self) -> PIL.Image.Image:
        """As an image of PIL, whose `info` has the colour profile, EXIF and record. PIL has 16 bit
        in grey without alpha alone: other pictures of 16 bit become 8 bit, rounded."""
        array = self.array
        mode = _MODES.get((self.channels, self.bits))
        if mode is None:
            mode = _MODES[self.channels, 8]
            array = ((array.astype(numpy.uint32) + 128) // 257).astype(numpy.uint8)
        image = PIL.Image.frombytes(mode, self.size, array.tobytes())
        if not self._plain:
            image.info.update(_beside_pixels(self.encode()))  # the library tells it in files alone
        if self.record is not None:
            image.info["diffedit"] = self.record
        return image

    def encode(self, format: str = "png", *, quality: int = 0, record: bool = True) -> bytes:
        """The bytes of a file: "png", "jpg", "webp" or "tif". `quality`, of JPEG and WebP, is from
        1 to 100 (0: 95); a PNG holds the record, unless it is not wanted."""
        out, size = ffi.new("void **"), ffi.new("size_t *")
        error = ffi.new("diffedit_error *")
        options, texts = self._saving(quality, record)
        text_in(format, "format")  # is one
        texts.append(text_in(format if format.startswith(".") else f".{format}", "format"))
        options.format = texts[-1]
        try:
            check(lib.diffedit_picture_encode(out, size, self._handle, options, error), error)
            return bytes(ffi.buffer(out[0], size[0]))
        finally:
            lib.diffedit_free(out[0])

    def save(self, path: str | os.PathLike[str], *, quality: int = 0, record: bool = True) -> None:
        """Writes PNG, JPEG, WebP or TIFF by the ending of the path, whole or not at all."""
        error = ffi.new("diffedit_error *")
        options, _texts = self._saving(quality, record)
        check(lib.diffedit_picture_save(self._handle, path_in(path, "path"), options, error), error)

    def _saving(self, quality: int, record: bool) -> tuple[Any, list[Any]]:
        use_pictures()
        options, texts = ffi.new("diffedit_save_options *"), []
        options.struct_size = ffi.sizeof("diffedit_save_options")
        options.quality = int_in(quality, "quality")
        if record and self._record is not None:
            texts.append(text_in(self._record, "record"))
            options.record = texts[-1]
        return options, texts

    def _repr_png_(self) -> bytes:
        """For notebooks."""
        return self.encode()

    def __repr__(self) -> str:
        return f"<diffedit.Picture {self.width}x{self.height}, {self.channels} channels of " \
               f"{self.bits} bit>"

    def __reduce__(self) -> Any:
        raise TypeError("a Picture is memory of the library and cannot be pickled; pickle its "
                        "array, or what encode() returns")


def _made(call: Callable[[Any, Any], int]) -> Any:
    """The library's picture, as call(out, error) makes it."""
    use_pictures()
    return made("diffedit_picture", lib.diffedit_picture_free, call)


def _beside_pixels(png: bytes) -> dict[str, bytes]:
    """The profile and EXIF of a PNG file, as PIL has them, which opens no picture that is large."""
    found: dict[str, bytes] = {}
    place = 8
    while place < len(png):
        size, kind = struct.unpack_from(">I4s", png, place)
        data = png[place + 8:place + 8 + size]
        if kind == b"iCCP":  # a name, a null character, the way of compressing
            found["icc_profile"] = zlib.decompress(data[data.index(0) + 2:])
        elif kind == b"eXIf":
            found["exif"] = b"Exif\0\0" + data
        place += 12 + size
    return found


def _forget(_handle: Any, _pixels: Any) -> None:
    """Holds a handle until its pixels are no longer looked at."""


# ---- what else is a picture ----


def to_picture(picture: Any, name: str, max_pixels: int = 0) -> Picture:
    """A picture of whatever is one; `name` is the argument's, for messages."""
    if isinstance(picture, Picture):
        _check_pixels(*picture.size, name, max_pixels)
        return picture
    if isinstance(picture, PIL.Image.Image):
        _check_pixels(*picture.size, name, max_pixels)
        return from_image(picture, name)
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return Picture.decode(picture, name="the picture", max_pixels=max_pixels)
    if isinstance(picture, (str, os.PathLike)):
        return Picture.open(picture, max_pixels=max_pixels)
    if hasattr(picture, "__array__") or hasattr(picture, "__array_interface__"):
        array = numpy.asarray(picture)
        if array.ndim > 1:
            _check_pixels(array.shape[1], array.shape[0], name, max_pixels)
        return from_array(array, name)
    raise TypeError(f"`{name}`: expected an image of PIL, an array, a path, the bytes of a file or "
                    f"a Picture, found {type(picture).__name__}")


def _check_pixels(width: int, height: int, name: str, max_pixels: int) -> None:
    """Of what is in memory, as the library checks files; 0: any number of them."""
    most = long_in(max_pixels, "max_pixels")
    if most != 0 and width * height > most:
        raise PictureError(f"`{name}`: {width}x{height} is {width * height} pixels; at most {most} "
                           "are read (`max_pixels`)")


def to_mask(mask: Any, name: str) -> Picture:
    """Likewise a mask, which may be an array of bool."""
    if not isinstance(mask, (Picture, PIL.Image.Image, str, bytes, bytearray, memoryview)) and \
            hasattr(mask, "__array__"):
        array = numpy.asarray(mask)
        if array.dtype == numpy.bool_:
            return from_array(array.astype(numpy.uint8) * numpy.uint8(255), name)
        if array.dtype.kind in "fi":
            raise TypeError(f"`{name}`: expected an array of bool, uint8 or uint16, found one of "
                            f"{array.dtype}; a comparison, as array > 0.5, makes one of bool")
    return to_picture(mask, name)


def from_array(array: NDArray[Any], name: str) -> Picture:
    if array.dtype.kind != "u" or array.itemsize > 2:
        raise TypeError(f"`{name}`: expected an array of uint8 or uint16, found one of "
                        f"{array.dtype}{_to_bytes(array)}")
    if array.ndim not in (2, 3) or array.ndim == 3 and not 1 <= array.shape[2] <= 4:
        raise ArgumentError(f"`{name}`: expected an array of shape (height, width) or (height, "
                            f"width, 1 to 4 channels), found {array.shape}")
    if 0 in array.shape or max(array.shape) >= 2 ** 31:
        raise ArgumentError(f"`{name}`: expected a picture with pixels, found an array of shape "
                            f"{array.shape}")
    array, stride = _rows(array.astype(array.dtype.newbyteorder("="), copy=False))
    height, width, channels = (*array.shape, 1)[:3]
    pixels = ffi.cast("void *", array.__array_interface__["data"][0])
    return Picture._own(_made(lambda out, error: lib.diffedit_picture_new(
        out, width, height, channels, 8 * array.itemsize, pixels, stride, error)), plain=True)


def _to_bytes(array: NDArray[Any]) -> str:
    """How an array of other numbers becomes one of uint8, for a message."""
    if array.dtype.kind not in "fiu":
        return ""
    from_zero_to_one = array.dtype.kind == "f" and array.size > 0 and array.max() <= 1
    scaled = "multiply by 255, " if from_zero_to_one else ""
    return f"; {scaled}round, and convert by astype(numpy.uint8)" if array.dtype.kind == "f" else \
        "; convert by astype(numpy.uint8)"


def _rows(array: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The array itself where each row is one piece of memory and they follow each other, else a
    copy; and from row to row how many bytes, which numpy leaves open where there is one row."""
    row = array[0]
    if row.flags.c_contiguous and array.strides[0] >= row.nbytes:
        return array, array.strides[0]
    return numpy.ascontiguousarray(array), row.nbytes


# PIL's modes that are one of the library's once they are converted; the others are as they stand,
# go through a file (CMYK, whose colours the profile says), or are refused (F, LAB).
_CONVERTED = {"1": "L", "PA": "RGBA", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB",
              "HSV": "RGB"}
_KEPT = ("L", "LA", "RGB", "RGBA")
_BESIDE = ("icc_profile", "exif")  # is kept of what PIL has beside pixels


def from_image(image: PIL.Image.Image, name: str) -> Picture:
    """As a file of the image would be read: upright, with its colour profile."""
    image = _upright(image)
    if image.mode == "P":
        opaque = image.palette is None or image.palette.mode == "RGB"
        image = image.convert("RGB" if opaque and "transparency" not in image.info else "RGBA")
    elif image.mode in ("1", "L", "RGB") and "transparency" in image.info:
        image = image.convert("RGBA" if image.mode == "RGB" else "LA")
    elif image.mode in _CONVERTED:
        image = image.convert(_CONVERTED[image.mode])
    if image.mode == "CMYK":
        return _from_cmyk(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = _sixteen_bit(image, name)
    elif image.mode not in _KEPT:
        raise TypeError(f"`{name}`: expected an image of mode {', '.join(_KEPT)}, P, 1, I;16 or "
                        f"CMYK, found {image.mode}")
    if any(key in image.info for key in _BESIDE):
        return _through_png(image)
    return from_array(numpy.asarray(image), name)


def _upright(image: PIL.Image.Image) -> PIL.Image.Image:
    """A copy, turned as its EXIF says, which stands in info["exif"] then. EXIF that PIL cannot read
    is left out, as the library does with a file's."""
    image.load()  # what is wrong with the pixels is raised here
    try:
        upright = PIL.ImageOps.exif_transpose(image) or image.copy()
        if "Raw profile type exif" in upright.info:  # ImageMagick's, in a PNG
            upright.info.setdefault("exif", upright.getexif().tobytes())
    except (SyntaxError, ValueError, struct.error):
        upright = image.copy()
        upright.info.pop("exif", None)
    return upright


def _sixteen_bit(image: PIL.Image.Image, name: str) -> PIL.Image.Image:
    """As I;16, of which PIL has several kinds, and in older versions I."""
    array = numpy.asarray(image)
    least, most = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if least < 0 or most > 65535:
        raise ArgumentError(f"`{name}`: expected values from 0 to 65535 in an image of mode "
                            f"{image.mode}, found {least} to {most}")
    grey = PIL.Image.frombytes("I;16", image.size, array.astype("<u2").tobytes())
    grey.info = {key: image.info[key] for key in _BESIDE if key in image.info}
    return grey


def _from_cmyk(image: PIL.Image.Image) -> Picture:
    """What its colours are, the library knows: it reads them, and their profile, in TIFF. Of such a
    file it reads no EXIF."""
    data = io.BytesIO()
    image.save(data, "TIFF", icc_profile=image.info.get("icc_profile"))
    picture = Picture.decode(data.getbuffer(), max_pixels=image.width * image.height)
    if "exif" not in image.info:
        return picture
    read = picture.image
    read.info["exif"] = image.info["exif"]
    kept = _through_png(read)
    kept._warning = picture.warning
    return kept


def _through_png(image: PIL.Image.Image) -> Picture:
    """What stands beside the pixels comes into the library in files alone."""
    data = io.BytesIO()
    kept = {key: image.info[key] for key in _BESIDE if key in image.info}
    image.save(data, "PNG", compress_level=0, **kept)
    return Picture.decode(data.getbuffer(), max_pixels=image.width * image.height)
