"""The held-out scenes of evaluate.py as a list for `diffedit batch`, and the judge's word on what
came of it as columns for `diffedit eval`.

    scenes.py FOLDER                    writes pictures, true masks and FOLDER/edits.csv
    scenes.py FOLDER --judge RESULTS    writes RESULTS/judge.csv, of a batch of that list
"""
import argparse
import csv
import types
from pathlib import Path

import numpy as np
from PIL import Image

import evaluate


def scenes(options):
    """Of each scene what its edit is about, and its texts."""
    made = evaluate.Evaluation(types.SimpleNamespace(**vars(options), results=None))
    for index in range(options.first, options.first + options.scenes):
        edit = made.edit(index)
        yield made, edit, made.texts(edit)


def write(options):
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for _, edit, (source, target) in scenes(options):
        name = f"{edit['scene']:04}"
        Image.fromarray(edit["picture"]).save(options.folder / f"{name}.png")
        Image.fromarray(np.uint8(255 * edit["true"])).save(options.folder / f"{name}-true.png")
        rows.append([f"{name}.png", source, target, edit["scene"], f"{name}-true.png",
                     edit["edit"]])
    with open(options.folder / "edits.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["picture", "from", "to", "seed", "true-mask", "category"], *rows])
    print(f"{len(rows)} scenes in {options.folder / 'edits.csv'}")


def judge(options):
    with open(options.judge / "results.csv", newline="") as file:
        results = {Path(row["picture"]).name: row for row in csv.DictReader(file)}
    rows = []
    for made, edit, _ in scenes(options):
        found = results[f"{edit['scene']:04}.png"]
        if found["result"]:
            seen = made.judged(evaluate.read(options.judge / found["result"], "RGB"), edit)
            rows.append({"line": found["line"], **{name: int(is_so) for name, is_so in
                                                   seen.items()}})
    with open(options.judge / "judge.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} results in {options.judge / 'judge.csv'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the scenes")
    parser.add_argument("--judge", type=Path, metavar="RESULTS", help="folder of the batch")
    evaluate.add_scene_arguments(parser)
    given = parser.parse_args()
    if given.judge:
        judge(given)
    else:
        write(given)
