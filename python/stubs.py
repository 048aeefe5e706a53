"""Writes diffedit/_keywords.pyi: the options of the library's table as types, for type checkers.

    python3 stubs.py EXTENSION OUTPUT.pyi

The extension has just been built; the package itself is not needed."""
import importlib.util
import sys

HEAD = '''"""The keywords of calls, made from the library's table of options."""
from typing import Any, Callable, Literal, TypedDict, Union

Preset = Literal[{presets}]
Array = Literal[{arrays}]

class Options(TypedDict, total=False):
'''
TAIL = '''
class Settings(Options, total=False):
    progress: Union[bool, Callable[[str, int, int], Any], None]
    preset: Union[Preset, None]
'''
ARGUMENTS = ("from", "to")  # are no keywords


def load(path):
    spec = importlib.util.spec_from_file_location("diffedit._native", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ffi, module.lib


def strings(ffi, get):
    """The texts get(0), get(1), ... up to NULL."""
    found = []
    while get(len(found)) != ffi.NULL:
        found.append(ffi.string(get(len(found))).decode())
    return found


def literal(values):
    return ", ".join(repr(value) for value in values)


def type_of(ffi, lib, row):
    """What a row's keyword takes."""
    if row.type == lib.DIFFEDIT_TYPE_CHOICE:
        choices = strings(ffi, lambda index: row.choices[index])
        switch = "bool, " if choices == ["off", "on"] else ""
        return f"{switch}Literal[{literal(choices)}]"
    kinds = {lib.DIFFEDIT_TYPE_TEXT: "str", lib.DIFFEDIT_TYPE_INT: "int",
             lib.DIFFEDIT_TYPE_SEED: "int", lib.DIFFEDIT_TYPE_REAL: "float",
             lib.DIFFEDIT_TYPE_SIZE: "tuple[int, int]"}
    word = "" if row.word == ffi.NULL else f", Literal[{ffi.string(row.word).decode()!r}]"
    return kinds[row.type] + word


def rows(ffi, lib):
    index = 0
    while (row := lib.diffedit_option_at(index)) != ffi.NULL:
        index += 1
        name = ffi.string(row.name).decode()
        if name not in ARGUMENTS:
            yield f"    {name.replace('-', '_')}: Union[{type_of(ffi, lib, row)}, None]\n"


def main():
    extension, output = sys.argv[1:]
    ffi, lib = load(extension)
    presets = lib.diffedit_presets()
    arrays = strings(ffi, lib.diffedit_array_name)
    head = HEAD.format(presets=literal(strings(ffi, lambda index: presets[index])),
                       arrays=literal(name.replace("-", "_") for name in arrays))
    with open(output, "w", encoding="utf-8") as file:
        file.write(head + "".join(rows(ffi, lib)) + TAIL)


if __name__ == "__main__":
    main()
