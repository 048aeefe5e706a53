#!/usr/bin/env python3
"""Makes mask-refined.jpg, which docs/MASKS.md shows: photographs that come with scikit-image (CC0
or public domain), maps drawn by hand, and the masks that build/diffedit makes of them.

    docs/pictures/refined.py build/diffedit     # needs numpy, Pillow and scikit-image
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import skimage
from PIL import Image, ImageFilter

HERE = pathlib.Path(__file__).resolve().parent
PHOTOGRAPHS = pathlib.Path(skimage.__file__).parent / "data"
WIDTH = 240   # of each picture in the sheet
FACTOR, AREA = 4, 256 ** 2   # of the pocket model's cells; of the working size
# in shares of the picture: centre and radii of where the thing is
THINGS = {"astronaut.png": (0.44, 0.18, 0.12, 0.17), "rocket.jpg": (0.50, 0.45, 0.05, 0.34),
          "camera.png": (0.42, 0.42, 0.16, 0.33), "coffee.png": (0.48, 0.42, 0.24, 0.36)}


def working_size(photograph):
    scale = (AREA / (photograph.width * photograph.height)) ** 0.5
    return [FACTOR * round(side * scale / FACTOR) for side in photograph.size]


def draw_map(cells, thing, generator):
    """A noisy blob, as a model's map is."""
    width, height = cells
    y, x = np.mgrid[:height, :width] + 0.5
    far = np.hypot((x / width - thing[0]) / thing[2], (y / height - thing[1]) / thing[3])
    noise = generator.normal(scale=0.09, size=far.shape)
    return np.clip(0.75 * np.clip(1.6 - far, 0, 1) + 0.08 + noise, 0, 1).astype(np.float32)


def find_mask(program, folder, size, refine):
    subprocess.run([program, "mask", folder / "photograph.png", "--from", "", "--to", "a dog",
                    "--model", HERE.parent.parent / "models/pocket", "--map-in", folder / "map.npy",
                    "--size", f"{size[0]}x{size[1]}", "--mask-threshold", "0.4", "--mask-filter",
                    "bilateral", "--mask-fill", "on", "--mask-refine", refine, "--quiet",
                    "--output", folder / "mask.png"], check=True)
    return Image.open(folder / "mask.png")


def shown(photograph, mask):
    """What is not selected is dark; the mask has an outline."""
    dark = Image.eval(photograph, lambda value: value // 4)
    edge = Image.fromarray(np.asarray(mask.filter(ImageFilter.MaxFilter(5))) - np.asarray(mask))
    seen = Image.composite(photograph, dark, mask)
    return Image.composite(Image.new("RGB", photograph.size, (255, 0, 255)), seen, edge)


def row(program, name, generator):
    photograph = Image.open(PHOTOGRAPHS / name).convert("RGB")
    size = working_size(photograph)
    drawn = draw_map([side // FACTOR for side in size], THINGS[name], generator)
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        photograph.save(folder / "photograph.png")
        np.save(folder / "map.npy", drawn)
        masks = [find_mask(program, folder, size, refine) for refine in ("off", "on")]
        parts = [photograph, Image.fromarray(np.uint8(255 * drawn)).convert("RGB"),
                 *(shown(photograph, mask) for mask in masks)]
    height = round(WIDTH * photograph.height / photograph.width)
    return np.concatenate([np.asarray(part.resize((WIDTH, height))) for part in parts], axis=1)


if __name__ == "__main__":
    numbers = np.random.default_rng(0)
    rows = [row(sys.argv[1], name, numbers) for name in THINGS]
    Image.fromarray(np.concatenate(rows)).save(HERE / "mask-refined.jpg", quality=88)
