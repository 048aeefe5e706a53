"""Compares `diffedit generate` with diffusers on the model folder: the same texts and noise must
end in the same latent.

The program writes its noise, embeddings and final latent as stage files; StableDiffusionPipeline
starts from the same noise and must reach the same latent and the same picture.
"""
import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline

import export

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 2e-4   # of the largest value; sums in another order, over all steps


def difference(name, mine, theirs):
    """Largest difference, relative to the largest value; printed."""
    worst = float(np.abs(mine - theirs).max() / np.abs(theirs).max())
    print(f"{name}: largest difference {worst:.1e} of the largest value")
    return worst


@torch.no_grad()
def check(options, text, folder):
    subprocess.run([options.program, "generate", "--model", options.model, "--to", text, "--steps",
                    str(options.steps), "--guidance", str(options.guidance), "--seed", "7",
                    "--quiet", "--output", folder / "picture.png", "--stages", folder / "stages"],
                   check=True)
    stage = {name: np.load(folder / f"stages/{name}.npy")
             for name in ("noise", "embedding-to", "final")}
    pipeline = StableDiffusionPipeline.from_pretrained(options.model, safety_checker=None,
                                                       torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    embedding = pipeline.encode_prompt(text, "cpu", 1, False)[0][0].numpy()
    latent = pipeline(text, latents=torch.from_numpy(stage["noise"])[None],
                      num_inference_steps=options.steps, guidance_scale=options.guidance,
                      output_type="latent").images[0].numpy()
    return max(difference(f'"{text}", embedding', stage["embedding-to"], embedding),
               difference(f'"{text}", latent after {options.steps} steps', stage["final"], latent))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build/diffedit", help="[%(default)s]")
    parser.add_argument("--model", default=export.MODEL, help="[%(default)s]")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, default=5)
    options = parser.parse_args()
    worst = 0
    for text in ("a horse", "strawberries on a table", "a photo of a red car in the snow"):
        with tempfile.TemporaryDirectory() as folder:
            worst = max(worst, check(options, text, Path(folder)))
    if worst > TOLERANCE:
        raise SystemExit(f"too different: {worst:.1e}, allowed {TOLERANCE}")
