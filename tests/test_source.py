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
BESIDE = {"picture", "weights", "kernels"}  # stand side by side on base
MOST_LINES = 800


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
    """The command links src/common beside it."""
    wrong = [f"{path.relative_to(SOURCE)} includes {name}"
             for folder, more in (("cli", "common"), ("examples", None))
             for path in sources(folder) for name in includes(path)
             if "/" in name and name.split("/")[0] in LAYERS and name.split("/")[0] != more]
    assert wrong == []


def test_only_parallel_knows_threads():
    knowing = [path.name for path in sources("src")
               if re.search(r"pthread_create|thrd_create|#pragma omp", path.read_text())]
    assert knowing == ["parallel.c"]


def test_files_are_short():
    long = [str(path.relative_to(SOURCE))
            for folder in ("src", "cli", "include", "tests", "bench", "examples")
            for path in sources(folder) if len(path.read_text().splitlines()) > MOST_LINES]
    assert long == []


def test_only_the_public_functions_are_exported():
    library = next(BUILD.glob("libdiffedit.so"))
    lines = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    exported = {line.split()[-1] for line in lines}
    declared = set(re.findall(r"\b(diffedit_\w+)\(",
                              (SOURCE / "include/diffedit/diffedit.h").read_text()))
    assert {name for name in exported
            if not name.startswith("diffedit_")} - {"_init", "_fini"} == set()
    assert exported >= declared - {"diffedit_status"}


def test_pages_link_to_what_exists():
    """Relative links and pictures of every page."""
    pages = [*SOURCE.glob("*.md"), *(path for folder in ("docs", "models", "tests", "bench", "data")
                                     for path in (SOURCE / folder).rglob("*.md"))]
    missing = [f"{page.relative_to(SOURCE)}: {target}" for page in pages
               for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
               if "://" not in target and not (page.parent / target).exists()]
    assert missing == []
