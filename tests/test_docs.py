"""The pages: links lead somewhere, commands are as the program and ./run take them."""
import functools
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
sys.path.insert(0, str(SOURCE / "tests/cli"))

import man_page  # noqa: E402

FOLDERS = ["bench", "data", "docs", "models", "python", "tests", "training"]
PAGES = [*SOURCE.glob("*.md"),
         *(path for folder in FOLDERS for path in (SOURCE / folder).rglob("*.md"))]
PLACES = {"training/model-readme.md": SOURCE / "models/pocket"}  # of pages that are copied
USAGE_ERROR = 2  # the program's exit status for a command line that it does not take


def name_of(page):
    return str(page.relative_to(SOURCE))


def code_lines(text):
    """The lines of indented and of fenced blocks; a line that ends in a backslash goes on."""
    fenced = False
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()


def man_page_lines(page):
    """The examples of a man page, as the program's help shows them too."""
    text = page.read_text().split(".SH EXAMPLES")[1].split(".fi")[0]
    return text.replace("\\-", "-").splitlines()


def spans(text):
    """The words of running text that are set as code."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def commands(lines, program):
    return [line for line in lines if re.match(rf"(build/)?{program} [^=]", line)]


def examples():
    found = {(name_of(page), line) for page in PAGES
             for line in commands(code_lines(page.read_text()), "diffedit")}
    found |= {(name_of(page), line) for page in man_page.DOCS.glob("*.1")
              for line in commands(man_page_lines(page), "diffedit")}
    return sorted(found)


@pytest.mark.parametrize("page, line", examples())
def test_an_example_is_taken(page, line, tmp_path):
    """None of the pictures and models that it names are there, so it ends as soon as it is read."""
    (tmp_path / "diffedit").symlink_to(PROGRAM)
    for name in re.findall(r"<\s*(\S+)", line):
        (tmp_path / name).touch()
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_DATA_HOME": str(tmp_path),
                   "HF_ENDPOINT": "http://127.0.0.1:9"}
    result = subprocess.run(["bash", "-c", line.removeprefix("build/")], cwd=tmp_path, timeout=60,
                            env=environment, capture_output=True, text=True)
    assert result.returncode not in (USAGE_ERROR, 127), f"{page}: {result.stderr}"


@functools.cache
def options_of(command):
    return {"help", "help-all", *man_page.options(PROGRAM, command)}


def unknown_words(span):
    """What of a command in running text the program does not know: its name, or an option."""
    words = span.removeprefix("build/").split()[1:]
    if not words or words[0].startswith("--"):
        return []
    name = " ".join(words[:2 if words[0] == "model" else 1])
    if name not in man_page.commands(PROGRAM):
        return [name]
    return [word for word in words if word.startswith("--")
            and word[2:].split("=")[0] not in options_of(name)]


def test_commands_in_running_text():
    unknown = {f"{name_of(page)}: {span}: {word}" for page in PAGES
               for span in commands(spans(page.read_text()), "diffedit")
               for word in unknown_words(span)}
    assert unknown == set()


def test_commands_of_the_script():
    def run(*words):
        return subprocess.run([SOURCE / "run", *words], capture_output=True, text=True,
                              check=True).stdout
    usage, checks = run("help"), {line.split()[0] for line in run("check", "--list").splitlines()}
    known = set(re.findall(r"^  ([a-z]+)", usage, re.MULTILINE)) | {"help"}
    unknown = []
    for page in PAGES:
        text = page.read_text()
        for line in commands([*code_lines(text), *spans(text)], r"\./run"):
            command, *words = shlex.split(line, comments=True)[1:]
            options = [word for word in words if word.startswith("--")]
            if command not in known or any(option not in usage for option in options):
                unknown.append(f"{name_of(page)}: {line}")
            if command == "check" and not set(words) <= checks | {"--list", "NAME"}:
                unknown.append(f"{name_of(page)}: {line}")
    assert unknown == []


def test_scripts_in_pages_exist():
    missing = {f"{name_of(page)}: {path}" for page in PAGES
               for path in re.findall(rf"\b(?:{'|'.join(FOLDERS)})/[\w/.-]+\.(?:py|sh)\b",
                                      page.read_text())
               if not (SOURCE / path).exists()}
    assert missing == set()


def test_links_lead_somewhere():
    """Relative links and pictures of every page."""
    missing = []
    for page in PAGES:
        folder = PLACES.get(name_of(page), page.parent)
        targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
        missing += [f"{name_of(page)}: {target}" for target in targets
                    if "://" not in target and not (folder / target).exists()]
    assert missing == []
