#!/usr/bin/env python3
"""diffedit.diffusers beside diffusers' own pipeline: the three calls of its documentation's example
on the pocket model, by default settings, in one process and in turns.

    PYTHON bench/dropin.py [--repeat N] [--threads N] [--size PIXELS]

PYTHON has the package diffedit, torch, diffusers and transformers: build-diffusers/bin/python after
./run check diffusers. Prints medians, in seconds."""
import argparse
import pathlib
import statistics
import time

import diffusers
import PIL.Image
import torch

import diffedit.diffusers

POCKET = pathlib.Path(__file__).resolve().parent.parent / "models/pocket"
CALLS = ("generate_mask", "invert", "__call__")


def open_pipeline(module, **more):
    pipe = module.StableDiffusionDiffEditPipeline.from_pretrained(POCKET, safety_checker=None,
                                                                  **more)
    pipe.scheduler = module.DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.inverse_scheduler = module.DDIMInverseScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def run(pipe, picture):
    """Seconds of each call."""
    times = [time.perf_counter()]
    mask = pipe.generate_mask(image=picture, source_prompt="a horse", target_prompt="a zebra")
    times.append(time.perf_counter())
    latents = pipe.invert(image=picture, prompt="a horse").latents
    times.append(time.perf_counter())
    pipe(prompt="a zebra", mask_image=mask, image_latents=latents)
    times.append(time.perf_counter())
    return [after - before for before, after in zip(times, times[1:])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--size", type=int, default=128)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pipes = {"diffusers": open_pipeline(diffusers),
             "diffedit": open_pipeline(diffedit.diffusers),
             "diffedit, quick": open_pipeline(diffedit.diffusers, arithmetic="quick")}
    picture = PIL.Image.open(POCKET / "samples/horse.png").convert("RGB").resize(
        (arguments.size, arguments.size))
    print(f"{picture.width}x{picture.height}, {arguments.threads} threads for torch")
    times = {name: [] for name in pipes}
    for _ in range(arguments.repeat):
        for name, pipe in pipes.items():
            times[name].append(run(pipe, picture))
    medians = {name: [statistics.median(column) for column in zip(*rows)]
               for name, rows in times.items()}
    print(f"{'':18}" + "".join(f"{call:>16}" for call in (*CALLS, "all three")))
    for name, row in medians.items():
        whole = statistics.median(map(sum, times[name]))
        print(f"{name:18}" + "".join(f"{seconds:16.2f}" for seconds in (*row, whole)))


if __name__ == "__main__":
    main()
