"""A small batch and its folder, for the tests of `diffedit eval`."""
import os
import pathlib
import shutil
import sqlite3
import subprocess

import numpy as np
from PIL import Image

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
SAMPLES = SOURCE / "models/pocket/samples"
FILES = ["eval-means.csv", "eval.csv", "eval.html"]
LIST = """picture,from,to,true-mask,category
horse.png,a horse,a zebra,horse-true.png,animals
lemons.png,lemons,oranges,lemons-true.png,fruit
strawberries.png,strawberries,apples,,fruit
gone.png,a horse,a cow,,animals
"""
HORSE, LEMONS, STRAWBERRIES, GONE = 2, 3, 4, 5  # lines of the list


def run(*arguments, **more):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, **more)


def make_batch(folder):
    """Leaves the folder `results` of a batch of three edits and one that failed beside the list."""
    for name in ("horse", "lemons", "strawberries"):
        shutil.copy(SAMPLES / f"{name}.png", folder)
        width, height = Image.open(folder / f"{name}.png").size
        mask = np.zeros((height, width), np.uint8)
        mask[height // 4:height // 2, width // 3:] = 255
        Image.fromarray(mask).save(folder / f"{name}-true.png")
    (folder / "edits.csv").write_text(LIST)
    done = run("batch", folder / "edits.csv", "-o", folder / "results", "--preset", "fast",
               "--steps", 3, "--quiet")
    assert done.returncode == 1 and "1 of 4 lines failed" in done.stderr


def change(folder, statement, *values):
    ledger = sqlite3.connect(folder / "batch.db")
    with ledger:
        ledger.execute(statement, values)
    ledger.close()


def ask(folder, statement, *values):
    ledger = sqlite3.connect(folder / "batch.db")
    found = ledger.execute(statement, values).fetchall()
    ledger.close()
    return found


def task(folder, line):
    return ask(folder, "SELECT task_id FROM lines WHERE number = ?", line)[0][0]
