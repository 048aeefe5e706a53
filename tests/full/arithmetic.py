"""What quick is off by from exact: layer by layer, and of whole networks, beside what OpenVINO's
default is off by from its f32, on the same weights and inputs. Called by compare.py.

Errors are the rms of a difference, as a share of the rms of what was expected.
"""
import collections
import dataclasses
import gc
import json
import os
import pathlib
import re
import subprocess
import sys
import typing

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/golden")]
import library  # noqa: E402
import networks  # noqa: E402
import reference  # noqa: E402

CHECKBENCH = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", ROOT / "build")) / "checkbench"
PICTURE, TEXT = ROOT / "models/pocket/samples/horse.png", "a horse on a meadow"
TIMESTEPS = [41, 241, 441, 641, 841, 981]
UNET_ALLOWED = 3e-3


def error(found, expected):
    difference = found.astype(np.float64) - expected
    return float(np.sqrt((difference ** 2).mean() / (expected.astype(np.float64) ** 2).mean()))


# ---- layers ----

def print_layers():
    """Random numbers at the sizes of the layers. False if checkbench says that one is wrong."""
    run = subprocess.run([CHECKBENCH, "--errors"], stdout=subprocess.PIPE, text=True)
    by_kind = collections.defaultdict(list)
    for network, kind, value in re.findall(r"^\| (\w+) \| (.{9}) .* \| ([\d.e+-]+) \|$", run.stdout,
                                           re.MULTILINE):
        by_kind[network, kind.strip()].append(float(value))
    print("\n| | layers | sizes | rms error, least | most |\n|---|---|---|---|---|")
    for (network, kind), values in by_kind.items():
        print(f"| {network} | {kind} | {len(values)} | {min(values):.1e} | {max(values):.1e} |")
    print("\nEach of them:\n\n" + run.stdout, flush=True)
    return run.returncode == 0


# ---- networks ----

@dataclasses.dataclass
class Case:
    network: str  # of networks.py
    name: str
    run: typing.Callable      # of a library.Model
    inputs: tuple             # for the other program
    # what to compare of its output [1, ..]
    take: typing.Callable = lambda output: output[0]


def cases_of(folder, size):
    """The picture's latent with noise, at several timesteps; the picture; its latent."""
    model = library.Model(folder, threads=os.cpu_count())
    picture = Image.open(PICTURE).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
    pixels = np.ascontiguousarray(np.asarray(picture, np.float32).transpose(2, 0, 1) / 127.5 - 1)
    latent, text = model.encode(pixels), model.encode_text(TEXT)
    model.close()
    scale = json.loads((folder / "vae/config.json").read_text()).get("scaling_factor", 0.18215)
    alphas = reference.alphas_cumprod(reference.schedule_of(folder)).double().numpy()
    noise = np.random.default_rng(0).standard_normal(latent.shape)
    for t in TIMESTEPS:
        x = np.ascontiguousarray(np.sqrt(alphas[t]) * latent + np.sqrt(1 - alphas[t]) * noise,
                                 np.float32)
        yield Case("unet", f"UNet, t = {t}", lambda model, x=x, t=t: model.predict(x, t, text),
                   (x[None], np.array(t), text[None]))
    yield Case("encode", "VAE encode", lambda model: model.encode(pixels), (pixels[None],),
               lambda output: output[0, :len(latent)] * scale)
    yield Case("decode", "VAE decode", lambda model: model.decode(latent),
               (latent[None] / np.float32(scale),))


def run_ours(folder, cases, arithmetic):
    model = library.Model(folder, arithmetic=arithmetic, threads=os.cpu_count())
    found = [case.run(model) for case in cases]
    model.close()
    return found, model.kernels


def diffusers_module(network, folder):
    import diffusers
    import torch
    kind, part = ((diffusers.UNet2DConditionModel, "unet") if network == "unet"
                  else (diffusers.AutoencoderKL, "vae"))
    inner = kind.from_pretrained(folder / part, torch_dtype=torch.float32)
    return networks.wrapped(network, inner)


def run_openvino(folder, cases, arithmetic, cache):
    import torch
    found, requests = [], {}
    for case in cases:
        if case.network not in requests:
            requests.clear()
            gc.collect()
            path = cache / f"{case.network}.xml"
            networks.save_for_openvino(lambda: diffusers_module(case.network, folder),
                                       tuple(map(torch.from_numpy, case.inputs)), path)
            requests[case.network] = networks.compile_for_openvino(path, case.inputs, arithmetic,
                                                                   os.cpu_count())
        request, used = requests[case.network]
        found.append(case.take(np.array(request.infer(list(case.inputs))[0])))
    return found, used


def print_networks(name, folder, size, cache):
    """False if the UNet's error is too large."""
    cache.mkdir(parents=True, exist_ok=True)
    cases = list(cases_of(folder, size))
    exact, _ = run_ours(folder, cases, "exact")
    quick, kernels = run_ours(folder, cases, "quick")
    peer_f32, _ = run_openvino(folder, cases, "f32", cache)
    peer, used = run_openvino(folder, cases, "default", cache)
    print(f"\n| {name}, {size}x{size} | diffedit quick ({kernels}) | OpenVINO's default ({used}) "
          "| diffedit exact, from OpenVINO's f32 |\n|---|---|---|---|")
    passed = True
    for row in zip(cases, map(error, quick, exact), map(error, peer, peer_f32),
                   map(error, exact, peer_f32)):
        case, ours, theirs, apart = row
        print(f"| {case.name} | {ours:.1e} | {theirs:.1e} | {apart:.1e} |", flush=True)
        if case.network == "unet":
            passed &= ours <= UNET_ALLOWED and (ours < theirs or used == "f32")
    return passed


def report(folder):
    """`folder` is that of compare.py."""
    passed = print_layers()
    passed &= print_networks("pocket model", ROOT / "models/pocket", 128,
                             folder / "openvino/pocket")
    passed &= print_networks("random weights in SD 1.4's shape", folder / "model", 512,
                             folder / "openvino/random")
    return passed
