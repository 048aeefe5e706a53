"""LoRAs: small random ones in the published names, and what diffusers makes of models with them.

    venv/bin/pip install peft==0.21.2            # beside what make.py names
    venv/bin/python loras.py                     # reads data/MODEL/model, as make.py wrote it

The reference is diffusers' `load_lora_weights` and `fuse_lora` in float32, each weight rounded once
to the precision in which the model stores it. What the same gives in float16, diffusers' own way,
is compared and printed.
"""
import json
import shutil

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

import make
import models

STAGES = ("embedding-from", "embedding-to", "map", "mask", "final", "tokens-to")


def layers_of(network, kinds, chosen):
    return {name: layer.weight for name, layer in network.named_modules()
            if isinstance(layer, kinds) and chosen(name)}


def halves(weight, rank, generator):
    """down and up of a size that changes a weight by about a third."""
    out, inner = weight.shape[:2]
    down = torch.randn(rank, inner, *weight.shape[2:], generator=generator)
    up = torch.randn(out, rank, *(1,) * (weight.ndim - 2), generator=generator)
    down /= down[0].numel() ** 0.5
    return down.contiguous(), up * (0.3 / rank ** 0.5)


def random_lora(model, generator, convolutions, ranks):
    """{(network, layer): (down, up)}, the ranks in turn."""
    linear = (torch.nn.Linear, torch.nn.Conv2d)
    # diffusers takes these layers of a UNet from kohya's names
    ends = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj",
            "ff.net.2") + (("conv1", "conv2", "time_emb_proj", "samplers.0.conv")
                           if convolutions else ())
    unet = layers_of(model["unet"], linear, lambda name: name.endswith(ends))
    text = layers_of(model["text_encoder"], linear, lambda name: ".layers." in name)
    found = {}
    for network, layers in (("unet", unet), ("text_encoder", text)):
        for index, (name, weight) in enumerate(layers.items()):
            found[network, name] = halves(weight, ranks[index % len(ranks)], generator)
    return found


def kohya(lora, alphas):
    """With alphas, one for linear layers and another for convolutions, as kohya's scripts set them.

    In diffusers 0.33.1 an attention whose alpha is not the file's commonest gets that one anyway,
    and a file without alphas has those of one rank for all: here such ranks are equal.
    """
    file = {}
    for (network, layer), (down, up) in lora.items():
        name = f"lora_{'unet' if network == 'unet' else 'te'}_{layer.replace('.', '_')}"
        file[f"{name}.lora_down.weight"], file[f"{name}.lora_up.weight"] = down, up
        if alphas:
            file[f"{name}.alpha"] = torch.tensor(1.5 if down.ndim == 2 else 0.75)
    return file


def peft(lora):
    return {f"{network}.{layer}.lora_{half}.weight": value
            for (network, layer), pair in lora.items() for half, value in zip("AB", pair)}


def old_diffusers(lora):
    """Attentions alone, as diffusers' training scripts wrote them first."""
    return {f"unet.{layer.replace('.to_', '.processor.to_').removesuffix('.0')}_lora.{half}.weight":
            value for (network, layer), pair in lora.items()
            if network == "unet" and "attn" in layer for half, value in zip(("down", "up"), pair)}


def read_model(name):
    folder = make.DATA / name / "model"
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    parts = {"text_encoder": CLIPTextModel.from_pretrained(folder / "text_encoder"),
             "unet": UNet2DConditionModel.from_pretrained(folder / "unet"),
             "vae": AutoencoderKL.from_pretrained(folder / "vae")}
    parts = {part: network.float().eval().requires_grad_(False) for part, network in parts.items()}
    schedule = json.loads((folder / "scheduler/scheduler_config.json").read_text())
    return {"tokenizer": tokenizer, "schedule": schedule, **parts}


def fuse(model, files, dtype=torch.float32):
    """diffusers' fused weights, in place, computed in `dtype`."""
    for part in ("unet", "text_encoder"):
        model[part].to(dtype)
    pipe = StableDiffusionPipeline(
        vae=model["vae"], text_encoder=model["text_encoder"], tokenizer=model["tokenizer"],
        unet=model["unet"], scheduler=None, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    for index, (file, weight) in enumerate(files):
        pipe.load_lora_weights(dict(file), adapter_name=f"lora{index}")
        pipe.fuse_lora(lora_scale=weight, adapter_names=[f"lora{index}"])
        pipe.unload_lora_weights()


def weights_of(model):
    return {f"{part}.{name}": value.float().clone() for part in ("unet", "text_encoder")
            for name, value in model[part].state_dict().items()}


def compare_halves(name, files, before, exact):
    """How far fusing in float16 is from rounding once, in units of the last place of the larger of
    a weight before and after."""
    other = read_model(name)
    fuse(other, files, torch.float16)
    errors = []
    for key, value in weights_of(other).items():
        largest = torch.maximum(before[key].abs(), exact[key].abs()).clamp(min=2 ** -14)
        errors.append(((value - exact[key]).abs() / 2 ** (largest.log2().floor() - 10)).flatten())
    errors = torch.cat(errors)
    print(f"  fused in float16: {float(errors.max()):.1f} units of the last place away at most, "
          f"{float((errors <= 1).float().mean()):.4f} of all within one")


def make_case(name, case, files, arguments):
    """`files`: [(file name, tensors, weight)]"""
    folder = make.DATA / name / case
    shutil.rmtree(folder, ignore_errors=True)
    dtype = models.MODELS[name]["dtype"]
    model = read_model(name)
    before = weights_of(model)
    loras = [({key: value.half().float() for key, value in tensors.items()}, weight)
             for _, tensors, weight in files]
    fuse(model, loras)
    for part in ("unet", "text_encoder"):
        for parameter in model[part].parameters():
            parameter.data = parameter.data.to(dtype).float()
    exact = weights_of(model)
    changed = sum(bool((exact[key] != before[key]).any()) for key in exact)
    print(f"{name} {case}: {changed} weights changed")
    assert changed >= sum(len(tensors) for _, tensors, _ in files) / 4
    if dtype == torch.float16:
        compare_halves(name, loras, before, exact)
    pixels = make.make_picture(make.DATA / name / "picture.png", *make.SIZES[name])
    arguments = list(arguments)
    method = make.run_case(model, "edit", arguments, pixels, None)
    stages = {stage: method.stages[stage] for stage in STAGES if stage in method.stages}
    for file, _, weight in files:
        arguments += ["--lora", "{model}/../%s/%s=%s" % (case, file, weight)]
    make.write_case(make.DATA / name, case, "edit", arguments, make.SIZES[name], stages)
    for file, tensors, _ in files:
        save_file({key: value.half().contiguous() for key, value in tensors.items()}, folder / file)


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(14)
    few = make.TEXTS + ["--steps", "6", "--mask-samples", "2"]
    first = random_lora(read_model("tiny-sd1"), generator, True, (1, 2, 3, 4))
    make_case("tiny-sd1", "lora-kohya", [("kohya.safetensors", kohya(first, True), 0.7)], few)
    model = read_model("tiny-sd2")
    first = random_lora(model, generator, True, (3,))
    second = random_lora(model, generator, False, (2,))
    make_case("tiny-sd2", "lora-two", [("peft.safetensors", peft(first), -0.5),
                                       ("diffusers.safetensors", old_diffusers(second), 1.25)], few)
    first = random_lora(read_model("tiny-odd"), generator, False, (2,))
    make_case("tiny-odd", "lora-kohya", [("kohya.safetensors", kohya(first, False), 1.0)], few)


if __name__ == "__main__":
    main()
