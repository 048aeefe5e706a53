#!/usr/bin/env python3
"""Whole edits of one picture, on one model: diffedit, the same method on diffusers' modules,
diffusers' own pipeline.

    bench/equal_work.py MODEL PICTURE [--steps 4] [--write]

MODEL is a folder in the diffusers layout (tests/models/make_full.py writes one of random weights).
Of the long edits a few steps are run, and the UNet's time is extrapolated to the number of
evaluations of the defaults; encoding and decoding count as measured. The short ones of diffedit
run as they are, in both arithmetics (`diffedit bench --edit`). The method in torch is
tests/golden/reference.py with the two texts of an evaluation in one batch, as in a pipeline. Needs
torch, diffusers and transformers: build/peers/bin/python has them after bench/peers.py.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import diffusers
import numpy as np
import PIL.Image
import torch
import transformers

import page

SOURCE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests/golden"))
import reference  # noqa: E402

TEXTS = {"source": "a horse on a meadow", "target": "a zebra on a meadow"}
BEGIN, END = "<!-- bench/equal_work.py -->\n", "<!-- end of edits -->\n"
PAPER_EVALUATIONS = 140     # of one sample: 20 for the map, 40 to encode, 80 to decode
PIPELINE_EVALUATIONS = 200  # 40 for the map, 80 and 80


class Clock:
    """Seconds spent in a module's method, and the samples that went through it."""

    def __init__(self, owner, method):
        self.seconds, self.samples, self.inner = 0.0, 0, getattr(owner, method)
        setattr(owner, method, self)

    def __call__(self, *arguments, **keywords):
        start = time.perf_counter()
        result = self.inner(*arguments, **keywords)
        self.seconds += time.perf_counter() - start
        self.samples += (arguments or tuple(keywords.values()))[0].shape[0]
        return result


class Batched(reference.Method):
    """Texts embedded once; both predictions of a guided step, and of a contrast, in one batch."""

    def __init__(self, *arguments):
        self.embeddings, self.pending = {}, {}
        super().__init__(*arguments)

    def embed(self, text):
        if text not in self.embeddings:
            self.embeddings[text] = super().embed(text)
        return self.embeddings[text]

    def pair(self, x, t, first, second):
        texts = torch.cat([self.embed(first), self.embed(second)])
        with torch.no_grad():
            return self.model["unet"](torch.cat([x, x]), torch.tensor(t), texts).sample.chunk(2)

    def guided(self, x, t, level, base, text, scale):
        return reference.guide(self.o.guidance_kind, *self.pair(x, t, base, text), scale)

    def contrast(self):
        # the map asks for the target's, then for the source's prediction on the same sample
        one = self.eps

        def paired(x, t, text, level):
            if text == self.o.target:
                wanted, self.pending[self.o.source] = self.pair(x, t, self.o.target, self.o.source)
                return wanted
            return self.pending.pop(text)
        self.eps = paired
        super().contrast()
        self.eps = one


def load(folder):
    networks = {"text_encoder": transformers.CLIPTextModel, "unet": diffusers.UNet2DConditionModel,
                "vae": diffusers.AutoencoderKL}
    model = {part: network.from_pretrained(folder / part, torch_dtype=torch.float32)
             for part, network in networks.items()}
    model["tokenizer"] = transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer")
    model["schedule"] = reference.schedule_of(folder)
    for part in networks:
        model[part].eval().requires_grad_(False)
    return model


def run_ours(options, size, stages):
    command = [SOURCE / "build/diffedit", "edit", options.picture, "-m", options.model, "--from",
               TEXTS["source"], "--to", TEXTS["target"], "--steps", options.steps, "--mask-samples",
               1, "--size", f"{size}x{size}", "--stages", stages, "-j", options.threads,
               "--composite", "latent", "-o", stages.parent / "result.png", "--json", "--quiet"]
    start = time.perf_counter()
    found = json.loads(subprocess.run([str(word) for word in command], check=True,
                                      stdout=subprocess.PIPE).stdout)
    whole, seconds = time.perf_counter() - start, found["seconds"]
    unet = seconds["map"] + seconds["invert"] + seconds["denoise"]
    return {"evaluations": found["evaluations"], "unet": unet, "rest": whole - unet,
            "peak": found["peak_rss_bytes"]}


BOX = "the same, a box of a quarter of the picture"
EXACT = ["--arithmetic", "exact"]  # these presets propose quick
SHORT = {
    ("diffedit, preset fast", "quick"): ["--preset", "fast"],
    ("diffedit, preset fast", "exact"): ["--preset", "fast", *EXACT],
    (BOX, "quick"): ["--preset", "fast", "--region", "crop"],
    (BOX, "exact"): ["--preset", "fast", "--region", "crop", *EXACT],
    ("diffedit, preset lcm, four steps", "quick"): ["--preset", "lcm"],
    ("diffedit, preset lcm, four steps", "exact"): ["--preset", "lcm", *EXACT],
}


