"""Measures settings of the program on held-out scenes of the pocket world, driving the built
program; PyTorch only judges what it made.

A setting is a preset with options, as in --settings paper "fast --encode none". For each scene and
setting: one edit with `diffedit edit`, so that settings are compared scene by scene. The true
region is the union of what stands there (old) and of what would stand there had the scene been
drawn with the new thing. An edit is a success if classifier.py's judge sees the new thing and no
longer the old one. Look at the sheet before you believe the numbers.
"""
import argparse
import collections
import itertools
import json
import os
import subprocess
import tempfile
import threading
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
THRESHOLDS = [0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6]
FEATHER = 4       # width of the pixel composite's soft edge: one latent cell
CORNER = 16       # of the reconstruction: the only part that is denoised

# Columns of the table: what is measured of an edit, its heading, how its mean is written.
COLUMNS = [
    ("evaluations", "evaluations", "{:.1f}"), ("seconds", "seconds", "{:.2f}"),
    ("cells", "overlap of cells", "{:.3f}"), ("overlap", "of the region", "{:.3f}"),
    ("overlap_old", "with the old thing", "{:.3f}"),
    ("spill", "region outside both", "{:.2%}"), ("needless", "changed outside both", "{:.2%}"),
    ("success", "success", "{:.1%}"), ("new_there", "new there", "{:.1%}"),
    ("old_gone", "old gone", "{:.1%}"), ("companion_there", "the other there", "{:.1%}"),
    ("outside_psnr", "outside, dB", "{:.1f}"), ("outside_equal", "equal outside", "{:.1%}"),
    ("reconstruction_psnr", "autoencoder, dB", "{:.1f}"),
]
PAIRED = [("success", "success"), ("overlap", "overlap"), ("overlap_old", "with the old thing"),
          ("needless", "changed outside both")]


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


def at_size(cells):
    side = world.SIZE // cells.shape[0]
    return np.kron(cells, np.ones((side, side))) > 0


class Kept:
    """Results that an earlier run left in a file, one a line; new ones are added to it. The file
    does not know which program and weights made them."""

    def __init__(self, path):
        self.path, self.lock, self.known = path, threading.Lock(), {}
        if path and path.exists():
            for line in path.read_text().splitlines():
                result = json.loads(line)
                self.known[result["setting"], result["scene"]] = result

    def add(self, result):
        if (result["setting"], result["scene"]) in self.known:
            return
        with self.lock:
            print(json.dumps(result), flush=True)
            if self.path:
                with open(self.path, "a") as file:
                    file.write(json.dumps(result) + "\n")


