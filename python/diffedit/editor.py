"""The editor: one picture under one model, which remembers what it has computed."""
from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Mapping, overload

import numpy
import PIL.Image
from numpy.typing import NDArray

from . import _options
from ._calls import STAGES, Calls, Progress, logger, progress_function
from ._native import ffi, lib
from ._process import may_free, use_model, use_pictures
from ._values import Floats, PathLike, floats, floats_in, int_in, real_in, text_in
from .errors import ArgumentError, made, text_of
from .picture import MaskLike, Picture, PictureLike, to_mask, to_picture

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._keywords import Array, Options, Preset, Settings
    from .model import Model


def _arrays() -> dict[str, int]:
    """By name: "embedding_from"."""
    names: dict[str, int] = {}
    while (name := lib.diffedit_array_name(len(names))) != ffi.NULL:
        names[text_of(name).replace("-", "_")] = len(names)
    return names


ARRAYS = _arrays()
VIEWS = {"input": lib.DIFFEDIT_VIEW_INPUT, "map": lib.DIFFEDIT_VIEW_MAP,
         "mask": lib.DIFFEDIT_VIEW_MASK, "decoded": lib.DIFFEDIT_VIEW_DECODED,
         "preview": lib.DIFFEDIT_VIEW_PREVIEW, "region_map": lib.DIFFEDIT_VIEW_REGION_MAP}
CALLS = {"find": lib.DIFFEDIT_CALL_FIND, "invert": lib.DIFFEDIT_CALL_INVERT,
         "edit": lib.DIFFEDIT_CALL_EDIT, "inpaint": lib.DIFFEDIT_CALL_INPAINT,
         "generate": lib.DIFFEDIT_CALL_GENERATE}
OUTPUTS = ("image", "array", "picture")


@dataclass(frozen=True)
class Stats:
    """What the last call of an editor cost; in a progress function, the running one so far."""

    evaluations: int  # of the UNet, of one sample
    total_seconds: float
    seconds: dict[str, float]  # by stage
    mask_share: float  # changed picture pixels / all
    width: int  # working size, in pixels
    height: int
    box: tuple[int, int, int, int]  # x, y, width, height in the picture of what has that size


class Region:
    """What an edit would change.

    map: how much the texts differ in each cell, (h, w) of float32 from 0 to 1, as the model sees it
        (plus-minus: of working size); None of a mask that was given.
    mask: what is changed, (height, width) of bool, of the picture's size."""

    __slots__ = ("map", "mask", "_found", "__weakref__")

    def __init__(self, map: Floats | None, mask: Picture) -> None:
        self.map = map
        self.mask: NDArray[numpy.bool_] = mask.array >= 128
        self._found = mask

    @property
    def share(self) -> float:
        """Of the picture that is changed, from 0 to 1."""
        return float(self.mask.mean())

    @property
    def image(self) -> PIL.Image.Image:
        """The mask for PIL, of 0 and 255."""
        return self._picture().image

    def save(self, path: PathLike) -> None:
        """Writes the mask as a grey picture, as `diffedit mask` does."""
        self._picture().save(path)

    def _picture(self) -> Picture:
        """Of `mask`, which may have been changed since it was found."""
        same = numpy.array_equal(self.mask, self._found.array >= 128)
        return self._found if same else to_mask(self.mask, "mask")

    def _repr_png_(self) -> bytes:
        """For notebooks."""
        return self._picture().encode()

    def __repr__(self) -> str:
        height, width = self.mask.shape
        return f"<diffedit.Region {width}x{height}, {100 * self.share:.1f} % changed>"


