"""Whether quick edits as well as exact: both on the same held-out scenes of the pocket world, from
the same noise, by the built program. With `--device gpu`, quick on a GPU against exact on the
processor.

Each scene is edited four times: by both arithmetics, each with the mask that it finds, which says
whether they succeed alike; and by both with exact's mask, which says how far apart their pictures
are. Prints tables in Markdown.
"""
import argparse
import functools
import math
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import common
import evaluate

ARITHMETICS = ["exact", "quick"]
EQUAL = 96.0  # dB, of equal pictures: one value in 49,152 off by one is 95


def run(evaluation, setting, device, index):
    edit, results, pictures = evaluation.edit(index), {}, {}
    settings = {"exact": f"{setting} --arithmetic exact --device cpu",
                "quick": f"{setting} --arithmetic quick --device {device}"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for arithmetic in ARITHMETICS:
            own = folder / arithmetic
            own.mkdir()
            results[arithmetic] = evaluation.measure(own, settings[arithmetic], edit)
        mask = folder / ARITHMETICS[0] / "region.png"
        for arithmetic in ARITHMETICS:
            given = folder / f"{arithmetic}-given"
            given.mkdir()
            evaluation.perform(given, f"{settings[arithmetic]} --mask {mask}", edit)
            pictures[arithmetic] = [evaluate.read(given / file, "RGB")
                                    for file in ("stages/decoded.png", "result.png")]
        cells = [np.load(folder / arithmetic / "stages/mask.npy") for arithmetic in ARITHMETICS]
    everywhere = np.ones(edit["picture"].shape[:2], bool)
    decoded, result = (min(EQUAL, evaluate.psnr(one, other, everywhere))
                       for one, other in zip(*pictures.values()))
    return results, {"decoded": decoded, "result": result,
                     "same cells": np.array_equal(*cells)}


def sign_test(wins, losses):
    """How probable so uneven a split is if neither is better (McNemar's exact test)."""
    both = wins + losses
    tail = sum(math.comb(both, k) for k in range(min(wins, losses) + 1)) / 2 ** both
    return min(1.0, 2 * tail)


def interval(differences):
    """Mean and half the width of its 95 % interval."""
    return np.mean(differences), 1.96 * np.std(differences, ddof=1) / len(differences) ** 0.5


def paired(results):
    """Both arithmetics by the measures of evaluate.py, and the difference scene by scene."""
    rows = [["", *ARITHMETICS, "quick less exact, 95 %", "scenes better, worse", "p"]]
    for name, heading in evaluate.PAIRED:
        exact, quick = (np.array([float(scene[arithmetic][name]) for scene in results])
                        for arithmetic in ARITHMETICS)
        better, worse = int((quick > exact).sum()), int((quick < exact).sum())
        mean, width = interval(quick - exact)
        rows.append([heading, f"{exact.mean():.4f}", f"{quick.mean():.4f}",
                     f"{mean:+.4f} ± {width:.4f}", f"{better}, {worse}",
                     f"{sign_test(better, worse):.2f}"])
    return evaluate.table(rows)


def pictures(distances):
    rows = [["quick's picture against exact's, with exact's mask", "mean", "median", "least",
             "40 dB or more"]]
    for name, heading in (("decoded", "the decoder's"), ("result", "the result")):
        values = np.array([scene[name] for scene in distances])
        rows.append([heading, *(f"{f(values):.1f} dB" for f in (np.mean, np.median, np.min)),
                     f"{(values >= 40).mean():.1%}"])
    same = np.mean([scene["same cells"] for scene in distances])
    return evaluate.table(rows) + f"\nEach with its own mask: the same cells in {same:.1%}.\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", default="fast", help="a preset with options [%(default)s]")
    parser.add_argument("--device", default="cpu", help="quick's [%(default)s]")
    parser.add_argument("--program", default=evaluate.ROOT / "build/diffedit",
                        help="[%(default)s]")
    parser.add_argument("--model", default=evaluate.ROOT / "models/pocket", help="[%(default)s]")
    parser.add_argument("--work", type=Path, default=common.WORK,
                        help="folder of classifier.pt [%(default)s]")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)),
                        help="edits at a time [%(default)s]")
    options = parser.parse_args()
    options.validation = options.unseen = options.companion = options.unnamed = False
    options.masks_only = options.reconstruct = False
    options.results = None
    made = evaluate.Evaluation(options)
    with ThreadPoolExecutor(options.workers) as workers:
        found = workers.map(functools.partial(run, made, options.setting, options.device),
                            range(options.scenes))
        by_scene, apart = zip(*found)
    print(f"{options.scenes} scenes, `{options.setting}`\n")
    print(paired(by_scene))
    print(pictures(apart))