class Evaluation:
    def __init__(self, options):
        self.options = options
        self.judge = classifier.load_classifier(options.work)
        self.edits = [edit for edit in EDITS if not options.unseen or edit[0] in world.UNSEEN]
        self.kept = Kept(options.results)

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

    def edit(self, index):
        """What a scene's edit is about."""
        source, target = self.edits[index % len(self.edits)]
        companion = self.companion(index, source, target)
        scene = self.scene(index, source, companion, self.options.unseen)
        wished = self.scene(index, target, companion)
        return {"scene": index, "edit": f"{source} to {target}",
                "kinds": (source, target, companion), "picture": scene.picture,
                "old": scene.masks[0], "true": scene.masks[0] | wished.masks[0]}

    def run(self, index):
        """One scene's results by setting and its row of the sheet."""
        edit = self.edit(index)
        results, row = [], [edit["picture"]]
        for setting in self.options.settings:
            result = self.kept.known.get((setting, index))
            if result is None or self.options.sheet:
                with tempfile.TemporaryDirectory() as name:
                    result = self.measure(Path(name), setting, edit)
                    row += self.pictures(Path(name))
                self.kept.add(result)
            results.append(result)
        return results, np.concatenate(row, axis=1)

    def texts(self, edit):
        """From, to."""
        source, target, companion = edit["kinds"]
        named = companion and not self.options.unnamed
        tail = f" and {world.with_article(companion)}" if named else ""
        return world.with_article(source) + tail, world.with_article(target) + tail

    def perform(self, folder, setting, edit):
        """Leaves result, region and stages in `folder`; returns the program's report."""
        Image.fromarray(edit["picture"]).save(folder / "input.png")
        source, target = self.texts(edit)
        outputs = ["--output", folder / "region.png"] if self.options.masks_only else [
            "--output", folder / "result.png", "--mask-out", folder / "region.png"]
        return self.program(
            "mask" if self.options.masks_only else "edit", folder / "input.png", "--from",
            source, "--to", target, *outputs, "--preset", *setting.split(), "--seed",
            str(edit["scene"]), "--stages", folder / "stages", "--json")

    def measure(self, folder, setting, edit):
        """The numbers of one edit."""
        report = self.perform(folder, setting, edit)
        result = {"setting": setting, "scene": edit["scene"], "edit": edit["edit"],
                  "evaluations": report["evaluations"], "seconds": report["seconds"]["total"],
                  **self.found(folder, edit)}
        if not self.options.masks_only:
            result.update(self.changed(folder, edit))
        if self.options.reconstruct:
            result["reconstruction_psnr"] = self.reconstruct(folder, edit["picture"])
        return result

    def pictures(self, folder):
        """Of the sheet: with one setting, how the result came about; with several, their
        results."""
        result = [] if self.options.masks_only else [read(folder / "result.png", "RGB")]
        if len(self.options.settings) > 1 and result:
            return result
        return [read(folder / "stages/map.png", "RGB"), read(folder / "region.png", "RGB")] + result

    def program(self, *arguments):
        report = subprocess.run([self.options.program, *arguments, "--model", self.options.model,
                                 "--quiet", "--force", "--threads", "1"], check=True,
                                stdout=subprocess.PIPE).stdout
        return json.loads(report) if report else {}

    def found(self, folder, edit):
        """How well cells and region meet the truth."""
        region, true = read(folder / "region.png", "L") > 127, edit["true"]
        result = {"overlap": overlap(region, true), "overlap_old": overlap(region, edit["old"]),
                  "spill": float((region & ~true).mean())}
        cells, levels = (np.load(folder / f"stages/{name}.npy") for name in ("mask", "map"))
        if cells.shape == levels.shape:
            result["cells"] = overlap(at_size(cells), true)
        if (folder / "stages/map-refined.npy").exists():
            levels = np.load(folder / "stages/map-refined.npy")
        for name, thing in (("at", true), ("at_old", edit["old"])):
            result[name] = {threshold: overlap(at_size(levels >= threshold), thing)
                            for threshold in THRESHOLDS}
        return result

    def judged(self, result, edit):
        """What the judge sees in a result [h, w, 3]."""
        source, target, companion = edit["kinds"]
        seen = classifier.probabilities(self.judge, result)
        judged = {"success": seen[target] > 0.5 > seen[source], "new_there": seen[target] > 0.5,
                  "old_gone": seen[source] < 0.5}
        if companion:
            judged["companion_there"] = seen[companion] > 0.5
        return judged

    def changed(self, folder, edit):
        """`decoded.png` is what --composite latent gives, `result.png` is the pixel composite of
        the same edit."""
        picture = edit["picture"]
        result, decoded = read(folder / "result.png", "RGB"), read(folder / "stages/decoded.png",
                                                                   "RGB")
        region = read(folder / "region.png", "L") > 127
        kept, differs = ~grown(region, FEATHER + 1), (result != picture).any(2)
        numbers = {**self.judged(result, edit),
                   "needless": float((differs & ~edit["true"]).mean()),
                   "outside_equal": not differs[kept].any()}
        if np.array_equal(read(folder / "stages/input.png", "RGB"), picture):  # not a part of it
            decodes = at_size(np.load(folder / "stages/mask.npy"))    # may be more than the region
            numbers["outside_psnr"] = psnr(decoded, picture, ~(region | decodes | edit["true"]))
        return {name: value if isinstance(value, float) else bool(value)
                for name, value in numbers.items()}

    def reconstruct(self, folder, picture):
        """Everything but one cell in a corner is kept, so the decoder shows what it makes of the
        picture's own latent."""
        corner = np.zeros(picture.shape[:2], np.uint8)
        corner[0, 0] = 255
        Image.fromarray(corner).save(folder / "corner.png")
        self.program("inpaint", folder / "input.png", "--mask", folder / "corner.png", "--to", "",
                     "--steps", "2", "--ratio", "0.5", "--composite", "latent", "--output",
                     folder / "reconstruction.png")
        away = np.ones_like(corner, bool)
        away[:CORNER, :CORNER] = False
        return psnr(read(folder / "reconstruction.png", "RGB"), picture, away)


