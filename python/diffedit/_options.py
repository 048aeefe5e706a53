"""The options of an edit: the library's table, as keywords."""
from __future__ import annotations

import difflib
import inspect
import textwrap
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Mapping, TypeVar

from ._native import ffi, lib
from ._values import is_real, real_in, text_in, whole_text
from .errors import check, in_python, text_of

_TYPES = {lib.DIFFEDIT_TYPE_TEXT: "text", lib.DIFFEDIT_TYPE_INT: "int",
          lib.DIFFEDIT_TYPE_SEED: "seed", lib.DIFFEDIT_TYPE_REAL: "float",
          lib.DIFFEDIT_TYPE_CHOICE: "choice", lib.DIFFEDIT_TYPE_SIZE: "size"}
# Arguments of their own, not keywords.
TEXTS = ("from", "to")


@dataclass(frozen=True)
class Option:
    """A row of the table of options."""

    name: str  # as a keyword: "mask_samples"
    type: str  # "text", "int", "seed", "float", "choice" or "size"
    help: str
    choices: tuple[str, ...]  # of a choice
    minimum: float  # of int, float and each side of size
    maximum: float
    minimum_excluded: bool
    word: str | None  # allowed in place of a number
    group: str  # "texts", "sampling", "region" or "result"
    defaults: Mapping[str, str | None]  # by preset


def _strings(row: Any) -> Iterator[str]:
    index = 0
    while row != ffi.NULL and row[index] != ffi.NULL:
        yield text_of(row[index])
        index += 1


PRESETS = tuple(_strings(lib.diffedit_presets()))


def _default(row: Any, preset: str) -> str | None:
    found = lib.diffedit_option_default(row, preset.encode())
    return None if found == ffi.NULL else text_of(found)


def _option(row: Any) -> Option:
    return Option(
        name=text_of(row.name).replace("-", "_"), type=_TYPES[row.type],
        help=in_python(text_of(row.help)), choices=tuple(_strings(row.choices)),
        minimum=row.minimum, maximum=row.maximum, minimum_excluded=bool(row.minimum_excluded),
        word=None if row.word == ffi.NULL else text_of(row.word), group=text_of(row.group),
        defaults={preset: _default(row, preset) for preset in PRESETS})


def _table() -> Iterator[Option]:
    index = 0
    row = lib.diffedit_option_at(index)
    while row != ffi.NULL:
        if text_of(row.name) not in TEXTS:
            yield _option(row)
        index += 1
        row = lib.diffedit_option_at(index)


OPTIONS: Mapping[str, Option] = {option.name: option for option in _table()}


# ---- values ----


def _written(option: Option, value: Any) -> str:
    """A value as the library reads it; it checks the range and names what it expects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        if option.choices == ("off", "on"):
            return "on" if value else "off"
    elif option.type == "size" and isinstance(value, (tuple, list)) and len(value) == 2:
        return "x".join(whole_text(side) if isinstance(side, int) else str(side) for side in value)
    elif option.type == "float" and is_real(value):
        return repr(real_in(value, option.name))
    elif option.type in ("int", "seed") and hasattr(value, "__index__"):
        return whole_text(value.__index__())
    raise TypeError(f"`{option.name}`: expected {expected(option)}, found {value!r}")


def expected(option: Option) -> str:
    """What a keyword takes, for help and messages."""
    number = f"{option.minimum:g} to {option.maximum:g}"
    word = f" or {option.word!r}" if option.word else ""
    if option.choices == ("off", "on"):
        return "True, False, 'on' or 'off'"
    if option.type == "choice":
        return " or ".join(repr(choice) for choice in option.choices)
    if option.type == "int":
        return f"a whole number from {number}"
    if option.type == "float":
        return f"a number from {'above ' if option.minimum_excluded else ''}{number}{word}"
    if option.type == "size":
        return f"(width, height) with sides from {number}{word}"
    return "a whole number from 0 to 2**64 - 1" if option.type == "seed" else "a text"


# Keywords that some calls take and others do not.
_SOME = ("source", "to", "preset", "progress", "output", "mask")


def unknown(name: str, call: str) -> TypeError:
    near = difflib.get_close_matches(name, [*OPTIONS, *_SOME], 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    if name in _SOME:
        hint = "; set_mask() takes one" if name == "mask" else ""
    return TypeError(f"{call}() got an unexpected keyword argument {name!r}{hint}")


def make(call: str, model: Any, preset: str | None, source: str | None, to: str | None,
         given: Mapping[str, Any]) -> tuple[Any, list[Any]]:
    """The library's options, and the texts that they borrow. None is "not given"."""
    options, error, texts = ffi.new("diffedit_options *"), ffi.new("diffedit_error *"), []

    def keep(text: Any, name: str) -> Any:
        texts.append(text_in(text, name))
        return texts[-1]

    named = ffi.NULL if preset is None else keep(preset, "preset")
    check(lib.diffedit_options_init(options, ffi.sizeof("diffedit_options"), named, model, error),
          error)
    if source is not None:
        setattr(options, "from", keep(source, "source"))  # a word of Python
    if to is not None:
        options.to = keep(to, "to")
    for name, value in given.items():
        option = OPTIONS.get(name)
        if option is None:
            raise unknown(name, call)
        if value is not None:
            status = lib.diffedit_options_set(options, name.replace("_", "-").encode(),
                                              keep(_written(option, value), name), error)
            check(status, error)
    return options, texts


# ---- help ----


def _annotation(option: Option) -> str:
    if option.choices == ("off", "on"):
        return "bool | Literal['off', 'on']"
    kind = {"text": "str", "int": "int", "seed": "int", "size": "tuple[int, int]",
            "float": "float", "choice": f"Literal[{', '.join(map(repr, option.choices))}]"}
    word = f" | Literal[{option.word!r}]" if option.word else ""
    return kind[option.type] + word


def _by_preset(option: Option) -> str:
    common = option.defaults[PRESETS[0]]
    others = [f"{preset} {value}" for preset, value in option.defaults.items() if value != common]
    return ", ".join([common or "''", *others])


def _help() -> str:
    lines = []
    for option in OPTIONS.values():
        text = f"{option.name}: {option.help} ({expected(option)}; default {_by_preset(option)})"
        lines += textwrap.wrap(text, 96, initial_indent=8 * " ", subsequent_indent=12 * " ")
    return "\n".join(lines)


Call = TypeVar("Call", bound=Callable[..., Any])


def with_options(call: Call) -> Call:
    """Shows the options of the table in the signature and the help of a method that takes them."""
    signature = inspect.signature(call)
    parameters = [parameter for parameter in signature.parameters.values()
                  if parameter.kind is not inspect.Parameter.VAR_KEYWORD]
    parameters += [inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=None,
                                     annotation=f"{_annotation(option)} | None")
                   for option in OPTIONS.values()]
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__doc__ = f"{(call.__doc__ or '').rstrip()}\n\n    Options (None: the preset's):\n" \
                   f"{_help()}\n    "
    return call


def record_texts(options: Any) -> str:
    """The JSON from which the library repeats an edit."""
    json, error = ffi.new("char **"), ffi.new("diffedit_error *")
    check(lib.diffedit_options_record(json, options, error), error)
    try:
        return text_of(json[0])
    finally:
        lib.diffedit_free(json[0])
