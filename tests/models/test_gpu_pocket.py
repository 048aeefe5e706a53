"""The model that ships on a GPU, which may be software here: in f16 it finds the masks and makes
the pictures that it does on the CPU.

Of its evaluation on 200 scenes (docs/POCKET.md) that is an edit and a map, of the samples: the
GPU's part of one scene takes software more than a minute. On a real GPU,
training/arithmetics.py --device gpu does all of it."""
import json
import os
import pathlib
import subprocess

import numpy as np
from PIL import Image

import files

PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", files.SOURCE / "build/diffedit")).resolve()
MODEL = files.SOURCE / "models/pocket"


def run(folder, *arguments):
    """What a command says that leaves its stages in `folder`."""
    folder.mkdir()
    return json.loads(subprocess.run(
        [PROGRAM, *arguments, "-m", MODEL, "--preset", "lcm", "--stages", folder, "--json", "-q"],
        capture_output=True, check=True, timeout=900,
        env=dict(os.environ, DIFFEDIT_VULKAN_SOFTWARE="1")).stdout)


def edit(folder, *options):
    """Mask, map and result of an edit of 8 evaluations."""
    said = run(folder, "edit", MODEL / "samples/horse.png", "--from", "a horse", "--to", "a zebra",
               "--lora", MODEL / "lcm-lora.safetensors", "-o", folder / "o.png", "--mask-out",
               folder / "mask.png", *options)
    assert said["warnings"] == [] and 0.05 < said["mask_share"] < 0.6
    pictures = [np.asarray(Image.open(folder / name).convert("RGB"), int)
                for name in ("mask.png", "o.png")]
    return pictures[0] > 127, np.load(folder / "map.npy"), pictures[1]


def test_like_the_cpu(tmp_path):
    mask, found, picture = edit(tmp_path / "gpu", "--device", "gpu:0", "--arithmetic", "quick")
    expected_mask, expected, expected_picture = edit(tmp_path / "cpu", "--arithmetic", "exact")
    # reached: map 3e-3 of 1, a mask of 13 other pixels in 16384, pictures 0.03 of 255
    assert np.abs(found - expected).max() <= 2e-2
    assert (mask != expected_mask).mean() <= 5e-3
    assert np.abs(picture - expected_picture).mean() <= 0.5


def test_a_map_like_the_cpus(tmp_path):
    found, expected = {}, {}
    for maps, name, options in ((found, "gpu", ["--device", "gpu:0", "--arithmetic", "quick"]),
                                (expected, "cpu", ["--arithmetic", "exact"])):
        run(tmp_path / name, "mask", MODEL / "samples/strawberries.png", "--from", "strawberries",
            "--to", "apples", "--mask-samples", "1", "-o", tmp_path / f"{name}.png", *options)
        maps.update({stage: np.load(tmp_path / name / f"{stage}.npy")
                     for stage in ("map", "map-refined", "mask")})
    # reached: 7e-3 of 1, and the same cells
    for stage in ("map", "map-refined"):
        assert np.abs(found[stage] - expected[stage]).max() <= 2e-2
    assert (found["mask"] != expected["mask"]).mean() <= 5e-3
    assert 0.05 < expected["mask"].mean() < 0.6