def table(rows):
    """Markdown; the first row is the heading."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0])] + lines[1:]) + "\n"


def have_all(name, results):
    """Whether every scene of every setting has this number: one that worked on a box lacks some."""
    return all(name in scene for of in results for scene in of)


def means(settings, results):
    """A row for each setting; `results` has one list of scenes for each."""
    columns = [column for column in COLUMNS if have_all(column[0], results)]
    return table([["setting"] + [heading for _, heading, _ in columns]] +
                 [[f"`{setting}`"] + [form.format(np.mean([scene[name] for scene in of]))
                                      for name, _, form in columns]
                  for setting, of in zip(settings, results)])


def differences(settings, results):
    """Of each pair of settings, scene by scene: the mean and its standard error."""
    columns = [column for column in PAIRED if have_all(column[0], results)]
    rows = [["pair"] + [heading for _, heading in columns]]
    for one, other in itertools.combinations(range(len(settings)), 2):
        row = [f"`{settings[other]}` less `{settings[one]}`"]
        for name, _ in columns:
            steps = [float(b[name]) - float(a[name]) for a, b in zip(results[one], results[other])]
            error = np.std(steps, ddof=1) / len(steps) ** 0.5 if len(steps) > 1 else 0
            row.append(f"{np.mean(steps):+.3f} ± {error:.3f}")
        rows.append(row)
    return table(rows)


def by_edit(settings, results):
    """Overlap and success of each pair of texts."""
    rows = collections.defaultdict(lambda: [[] for _ in settings])
    for index, of in enumerate(results):
        for scene in of:
            rows[scene["edit"]][index].append((scene["overlap"], scene.get("success", 0)))
    return table([["edit"] + [f"`{setting}`" for setting in settings]] +
                 [[edit] + ["{:.2f}, {:.0%}".format(*np.mean(values, axis=0)) for values in row]
                  for edit, row in sorted(rows.items())])


def by_threshold(settings, results):
    """Overlap of the map, refined if it is, at other thresholds: with old and new, and with the
    old thing."""
    rows = [["setting"] + [str(threshold) for threshold in THRESHOLDS]]
    for setting, of in zip(settings, results):
        both, old = ([[*scene[name].values()] for scene in of] for name in ("at", "at_old"))
        rows.append([f"`{setting}`"] + [f"{one:.3f}, {other:.3f}" for one, other in
                                        zip(np.mean(both, axis=0), np.mean(old, axis=0))])
    return table(rows)


def sheet(rows):
    """Two edits a line. Of one setting: input, map, region, result; of several: input, results."""
    rows = rows + rows[-1:] * (len(rows) % 2)
    half = len(rows) // 2
    columns = [np.concatenate(rows[:half]), np.concatenate(rows[half:])]
    return Image.fromarray(np.concatenate(columns, axis=1))


def add_scene_arguments(parser):
    parser.add_argument("--work", type=Path, default=common.WORK,
                        help="folder of classifier.pt [%(default)s]")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--first", type=int, default=0,
                        help="number of the first scene [%(default)s]")
    parser.add_argument("--validation", action="store_true",
                        help="other scenes, on which defaults may be chosen")
    parser.add_argument("--unseen", action="store_true", help="cut-outs that no training saw")
    parser.add_argument("--companion", action="store_true",
                        help="a second thing in each scene, which must stay")
    parser.add_argument("--unnamed", action="store_true",
                        help="and which the texts leave out")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", default=["paper"], metavar="SETTING",
                        help="presets, each with options [paper]")
    parser.add_argument("--program", default=ROOT / "build/diffedit", help="[%(default)s]")
    parser.add_argument("--model", default=ROOT / "models/pocket", help="[%(default)s]")
    add_scene_arguments(parser)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)),
                        help="edits at a time [%(default)s]")
    parser.add_argument("--results", type=Path, metavar="FILE",
                        help="keep each edit's numbers here; what is there is not measured again")
    parser.add_argument("--masks-only", action="store_true",
                        help="find the regions and change nothing")
    parser.add_argument("--reconstruct", action="store_true", help="measure the autoencoder too")
    parser.add_argument("--sheet", metavar="PNG", help="write the pictures of each edit")
    options = parser.parse_args()
    evaluation = Evaluation(options)
    scenes = range(options.first, options.first + options.scenes)
    with ThreadPoolExecutor(options.workers) as workers:
        by_scene, rows = zip(*workers.map(evaluation.run, scenes))
    by_setting = list(zip(*by_scene))
    makers = [means] + [differences] * (len(options.settings) > 1) + [by_threshold, by_edit]
    for make in makers:
        print("\n" + make(options.settings, by_setting))
    if options.sheet:
        sheet(list(rows)).save(options.sheet)
