"""A model of full size, in both layouts, through a whole edit; every stage against diffusers on the
same files.

    /usr/bin/python3 tests/models/make_full.py sd14 FOLDER
    VENV/bin/python tests/full/compare.py FOLDER
    VENV/bin/python tests/full/compare.py FOLDER --arithmetic quick

The first writes FOLDER/model and FOLDER/model.safetensors; VENV is the virtual environment of
tests/golden/make.py. With --arithmetic quick the program's other arithmetic is compared with the
exact one instead (arithmetic.py), which needs openvino too. Prints tables in Markdown. Takes
minutes and 10 GB of memory, so it is not part of ./run test.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import torch
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/golden"))
import arithmetic  # noqa: E402
import reference  # noqa: E402

PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", ROOT / "build/diffedit"))
PICTURE = ROOT / "models/pocket/samples/horse.png"
EDIT = ["--from", "a photo of a horse", "--to", "a photo of a zebra, striped"]
TOLERANCES = {"embedding": 1e-4, "latent": 1e-4, "mask-noise": 2e-6, "map": 1e-3, "inverted": 1e-3}
FINAL_L2, PIXEL, PIXEL_SHARE, NEAR_THRESHOLD = 1e-2, 2 / 255, 0.99, 2e-3


def run_edit(model, folder, given):
    """Leaves its stages in `folder`; does nothing if they are there."""
    if (folder / "out.png").exists():
        return print(f"    {folder.name}: done before", flush=True)
    command = [PROGRAM, "edit", PICTURE, *EDIT, "--size", given.size, "--steps", given.steps,
               "--mask-samples", given.samples, "--mask-threshold", given.threshold, "-m", model,
               "-o", folder / "out.png", "--stages", folder / "stages", "--json", "-q"]
    command = [str(word) for word in command]
    print("    diffedit", *(f'"{word}"' if " " in word else word for word in command[1:]),
          flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    print("    peak %.2f GB, %d evaluations, seconds: %s" % (
        said["peak_rss_bytes"] / 1e9, said["evaluations"],
        ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in said["seconds"].items())),
          flush=True)


def different_files(folder, other):
    names = sorted(path.name for path in (folder / "stages").glob("*.npy"))
    return [name for name in names
            if (folder / "stages" / name).read_bytes() != (other / "stages" / name).read_bytes()]


def open_reference(single, folder):
    """UNet and autoencoder by diffusers' own reading of the single file's names, the text encoder
    from the folder."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer
    settings = {"config": str(folder), "torch_dtype": torch.float32, "local_files_only": True}
    return {"tokenizer": CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            "text_encoder": CLIPTextModel.from_pretrained(folder / "text_encoder",
                                                          torch_dtype=torch.float32),
            "vae": AutoencoderKL.from_single_file(str(single), subfolder="vae", **settings),
            "unet": UNet2DConditionModel.from_single_file(str(single), subfolder="unet",
                                                          **settings)}


def compute(model, given, stages):
    """Yields the stages by PyTorch, from the picture at working size, as they come; later ones go
    on from the program's own mask."""
    options = reference.Options(source=EDIT[1], target=EDIT[3], steps=given.steps,
                                mask_samples=given.samples, mask_threshold=given.threshold)
    picture = np.asarray(Image.open(stages / "input.png"), np.float32).transpose(2, 0, 1)[None]
    method = reference.Method(model, options, torch.from_numpy(picture / 127.5 - 1))
    seen = set()
    for stage in (lambda: None, method.encode, method.find_map, method.find_mask, method.invert,
                  method.denoise):
        with torch.inference_mode():
            stage()
        if stage == method.find_mask:
            method.mask = torch.from_numpy(np.load(stages / "mask.npy"))
        yield {name: values for name, values in method.stages.items() if name not in seen}
        seen.update(method.stages)


def check(name, stages, expected, threshold):
    """(error reached, error allowed, how it is measured) of a stage."""
    if name == "decoded":
        found = np.asarray(Image.open(stages / "decoded.png"), np.float64).transpose(2, 0, 1) / 255
        off = float((np.abs(found - expected) > PIXEL).mean())
        return off, 1 - PIXEL_SHARE, "share of values off by over 2/255"
    found = np.load(stages / f"{name}.npy")
    assert found.shape == expected.shape, name
    if name.startswith("tokens"):
        return int((found != expected).sum()), 0, "ids that differ"
    if name == "mask":
        near = np.abs(np.load(stages / "map.npy") - threshold) < NEAR_THRESHOLD
        differ = int(((found != expected) & ~near).sum())
        return differ, 0, "cells that differ and are not near the threshold"
    if name == "final":
        error = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
        return error, FINAL_L2, "relative L2"
    largest = np.abs(found.astype(np.float64) - expected).max()
    error = float(largest / max(1, np.abs(expected).max()))
    kind = "embedding" if name.startswith("embedding") else name
    return error, TOLERANCES[kind], "largest, of max(1, largest value)"


def report(stages, computed, threshold):
    print("\n| stage | reached | allowed | measured as |\n|---|---|---|---|")
    passed = True
    for expected in computed:
        for name in sorted(expected):
            error, allowed, how = check(name, stages, expected[name], threshold)
            passed &= error <= allowed
            reached = f"{error:.1e} | {allowed:.0e}" if allowed else f"{error} | 0"
            print(f"| {name} | {reached} | {how} |", flush=True)
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--threshold", type=float, default=0.3)
    parser.add_argument("--arithmetic", choices=["exact", "quick"], default="exact",
                        help="which is compared: exact with diffusers, quick with exact")
    given = parser.parse_args()
    if given.arithmetic == "quick":
        sys.exit(0 if arithmetic.report(given.folder) else 1)
    folder, out = given.folder / "model", given.folder / "compared"
    single = given.folder / "model.safetensors"
    run_edit(folder, out / "folder", given)
    run_edit(single, out / "single", given)
    differ = different_files(out / "folder", out / "single")
    print("\nFolder and single file:",
          f"DIFFERENT {differ}" if differ else "the same to the last bit.", flush=True)
    model = open_reference(single, folder)
    model["schedule"] = reference.schedule_of(folder)
    stages = out / "single/stages"
    passed = report(stages, compute(model, given, stages), given.threshold)
    sys.exit(0 if passed and not differ else 1)


if __name__ == "__main__":
    main()
