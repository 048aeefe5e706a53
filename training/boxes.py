"""Measures edits of a part of a picture: pocket scenes, drawn at four times the size, whose thing
fills a share of the picture (its bounding box), edited by settings as evaluate.py has them.

The judge sees the part of the picture where the thing is, at the size of its own training. With
--given the mask is the union of the old and the new thing, somewhat grown, in place of a found one.
"""
import argparse
import collections
import itertools
import json
import resource
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import classifier
import common
import evaluate
import world

GROWN = 1 / 40         # of a given mask, of the picture's side
LARGEST = 0.96         # of a thing, as in the world's own scenes
VIEW = 0.8             # a thing's share of what the judge sees, along one side


def stamp(kind, rng):
    thing = world.pick(world.GROUPS.get(kind, kind), rng.random(), False)
    return world.without_stalk(thing) if kind == "strawberries" else thing


def scene(kind, index, share, options):
    """The picture and the thing's mask. The spot, the light and the place are the same for all
    kinds."""
    seed = evaluate.VALIDATION if options.validation else evaluate.TEST
    rng = np.random.default_rng([seed, index])
    place = list(world.PLACES)[index % len(world.PLACES)]
    picture = world.paint_place(place, rng, options.times * world.SIZE)
    light = world.Light.draw(rng, place)
    mask = Image.new("L", picture.size, 0)
    thing, spot = stamp(kind, rng), rng.random(2)
    length = min(LARGEST, (share * max(thing.size) / min(thing.size)) ** 0.5)
    side = share ** 0.5
    world.put(picture, mask, thing, length, side / 2 + spot[0] * (1 - side),
              max(length, 0.5 + 0.47 * spot[1]), False, light)
    return np.array(picture), np.asarray(mask) > 127


def view(picture, where):
    """A square around the thing, as the judge knows it."""
    rows, columns = np.nonzero(where)
    whole = len(picture)
    side = min(whole, int(max(np.ptp(rows), np.ptp(columns)) / VIEW))
    left, top = (int(np.clip((axis.min() + axis.max() - side) / 2, 0, whole - side))
                 for axis in (columns, rows))
    part = Image.fromarray(picture).crop((left, top, left + side, top + side))
    return np.asarray(part.resize((world.SIZE, world.SIZE), Image.LANCZOS))


class Boxes:
    def __init__(self, options):
        self.options = options
        self.judge = classifier.load_classifier(options.work)
        self.edits = [edit for edit in evaluate.EDITS if not set(edit) & set(world.GROUPS)]
        self.kept = evaluate.Kept(options.results)

    def run(self, job):
        index, share = job
        source, target = self.edits[index % len(self.edits)]
        (picture, old), (_, new) = (scene(kind, index, share, self.options)
                                    for kind in (source, target))
        results = []
        for setting in self.options.settings:
            scene_name = f"{index}, {share}"
            result = self.kept.known.get((setting, scene_name))
            if result is None:
                with tempfile.TemporaryDirectory() as name:
                    result = {"setting": setting, "scene": scene_name, "share": share,
                              **self.measure(Path(name), setting, source, target, picture,
                                             old | new)}
                self.kept.add(result)
            results.append(result)
        return results

    def measure(self, folder, setting, source, target, picture, true):
        Image.fromarray(picture).save(folder / "input.png")
        outputs = ["--output", folder / "result.png", "--mask-out", folder / "region.png"]
        texts = ["--from", world.with_article(source), "--to", world.with_article(target)]
        if self.options.given:
            given = evaluate.grown(true, int(GROWN * len(picture)))
            Image.fromarray(np.uint8(255 * given)).save(folder / "mask.png")
            outputs += ["--mask", folder / "mask.png"]
        command = [self.options.program, "edit", folder / "input.png", *texts, *outputs, "--preset",
                   *setting.split(), "--model", self.options.model, "--quiet", "--force",
                   "--threads", "1", "--json"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = evaluate.read(folder / "result.png", "RGB")
        region = evaluate.read(folder / "region.png", "L") > 127
        seen = classifier.probabilities(self.judge, view(result, true))
        width, height = map(int, report["size"].split("x"))
        return {"seconds": after.ru_utime - before.ru_utime, "pixels": width * height,
                "overlap": evaluate.overlap(region, true),
                "success": bool(seen[target] > 0.5 > seen[source]),
                "new_there": bool(seen[target] > 0.5), "old_gone": bool(seen[source] < 0.5)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", default=["paper", "paper --region crop"],
                        metavar="SETTING", help="presets, each with options")
    parser.add_argument("--shares", nargs="+", type=float, default=[0.05, 0.1, 0.25, 0.5])
    parser.add_argument("--times", type=int, default=4, help="size of a scene [%(default)s]")
    parser.add_argument("--given", action="store_true", help="give the mask")
    parser.add_argument("--validation", action="store_true", help="other scenes")
    parser.add_argument("--scenes", type=int, default=42)
    parser.add_argument("--results", type=Path, metavar="FILE",
                        help="keep each edit's numbers here; what is there is not measured again")
    parser.add_argument("--program", default=evaluate.ROOT / "build/diffedit")
    parser.add_argument("--model", default=evaluate.ROOT / "models/pocket")
    parser.add_argument("--work", type=Path, default=common.WORK)
    boxes = Boxes(parser.parse_args())
    options, found = boxes.options, collections.defaultdict(list)
    # one edit at a time, so that the seconds of a child are told from another's
    for job in itertools.product(range(options.scenes), options.shares):
        for result in boxes.run(job):
            found[result["share"], result["setting"]].append(result)
    rows = [["share", "setting", "seconds", "working pixels", "overlap", "new there", "old gone",
             "success"]]
    for share, setting in itertools.product(options.shares, options.settings):
        of = found[share, setting]
        mean = {name: np.mean([result[name] for result in of])
                for name in of[0] if name not in ("share", "setting", "scene")}
        rows.append([f"{share:.0%}", f"`{setting}`", f"{mean['seconds']:.2f}",
                     f"{mean['pixels']:.0f}", f"{mean['overlap']:.2f}", f"{mean['new_there']:.0%}",
                     f"{mean['old_gone']:.0%}", f"{mean['success']:.0%}"])
    print(evaluate.table(rows))


if __name__ == "__main__":
    main()
