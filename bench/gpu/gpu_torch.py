"""diffusers' networks on torch, by build/netbench's protocol: what bench/gpu/gpu_peers.py drives.

    python3 bench/gpu/gpu_torch.py MODEL DEVICE f16|f32 eager|MODE SIZE FOLDER

MODEL is a folder in the diffusers layout, DEVICE one of torch's, MODE one of torch.compile's, and
FOLDER holds what the networks read (netbench.c). Jobs are netbench's, and one more:

    pipeline STEPS MAPS
                 StableDiffusionDiffEditPipeline's mask, inversion and decode, its other options as
                 they are by default

In f32 no product is made of TF32. A network has the faster of the two memory layouts, which its
first run finds out. Its inputs lie on the GPU before the clock runs, and its result stays there.
"""
import json
import os
import pathlib
import sys
import time

import diffusers
import numpy as np
import PIL.Image
import torch
import transformers

TIMESTEP, GUIDANCE = 481, 7.5
PEAK_SIDE = 8192


def cuda(device):
    return device.startswith("cuda")


def timed(device, run):
    """Seconds by the wall clock, and by the device's own (0 where it has none)."""
    if not cuda(device):
        start = time.perf_counter()
        run()
        return time.perf_counter() - start, 0.0
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start = time.perf_counter()
    first.record()
    run()
    last.record()
    torch.cuda.synchronize()
    return time.perf_counter() - start, first.elapsed_time(last) / 1e3


def measure_peak(device, dtype):
    """Operations per second of torch's product of square matrices."""
    side = PEAK_SIDE if cuda(device) else PEAK_SIDE // 16
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    seconds = [max(timed(device, lambda: torch.matmul(a, b))) for _ in range(8)]
    return 2 * side ** 3 / min(seconds[3:])


class Unet(torch.nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, x, t, texts):
        return self.unet(x, t, texts, return_dict=False)[0]


class Networks:
    def __init__(self, folder, device, dtype, mode):
        self.folder, self.device, self.dtype, self.mode = folder, device, dtype, mode
        kinds = {"unet": diffusers.UNet2DConditionModel, "vae": diffusers.AutoencoderKL,
                 "text_encoder": transformers.CLIPTextModel}
        self.parts = {name: kind.from_pretrained(folder / name, torch_dtype=dtype).to(device).eval()
                      .requires_grad_(False) for name, kind in kinds.items()}
        vae = self.parts["vae"]
        chain = torch.nn.Sequential
        self.modules = {"unet": Unet(self.parts["unet"]),
                        "encode": chain(vae.encoder, vae.quant_conv),
                        "decode": chain(vae.post_quant_conv, vae.decoder)}
        self.layouts, self.compiled = {}, {}

    def run(self, name, *inputs):
        if name not in self.layouts:
            self.choose_layout(name, inputs)
        inputs = self.laid_out(self.layouts[name], inputs)
        with torch.no_grad():
            return self.compiled[name](*inputs)

    def laid_out(self, layout, inputs):
        return [x.to(memory_format=layout) if x.dim() == 4 else x for x in inputs]

    def choose_layout(self, name, inputs):
        module, seconds = self.modules[name], {}
        for layout in (torch.contiguous_format, torch.channels_last):
            module.to(memory_format=layout)
            ready = self.laid_out(layout, inputs)
            with torch.no_grad():
                seconds[layout] = min(max(timed(self.device, lambda: module(*ready)))
                                      for _ in range(4))
        self.layouts[name] = min(seconds, key=seconds.get)
        module.to(memory_format=self.layouts[name])
        print(f"{name}: {self.layouts[name]} of {seconds}", file=sys.stderr, flush=True)
        self.compiled[name] = (module if self.mode == "eager" else
                               torch.compile(module, mode=self.mode, dynamic=False))

    def text(self, tokens):
        with torch.no_grad():
            return self.parts["text_encoder"](tokens).last_hidden_state


