"""Runs the program on a golden case and holds every stage against what PyTorch, diffusers and
transformers computed (data/, by make.py)."""
import json
import os
import pathlib
import subprocess

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "data"
PROGRAM = os.environ.get("DIFFEDIT", str(HERE.parents[1] / "build/diffedit"))
CASES = sorted(path.parent for path in DATA.glob("tiny-*/*/case.json"))

PIXEL_SHARE = 0.99  # of a decoded picture's values

# Largest error allowed, relative to the largest value (latents and maps are of order 1); of the
# final latent in L2; of a mask, how far from the threshold the map may be where they differ.
EXACT = {"embedding": 1e-4, "latent": 1e-4, "mask-noise": 2e-6, "noise": 2e-6, "map": 1e-3,
         "inverted": 1e-3, "final": 1e-2, "decoded": 2 / 255, "mask": 2e-3}


def run(case, folder, *options):
    """`options`: of the command, beside the case's. The stages that are recorded, the folder that
    has those found, the command line."""
    settings = json.loads((case / "case.json").read_text())
    arguments = [argument.replace("{model}", str(case.parent / "model"))
                 for argument in settings["arguments"]]
    output = folder / ("out.npy" if arguments[0] == "invert" else "out.png")
    result = subprocess.run([PROGRAM, *arguments, "-m", str(case.parent / "model"), "-o",
                             str(output), "--stages", str(folder / "stages"), "--quiet",
                             *options], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return settings["stages"], folder / "stages", arguments


def largest_error(found, expected):
    largest = np.abs(found.astype(np.float64) - expected).max()
    return float(largest / max(1.0, np.abs(expected).max()))


def check_mask(found, expected, folder, arguments, near):
    differs = found != expected
    if differs.any():
        values = np.load(folder / "map.npy")
        values = values[::values.shape[0] // found.shape[0], ::values.shape[1] // found.shape[1]]
        threshold = float(arguments[arguments.index("--mask-threshold") + 1])
        assert (np.abs(values - threshold)[differs] < near).all()
    return float(differs.mean())


def check(stage, folder, expected, arguments, allowed):
    """Asserts and returns the error reached."""
    if stage == "decoded":
        picture = np.asarray(Image.open(folder / "decoded.png"),
                             np.float64).transpose(2, 0, 1) / 255
        errors = np.abs(picture - expected)
        assert (errors <= allowed["decoded"]).mean() >= PIXEL_SHARE
        return float(errors.max())
    found = np.load(folder / f"{stage}.npy")
    assert found.shape == expected.shape
    if stage.startswith("tokens"):
        assert found.dtype == np.int32 and (found == expected).all()
        return 0.0
    assert found.dtype == np.float32
    if stage == "mask":
        return check_mask(found, expected, folder, arguments, allowed["mask"])
    if stage == "final":
        error = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
        assert error <= allowed["final"]
        return error
    error = largest_error(found, expected)
    tolerance = allowed["embedding" if stage.startswith("embedding") else stage]
    assert error <= tolerance, f"{stage}: {error:.2e}"
    return error


def check_case(case, folder, options, allowed):
    stages, found, arguments = run(case, folder, *options)
    reached = {stage: check(stage, found, np.load(case / f"{stage}.npy"), arguments, allowed)
               for stage in stages}
    report = "  ".join(f"{stage} {error:.1e}" for stage, error in reached.items()
                       if not stage.startswith("tokens"))
    print(f"{case.parent.name} {case.name}: {report}")