def run_short(options):
    """{(name, arithmetic): (seconds, evaluations, bytes)} of whole edits."""
    found = {}
    for (name, arithmetic), arguments in SHORT.items():
        command = [SOURCE / "build/diffedit", "bench", "--edit", "-m", options.model, "--repeat",
                   options.repeat, "-j", options.threads, "--json", *arguments]
        said = json.loads(subprocess.run([str(word) for word in command], check=True,
                                         stdout=subprocess.PIPE).stdout)
        assert said["arithmetic"] == arithmetic
        found[name, arithmetic] = (said["seconds"]["total"], said["evaluations"],
                                   said["peak_rss_bytes"])
    return found


def times(whole, unet):
    return {"evaluations": unet.samples, "unet": unet.seconds, "rest": whole - unet.seconds}


def run_method(options, model, pixels):
    unet = Clock(model["unet"], "forward")
    start = time.perf_counter()
    method = Batched(model, reference.Options(**TEXTS, steps=options.steps, mask_samples=1), pixels)
    method.edit()
    found = times(time.perf_counter() - start, unet)
    return found, method.stages["decoded"]


def run_pipeline(options, model, pixels):
    settings = {key: value for key, value in model["schedule"].items() if not key.startswith("_")}
    pipe = diffusers.StableDiffusionDiffEditPipeline(
        vae=model["vae"], text_encoder=model["text_encoder"], tokenizer=model["tokenizer"],
        unet=model["unet"], scheduler=diffusers.DDIMScheduler(**settings),
        inverse_scheduler=diffusers.DDIMInverseScheduler(**settings),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    values = ((pixels[0] / 2 + 0.5) * 255).round().byte()
    image = PIL.Image.fromarray(values.permute(1, 2, 0).numpy())
    unet = Clock(model["unet"], "forward")
    start = time.perf_counter()
    mask = pipe.generate_mask(image=image, source_prompt=TEXTS["source"],
                              target_prompt=TEXTS["target"], num_maps_per_mask=1,
                              num_inference_steps=options.steps)
    latents = pipe.invert(prompt=TEXTS["source"], image=image,
                          num_inference_steps=options.steps).latents
    pipe(prompt=TEXTS["target"], mask_image=mask, image_latents=latents,
         num_inference_steps=options.steps)
    return times(time.perf_counter() - start, unet)


def extrapolated(found, evaluations):
    return found["unet"] / found["evaluations"] * evaluations + found["rest"]


def report(options, ours, short, method, pipeline, close):
    whole = {("diffedit, preset paper", "exact"): (extrapolated(ours, PAPER_EVALUATIONS),
                                                   PAPER_EVALUATIONS, ours["evaluations"])}
    for name, (seconds, evaluations, _) in short.items():
        whole[name] = (seconds, evaluations, evaluations)
    whole["the paper's method on diffusers' modules", "f32"] = (
        extrapolated(method, PAPER_EVALUATIONS), PAPER_EVALUATIONS, method["evaluations"])
    last = "StableDiffusionDiffEditPipeline's defaults", "f32"
    whole[last] = (extrapolated(pipeline, PIPELINE_EVALUATIONS), PIPELINE_EVALUATIONS,
                   pipeline["evaluations"])
    lines = ["| | arithmetic | faster than the last by | seconds | evaluations | of which run |",
             "|---|---|---|---|---|---|"]
    for (name, arithmetic), (seconds, evaluations, run) in whole.items():
        lines.append(f"| {name} | {arithmetic} | {whole[last][0] / seconds:.2f} x "
                     f"| {seconds:.0f} | {evaluations} | {run} |")
    peak = max([ours["peak"], *(found[2] for found in short.values())])
    said = (f"Pictures of diffedit and of the same method within 2/255 on {100 * close:.2f} % of "
            f"the values; diffedit's peak memory {peak / 1e9:.2f} GB.")
    return "\n".join([*lines, "", page.paragraph(said), ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("picture", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=3, help="of the short edits [%(default)s]")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="into docs/PERFORMANCE.md")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        stages = pathlib.Path(folder) / "stages"
        ours = run_ours(options, options.size, stages)
        seen = np.asarray(PIL.Image.open(stages / "input.png").convert("RGB"), np.float32)
        decoded = np.asarray(PIL.Image.open(stages / "decoded.png").convert("RGB"), np.float32)
    short = run_short(options)
    pixels = torch.from_numpy(seen).permute(2, 0, 1)[None] / 127.5 - 1
    method, picture = run_method(options, load(options.model), pixels)
    pipeline = run_pipeline(options, load(options.model), pixels)
    close = float((np.abs(np.rint(255 * picture.transpose(1, 2, 0)) - decoded) <= 2).mean())
    text = report(options, ours, short, method, pipeline, close)
    print(text)
    if options.write:
        page.write(BEGIN, END, text)


if __name__ == "__main__":
    main()
