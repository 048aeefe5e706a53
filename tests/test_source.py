"""The habits of the source tree that a compiler does not check."""
import os
import pathlib
import re
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", SOURCE / "build"))
# Each layer includes only from itself and from the left.
LAYERS = ["common", "base", "picture", "weights", "kernels", "ops", "nn", "models", "sampling",
          "edit", "api"]
TEXTS = {"run", "meson.build", "meson_options.txt", ".clang-format", ".editorconfig"}
TEXT_ENDINGS = (".c", ".css", ".h", ".html", ".ini", ".js", ".md", ".py", ".sh")
BESIDE = {"picture", "weights", "kernels"}  # stand side by side on base
C_FOLDERS = ["batch", "bench", "cli", "eval", "examples", "include", "server", "src", "tests"]
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MOST_COLUMNS = 800, 60, 100


def sources(folder):
    return sorted(path for path in (SOURCE / folder).rglob("*.[ch]"))


def includes(path):
    return re.findall(r'#include [<"]([^>"]+)[>"]', path.read_text())


def test_layers_point_one_way():
    wrong = []
    for path in sources("src"):
        layer = path.relative_to(SOURCE / "src").parts[0]
        for name in includes(path):
            other = name.split("/")[0]
            if other not in LAYERS or "/" not in name:
                continue
            beside = other != layer and {layer, other} <= BESIDE
            if LAYERS.index(other) > LAYERS.index(layer) or beside:
                wrong.append(f"{path.relative_to(SOURCE)} includes {name}")
    # A kernel reads weights in their stored precision: the type of an element is all it takes from
    # there.
    assert [line for line in wrong if not line.endswith("weights/weight.h")] == []


def test_programs_use_only_the_public_header():
    """The command's parts link src/common beside it."""
    wrong = [f"{path.relative_to(SOURCE)} includes {name}"
             for folder, more in (("batch", "common"), ("cli", "common"), ("eval", "common"),
                                  ("server", "common"), ("examples", None))
             for path in sources(folder) for name in includes(path)
             if "/" in name and name.split("/")[0] in LAYERS and name.split("/")[0] != more]
    assert wrong == []


def test_every_name_is_one_files():
    """A source and its header share a name, and no other file of src/ has it: a reader who is sent
    to network.c finds it."""
    folders = {}
    for path in sources("src"):
        folders.setdefault(path.stem, set()).add(str(path.parent.relative_to(SOURCE)))
    assert {name: where for name, where in folders.items() if len(where) > 1} == {}


def test_every_python_test_has_a_name_of_its_own():
    """pytest imports them by their names alone."""
    names = [path.name for path in (SOURCE / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_only_parallel_knows_threads():
    knowing = [path.name for path in sources("src")
               if re.search(r"pthread_create|thrd_create|#pragma omp", path.read_text())]
    assert knowing == ["parallel.c"]


def test_files_are_short():
    long = [str(path.relative_to(SOURCE)) for folder in C_FOLDERS for path in sources(folder)
            if len(path.read_text().splitlines()) > MOST_LINES]
    assert long == []


def test_only_the_public_functions_are_exported():
    library = next(BUILD.glob("libdiffedit.so"))
    lines = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    exported = {line.split()[-1] for line in lines}
    declared = {name for header in sources("include")
                for name in re.findall(r"\b(diffedit_\w+)\(", header.read_text())}
    assert {name for name in exported
            if not name.startswith("diffedit_")} - {"_init", "_fini"} == set()
    assert exported >= declared - {"diffedit_status"}


def texts():
    """The files that people write, outside of build folders."""
    found = []
    for folder, inner, names in os.walk(SOURCE):
        inner[:] = [name for name in inner if name == ".ci" or not name.startswith((".", "build"))]
        found += [pathlib.Path(folder, name) for name in names
                  if name in TEXTS or name.endswith(TEXT_ENDINGS)]
    return sorted(found)


def wraps(path, line):
    """False for what a page cannot break: rows of tables, and lines without a space."""
    return path.suffix != ".md" or (not line.startswith("|") and " " in line.strip())


def test_lines_are_short():
    long = [f"{path.relative_to(SOURCE)}:{number}" for path in texts()
            for number, line in enumerate(path.read_text().splitlines(), 1)
            if len(line) > MOST_COLUMNS and wraps(path, line)]
    assert long == []


def function_lengths(path):
    """(first line, lines) of each function: clang-format puts its braces at the margin."""
    begin = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line == "{":
            begin = number - 1
        elif line == "}" and begin:
            yield begin, number - begin + 1
            begin = None


def test_functions_are_short():
    long = [f"{path.relative_to(SOURCE)}:{begin}" for folder in C_FOLDERS
            for path in sources(folder) for begin, length in function_lengths(path)
            if length > MOST_LINES_OF_A_FUNCTION]
    assert long == []
