#!/usr/bin/env python3
"""Draws the pictures of docs/MASKS.md: a layer, on a checkerboard where it is clear, and beside it
what the program selects.

    docs/pictures/masks.py [PROGRAM]
"""
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image, ImageDraw

HERE = pathlib.Path(__file__).resolve().parent
SIDE, GAP, SQUARE = 120, 12, 10
SHAPE = [30, 24, 92, 96]
CLEAR, WHITE, BLACK = (0, 0, 0, 0), (255, 255, 255, 255), (0, 0, 0, 255)
# name: the layer, and what is drawn or erased in it
LAYERS = {"white-paint": (CLEAR, WHITE), "black-paint": (CLEAR, BLACK),
          "hole-in-black": (BLACK, CLEAR), "hole-in-white": (WHITE, CLEAR)}


def checkerboard():
    board = Image.new("RGBA", (SIDE, SIDE), (255, 255, 255, 255))
    draw = ImageDraw.Draw(board)
    for y in range(0, SIDE, SQUARE):
        for x in range(y % (2 * SQUARE), SIDE, 2 * SQUARE):
            draw.rectangle([x, y, x + SQUARE - 1, y + SQUARE - 1], (200, 200, 200, 255))
    return board


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else HERE.parent.parent / "build/diffedit"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        Image.new("RGB", (SIDE, SIDE), (120, 140, 90)).save(folder / "picture.png")
        for name, (background, paint) in LAYERS.items():
            layer = Image.new("RGBA", (SIDE, SIDE), background)
            ImageDraw.Draw(layer).ellipse(SHAPE, paint)
            layer.save(folder / "layer.png")
            subprocess.run([program, "inpaint", folder / "picture.png",
                            "--mask", folder / "layer.png",
                            "--to", "a zebra", "--steps", "1", "-o", folder / "out.png", "-q",
                            "--mask-out", folder / "selected.png"], check=True)
            sheet = Image.new("RGB", (2 * SIDE + 3 * GAP, SIDE + 2 * GAP), (110, 110, 110))
            sheet.paste(Image.alpha_composite(checkerboard(), layer).convert("RGB"), (GAP, GAP))
            sheet.paste(Image.open(folder / "selected.png").convert("RGB"), (SIDE + 2 * GAP, GAP))
            sheet.quantize(16).save(HERE / f"mask-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
