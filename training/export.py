"""Writes the model folder that ships, in the published diffusers layout and in half precision.

A finished folder takes the place of the old one by renames, so that a program never
finds half a model. Pictures in `samples/` stay.
"""
import argparse
import json
import os
import shutil
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline

import common
import nets
import tokenizer as tokens
import world

TRAINING = Path(__file__).resolve().parent
MODEL = TRAINING.parent / "models/pocket"
LARGEST = 32 * 2 ** 20

# Defaults of the program that suit this model better than the preset's; measured by evaluate.py.
DEFAULTS = {
    "paper": {"guidance": 5, "steps": 25, "ratio": 1, "mask-threshold": 0.25},
    "diffusers": {"guidance": 5, "steps": 25, "ratio": 1, "mask-threshold": 0.25},
    "fast": {"guidance": 5, "steps": 6, "ratio": 1, "mask-threshold": 0.3},
    "lcm": {"steps": 4, "ratio": 1, "mask-threshold": 0.3},
}

LICENCE = """\
The weights in this folder were trained on the cut-out photographs listed below and on nothing
else; the places behind them are painted by training/world.py. The cut-outs come from the Debian
package tuxpaint-stamps-default (2022.06.04-1), upstream tuxpaint-stamps,
https://sourceforge.net/projects/tuxpaint, whose copyright file says:

    Files: *
    Copyright: 2002-2022 by Bill Kendrick <bill@newbreedsoftware.com>
    License: GPL-2

The weights, as far as they are a work derived from the pictures, and the sample pictures in
samples/, which show them, are therefore free software under the same licence: you can
redistribute them and/or modify them under the terms of the GNU General Public License as
published by the Free Software Foundation; either version 2 of the License, or (at your option)
any later version. They come WITHOUT ANY WARRANTY; without even the implied warranty of
MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. The text of the licence:
https://www.gnu.org/licenses/old-licenses/gpl-2.0.txt, on Debian
/usr/share/common-licenses/GPL-2. The source from which the weights are made is training/.

Cut-outs, below usr/share/tuxpaint/stamps/ in the package (author as the package names it:
Bill Kendrick and the contributors to tuxpaint-stamps):

"""


def load_parts(work):
    """The averaged weights of all three networks; the decoder trained on, if there is one."""
    image_state = common.load(work / "decoder.pt") or common.load(work / "autoencoder.pt")
    state = common.load(work / "denoiser.pt")
    if image_state is None or state is None:
        raise SystemExit(f"{work} lacks autoencoder.pt or denoiser.pt")
    tokenizer = tokens.open_tokenizer(work / "tokenizer")
    image = nets.autoencoder(world.SIZE, scaling_factor=state["scaling_factor"])
    image.load_state_dict(image_state["mean"])
    denoiser, text = nets.denoiser(world.SIZE), nets.text_encoder(tokenizer)
    denoiser.load_state_dict(state["mean_denoiser"])
    text.load_state_dict(state["mean_text_encoder"])
    return image, denoiser, text, tokenizer, state["step"]


def licence():
    lines = [f"    {kind}: " + ", ".join(f"{cutout.path}.png" for cutout in cutouts)
             for kind, cutouts in world.THINGS.items()]
    return LICENCE + "\n".join(lines) + "\n"


def readable(folder):
    """safetensors writes files that only their owner can read."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def write(work, folder):
    image, denoiser, text, tokenizer, step = load_parts(work)
    pipeline = StableDiffusionPipeline(
        vae=image.half(), unet=denoiser.half(), text_encoder=text.half(), tokenizer=tokenizer,
        scheduler=nets.scheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    pipeline.save_pretrained(folder, safe_serialization=True)
    settings = {"words": world.words(), "defaults": DEFAULTS}
    (folder / "diffedit.json").write_text(json.dumps(settings, indent=1) + "\n")
    (folder / "LICENSE").write_text(licence())
    shutil.copy(TRAINING / "model-readme.md", folder / "README.md")
    readable(folder)
    return step


def check(folder):
    """It loads as anybody's Stable Diffusion does, makes a picture of numbers, and is small."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size <= LARGEST, f"{size} bytes are too many"
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None,
                                                       torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline("a horse", num_inference_steps=2, output_type="np").images[0]
    assert picture.shape == (world.SIZE, world.SIZE, 3) and (picture == picture).all()
    return size


def publish(fresh, folder):
    """Swap the new files in, one rename each; what the new folder does not have is left alone."""
    for path in sorted(fresh.rglob("*")):
        if path.is_file():
            target = folder / path.relative_to(fresh)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    shutil.rmtree(fresh)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=common.WORK,
                        help="folder of checkpoints [%(default)s]")
    parser.add_argument("--output", type=Path, default=MODEL)
    options = parser.parse_args()
    fresh = options.output.with_name(options.output.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    step = write(options.work, fresh)
    size = check(fresh)
    publish(fresh, options.output)
    print(f"{options.output}: denoiser after {step} updates, {size / 1e6:.1f} MB")
