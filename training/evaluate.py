"""Measures the model that ships on held-out scenes, driving the built program; PyTorch only judges what it made.

For each scene: one edit with `diffedit edit`. The true region is the union of what
stands there and of what would stand there had the scene been drawn with the new thing.
An edit is a success if classifier.py's judge sees the new thing and no longer the old one.
Look at the sheet before you believe the numbers.
"""
import argparse
import collections
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

import classifier
import common
import world

ROOT = Path(__file__).resolve().parent.parent

# Sensible wishes: from, to.
EDITS = [
    ("horse", "zebra"), ("horse", "giraffe"), ("strawberries", "apples"), ("red car", "blue car"),
    ("zebra", "horse"), ("apples", "strawberries"), ("cow", "elephant"), ("lemons", "oranges"),
    ("red apple", "green apple"), ("lemon", "orange"), ("duck", "penguin"), ("truck", "red car"),
    ("sheep", "pig"), ("pear", "lemon"), ("giraffe", "horse"), ("oranges", "lemons"),
    ("tomato", "onion"), ("orange", "pumpkin"), ("rhino", "elephant"), ("bear", "tiger"),
]
HELD_OUT = 7000   # seeds that no training uses
FEATHER = 4       # width of the pixel composite's soft edge: one latent cell
CORNER = 16       # of the reconstruction: the only part that is denoised


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


def grown(mask, pixels):
    picture = Image.fromarray(np.uint8(255 * mask)).filter(ImageFilter.MaxFilter(2 * pixels + 1))
    return np.asarray(picture) > 127


class Evaluation:
    def __init__(self, options, folder):
        self.options, self.folder = options, Path(folder)
        self.judge = classifier.load_classifier(options.work)
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
        kept = ~grown(found, FEATHER + 1)
        seen = classifier.probabilities(self.judge, output)
        self.results.append({
            "edit": f"{source} to {target}",
            "overlap": overlap(found, true),
            "overlap_old": overlap(found, scene.mask()),
            "success": seen[target] > 0.5 > seen[source],
            "outside_psnr": psnr(output, scene.picture, ~(true | found)),
            "outside_equal": bool((output[kept] == scene.picture[kept]).all()),
        })
        if self.options.reconstruct:
            self.results[-1]["reconstruction_psnr"] = self.reconstruct(scene, paths)
        grey = [read(paths[name], "RGB") for name in ("map", "mask")]
        self.rows.append(np.concatenate([scene.picture, *grey, output], axis=1))
        print(json.dumps(self.results[-1]), flush=True)

    def program(self, command, *arguments):
        subprocess.run([self.options.program, command, "--model", self.options.model, "--quiet", "--force", *arguments],
                       check=True)

    def edit(self, index, source, target, paths):
        self.program("edit", paths["input"], "--from", source, "--to", target, "--preset", self.options.preset,
                     "--seed", str(index), "--composite", self.options.composite, "--output", paths["output"],
                     "--mask-out", paths["mask"], "--map-out", paths["map"], *self.options.extra)

    def reconstruct(self, scene, paths):
        """Everything but one cell in a corner is kept, so the decoder shows what it makes of the picture's own latent."""
        mask, output = self.folder / "corner.png", self.folder / "reconstruction.png"
        corner = np.zeros(scene.picture.shape[:2], np.uint8)
        corner[0, 0] = 255
        Image.fromarray(corner).save(mask)
        self.program("inpaint", paths["input"], "--mask", mask, "--to", "", "--steps", "2", "--ratio", "0.5",
                     "--composite", "latent", "--output", output)
        away = np.ones_like(corner, bool)
        away[:CORNER, :CORNER] = False
        return psnr(read(output, "RGB"), scene.picture, away)

    def mean(self, name):
        return float(np.mean([result[name] for result in self.results]))

    def summary(self):
        overlaps = np.array([result["overlap"] for result in self.results])
        by_edit = collections.defaultdict(list)
        for result in self.results:
            by_edit[result["edit"]].append((result["overlap"], result["success"]))
        numbers = {
            "scenes": len(overlaps),
            "mean_overlap": float(overlaps.mean()),
            "share_above_half": float((overlaps > 0.5).mean()),
            "mean_overlap_with_old_thing": self.mean("overlap_old"),
            "success": self.mean("success"),
            "outside_psnr": self.mean("outside_psnr"),
            "outside_equal": self.mean("outside_equal"),
        }
        if self.options.reconstruct:
            numbers["reconstruction_psnr"] = self.mean("reconstruction_psnr")
        numbers["by_edit"] = {edit: [round(float(np.mean(values)), 2) for values in zip(*pairs)]
                              for edit, pairs in by_edit.items()}
        return numbers

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
    parser.add_argument("--work", type=Path, default=common.WORK, help="folder of classifier.pt [%(default)s]")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--composite", default="latent", choices=("latent", "pixel"))
    parser.add_argument("--sheet", metavar="PNG", help="write input, map, mask and result of each edit")
    parser.add_argument("--reconstruct", action="store_true", help="measure the autoencoder too")
    parser.add_argument("extra", nargs="*", help="options for diffedit")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        evaluation = Evaluation(options, folder)
        for index in range(options.scenes):
            evaluation.run(index)
    print(json.dumps(evaluation.summary(), indent=1))
    if options.sheet:
        evaluation.sheet().save(options.sheet)
