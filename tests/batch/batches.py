"""Running `diffedit batch` and looking at what came of it."""
import csv
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
SAMPLES = SOURCE / "models/pocket/samples"
# an edit of a moment
FAST = ["--steps", "4", "--mask-samples", "1", "--size", "64x64"]


def run(*arguments, cwd=None, **more):
    environment = dict(os.environ, DIFFEDIT_MODEL=str(SOURCE / "models/pocket"))
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd,
                          env=environment, timeout=300, **more)


def batch(folder, *more, edits="edits.jsonl", out="out", quick=FAST, **how):
    return run("batch", edits, "-o", out, *quick, *more, cwd=folder, **how)


def start(folder, *more, edits="edits.jsonl", out="out", quick=FAST, stderr=subprocess.PIPE):
    """The process, whose standard error is a pipe unless it is said."""
    environment = dict(os.environ, DIFFEDIT_MODEL=str(SOURCE / "models/pocket"))
    return subprocess.Popen([PROGRAM, "batch", edits, "-o", out, *quick, *more], cwd=folder,
                            stderr=stderr, text=True, env=environment)


def succeed(*arguments, **more):
    done = batch(*arguments, **more)
    assert done.returncode == 0, done.stderr
    return done


def fail(status, *arguments, **more):
    """The last line of what it says."""
    done = batch(*arguments, **more)
    assert done.returncode == status, done.stderr
    return done.stderr.strip().splitlines()[-1]


def write_list(folder, *lines, name="edits.jsonl"):
    for picture in ("horse", "lemons", "strawberries"):
        if not (folder / f"{picture}.png").exists():
            shutil.copy(SAMPLES / f"{picture}.png", folder)
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def rows(folder, out="out", name="results.csv"):
    with open(folder / out / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def results(folder, out="out"):
    """{name of a result or mask: its hash}"""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (folder / out).glob("*.png")}


def edit(folder, line, output, *more):
    """The same line by `diffedit edit`: what --json prints."""
    named = [word for name, value in line.items() if name != "picture"
             for word in (f"--{name}", str(value))]
    done = run("edit", line["picture"], "-o", output, "-q", "--json", *FAST, *named, *more,
               cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
