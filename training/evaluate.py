"""Measures the model that ships on held-out scenes, driving the built program and nothing else.

For each scene: one edit with `diffedit edit`. The true region is the union of what
stands there and of what would stand there had the scene been drawn with the new thing.
Look at the sheet before you believe the numbers.
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import world

ROOT = Path(__file__).resolve().parent.parent

# Sensible wishes: from, to.
EDITS = [
    ("horse", "zebra"), ("horse", "giraffe"), ("strawberries", "apples"), ("red car", "blue car"),
    ("zebra", "horse"), ("apples", "strawberries"), ("cow", "elephant"), ("lemons", "oranges"),
    ("red apple", "green apple"), ("lemon", "orange"), ("duck", "penguin"), ("truck", "red car"),
    ("sheep", "tiger"), ("pear", "lemon"), ("giraffe", "horse"), ("oranges", "lemons"),
]
HELD_OUT = 7000   # seeds that no training uses


def held_out_scene(index, kind, place=None):
    return world.scene(np.random.default_rng([HELD_OUT, index]), [kind], place)


def overlap(found, true):
    union = (found | true).sum()
    return float((found & true).sum() / union) if union else 1.0


def psnr(one, other, where):
    error = ((one[where].astype(float) - other[where]) ** 2).mean()
    return float(10 * np.log10(255 ** 2 / error)) if error else float("inf")


def read(path, mode):
    return np.asarray(Image.open(path).convert(mode))


class Evaluation:
    def __init__(self, options, folder):
        self.options, self.folder = options, Path(folder)
        self.results, self.rows = [], []

    def run(self, index):
        source, target = EDITS[index % len(EDITS)]
        scene = held_out_scene(index, source)
        wished = held_out_scene(index, target, scene.place)
        paths = {name: self.folder / f"{name}.png" for name in ("input", "output", "map", "mask")}
        Image.fromarray(scene.picture).save(paths["input"])
        self.edit(index, world.with_article(source), world.with_article(target), paths)
        found = read(paths["mask"], "L") > 127
        output = read(paths["output"], "RGB")
        true = scene.mask() | wished.mask()
        outside = ~(true | found)
        self.results.append({
            "edit": f"{source} to {target}",
            "overlap": overlap(found, true),
            "overlap_old": overlap(found, scene.mask()),
            "share": float(found.mean()),
            "outside_psnr": psnr(output, scene.picture, outside),
        })
        grey = [read(paths[name], "RGB") for name in ("map", "mask")]
        self.rows.append(np.concatenate([scene.picture, *grey, output], axis=1))
        print(json.dumps(self.results[-1]), flush=True)

    def edit(self, index, source, target, paths):
        subprocess.run(
            [self.options.program, "edit", paths["input"], "--model", self.options.model,
             "--from", source, "--to", target, "--preset", self.options.preset, "--seed", str(index),
             "--composite", self.options.composite, "--output", paths["output"], "--quiet",
             "--mask-out", paths["mask"], "--map-out", paths["map"], "--force", *self.options.extra],
            check=True)

    def summary(self):
        overlaps = np.array([result["overlap"] for result in self.results])
        return {
            "scenes": len(overlaps),
            "mean_overlap": float(overlaps.mean()),
            "share_above_half": float((overlaps > 0.5).mean()),
            "mean_overlap_with_old_thing": float(np.mean([result["overlap_old"] for result in self.results])),
            "outside_psnr": float(np.mean([result["outside_psnr"] for result in self.results])),
        }

    def sheet(self):
        """Two edits a line: input, map, mask, result."""
        rows = self.rows + self.rows[-1:] * (len(self.rows) % 2)
        half = len(rows) // 2
        columns = [np.concatenate(rows[:half]), np.concatenate(rows[half:])]
        return Image.fromarray(np.concatenate(columns, axis=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="What follows -- is given to diffedit as it stands, for instance -- --steps 10.")
    parser.add_argument("--program", default=ROOT / "build/diffedit", help="[%(default)s]")
    parser.add_argument("--model", default=ROOT / "models/pocket", help="[%(default)s]")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--composite", default="latent", choices=("latent", "pixel"))
    parser.add_argument("--sheet", metavar="PNG", help="write input, map, mask and result of each edit")
    parser.add_argument("extra", nargs="*", help="options for diffedit")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        evaluation = Evaluation(options, folder)
        for index in range(options.scenes):
            evaluation.run(index)
    print(json.dumps(evaluation.summary(), indent=1))
    if options.sheet:
        evaluation.sheet().save(options.sheet)
