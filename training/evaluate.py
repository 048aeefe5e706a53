"""Measures the model that ships on held-out scenes, driving the built program; PyTorch only judges
what it made.

For each scene: one edit with `diffedit edit`. The true region is the union of what
stands there and of what would stand there had the scene been drawn with the new thing.
An edit is a success if classifier.py's judge sees the new thing and no longer the old one.
Look at the sheet before you believe the numbers.
"""
import argparse
import collections
import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
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
    ("tomato", "pumpkin"), ("bear", "elephant"), ("dog", "rabbit"), ("red flower", "yellow flower"),
    ("bus", "truck"), ("orange", "pumpkin"), ("blue car", "red car"), ("pig", "bear"),
    ("green apple", "strawberry"),
]
# seeds that no training uses; the program's defaults are chosen on VALIDATION
TEST, VALIDATION = 7000, 8000
THRESHOLDS = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
FEATHER = 4       # width of the pixel composite's soft edge: one latent cell
CORNER = 16       # of the reconstruction: the only part that is denoised


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
    def __init__(self, options):
        self.options = options
        self.judge = classifier.load_classifier(options.work)
        self.edits = [edit for edit in EDITS if not options.unseen or edit[0] in world.UNSEEN]

    def scene(self, index, kind, companion, unseen=False):
        """The same spot, place and light for every kind."""
        seed = VALIDATION if self.options.validation else TEST
        place = list(world.PLACES)[index % len(world.PLACES)]
        kinds = [kind, companion] if companion else [kind]
        return world.scene(np.random.default_rng([seed, index]), kinds, place, unseen=unseen)

    def companion(self, index, source, target):
        if not self.options.companion:
            return None
        others = [kind for kind in world.THINGS if kind not in (source, target)]
        return others[index % len(others)]

    def run(self, index):
        """One scene's numbers and its row of the sheet."""
        source, target = self.edits[index % len(self.edits)]
        companion = self.companion(index, source, target)
        scene = self.scene(index, source, companion, self.options.unseen)
        wished = self.scene(index, target, companion)
        true = scene.masks[0] | wished.masks[0]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            Image.fromarray(scene.picture).save(folder / "input.png")
            tail = f" and {world.with_article(companion)}" if companion else ""
            texts = ["--from", world.with_article(source) + tail, "--to",
                     world.with_article(target) + tail]
            result = {"edit": f"{source} to {target}",
                      **self.find(folder, texts, index, true, scene)}
            found = read(folder / "stages/mask.png", "L") > 127
            row = [scene.picture, read(folder / "stages/map.png", "RGB"),
                   read(folder / "stages/mask.png", "RGB")]
            if not self.options.masks_only:
                result.update(self.change(folder, scene, found | true, found, source, target))
                row.append(read(folder / "stages/decoded.png", "RGB"))
            if self.options.reconstruct:
                result["reconstruction_psnr"] = self.reconstruct(folder, scene)
        print(json.dumps(result), flush=True)
        return result, np.concatenate(row, axis=1)

    def program(self, *arguments):
        subprocess.run([self.options.program, *arguments, "--model", self.options.model, "--quiet",
                        "--force", "--threads", "1"], check=True)

    def find(self, folder, texts, index, true, scene):
        """Runs the program; how well its mask meets the truth."""
        command = "mask" if self.options.masks_only else "edit"
        self.program(command, folder / "input.png", *texts, "--preset", self.options.preset,
                     "--seed", str(index), "--stages", folder / "stages", "--output",
                     folder / "result.png", *self.options.extra)
        found = read(folder / "stages/mask.png", "L") > 127
        levels = np.load(folder / "stages/map.npy")
        side = world.SIZE // levels.shape[0]
        at = {threshold: overlap(np.kron(levels >= threshold, np.ones((side, side))) > 0, true)
              for threshold in THRESHOLDS}
        return {"overlap": overlap(found, true), "overlap_old": overlap(found, scene.masks[0]),
                "at": at}

    def change(self, folder, scene, region, found, source, target):
        """`decoded.png` is what --composite latent gives, `result.png` is the pixel composite of
        the same edit."""
        decoded, result = read(folder / "stages/decoded.png",
                               "RGB"), read(folder / "result.png", "RGB")
        kept = ~grown(found, FEATHER + 1)
        seen = classifier.probabilities(self.judge, result)
        return {"success": seen[target] > 0.5 > seen[source], "new_there": seen[target] > 0.5,
                "old_gone": seen[source] < 0.5,
                "outside_psnr": psnr(decoded, scene.picture, ~region),
                "outside_equal": bool((result[kept] == scene.picture[kept]).all())}

    def reconstruct(self, folder, scene):
        """Everything but one cell in a corner is kept, so the decoder shows what it makes of the
        picture's own latent."""
        corner = np.zeros(scene.picture.shape[:2], np.uint8)
        corner[0, 0] = 255
        Image.fromarray(corner).save(folder / "corner.png")
        self.program("inpaint", folder / "input.png", "--mask", folder / "corner.png", "--to", "",
                     "--steps", "2", "--ratio", "0.5", "--composite", "latent", "--output",
                     folder / "reconstruction.png")
        away = np.ones_like(corner, bool)
        away[:CORNER, :CORNER] = False
        return psnr(read(folder / "reconstruction.png", "RGB"), scene.picture, away)


