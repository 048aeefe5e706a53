"""The options section of docs/diffedit.1, made from `diffedit COMMAND --help-all`.

    /usr/bin/python3 tests/cli/man_page.py build/diffedit     writes it; a test compares
"""
import pathlib
import re
import subprocess
import sys
import textwrap

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/diffedit.1"
COMMANDS = ["edit", "mask", "inpaint", "invert", "generate", "serve", "bench", "model info",
            "model check", "model convert", "model pull"]
SECTION = re.compile(r"(?<=\n\.SH OPTIONS\n).*?(?=\n\.SH )", re.DOTALL)
ENTRY = re.compile(r" {2}(?:-(\w), | {4})--(\S+) ?(.*)")
COLUMN = 27  # of help's texts


def options(program, command):
    """{name: (letter, argument, text)} in the order of help."""
    text = subprocess.run([program, *command.split(), "--help-all"], capture_output=True, text=True,
                          check=True).stdout
    found, name = {}, None
    for line in text.split("\n\n")[1].splitlines():
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


def section(program):
    by_command = {command: options(program, command) for command in COMMANDS}
    lines = ["In brackets: the commands that take an option, where not all do."]
    every = {name: entry for command in COMMANDS for name, entry in by_command[command].items()}
    for name, (letter, argument, text) in every.items():
        takers = [command for command in COMMANDS if name in by_command[command]]
        lines.append(".TP")
        short = f"\\-{letter}, " if letter else ""
        lines.append(f".B {short}{roff('--' + name)}" +
                     (f" \\fI{roff(argument)}\\fR" if argument else ""))
        # a line that begins with a dot would be a request
        lines += [re.sub(r"^[.']", r"\\&\g<0>", line) for line in textwrap.wrap(
            roff(text), 98, break_long_words=False, break_on_hyphens=False)]
        if takers != COMMANDS:
            lines.append(f"[{', '.join(takers)}]")
    return "\n".join(lines)


def main():
    page = PAGE.read_text()
    PAGE.write_text(SECTION.sub(lambda _: section(sys.argv[1]), page))


if __name__ == "__main__":
    main()
