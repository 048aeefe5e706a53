"""The model that ships: its pages name what it knows, its folder holds what it needs, its sample
pictures can be edited."""
import json
import os
import pathlib
import re
import subprocess

import numpy as np
import pytest
from PIL import Image

import files

PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", files.SOURCE / "build/diffedit")).resolve()
MODEL = files.SOURCE / "models/pocket"
HINTS = json.loads((MODEL / "diffedit.json").read_text())
LARGEST = 32 * 2 ** 20
# AddressSanitizer, which makes the 170 evaluations of an edit by default take a minute, finds in 11
# of them what there is.
STEPS = ["--steps", "3", "--mask-samples", "1"] if b"__asan_init" in PROGRAM.read_bytes() else []


def words_of(path):
    return set(re.findall("[a-z]+", path.read_text().lower()))


@pytest.mark.parametrize("page", [MODEL / "README.md", files.SOURCE / "docs/POCKET.md"],
                         ids=lambda page: page.name)
def test_pages_name_every_word(page):
    assert set(HINTS["words"]) - words_of(page) == set()


def test_every_word_is_one_token():
    vocabulary = json.loads((MODEL / "tokenizer/vocab.json").read_text())
    assert [word for word in HINTS["words"] if word + "</w>" not in vocabulary] == []


def test_size():
    assert sum(path.stat().st_size for path in MODEL.rglob("*") if path.is_file()) <= LARGEST


LCM = ["--preset", "lcm", "--lora", MODEL / "lcm-lora.safetensors"]


def test_the_lora_fits_and_saves_evaluations(tmp_path):
    info = json.loads(subprocess.run([PROGRAM, "model", "info", MODEL, *LCM[2:], "--json"],
                                     capture_output=True, check=True).stdout)
    assert info["problems"] == []
    assert (info["lora"][0]["unet_layers"], info["lora"][0]["most_rank"]) == (129, 16)
    said = json.loads(subprocess.run(
        [PROGRAM, "edit", MODEL / "samples/horse.png", "-m", MODEL, "--from", "a horse", "--to",
         "a zebra", *LCM, "-o", tmp_path / "o.png", "--json", "-q"],
        capture_output=True, check=True, timeout=300).stdout)
    assert said["warnings"] == [] and said["evaluations"] == 8
    assert 0.05 < said["mask_share"] < 0.6


@pytest.mark.parametrize("sample, source, target", [
    ("horse", "a horse", "a zebra"), ("horse", "a horse", "a giraffe"),
    ("strawberries", "strawberries", "apples")])
def test_samples_can_be_edited(tmp_path, sample, source, target):
    output, mask = tmp_path / "o.png", tmp_path / "m.png"
    said = json.loads(subprocess.run(
        [PROGRAM, "edit", MODEL / f"samples/{sample}.png", "-m", MODEL, "--from", source, "--to",
         target, *STEPS, "-o", output, "--mask-out", mask, "--feather", "0", "--json", "-q"],
        capture_output=True, check=True, timeout=300).stdout)
    assert said["warnings"] == [] and 0.05 < said["mask_share"] < 0.6
    before = np.asarray(Image.open(MODEL / f"samples/{sample}.png").convert("RGB"), int)
    after, changed = np.asarray(Image.open(output).convert("RGB"),
                                int), np.asarray(Image.open(mask)) > 127
    assert (after[~changed] == before[~changed]).all()
    assert np.abs(after - before)[changed].mean() > 10