def summary(results):
    overlaps = np.array([result["overlap"] for result in results])
    by_edit = collections.defaultdict(list)
    for result in results:
        by_edit[result["edit"]].append((result["overlap"], result.get("success", 0)))
    numbers = {"scenes": len(results), "share_above_half": float((overlaps > 0.5).mean())}
    for name in results[0]:
        if name not in ("edit", "at"):
            numbers[name] = float(np.mean([result[name] for result in results]))
    numbers["overlap_at_threshold"] = {
        threshold: round(float(np.mean([result["at"][threshold] for result in results])), 3)
        for threshold in THRESHOLDS}
    numbers["by_edit"] = {edit: [round(float(np.mean(values)), 2) for values in zip(*pairs)]
                          for edit, pairs in by_edit.items()}
    return numbers


def sheet(rows):
    """Two edits a line: input, map, mask, result."""
    rows = rows + rows[-1:] * (len(rows) % 2)
    half = len(rows) // 2
    columns = [np.concatenate(rows[:half]), np.concatenate(rows[half:])]
    return Image.fromarray(np.concatenate(columns, axis=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="What follows -- is given to diffedit as it stands, for instance -- --steps 10.")
    parser.add_argument("--program", default=ROOT / "build/diffedit", help="[%(default)s]")
    parser.add_argument("--model", default=ROOT / "models/pocket", help="[%(default)s]")
    parser.add_argument("--work", type=Path, default=common.WORK,
                        help="folder of classifier.pt [%(default)s]")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--first", type=int, default=0,
                        help="number of the first scene [%(default)s]")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--validation", action="store_true",
                        help="other scenes, on which defaults may be chosen")
    parser.add_argument("--unseen", action="store_true", help="cut-outs that no training saw")
    parser.add_argument("--companion", action="store_true",
                        help="a second thing in each scene, which must stay")
    parser.add_argument("--masks-only", action="store_true",
                        help="find the regions and change nothing")
    parser.add_argument("--reconstruct", action="store_true", help="measure the autoencoder too")
    parser.add_argument("--sheet", metavar="PNG",
                        help="write input, map, mask and result of each edit")
    parser.add_argument("extra", nargs="*", help="options for diffedit")
    options = parser.parse_args()
    evaluation = Evaluation(options)
    scenes = range(options.first, options.first + options.scenes)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as workers:
        results, rows = zip(*workers.map(evaluation.run, scenes))
    print(json.dumps(summary(results), indent=1))
    if options.sheet:
        sheet(list(rows)).save(options.sheet)
