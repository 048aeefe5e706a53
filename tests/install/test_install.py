"""What `meson install` puts down works by itself: program, library, header, pkg-config file, pocket
model."""
import json
import os
import pathlib
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", SOURCE / "build"))
SAMPLE = SOURCE / "models/pocket/samples/horse.png"
FAST = ["--steps", "2", "--mask-samples", "1", "--size", "64x64"]


def run(*command, **keywords):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True,
                          text=True, **keywords).stdout


def sanitized():
    options = json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())
    return any(option["name"] == "b_sanitize" and option["value"] != "none" for option in options)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """An installation in a folder of its own; the build folder knows another prefix, as after a
    package's build."""
    root = tmp_path_factory.mktemp("root")
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root)
    return root / "usr/local"


def environment(prefix):
    folder = next(prefix.rglob("diffedit.pc")).parent
    library = folder.parent
    return dict(os.environ, PKG_CONFIG_PATH=str(folder),
                PKG_CONFIG_SYSROOT_DIR=str(prefix.parent.parent), LD_LIBRARY_PATH=str(library),
                ASAN_OPTIONS="detect_leaks=0")


def test_the_installed_program_finds_its_model(prefix, tmp_path):
    output = tmp_path / "out.png"
    clean = {key: value for key, value in os.environ.items()
             if key not in ("DIFFEDIT_MODEL", "LD_LIBRARY_PATH")}
    run(prefix / "bin/diffedit", "edit", SAMPLE, "--from", "a horse", "--to", "a zebra", "-o",
        output, *FAST, env=clean, cwd=tmp_path)
    assert output.stat().st_size > 0


@pytest.mark.skipif(sanitized(), reason="a plain program cannot load a sanitized library")
def test_the_example_builds_and_edits(prefix, tmp_path):
    variables = environment(prefix)
    flags = run("pkg-config", "--cflags", "--libs", "diffedit", env=variables).split()
    program = tmp_path / "edit"
    run("cc", "-std=c11", "-Wall", "-Werror", SOURCE / "examples/edit.c", *flags, "-o", program,
        env=variables)
    output = tmp_path / "out.png"
    run(program, SOURCE / "models/pocket", SAMPLE, "a horse", "a zebra", output, env=variables)
    assert output.stat().st_size > 0


def test_every_man_page_is_there(prefix):
    installed = {path.name for path in (prefix / "share/man/man1").iterdir()}
    assert installed == {path.name for path in (SOURCE / "docs").glob("*.1")}


def test_completion_is_where_bash_looks_for_it(prefix):
    assert (prefix / "share/bash-completion/completions/diffedit").exists()


def entries(path):
    """{section: {key: [values]}} of a unit or a desktop entry."""
    found = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            section.setdefault(key, []).append(value)
    return found


def test_the_service(prefix):
    unit = entries(prefix / "lib/systemd/user/diffedit.service")["Service"]
    program, *words = unit["ExecStart"][0].split()
    assert (prefix.parent.parent / program.lstrip("/")).exists() and words == ["serve"]
    assert unit["NoNewPrivileges"] == ["yes"] and unit["ProtectSystem"] == ["strict"]
    assert unit["Type"] == ["notify"]


def test_the_desktop_entry(prefix):
    entry = entries(prefix / "share/applications/diffedit.desktop")["Desktop Entry"]
    assert "diffedit.service" in entry["Exec"][0] and "localhost:7860" in entry["Exec"][0]
    assert (prefix / f"share/icons/hicolor/scalable/apps/{entry['Icon'][0]}.svg").exists()


@pytest.mark.parametrize("language", [["c", "-std=c99"], ["c", "-std=c11"], ["c++", "-std=c++11"]])
def test_the_header_stands_alone(language, tmp_path):
    kind, standard = language
    source = tmp_path / "alone.c"
    source.write_text("#include <diffedit/diffedit.h>\n"
                      "int main(void) { return diffedit_version()[0] == 0; }\n")
    run("gcc", "-x", kind, standard, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only",
        "-I", SOURCE / "include", source)