class Jobs:
    def __init__(self, networks, size, folder):
        self.networks, self.found = networks, None
        self.scaling = networks.parts["vae"].config.scaling_factor
        device, dtype = networks.device, networks.dtype
        unet, vae = networks.parts["unet"].config, networks.parts["vae"].config
        cells = size >> (len(vae.block_out_channels) - 1)
        shapes = {"texts": (2, -1, unet.cross_attention_dim),
                  "latent": (1, vae.latent_channels, cells, cells), "pixels": (1, size, size, 3)}
        read = {name: torch.from_numpy(np.fromfile(folder / name, np.float32).reshape(shape))
                .to(device=device, dtype=dtype) for name, shape in shapes.items()}
        self.texts, self.latent = read["texts"], read["latent"]
        self.pixels = read["pixels"].permute(0, 3, 1, 2).contiguous()
        self.time = torch.tensor(TIMESTEP, device=device)
        self.tokens = torch.zeros(1, self.texts.shape[1], dtype=torch.long, device=device)

    def run_text(self):
        self.found = self.networks.text(self.tokens)

    def run_encode(self):
        self.found = self.networks.run("encode", self.pixels)

    def run_decode(self):
        self.found = self.networks.run("decode", self.latent / self.scaling)

    def evaluate(self, x, texts):
        x = x.expand(texts, -1, -1, -1)
        self.found = self.networks.run("unet", x, self.time, self.texts[:texts])
        return self.found

    def run_unet(self):
        self.evaluate(self.latent, 1)

    def run_guided(self):
        self.evaluate(self.latent, 2)

    def run_steps(self, x, texts, count):
        for _ in range(count):
            noise = self.evaluate(x, texts)
            plain, other = noise[:1], noise[-1:]
            x = 0.99 * x - 0.01 * (plain + GUIDANCE * (other - plain))
        return x

    def run_edit(self, maps, encodes, denoises, decodes):
        x = self.latent
        for _ in range(2):
            self.run_text()
        self.run_encode()
        x = self.run_steps(x, 2, int(maps))
        x = self.run_steps(x, 1, int(encodes))
        self.run_steps(x, 2, int(denoises))
        for _ in range(int(decodes)):
            self.run_decode()

    def run_pipeline(self, steps, maps):
        parts, folder = self.networks.parts, self.networks.folder
        pipe = diffusers.StableDiffusionDiffEditPipeline(
            **parts, tokenizer=transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            scheduler=diffusers.DDIMScheduler(clip_sample=False),
            inverse_scheduler=diffusers.DDIMInverseScheduler(clip_sample=False),
            safety_checker=None, feature_extractor=None, requires_safety_checker=False)
        pipe.set_progress_bar_config(disable=True)
        side = self.pixels.shape[-1]
        image = PIL.Image.new("RGB", (side, side), (90, 120, 150))
        source, target = "a horse on a meadow", "a zebra on a meadow"
        steps = {"num_inference_steps": int(steps)}
        mask = pipe.generate_mask(image=image, source_prompt=source, target_prompt=target,
                                  num_maps_per_mask=int(maps), **steps)
        latents = pipe.invert(prompt=source, image=image, **steps).latents
        pipe(prompt=target, mask_image=mask, image_latents=latents, **steps)

    def save(self, path):
        found = self.found
        if found.dim() == 4 and found.shape[0] == 1:  # netbench's moments and pixels are [h, w, c]
            found = found.permute(0, 2, 3, 1)
        found.float().cpu().contiguous().numpy().tofile(path)


def main():
    folder, device, dtype, mode, size, inputs = sys.argv[1:]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    kind = {"f16": torch.float16, "f32": torch.float32}[dtype]
    # what torch's own libraries and compilers print belongs to the log
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    networks = Networks(pathlib.Path(folder), device, kind, mode)
    jobs = Jobs(networks, int(size), pathlib.Path(inputs))
    title = torch.cuda.get_device_name() if cuda(device) else "processor"
    driver = f"torch {torch.__version__}, diffusers {diffusers.__version__}"
    print(json.dumps({"device": device, "title": title, "family": f"{dtype} {mode}",
                      "driver": driver, "peak": measure_peak(device, kind)}), file=answers)
    for line in sys.stdin:
        name, *words = line.split()
        if name == "save":
            jobs.save(words[0])
            print("saved", file=answers)
        else:
            run = getattr(jobs, f"run_{name}")
            print(*timed(device, lambda: run(*words)), 0, file=answers)


if __name__ == "__main__":
    main()