class Editor:
    """One picture under one model. It remembers the encoded picture, the map and the inversion, and
    computes only what a call needs and what changed options touch.

    One thread at a time: a second one gets BusyError. Ctrl-C ends a call within a step."""

    def __init__(self, model: Model, picture: PictureLike | None = None, *, threads: int = 0,
                 max_pixels: int = 0) -> None:
        self._handle: Any | None = None
        self.model = model
        self._weights = model.handle  # which stay while this editor does
        self._calls = Calls()
        self._masked = False  # a mask was given
        given = None if picture is None else to_picture(picture, "picture", max_pixels)
        if given is not None and given.warning:
            logger.warning("%s", given.warning)
        self.size = None if given is None else given.size  # (width, height)
        self._plain = given is None or given._plain
        # freed before the model that it uses, in whatever order Python forgets them
        self._handle = made("diffedit_editor", functools.partial(_free, self._weights),
                            lambda out, error: lib.diffedit_editor_new(
                                out, self._weights, ffi.NULL if given is None else given._handle,
                                error))
        self._user = ffi.new_handle(self._calls)
        lib.diffedit_editor_set_threads(self._handle, int_in(threads, "threads"))
        lib.diffedit_editor_set_progress(self._handle, lib.diffedit_python_progress, self._user)
        lib.diffedit_editor_set_log(self._handle, lib.diffedit_python_log, self._user)

    # ---- the whole ----

    @_options.with_options
    def find(self, source: str, to: str | None = None, *, progress: Progress = None,
             preset: Preset | None = None, **options: Unpack[Options]) -> Region:
        """Finds the region where what the two texts predict differs (DiffEdit, step 1). Under
        mask_method="plus-minus" there is no `to`."""
        with self._calls:
            mask = self._picture("find", lib.diffedit_find_mask, source, to, preset, options,
                                 progress)
            return Region(None if self._masked else self.array("map"), mask)

    @overload
    def edit(self, source: str, to: str, *, output: Literal["image"] = ...,
             **settings: Unpack[Settings]) -> PIL.Image.Image: ...

    @overload
    def edit(self, source: str, to: str, *, output: Literal["array"],
             **settings: Unpack[Settings]) -> NDArray[Any]: ...

    @overload
    def edit(self, source: str, to: str, *, output: Literal["picture"],
             **settings: Unpack[Settings]) -> Picture: ...

    @_options.with_options
    def edit(self, source: str, to: str, *, output: Any = "image", progress: Progress = None,
             preset: Preset | None = None, **options: Any) -> Any:
        """Changes what `source` says into what `to` says, and leaves the rest alone.

        source: what the picture shows; may be empty. (The command's --from, a word of Python.)
        to: what it should show.
        output: "image" for PIL, "array" for numpy, or "picture" for a Picture, which has 16 bit
            and saves what the command saves.
        progress: True for a bar (tqdm's, where there is one), or a function(stage, done, total) of
            which True, or an exception, ends the call.
        preset: whose defaults the options have; None: the model's."""
        return self._output(output, "edit", lib.diffedit_edit, source, to, preset, options,
                            progress)

    @overload
    def inpaint(self, to: str, mask: MaskLike | Region | None = ..., *, source: str = ...,
                output: Literal["image"] = ...,
                **settings: Unpack[Settings]) -> PIL.Image.Image: ...

    @overload
    def inpaint(self, to: str, mask: MaskLike | Region | None = ..., *, source: str = ...,
                output: Literal["array"],
                **settings: Unpack[Settings]) -> NDArray[Any]: ...

    @overload
    def inpaint(self, to: str, mask: MaskLike | Region | None = ..., *, source: str = ...,
                output: Literal["picture"],
                **settings: Unpack[Settings]) -> Picture: ...

    @_options.with_options
    def inpaint(self, to: str, mask: MaskLike | Region | None = None, *, source: str = "",
                output: Any = "image", progress: Progress = None, preset: Preset | None = None,
                **options: Any) -> Any:
        """Changes what lies under a mask: `mask`, which is set first, or that of set_mask()."""
        if mask is not None:
            self.set_mask(mask)
        return self._output(output, "inpaint", lib.diffedit_inpaint, source, to, preset, options,
                            progress)

    @overload
    def generate(self, to: str, *, output: Literal["image"] = ...,
                 **settings: Unpack[Settings]) -> PIL.Image.Image: ...

    @overload
    def generate(self, to: str, *, output: Literal["array"],
                 **settings: Unpack[Settings]) -> NDArray[Any]: ...

    @overload
    def generate(self, to: str, *, output: Literal["picture"],
                 **settings: Unpack[Settings]) -> Picture: ...

    @_options.with_options
    def generate(self, to: str, *, output: Any = "image", progress: Progress = None,
                 preset: Preset | None = None, **options: Any) -> Any:
        """A picture of a text, of the model's own size or of `size`."""
        return self._output(output, "generate", lib.diffedit_generate, None, to, preset, options,
                            progress)

    @_options.with_options
    def invert(self, source: str = "", *, progress: Progress = None,
               preset: Preset | None = None, **options: Unpack[Options]) -> Floats:
        """Encodes the picture along the sampler's steps (DiffEdit, step 2): [k + 1, c, h, w] of
        float32, from the picture's latent to noise."""
        with self._calls:
            self._run("invert", lambda made, error: lib.diffedit_invert(self._open(), made, error),
                      source, None, preset, options, progress)
            inverted = self.array("inverted")
        assert inverted is not None
        return inverted

    @_options.with_options
    def costs(self, call: str, source: str = "", to: str = "", *, preset: Preset | None = None,
              **options: Unpack[Options]) -> dict[str, float]:
        """By stage, what a call ("edit", "find", "invert", "inpaint", "generate") would cost now,
        in evaluations of one sample at the model's own size; 0 where nothing is left to do."""
        if call not in CALLS:
            raise ArgumentError(f"`call`: expected one of {', '.join(CALLS)}, found {call!r}")
        with self._calls:
            made, _texts = self._options("costs", source, to, preset, options)
            costs = ffi.new("double[]", len(STAGES))
            error = ffi.new("diffedit_error *")
            self._calls.finish(lib.diffedit_stage_costs(costs, len(STAGES), self._open(),
                                                        CALLS[call], made, error), error)
        return dict(zip(STAGES, costs))

    # ---- what is to be changed, by hand ----

    def set_mask(self, mask: MaskLike | Region | None) -> None:
        """Uses this mask (bright, or True, is changed; of the picture's size) instead of finding
        one; None: finds one again."""
        mask = mask.mask if isinstance(mask, Region) else mask
        given = None if mask is None else to_mask(mask, "mask")
        with self._calls:
            self._set(lib.diffedit_editor_set_mask, given)
            self._masked = given is not None

    def set_correction(self, correction: MaskLike | None = None, *,
                       add: MaskLike | Region | None = None,
                       remove: MaskLike | Region | None = None) -> None:
        """Corrects every mask, found or given: by a picture whose opaque white adds and whose
        opaque black removes; or by arrays, `add` and `remove`. Without any: corrects no more."""
        if correction is not None and (add is not None or remove is not None):
            raise ArgumentError("`correction`: cannot be used with `add` or `remove`")
        layer = None if correction is None else to_picture(correction, "correction")
        if add is not None or remove is not None:
            layer = self._correction(add, remove)
        with self._calls:
            self._set(lib.diffedit_editor_set_correction, layer)

    def _correction(self, add: Any, remove: Any) -> Picture:
        if self.size is None:
            raise ArgumentError("a correction needs an editor with a picture")
        layer = numpy.zeros((self.size[1], self.size[0], 2), numpy.uint8)
        for given, grey, name in ((add, 255, "add"), (remove, 0, "remove")):
            if given is None:
                continue
            given = given.mask if isinstance(given, Region) else given
            mask = to_mask(given, name)
            if mask.size != self.size:
                raise ArgumentError(f"`{name}`: expected the picture's size {self.size[0]}x"
                                    f"{self.size[1]}, found {mask.width}x{mask.height}")
            pixels = mask.array if mask.channels == 1 else mask.array[..., 0]
            layer[pixels >= 2 ** (mask.bits - 1)] = grey, 255
        return to_picture(layer, "correction")

    def set_map(self, map: Any) -> None:
        """Uses this map, of values from 0 to 1 and the shape of `Region.map`, instead of computing
        one; None: computes it again."""
        error = ffi.new("diffedit_error *")
        array = None if map is None else floats_in(map, (None, None), "map")
        values, shape = (ffi.NULL, (0, 0)) if array is None else (floats(array), array.shape)
        with self._calls:
            status = lib.diffedit_editor_set_map(self._open(), values, *shape, error)
            self._calls.finish(status, error)

    def _set(self, function: Any, layer: Picture | None) -> None:
        error = ffi.new("diffedit_error *")
        status = function(self._open(), ffi.NULL if layer is None else layer._handle, error)
        self._calls.finish(status, error)

    # ---- what it has computed ----

    @property
    def stats(self) -> Stats:
        """What the last call cost."""
        stats = ffi.new("diffedit_stats *", {"struct_size": ffi.sizeof("diffedit_stats")})
        with self._calls.looking():
            lib.diffedit_editor_get_stats(stats, self._open())
            seconds = {name: lib.diffedit_editor_stage_seconds(self._open(), stage)
                       for stage, name in enumerate(STAGES)}
        return Stats(
            evaluations=stats.evaluations, total_seconds=stats.total_seconds, seconds=seconds,
            mask_share=stats.mask_share, width=stats.width, height=stats.height,
            box=(stats.box_x, stats.box_y, stats.box_width, stats.box_height))

    def array(self, name: Array) -> NDArray[Any] | None:
        """A copy of an array that the last call left: "latent", "map", "inverted", ... (ARRAYS
        names them, docs/PYTHON.md describes them), or None where its stage has not run. "running"
        is what a step predicts, in a progress function alone."""
        if name not in ARRAYS:
            raise ArgumentError(f"`name`: expected one of {', '.join(ARRAYS)}, found {name!r}")
        found = ffi.new("diffedit_array *", {"struct_size": ffi.sizeof("diffedit_array")})
        error = ffi.new("diffedit_error *")
        with self._calls.looking():
            status = lib.diffedit_editor_array(found, self._open(), ARRAYS[name], error)
            self._calls.finish(status, error)
            if found.dimensions == 0:
                return None
            shape = tuple(found.shape[i] for i in range(found.dimensions))
            data, kind = (found.data, numpy.float32) if found.data else (found.tokens, numpy.int32)
            memory = ffi.buffer(data, 4 * math.prod(shape))
            return numpy.frombuffer(memory, kind).reshape(shape).copy()

    def view(self, name: str) -> PIL.Image.Image | None:
        """A picture of what the last call left: "input", "map", "mask", "decoded", "region_map"; or
        in a progress function "preview". None where its stage has not run."""
        if name not in VIEWS:
            raise ArgumentError(f"`name`: expected one of {', '.join(VIEWS)}, found {name!r}")
        use_pictures()
        out, error = ffi.new("diffedit_picture **"), ffi.new("diffedit_error *")
        with self._calls.looking():
            status = lib.diffedit_editor_view(out, self._open(), VIEWS[name], error)
            picture = ffi.gc(out[0], lib.diffedit_picture_free)
            self._calls.finish(status, error)
        return None if picture == ffi.NULL else Picture._own(picture, plain=True).image

    # ---- the networks alone ----

    def encode_text(self, text: str) -> Floats:
        """[text_tokens, text_width] of float32: the last hidden state after the final norm."""
        info = self.model.info
        embedding = numpy.empty((info.text_tokens, info.text_width), numpy.float32)
        self._network(lib.diffedit_encode_text, embedding, text_in(text, "text"))
        return embedding

    def predict_noise(self, latent: Any, timestep: float,
                      embedding: Any) -> Floats:
        """The noise [c, h, w] in a latent [c, h, w] at a timestep from 0 to train_timesteps - 1,
        which may be fractional, under an embedding of encode_text()."""
        cells, under = self._latent(latent), self._embedding(embedding, "embedding")
        noise = numpy.empty_like(cells)
        self._network(lib.diffedit_predict_noise, noise, floats(cells), *cells.shape[1:],
                      real_in(timestep, "timestep"), floats(under))
        return noise

    def predict_guided(self, latent: Any, timestep: float, unconditional: Any, embedding: Any,
                       guidance: float) -> Floats:
        """The same with classifier-free guidance of two embeddings."""
        cells, under = self._latent(latent), self._embedding(embedding, "embedding")
        without = self._embedding(unconditional, "unconditional")
        noise = numpy.empty_like(cells)
        self._network(lib.diffedit_predict_guided, noise, floats(cells), *cells.shape[1:],
                      real_in(timestep, "timestep"), floats(without), floats(under),
                      real_in(guidance, "guidance"))
        return noise

    def encode_pixels(self, pixels: Any) -> Floats:
        """The latent [c, h / factor, w / factor] of pixels [3, h, w] from -1 to 1: the posterior's
        mean times the scaling factor."""
        info, pixels = self.model.info, floats_in(pixels, (3, None, None), "pixels")
        height, width = pixels.shape[1:]
        latent = numpy.empty((info.latent_channels, height // info.factor, width // info.factor),
                             numpy.float32)
        self._network(lib.diffedit_encode_pixels, latent, floats(pixels), height, width)
        return latent

    def decode_latent(self, latent: Any) -> Floats:
        """Pixels [3, h factor, w factor], about -1 to 1, not clamped, of a latent [c, h, w]."""
        cells, factor = self._latent(latent), self.model.info.factor
        height, width = cells.shape[1:]
        pixels = numpy.empty((3, height * factor, width * factor), numpy.float32)
        self._network(lib.diffedit_decode_latent, pixels, floats(cells), height, width)
        return pixels

    def _latent(self, latent: Any) -> Floats:
        return floats_in(latent, (self.model.info.latent_channels, None, None), "latent")

    def _embedding(self, embedding: Any, name: str) -> Floats:
        info = self.model.info
        return floats_in(embedding, (info.text_tokens, info.text_width), name)

    def _network(self, function: Any, out: Floats, *arguments: Any) -> None:
        error = ffi.new("diffedit_error *")
        with self._calls:
            status = function(ffi.cast("float *", ffi.from_buffer(out, require_writable=True)),
                              self._open(), *arguments, error)
            self._calls.finish(status, error)

    # ---- one call of the library ----

    def _open(self) -> Any:
        if self._handle is None:
            raise ArgumentError("the editor is closed")
        use_model(self._weights)
        return self._handle

    def _options(self, call: str, source: str | None, to: str | None, preset: str | None,
                 options: Mapping[str, object]) -> tuple[Any, list[Any]]:
        preset = self.model.preset if preset is None else preset
        return _options.make(call, self._weights, preset, source, to, options)

    def _run(self, name: str, call: Any, source: str | None, to: str | None, preset: str | None,
             options: Mapping[str, object], progress: Progress) -> tuple[Any, list[Any]]:
        """Runs one function of the library; the editor is this thread's."""
        use_pictures()
        made, texts = self._options(name, source, to, preset, options)
        error = ffi.new("diffedit_error *")
        self._calls.function, end = progress_function(progress)
        try:
            self._calls.finish(call(made, error), error)
        finally:
            end()
        self.model.warn(self._weights)
        return made, texts

    def _picture(self, name: str, function: Any, source: str | None, to: str | None,
                 preset: str | None, options: Mapping[str, object], progress: Progress) -> Picture:
        """What a function of the library makes; the editor is this thread's."""
        out = ffi.new("diffedit_picture **")
        try:
            made, _texts = self._run(
                name, lambda made, error: function(out, self._open(), made, error), source, to,
                preset, options, progress)
            record = self._record(made)
        except BaseException:  # a line of the log may raise where nothing else failed
            lib.diffedit_picture_free(out[0])
            raise
        picture = ffi.gc(out[0], lib.diffedit_picture_free)
        return Picture._own(picture, self._plain or name in ("find", "generate"), record)

    def _record(self, made: Any) -> str:
        """As the command records it, so that `diffedit edit --again` makes the same."""
        record = json.loads(_options.record_texts(made))
        record["arithmetic"] = self.model.info.arithmetic
        record["kernels"] = text_of(lib.diffedit_kernels_name())
        record["device"] = self.model.info.device
        record["family"] = self.model.info.family
        if self.model.path != "pocket" and _is_text(self.model.path):
            record["model"] = self.model.path
        if self.model.lora:
            record["lora"] = [{"file": path if _is_text(path) else None, "weight": weight}
                              for path, weight in self.model.lora]
        return json.dumps(record)

    def _output(self, output: str, *arguments: Any) -> Any:
        if output not in OUTPUTS:
            raise ArgumentError(f"`output`: expected one of {', '.join(OUTPUTS)}, found "
                                f"{output!r}")
        with self._calls:
            picture = self._picture(*arguments)
        return picture if output == "picture" else getattr(picture, output)

    # ---- its life ----

    def close(self) -> None:
        """Gives its memory back now. A call that runs in another thread is left alone (BusyError).
        """
        with self._calls:
            if self._handle is not None:
                ffi.release(self._handle)
            self._handle = None

    def __enter__(self) -> Editor:
        return self

    def __exit__(self, *_exception: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        what = "no picture" if self.size is None else f"{self.size[0]}x{self.size[1]}"
        state = " (closed)" if self._handle is None else ""
        return f"<diffedit.Editor of {what} under {self.model.path!r}{state}>"

    def __reduce__(self) -> Any:
        raise TypeError("an Editor is memory of the library and cannot be pickled; make one from "
                        "the picture in each process")


def _is_text(path: str) -> bool:
    """Whether a path can stand in JSON."""
    return not any("\ud800" <= character <= "\udfff" for character in path)


def _free(model: Any, editor: Any) -> None:
    if may_free(model):
        lib.diffedit_editor_free(editor)
