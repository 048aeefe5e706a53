"""Draws the sample pictures of the demo: scenes of the world at twice the model's size.

The seeds were chosen by eye, so that a picture shows its thing whole and plain.
"""
import argparse

import numpy as np
from PIL import Image

import export
import world

SIZE = 256

# file -> (kind, place, seed)
SAMPLES = {
    "horse": ("horse", "meadow", 0),
    "strawberries": ("strawberries", "table", 0),
    "lemons": ("lemons", "beach", 3),
}


def draw(name):
    kind, place, seed = SAMPLES[name]
    return world.scene(np.random.default_rng([2000, seed]), [kind], place, SIZE).picture


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    folder = export.MODEL / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    for name in SAMPLES:
        Image.fromarray(draw(name)).save(folder / f"{name}.png", optimize=True)
