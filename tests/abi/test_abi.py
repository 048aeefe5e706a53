"""What programs were built against stays: exported names, prototypes, layouts, values. And the
header says of each option what the table says.

0.1/ has the headers of 0.1. Until 0.1 is released they follow include/diffedit: copy them. After
that they never change, and each release adds its own.
"""
import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", SOURCE / "build"))
PROGRAM = os.environ.get("DIFFEDIT", str(BUILD / "diffedit"))
HEADER = SOURCE / "include/diffedit/diffedit.h"
FROZEN = sorted(HERE.glob("*/diffedit.h"))

sys.path.insert(0, str(SOURCE / "tests/cli"))
import man_page  # noqa: E402


def without_comments(header):
    """The code of a release's headers, of which `header` includes the others."""
    text = "".join(path.read_text() for path in sorted(header.parent.glob("*.h")))
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


# ---- names ----

def test_exported_symbols():
    lines = subprocess.run(["nm", "-D", "--defined-only", BUILD / "libdiffedit.so"],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    exported = sorted(name for name in {line.split()[-1] for line in lines}
                      if name.startswith("diffedit_"))
    listed = (HERE / "symbols").read_text().split()
    assert sorted(set(listed) - set(exported)) == [], "programs need what a release exported"
    assert sorted(set(exported) - set(listed)) == [], \
        "if these are meant to be public, add them to tests/abi/symbols"
    assert listed == sorted(listed)


def prototypes(header):
    """{name: declaration without the parameters' names}"""
    text = without_comments(header)
    declared = re.findall(r"DIFFEDIT_API\s+(.*?(diffedit_\w+)\(.*?\));", text, re.DOTALL)
    declared += re.findall(r"typedef (\w+ \(\*(diffedit_\w+_fn)\)\(.*?\));", text, re.DOTALL)
    return {name: re.sub(r"\s*\b\w+(?=[,)])", "", " ".join(text.split()))
            for text, name in declared}


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.parent.name)
def test_prototypes(frozen):
    before, now = prototypes(frozen), prototypes(HEADER)
    assert len(before) > 50
    assert {name: now.get(name) for name in before} == before


# ---- layouts and values ----

def enumerators(text):
    return [name for body in re.findall(r"enum \w+ \{(.*?)\}", text, re.DOTALL)
            for name in re.findall(r"\bDIFFEDIT_\w+", body)]


def fields(text):
    """(struct, field) of every struct that a program sees."""
    found = []
    for struct, body in re.findall(r"typedef struct (\w+) \{(.*?)\}", text, re.DOTALL):
        for line in body.split(";"):
            found += [(struct, re.search(r"(\w+)(\[\w+\])?\s*$", name).group(1))
                      for name in line.split(",") if name.strip()]
    return found


def measure(header, of, folder):
    """{what: number} of the fields and values that the header `of` has, as `header` has them."""
    text = without_comments(of)
    lines = [f'printf("{name} %lld\\n", (long long){name});' for name in enumerators(text)]
    for struct, field in fields(text):
        lines.append(f'printf("{struct}.{field} %zu\\n", offsetof({struct}, {field}));')
        lines.append(f'printf("size of {struct}.{field} %zu\\n", sizeof(({struct} *)0)->{field});')
    source = folder / "measure.c"
    source.write_text(f'#include "{header}"\n#include <stdio.h>\nint main(void)\n{{\n' +
                      "\n".join(lines) + "\nreturn 0;\n}\n")
    subprocess.run(["cc", "-std=c11", source, "-o", folder / "measure"], check=True)
    printed = subprocess.run([folder / "measure"], capture_output=True, text=True,
                             check=True).stdout
    return dict(line.rsplit(" ", 1) for line in printed.splitlines())


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.parent.name)
def test_layouts_and_values(frozen, tmp_path):
    before, now = measure(frozen, frozen, tmp_path), measure(HEADER, frozen, tmp_path)
    assert len(before) > 200
    assert now == before


# ---- what the header says of options ----

def option_comments():
    """{field: its comment} of diffedit_options."""
    body = re.search(r"typedef struct diffedit_options \{(.*?)\} diffedit_options;",
                     HEADER.read_text(), re.DOTALL).group(1)
    pairs = re.findall(r"/\*((?:(?!\*/).)*)\*/\s*(?:\w+ )+?\*?(\w+)(?:, \w+)?;", body, re.DOTALL)
    return {field: " ".join(re.sub(r"\n\s*\* ", " ", comment).split())
            for comment, field in pairs}


def test_the_header_says_what_the_table_says():
    comments, compared = option_comments(), 0
    for name, (_, _, text) in man_page.options(PROGRAM, "edit").items():
        field = "width" if name == "size" else name.replace("-", "_")
        brackets = re.search(r"\([^()]+\)$", text)
        if brackets and field in comments and name != "preset":
            assert comments[field].endswith(brackets.group()), field
            compared += 1
    assert compared == 28
