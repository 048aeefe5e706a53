"""Completion in bash offers what the program takes."""
import os
import pathlib
import subprocess

import pytest

import man_page

SOURCE = man_page.DOCS.parent
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
SCRIPT = """
source "$0"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_diffedit
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completions(*words):
    """Of the last of the words, as bash splits them."""
    result = subprocess.run(
        ["bash", "-c", SCRIPT, SOURCE / "data/completion/diffedit", PROGRAM, *words],
        capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return result.stdout.split()


def test_commands():
    names = {command.split()[0] for command in man_page.commands(PROGRAM)}
    assert set(completions("")) == {"--help", "--version", *names}
    assert completions("inv") == ["invert"]
    assert completions("model", "") == ["info", "check", "convert", "pull"]


@pytest.mark.parametrize("command", man_page.commands(PROGRAM))
def test_options(command):
    assert set(completions(*command.split(), "--")) == \
        {f"--{name}" for name in man_page.options(PROGRAM, command)}


@pytest.mark.parametrize("words, expected", [
    (["edit", "--scheduler", ""], ["ddim", "lms", "dpm++2m", "lcm", "euler-a"]),
    (["edit", "in.png", "--preset", "f"], ["fast"]),
    (["edit", "--arithmetic", "=", "q"], ["quick"]),
    (["edit", "--arithmetic", "="], ["exact", "quick"]),
    (["edit", "--device", ""], ["cpu", "auto", "gpu"]),
    (["edit", "--mask", ""], []),  # files, by bash
    (["edit", "--steps", ""], []),
    (["nothing", "--"], []),
])
def test_values(words, expected):
    assert completions(*words) == expected
