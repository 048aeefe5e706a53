"""Builds small random models and writes what the references compute on them, into data/.

    python3 -m venv venv
    venv/bin/pip install torch==2.8.0 diffusers==0.33.1 transformers==4.52.4 ftfy==6.3.1 \
        scipy pillow
    venv/bin/python make.py              # everything
    venv/bin/python make.py new          # cases that data/ does not have, on its models
"""
import json
import pathlib
import shutil
import sys

import numpy as np
import torch
from PIL import Image

import models
import others
import pipeline
import reference
import samplers
import weighted

DATA = pathlib.Path(__file__).resolve().parent / "data"
SIZES = {"tiny-sd1": (64, 48), "tiny-sd2": (56, 40), "tiny-odd": (52, 36),
         "tiny-inpaint": (64, 48)}  # width, height
TEXTS = ["--from", "a photo of a horse", "--to", "a zebra on the beach"]
FEW = ["--steps", "10", "--mask-samples", "3"]
# The region is compared cell by cell, so it is the map's, and the decode has no room beyond it.
RAW = ["--mask-filter", "none", "--mask-fill", "off", "--mask-refine", "off", "--mask-limit",
       "method", "--composite", "pixel"]
OPTION_FIELDS = {"from": "source", "to": "target"}

# name: (command, extra arguments)
CASES = {
    "paper": ("edit", TEXTS + FEW),
    "diffusers": ("edit", TEXTS + FEW + ["--preset", "diffusers", "--guidance", "3"]),
    "notebook": ("edit", TEXTS + FEW + ["--preset", "notebook", "--guidance", "0.8"]),
    "negative": ("edit", TEXTS + FEW + ["--negative", "blue, ugly", "--seed", "7", "--ratio", "0.6",
                                        "--mask-noise-level", "0.3"]),
    "unguided": ("edit", TEXTS + FEW + ["--guidance", "1", "--ratio", "1"]),
    "guided-encoding": ("edit",
                        TEXTS + FEW + ["--encode-guidance", "2.5", "--background", "lagged"]),
    "start": ("edit",
              TEXTS + FEW + ["--background", "start", "--posterior", "sample", "--seed", "0"]),
    "lms": ("edit",
            TEXTS + FEW + ["--scheduler", "lms", "--background", "start", "--guidance", "4"]),
    "normalised": ("edit", TEXTS + FEW + ["--guidance-kind", "normalised", "--guidance", "0.3"]),
    "plus-minus-cfg": ("edit", TEXTS + FEW + ["--mask-method", "plus-minus", "--guidance", "2"]),
    "cuda": ("edit", TEXTS + FEW +
             ["--rng", "cuda", "--posterior", "sample", "--seed", "16321159919113515480"]),
    "one-step": ("edit", TEXTS + ["--steps", "1", "--mask-samples", "1"]),
    "from-nothing": ("edit", ["--from", "", "--to", "a zebra"] + FEW),
    "weighted": ("edit", ["--from", "a (photo) of a [horse]", "--to",
                          "a (zebra:1.4) on the ((beach)) BREAK (blue sky:-0.5), "
                          "a \\(red\\) apple",
                          "--negative", "(blue:1.2), ugly", "--prompt-syntax", "weighted"] + FEW),
    "weighted-long": ("generate", ["--to", ", ".join(["a (zebra:1.2) and a horse"] * 15) + " (sky",
                                   "--negative", "blue [ugly]", "--steps", "6",
                                   "--prompt-syntax", "weighted"]),
    "inpaint": ("inpaint", ["--to", "a zebra on the beach", "--steps", "10"]),
    "invert": ("invert", ["--steps", "20", "--ratio", "0.5"]),
    "generate": ("generate", ["--to", "a red apple", "--steps", "8"]),
    "generate-lms": ("generate", ["--to", "a red apple", "--steps", "8", "--scheduler", "lms",
                                  "--seed", "4294967296"]),
    "generate-normalised": ("generate",
                            ["--to", "a red apple", "--steps", "6", "--guidance-kind", "normalised",
                             "--guidance", "0.2"]),
    "fast": ("edit", TEXTS + ["--preset", "fast", "--steps", "8", *RAW]),
    "dpmpp-trailing": ("edit", TEXTS + FEW + ["--scheduler", "dpm++2m", "--spacing", "trailing",
                                              "--encode-guidance", "2", "--background", "lagged"]),
    "dpmpp-linspace": ("edit", TEXTS + FEW + ["--scheduler", "dpm++2m", "--spacing", "linspace"]),
    "dpmpp-leading": ("edit", TEXTS + FEW + ["--scheduler", "dpm++2m", "--spacing", "leading"]),
    "ddim-karras": ("edit", TEXTS + FEW + ["--spacing", "karras"]),
    "no-encoding": ("edit", TEXTS + FEW + ["--encode", "none", "--rng", "cuda"]),
    "no-encoding-lagged": ("edit", TEXTS + ["--preset", "fast", "--steps", "8", "--encode", "none",
                                            "--background", "lagged", *RAW]),
    "lcm": ("edit", TEXTS + ["--preset", "lcm", "--guidance", "1.5", *RAW]),
    "turbo": ("edit", TEXTS + ["--preset", "turbo", "--rng", "cuda", *RAW]),
    "invert-fast": ("invert", ["--preset", "fast", "--steps", "12"]),
    "generate-dpmpp": ("generate", ["--to", "a red apple", "--steps", "8", "--scheduler",
                                    "dpm++2m"]),
    "generate-dpmpp-trailing": ("generate", ["--to", "a red apple", "--steps", "8", "--scheduler",
                                             "dpm++2m", "--spacing", "trailing"]),
    "generate-ddim-trailing": ("generate", ["--to", "a red apple", "--steps", "5", "--spacing",
                                            "trailing", "--guidance", "1"]),
    "generate-lcm": ("generate", ["--to", "a red apple", "--preset", "lcm", "--steps", "4"]),
    "generate-euler-a": ("generate", ["--to", "a red apple", "--preset", "turbo", "--guidance",
                                      "3"]),
    "generate-euler-a-linspace": ("generate", ["--to", "a red apple", "--scheduler", "euler-a",
                                               "--spacing", "linspace", "--steps", "8"]),
}


