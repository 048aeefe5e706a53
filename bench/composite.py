#!/usr/bin/env python3
"""How long the composite of a large picture takes, by radius, beside another build of the program.

    bench/composite.py [OTHER_PROGRAM]
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

SOURCE = pathlib.Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 6000, 4000
CASES = [[], ["--mask-grow", "100"], ["--mask-blur", "20"], ["--mask-blur", "400"],
         ["--mask-blur", "4096"]]


def measure(program, folder, more):
    command = [program, "inpaint", folder / "in.tif", "--mask", folder / "mask.png", "--to",
               "a zebra", "--steps", "1", "-q", "--json", "-o", folder / "out.tif", *more]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found["seconds"]["composite"]


def main():
    programs = [SOURCE / "build/diffedit", *sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        slope = np.add.outer(np.arange(HEIGHT) // 16, np.arange(WIDTH) // 24).astype(np.uint8)
        Image.fromarray(np.dstack([slope, slope[::-1], slope[:, ::-1]])).save(folder / "in.tif")
        mask = Image.new("L", (WIDTH, HEIGHT))
        mask.paste(255, (WIDTH // 4, HEIGHT // 4, WIDTH * 3 // 4, HEIGHT * 3 // 4))
        mask.save(folder / "mask.png")
        for more in CASES:
            times = [measure(program, folder, more) for program in programs]
            ratio = f"  {times[1] / times[0]:.1f} times" if len(times) > 1 else ""
            print(f"{' '.join(more) or 'feather':16}",
                  "  ".join(f"{time:6.2f} s" for time in times), ratio, flush=True)


if __name__ == "__main__":
    main()
