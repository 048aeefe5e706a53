"""Models: weights, opened once and used by any number of editors."""
from __future__ import annotations

import os
import pathlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Literal, Mapping, Union, overload

import PIL.Image

from . import _options, _process
from ._calls import Progress, logger
from ._native import ffi, lib
from ._values import PathLike, is_real, path_in, path_text, real_in, text_in
from .editor import Editor
from .errors import ArgumentError, FileError, check, made, text_of
from .picture import Picture, PictureLike

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from ._keywords import Preset, Settings

# The pocket model, which comes with the package: its folder, with pictures in samples/ and a LoRA
# for editing in four steps.
_HERE = pathlib.Path(__file__).resolve().parent
POCKET = _HERE / "pocket"
if not POCKET.exists():  # an editable installation: the package in its source tree
    POCKET = _HERE.parents[1] / "models/pocket"

LoraLike = Union[PathLike, "tuple[PathLike, float]"]

_PREDICTIONS = {lib.DIFFEDIT_PREDICTION_AUTO: "auto", lib.DIFFEDIT_PREDICTION_EPSILON: "epsilon",
                lib.DIFFEDIT_PREDICTION_V: "v"}


@dataclass(frozen=True)
class ModelInfo:
    """Properties of a model."""

    native_width: int  # picture pixels
    native_height: int
    factor: int  # picture pixels per latent cell, along one side
    latent_channels: int
    text_tokens: int  # of a text, or of a chunk of one; start and end included
    text_width: int  # numbers per token in an embedding
    train_timesteps: int
    prediction: str  # "epsilon" or "v"
    parameters: int  # of the three networks together
    arithmetic: str  # "exact" or "quick"
    device: str  # that it runs on: "cpu", "gpu:0", ...
    family: str  # of the kernels that it runs in: "avx2", "matrix", ...


class Model:
    """A Stable Diffusion 1 or 2 model: text encoder, UNet, autoencoder.

    path: a folder in the diffusers layout, one .safetensors or .ckpt file, OWNER/NAME as fetched by
        `diffedit model pull`, or "pocket": the small model that comes with the package.
    preset: whose defaults its editors have ("paper", "fast", ...), and which proposes the
        arithmetic.
    arithmetic: "exact" (float32) or "quick" (16-bit integers, on a GPU floats; faster).
    device: where its networks run: "cpu", "gpu" (the first GPU), "gpu:N" as `devices()` has them,
        or "auto": the first GPU that the model fits on, else the processor.
    lora: LoRAs to add, each a file or (file, weight).
    vae, text_encoder: a file or folder that these parts are taken from.
    prediction: "epsilon" or "v", where the files do not say.
    low_memory: prepare each network when it is needed, one at a time.
    ema: use averaged weights where a file has them.

    Any number of threads may use a model, each with an editor of its own. `close()`, or the end of
    a `with`, gives its memory back once its last editor is gone."""

    def __init__(self, path: PathLike = "pocket", *, preset: Preset | None = None,
                 arithmetic: Literal["exact", "quick"] | None = None, device: str = "cpu",
                 lora: LoraLike | Iterable[LoraLike] = (), vae: PathLike | None = None,
                 text_encoder: PathLike | None = None,
                 prediction: Literal["epsilon", "v"] | None = None, low_memory: bool = False,
                 ema: bool = True) -> None:
        self._handle: Any | None = None
        self.path = path_text(path, "path")
        self.preset = preset
        if preset is not None and preset not in _options.PRESETS:
            raise ArgumentError(f"`preset`: expected one of {', '.join(_options.PRESETS)}, found "
                                f"{preset!r}")
        self.lora = tuple(_loras(lora))
        settings, _kept = _settings(preset, arithmetic, device, self.lora, vae, text_encoder,
                                    prediction, low_memory, ema)
        if settings.device != lib.DIFFEDIT_DEVICE_CPU:
            _process.check_not_lost(_process.GPU)
        place = path_in(find(self.path), "path")
        self._handle = made("diffedit_model", _close, lambda out, error:
                            lib.diffedit_model_open(out, place, settings, error))
        _process.use_model(self._handle)
        self.info = _info(self._handle)
        reason = ffi.new("char[512]")
        if lib.diffedit_model_get_device_reason(reason, 512, self._handle):
            logger.info("%s", text_of(reason))
        self._warned = False
        self.warn(self._handle)

    @property
    def handle(self) -> Any:
        """The library's model, for editors."""
        handle = self._handle  # another thread may close it
        if handle is None:
            raise ArgumentError("the model is closed")
        _process.use_model(handle)
        return handle

    def warn(self, handle: Any) -> None:
        """Logs, once, what a person should know about the weights that were read so far. `handle`
        is this model's, which outlives close() in editors."""
        text = ffi.new("char[512]")
        if not self._warned and lib.diffedit_model_get_warning(text, 512, handle):
            self._warned = True
            logger.warning("%s", text_of(text))

    def editor(self, picture: PictureLike | None = None, *, threads: int = 0,
               max_pixels: int = 0) -> Editor:
        """An editor of a picture, or of none, which only generates. It remembers what it has
        computed. `threads` 0: one for each core; no result depends on it. A picture of more than
        `max_pixels` pixels is refused (0: a file of more than 2**28)."""
        return Editor(self, picture, threads=threads, max_pixels=max_pixels)

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
        """A picture of a text, as `Editor.generate()` makes it."""
        with self.editor() as editor:
            return editor.generate(to, output=output, progress=progress, preset=preset, **options)

    def close(self) -> None:
        """No more editors; its memory goes with the last that there is."""
        self._handle = None

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_exception: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        state = " (closed)" if self._handle is None else ""
        return f"<diffedit.Model {self.path!r}, {self.info.native_width}x" \
               f"{self.info.native_height}, {self.info.arithmetic}{state}>"

    def __reduce__(self) -> Any:
        raise TypeError("a Model is memory of the library and cannot be pickled; open it by its "
                        "path in each process")


