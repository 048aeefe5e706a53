"""One version, one list of packages: what is said in several places is the same in all of them."""
import json
import os
import pathlib
import re
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
VERSION = re.search(r"version: '([\d.]+)'", (SOURCE / "meson.build").read_text()).group(1)
# What Debian's packages are always built with, and what debhelper brings.
ALWAYS_THERE = {"gcc", "libc6-dev", "ninja-build"}


def first(pattern, name):
    return re.search(pattern, (SOURCE / name).read_text(), re.MULTILINE).groups()


def test_program_and_header():
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    assert said == f"diffedit {VERSION}\n"
    header = (SOURCE / "include/diffedit/model.h").read_text()
    parts = [re.search(rf"#define DIFFEDIT_VERSION_{part} (\d+)", header).group(1)
             for part in ("MAJOR", "MINOR", "PATCH")]
    assert ".".join(parts) == VERSION


def test_interface_of_the_server():
    document = json.loads((SOURCE / "server/openapi.json").read_text())
    assert document["info"]["version"] == VERSION


def test_man_pages():
    titles = {page.name: page.read_text().splitlines()[0] for page in SOURCE.glob("docs/*.1")}
    assert {name for name, title in titles.items() if f'"diffedit {VERSION}"' not in title} == set()


def test_python_package():
    """It takes meson.build's."""
    project = (SOURCE / "pyproject.toml").read_text().split("[project]\n")[1].split("\n[")[0]
    assert '\ndynamic = ["version"]\n' in project and "\nversion" not in project


def test_changelogs():
    """Debian's names the version of ours, and says too whether it is released."""
    version, state = first(r"^## (\S+) \((.*)\)$", "CHANGELOG.md")
    packaged, suite = first(r"^diffedit \((\S+)\) (\S+);", "debian/changelog")
    assert version == packaged == VERSION
    assert (state == "unreleased") == (suite == "UNRELEASED")


def test_symbols_of_the_package():
    header, *lines = (SOURCE / "debian/libdiffedit0.symbols").read_text().splitlines()
    soversion = first(r"soversion: '(\d+)'", "meson.build")[0]
    assert header == f"libdiffedit.so.{soversion} libdiffedit{soversion} #MINVER#"
    assert [line.split("@")[0].strip() for line in lines] == \
        (SOURCE / "tests/abi/symbols").read_text().split()


def test_the_package_is_built_with_what_the_script_installs():
    script = first(r"^build_packages=\(([^)]*)\)", "run")[0].split()
    control = (SOURCE / "debian/control").read_text()
    field = re.search(r"^Build-Depends:(.*?)^\S", control, re.MULTILINE | re.DOTALL).group(1)
    named = {re.match(r"[\w.+-]+", entry.strip()).group() for entry in field.split(",")}
    wanted = {name.replace("pkg-config", "pkgconf") for name in script} - ALWAYS_THERE
    assert wanted - named == set()
