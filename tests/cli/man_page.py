"""The options sections of docs/*.1, made from `diffedit COMMAND --help-all`.

    /usr/bin/python3 tests/cli/man_page.py build/diffedit     writes them; a test compares

A command has the page docs/diffedit-COMMAND.1 where there is one, else its place in diffedit.1.
"""
import functools
import pathlib
import re
import subprocess
import sys
import textwrap

DOCS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs"
PAGE = DOCS / "diffedit.1"
SECTION = re.compile(r"(?<=\n\.SH OPTIONS\n).*?(?=\n\.SH )", re.DOTALL)
ENTRY = re.compile(r" {2}(?:-(\w), | {4})--(\S+) ?(.*)")
COLUMN = 27  # of help's texts


def output(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout


@functools.cache
def commands(program):
    """Their names, as in "model info", in the order of `diffedit --help`."""
    return re.findall(r"^  diffedit ((?:model )?[a-z]+) ", output(program, "--help"), re.MULTILINE)


def page_of(command):
    own = DOCS / f"diffedit-{command.replace(' ', '-')}.1"
    return own if own.exists() else PAGE


def pages(program):
    """{page: the commands that it is about}"""
    found = {}
    for command in commands(program):
        found.setdefault(page_of(command), []).append(command)
    return found


def options(program, command):
    """{name: (letter, argument, text)} in the order of help."""
    found, name = {}, None
    for line in output(program, *command.split(), "--help-all").split("\n\n")[1].splitlines():
        entry = ENTRY.match(line[:COLUMN])
        if not line.startswith(" "):
            pass  # the name of a group
        elif entry:
            letter, name, argument = entry.groups()
            found[name] = (letter, argument.strip(), line[COLUMN:])
        else:
            letter, argument, text = found[name]
            found[name] = (letter, argument, f"{text} {line.strip()}")
    return found


def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-")


def section(program, about):
    """The options of the commands that a page is about."""
    by_command = {command: options(program, command) for command in about}
    lines = []
    if len(about) > 1:
        lines.append("In brackets: the commands that take an option, where not all do.")
    every = {name: entry for command in about for name, entry in by_command[command].items()}
    for name, (letter, argument, text) in every.items():
        takers = [command for command in about if name in by_command[command]]
        lines.append(".TP")
        short = f"\\-{letter}, " if letter else ""
        lines.append(f".B {short}{roff('--' + name)}" +
                     (f" \\fI{roff(argument)}\\fR" if argument else ""))
        # a line that begins with a dot would be a request
        lines += [re.sub(r"^[.']", r"\\&\g<0>", line) for line in textwrap.wrap(
            roff(text), 98, break_long_words=False, break_on_hyphens=False)]
        if takers != about:
            lines.append(f"[{', '.join(takers)}]")
    return "\n".join(lines)


def main():
    for page, about in pages(sys.argv[1]).items():
        text = SECTION.sub(lambda _, about=about: section(sys.argv[1], about), page.read_text())
        page.write_text(text)


if __name__ == "__main__":
    main()