def _close(model: Any) -> None:
    if _process.may_free(model):
        lib.diffedit_model_close(model)


def find(named: str) -> str:
    """The path of a model, as the command finds it."""
    if named == "pocket":
        return str(POCKET)
    if os.path.exists(named) or not re.fullmatch(r"[\w.][\w.-]*/[\w][\w.-]*", named, re.ASCII):
        return named
    data = os.environ.get("XDG_DATA_HOME", "")
    data = data if data.startswith("/") else os.path.expanduser("~/.local/share")
    fetched = os.path.join(data, "diffedit", "models", named)
    if os.path.exists(os.path.join(fetched, "model_index.json")):
        return fetched
    if os.path.exists(fetched):
        raise FileError(f"{named}: is only partly downloaded; `diffedit model pull {named}` "
                        "resumes")
    raise FileError(f"{named}: no such model (nor {fetched})")


def _loras(given: Any) -> Iterator[tuple[str, float]]:
    if isinstance(given, (str, os.PathLike)) or _is_weighted(given):
        given = [given]
    elif not hasattr(given, "__iter__") or isinstance(given, Mapping):  # as if of files alone
        raise TypeError("`lora`: expected a file, (file, weight), or a list of these, found "
                        f"{type(given).__name__}")
    for lora in given:
        path, weight = lora if _is_weighted(lora) else (lora, 1.0)
        yield path_text(path, "lora"), real_in(weight, "lora")


def _is_weighted(lora: Any) -> bool:
    """A file and its weight."""
    return isinstance(lora, tuple) and len(lora) == 2 and is_real(lora[1])


def _settings(preset: str | None, arithmetic: str | None, device: str,
              loras: tuple[tuple[str, float], ...], vae: PathLike | None,
              text_encoder: PathLike | None, prediction: str | None, low_memory: bool,
              ema: bool) -> tuple[Any, list[Any]]:
    """The settings, and what they borrow."""
    kept: list[Any] = []
    settings, error = ffi.new("diffedit_model_settings *"), ffi.new("diffedit_error *")
    settings.struct_size = ffi.sizeof("diffedit_model_settings")
    settings.flags = (lib.DIFFEDIT_MODEL_LOW_MEMORY if low_memory else 0) | \
        (0 if ema else lib.DIFFEDIT_MODEL_NO_EMA)
    for name, path in (("vae", vae), ("text_encoder", text_encoder)):
        if path is not None:
            kept.append(path_in(path, name))
            setattr(settings, name, kept[-1])
    if prediction is not None:
        known = {name: value for value, name in _PREDICTIONS.items()
                 if value != lib.DIFFEDIT_PREDICTION_AUTO}
        if prediction not in known:
            raise ArgumentError(f"`prediction`: expected epsilon or v, found {prediction!r}")
        settings.prediction = known[prediction]
    if arithmetic is None:
        named = ffi.NULL if preset is None else preset.encode()
        settings.arithmetic = lib.diffedit_preset_arithmetic(named)
    else:
        found = ffi.new("diffedit_arithmetic *")
        check(lib.diffedit_arithmetic_read(found, text_in(arithmetic, "arithmetic"), error), error)
        settings.arithmetic = found[0]
    chosen = ffi.new("diffedit_device *")
    check(lib.diffedit_device_read(chosen, text_in(device, "device"), error), error)
    settings.device = chosen[0]
    rows = []
    for path, weight in loras:
        kept.append(path_in(path, "lora"))
        rows.append(ffi.new("diffedit_lora *", {"struct_size": ffi.sizeof("diffedit_lora"),
                                                "path": kept[-1], "weight": weight}))
    kept += rows
    kept.append(ffi.new("diffedit_lora *[]", rows))
    settings.lora, settings.lora_count = kept[-1], len(rows)
    return settings, kept


def _info(model: Any) -> ModelInfo:
    info = ffi.new("diffedit_model_info *", {"struct_size": ffi.sizeof("diffedit_model_info")})
    lib.diffedit_model_get_info(info, model)
    return ModelInfo(
        native_width=info.native_width, native_height=info.native_height, factor=info.factor,
        latent_channels=info.latent_channels, text_tokens=info.text_tokens,
        text_width=info.text_width, train_timesteps=info.train_timesteps,
        prediction=_PREDICTIONS[info.prediction], parameters=info.parameters,
        arithmetic=text_of(lib.diffedit_arithmetic_name(info.arithmetic)),
        device=text_of(lib.diffedit_device_name(info.device)), family=text_of(info.family))
