"""What type checkers see: the package's own types, and the options as the build writes them."""
import re
import subprocess
import sys

import diffedit

GOOD = '''
from pathlib import Path

import numpy
from numpy.typing import NDArray
from PIL import Image
from typing_extensions import assert_type

import diffedit

model = diffedit.Model("pocket", preset="fast", arithmetic="quick", lora=[("a.safetensors", 0.5)])
with model.editor(Image.open("a.png"), threads=2) as editor:
    region = editor.find("a horse", "a zebra", mask_samples=4, progress=True)
    assert_type(region.mask, NDArray[numpy.bool_])
    assert_type(region.map, "NDArray[numpy.float32] | None")
    assert_type(editor.edit("a horse", "a zebra", mask_threshold=0.4, size=(128, 64)), Image.Image)
    assert_type(editor.edit("a", "b", output="picture", feather="cell"), diffedit.Picture)
    editor.edit("a", "b", output="array", mask_fill=True, encode_guidance="guidance").mean()
    assert_type(editor.inpaint("a zebra", region, scheduler="dpm++2m"), Image.Image)
    assert_type(editor.invert(steps=10), NDArray[numpy.float32])
    assert_type(editor.costs("edit", "a", "b", spacing="karras")["map"], float)
    assert_type(model.generate("a zebra", seed=3, progress=lambda stage, done, total: done > 3),
                Image.Image)
    latent = editor.array("latent")
    if latent is not None:
        editor.predict_noise(latent, 500, editor.encode_text("a horse"))
    editor.set_correction(add=region.mask, remove=Path("mask.png"))
    assert_type(editor.stats.box, "tuple[int, int, int, int]")
help: str = diffedit.OPTIONS["steps"].help
'''
BAD = '''
import diffedit

model = diffedit.Model(arithmetic="fast")
editor = model.editor()
editor.edit("a", "b", scheduler="dim")
editor.edit("a", "b", stepz=3)
editor.find("a", "b", steps="many")
editor.find("a", "b", preset="slow")
editor.array("lattent")
editor.edit("a")
'''


def check(folder, text):
    (folder / "sample.py").write_text(text)
    return subprocess.run([sys.executable, "-m", "mypy", "--strict", "sample.py"], cwd=folder,
                          capture_output=True, text=True).stdout


def test_a_sample_passes_strictly(tmp_path):
    said = check(tmp_path, GOOD)
    assert said.startswith("Success"), said


def test_mistakes_are_found(tmp_path):
    said = check(tmp_path, BAD)
    found = {int(number) for number in re.findall(r"^sample\.py:(\d+): error", said, re.MULTILINE)}
    assert found == {4, *range(6, 12)}, said


def test_the_package_itself_passes_strictly(tmp_path):
    said = subprocess.run([sys.executable, "-m", "mypy", "--strict", "-p", "diffedit"],
                          cwd=tmp_path, capture_output=True, text=True).stdout
    assert said.startswith("Success"), said


def test_every_option_has_a_type():
    text = (diffedit.POCKET.parent / "_keywords.pyi").read_text()
    assert [name for name in diffedit.OPTIONS if f"    {name}: " not in text] == []
    assert [name for name in diffedit.ARRAYS if repr(name) not in text] == []