# what the mask's channel changes
INPAINT_CASES = ["paper", "notebook", "inpaint", "generate", "invert"]


def parse(arguments):
    """The reference's options of a command line."""
    given = dict(zip(arguments[::2], arguments[1::2]))
    for name in RAW[::2]:
        given.pop(name, None)
    options = reference.Options(**reference.PRESETS[given.pop("--preset", "paper")])
    for name, text in given.items():
        field = OPTION_FIELDS.get(name[2:], name[2:].replace("-", "_"))
        kind = str if field in ("source", "target") else type(getattr(reference.Options, field))
        setattr(options, field, kind(text))
    return options


def make_picture(path, width, height):
    """Smooth colours, a disc and some texture."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([120 + 100 * np.sin(x / 9), 90 + 60 * np.cos(y / 7), 60 + 2 * y], -1)
    disc = (x - 0.4 * width) ** 2 + (y - 0.5 * height) ** 2 < (0.3 * height) ** 2
    picture[disc] = [210, 60, 50]
    picture += np.random.default_rng(1).normal(0, 6, picture.shape)
    picture = picture.clip(0, 255).astype(np.uint8)
    Image.fromarray(picture).save(path)
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1


def make_mask(path, width, height):
    mask = np.zeros((height, width), np.uint8)
    mask[height // 4:height // 4 * 3 + 1, width // 3:width // 3 * 2] = 1
    Image.fromarray(mask * 255).save(path)
    return mask


def choose_threshold(values):
    """A threshold that no value is near, so that the mask does not hang on the last digits."""
    inside = np.unique(values[(values > 0.02) & (values < 0.98)])
    quantiles = np.quantile(inside, np.linspace(0.3, 0.7, 41))
    return max((round(float(t), 4) for t in quantiles), key=lambda t: np.abs(values - t).min())


def run_case(model, command, arguments, pixels, mask):
    method = reference.Method(model, parse(arguments), pixels,
                              mask if command == "inpaint" else None)
    if command == "generate":
        factor = 2 ** (len(model["vae"].config.block_out_channels) - 1)
        method.generate(pixels.shape[2] // factor, pixels.shape[3] // factor)
    elif command == "invert":
        method.only_invert()
    else:
        method.encode()
        method.condition_on_everything(*method.x0.shape[2:])
        if command == "edit":
            method.find_map()
            factor = method.map.shape[0] // method.x0.shape[2]
            threshold = choose_threshold(method.map[::factor, ::factor].numpy())
            arguments += ["--mask-threshold", str(threshold)]
            method = reference.Method(model, parse(arguments), pixels)
        method.edit()
        share = float(method.mask.mean())
        assert 0.1 < share < 0.95, f"a mask of {share}"
    return method


def write_case(folder, name, command, arguments, size, stages):
    folder = folder / name
    folder.mkdir(parents=True)
    for stage, values in stages.items():
        np.save(folder / f"{stage}.npy", values)
    command_line = [command] + ([] if command == "generate"
                                else ["{model}/../picture.png"]) + arguments
    if command == "inpaint":
        command_line += ["--mask", "{model}/../user-mask.png"]
    command_line += ["--size", f"{size[0]}x{size[1]}"]
    (folder / "case.json").write_text(json.dumps({"arguments": command_line,
                                                  "stages": sorted(stages)}, indent=1) + "\n")


def make_cases(name, only_new):
    folder = DATA / name
    if only_new:
        model = models.read_model(folder / "model")
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        model = models.make_model(folder / "model", name)
    pixels = make_picture(folder / "picture.png", *SIZES[name])
    mask = make_mask(folder / "user-mask.png", *SIZES[name])
    for case, (command, arguments) in CASES.items():
        if name == "tiny-inpaint" and case not in INPAINT_CASES or (folder / case).exists():
            continue
        arguments = list(arguments)
        method = run_case(model, command, arguments, pixels, mask)
        write_case(folder, case, command, arguments, SIZES[name], method.stages)
        print(name, case,
              "final std %.3f" % method.stages.get("final", method.stages.get("inverted")).std())
        if command == "generate":
            samplers.compare_generating(method)
        if case == "inpaint" and name == "tiny-inpaint":
            pipeline.compare_inpainting(model, pixels, parse(arguments))
        # the pipeline cannot have a sample_size of two numbers
        if case == "diffusers" and name != "tiny-odd":
            pipeline.compare(model, method, pixels, parse(arguments))


def main():
    torch.set_num_threads(1)
    only_new = sys.argv[1:] == ["new"]
    for name in models.MODELS if only_new else sys.argv[1:] or models.MODELS:
        make_cases(name, only_new)
    if only_new:
        return
    weighted.main()
    others.make_random(DATA / "random")
    others.make_tokenizer_strings(DATA / "tokenizer")


if __name__ == "__main__":
    main()
