"""Makes choose.jpg: one edit a row, by the presets that README.md tells apart.

    /usr/bin/python3 docs/pictures/choose.py build/diffedit
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image, ImageDraw

HERE = pathlib.Path(__file__).resolve().parent
POCKET = HERE.parents[1] / "models/pocket"
EDITS = [("horse", "a horse", "a zebra"), ("strawberries", "strawberries", "apples")]
COLUMNS = {"input": None, "paper": ["--preset", "paper"], "fast": ["--preset", "fast"],
           "lcm": ["--preset", "lcm", "--lora", str(POCKET / "lcm-lora.safetensors")]}
SIDE, LINE, GAP = 192, 16, 4


def edit(program, name, source, target, options, folder):
    output = folder / "result.png"
    said = subprocess.run([program, "edit", POCKET / f"samples/{name}.png", "--from", source,
                           "--to", target, "--output", output, "--json", "--quiet", *options],
                          check=True, stdout=subprocess.PIPE).stdout
    return Image.open(output).convert("RGB"), json.loads(said)["evaluations"]


def main():
    width = len(COLUMNS) * (SIDE + GAP) - GAP
    sheet = Image.new("RGB", (width, len(EDITS) * (SIDE + GAP) + LINE), "white")
    draw = ImageDraw.Draw(sheet)
    with tempfile.TemporaryDirectory() as folder:
        for row, (name, source, target) in enumerate(EDITS):
            for column, (title, options) in enumerate(COLUMNS.items()):
                picture = Image.open(POCKET / f"samples/{name}.png").convert("RGB")
                if options:
                    picture, evaluations = edit(sys.argv[1], name, source, target, options,
                                                pathlib.Path(folder))
                    title += f": {evaluations} evaluations"
                at = (column * (SIDE + GAP), LINE + row * (SIDE + GAP))
                sheet.paste(picture.resize((SIDE, SIDE), Image.LANCZOS), at)
                if row == 0:
                    draw.text((at[0], 2), title, fill="black")
    sheet.save(HERE / "choose.jpg", quality=92)


if __name__ == "__main__":
    main()
