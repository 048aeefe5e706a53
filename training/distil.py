"""Distils the denoiser into an LCM-LoRA (Luo et al. 2023): weights on top of it with which a few
steps without guidance draw what the guided model draws in many.

A consistency function leads from any point of a path of the guided model to its end. Here the ends
are known: the frozen model follows whole paths, DPM-Solver++(2M) with guidance from a noised scene
down to no noise, and every point of a path becomes a pair with its end. That costs two evaluations
for each pair, which is then drawn more than once. Half of the paths from high noise have the
caption of another scene, because that is what an edit asks for.
"""
import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

import common
import nets
import tokenizer as tokens
import world

BATCH = {"cpu": 8, "cuda": 128}
RATE = {"cpu": 1e-3, "cuda": 1e-3}
GUIDANCE = 5.0
LEVELS = 1000
ORIGIN = 50          # an LCM's timesteps are a choice from so many
STEPS = 8            # of a path from the highest noise; fewer from a lower one
TOP_SHARE = 0.4      # paths that begin there
OTHER_ABOVE = 600    # timestep from which half of the captions are another scene's
FIRST = 200          # pairs before the first update
CHUNK = 8            # scenes of equal timesteps that follow their paths together
SIGMA_DATA, TIMESTEP_SCALING = 0.5, 10.0
HUBER = 1e-3
HALVES = {"lora_A": "lora_down", "lora_B": "lora_up"}
LINEAR = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2",
          "time_emb_proj", "conv_shortcut")
CONVOLUTIONS = ("conv1", "conv2", "downsamplers.0.conv", "upsamplers.0.conv")


class Exact(torch.nn.Module):
    """A layer that bfloat16 would spoil: at the highest noise its error is multiplied by 15."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, values):
        with torch.autocast(values.device.type, enabled=False):
            return self.layer(values.float())


def open_denoiser(folder):
    network = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    network.conv_out = Exact(network.conv_out)
    return network.eval().requires_grad_(False)


def boundary(times):
    """c_skip and c_out, which make the function the identity where there is no noise."""
    scaled = (times * TIMESTEP_SCALING)[:, None, None, None]
    skip = SIGMA_DATA ** 2 / (scaled ** 2 + SIGMA_DATA ** 2)
    return skip, scaled / (scaled ** 2 + SIGMA_DATA ** 2).sqrt()


class Levels:
    """sqrt(abar) and sqrt(1 - abar) at whole timesteps."""

    def __init__(self, device):
        abar = nets.scheduler().alphas_cumprod.double()
        self.signal = abar.sqrt().float().to(device)
        self.noise = (1 - abar).sqrt().float().to(device)

    def at(self, times):
        return (self.signal[times][:, None, None, None], self.noise[times][:, None, None, None])


class Teacher:
    """The model that ships, frozen."""

    def __init__(self, folder, device, bf16):
        self.device, self.bf16, self.levels = device, bf16, Levels(device)
        self.denoiser = open_denoiser(folder).to(device)
        self.text = CLIPTextModel.from_pretrained(folder / "text_encoder",
                                                  torch_dtype=torch.float32)
        self.text.to(device).eval().requires_grad_(False)
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        self.empty = self.tokens([""])[0]
        self.autoencoder = AutoencoderKL.from_pretrained(
            folder / "vae", torch_dtype=torch.float32).to(device).eval().requires_grad_(False)

    def tokens(self, captions):
        return torch.tensor([tokens.encode(self.tokenizer, caption) for caption in captions],
                            device=self.device)

    def encode(self, pictures):
        latents = self.autoencoder.encode(nets.to_tensor(pictures, self.device)).latent_dist.mean
        return latents * self.autoencoder.config.scaling_factor

    def words(self, captions):
        return self.text(captions).last_hidden_state

    def guided(self, latents, time, both):
        times = torch.full((2 * len(latents),), time, device=self.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
            noise = self.denoiser(torch.cat([latents, latents]), times, both).sample.float()
        plain, wished = noise.chunk(2)
        return plain + GUIDANCE * (wished - plain)

    def path(self, latents, captions, nodes):
        """The points of a path at the timesteps `nodes`, which fall, and its end."""
        both = self.words(torch.cat([self.empty.expand_as(captions), captions]))
        signal, noise = self.levels.signal, self.levels.noise
        half_log = torch.log(signal / noise)
        points, before, before_h = [], None, None
        for time, following in zip(nodes, [*nodes[1:], 0]):
            points.append(latents)
            clean = (latents - noise[time] * self.guided(latents, time, both)) / signal[time]
            h = half_log[following] - half_log[time]
            direction = clean
            if before is not None and following > 0:
                direction = clean + (clean - before) * (h / (2 * before_h))
            latents = (noise[following] / noise[time]) * latents - signal[following] * torch.expm1(
                -h) * direction
            before, before_h = clean, h
        return points, latents


class Pairs:
    """Points of paths and their ends, drawn from at random; half of each batch comes from the
    newest until it is full."""

    NAMES = ("points", "ends", "times", "captions")

    def __init__(self, teacher, limit, seed, path):
        self.teacher, self.limit, self.path = teacher, limit, path
        self.rng = np.random.default_rng(seed)
        shape = (limit, nets.LATENT_CHANNELS, world.SIZE // nets.FACTOR, world.SIZE // nets.FACTOR)
        self.points = torch.empty(shape, dtype=torch.float16)
        self.ends = torch.empty(shape, dtype=torch.float16)
        self.times = torch.empty(limit, dtype=torch.long)
        self.captions = torch.empty(limit, tokens.LENGTH, dtype=torch.long)
        self.count, self.newest, self.saved = 0, 0, 0
        self.restore()

    def full(self):
        return self.count == self.limit

    def nodes(self):
        """Whole timesteps that fall evenly to nearly nothing."""
        top = ORIGIN
        if self.rng.random() > TOP_SHARE:
            top = int(self.rng.integers(ORIGIN // 10, ORIGIN + 1))
        count = max(2, round(STEPS * top / ORIGIN))
        return [round(top * (LEVELS // ORIGIN) * step / count) - 1 for step in range(count, 0, -1)]

    @torch.no_grad()
    def grow(self):
        scenes = [world.scene(self.rng) for _ in range(CHUNK)]
        latents = self.teacher.encode(np.stack([scene.picture for scene in scenes]))
        captions = self.teacher.tokens([scene.caption for scene in scenes])
        nodes = self.nodes()
        if nodes[0] >= OTHER_ABOVE:
            captions[:CHUNK // 2] = captions[:CHUNK // 2].roll(1, 0)
        signal, noise = self.teacher.levels.at(torch.full((CHUNK,), nodes[0]))
        start = signal * latents + noise * torch.randn_like(latents)
        points, end = self.teacher.path(start, captions, nodes)
        self.newest = self.count
        for time, point in zip(nodes, points):
            rows = slice(self.count, min(self.count + CHUNK, self.limit))
            kept = rows.stop - rows.start
            self.points[rows], self.ends[rows] = point[:kept].cpu(), end[:kept].cpu()
            self.times[rows], self.captions[rows] = time, captions[:kept].cpu()
            self.count = rows.stop

    def batch(self, count):
        chosen = torch.randint(self.count, (count,))
        if not self.full():
            chosen[:count // 2] = torch.randint(self.newest, self.count, (count // 2,))
        device = self.teacher.device
        return (self.points[chosen].float().to(device), self.times[chosen].to(device),
                self.captions[chosen].to(device), self.ends[chosen].float().to(device))

    def save(self):
        if self.count > self.saved:
            common.save({name: getattr(self, name)[:self.count].clone() for name in self.NAMES},
                        self.path)
            self.saved = self.count

    def restore(self):
        state = common.load(self.path)
        if state:
            self.count = self.saved = min(self.limit, len(state["times"]))
            for name in self.NAMES:
                getattr(self, name)[:self.count] = state[name][:self.count]


def start_student(folder, rank, convolution_rank, device):
    """The same denoiser with a LoRA that changes nothing yet; nothing else of it is trained."""
    network = open_denoiser(folder)
    ranks = {name.replace(".", r"\."): convolution_rank for name in CONVOLUTIONS}
    network.add_adapter(LoraConfig(
        r=rank, lora_alpha=rank, target_modules=[*LINEAR, *CONVOLUTIONS], rank_pattern=ranks,
        alpha_pattern=ranks))
    return network.to(device)


def loss_function(network, levels, bf16):
    def loss(points, times, words, ends):
        signal, noise = levels.at(times)
        with torch.autocast(points.device.type, torch.bfloat16, enabled=bf16):
            guess = network(points, times, words).sample.float()
        skip, out = boundary(times)
        found = skip * points + out * (points - noise * guess) / signal
        error = found - ends
        return ((error.pow(2) + HUBER ** 2).sqrt() - HUBER).mean(), error.pow(2).mean()
    return loss


class MeanLora:
    """The running mean of the LoRA's weights."""

    def __init__(self, network, decay):
        self.weights, self.decay = self.of(network), decay

    @staticmethod
    def of(network):
        return {name: value.detach().clone()
                for name, value in get_peft_model_state_dict(network).items()}

    def update(self, network, step):
        weight = 1 - min(self.decay, step / (step + 10))
        for name, value in get_peft_model_state_dict(network).items():
            self.weights[name].lerp_(value.detach(), weight)


def export(weights, path):
    """In the names of kohya's scripts, half precision. Each layer says its alpha: without it,
    diffusers would scale the convolutions by the ratio of the two ranks."""
    file = {}
    for name, value in weights.items():
        layer, half = name.removesuffix(".weight").rsplit(".", 1)
        flat = "lora_unet_" + layer.replace(".", "_")
        file[f"{flat}.{HALVES[half]}.weight"] = value.half().contiguous()
        if half == "lora_A":
            file[f"{flat}.alpha"] = torch.tensor(float(len(value)), dtype=torch.float16)
    save_file(file, path, {"format": "pt"})
    path.chmod(0o644)


def train(options):
    common.prepare(options)
    device, path = options.device, options.work / "lcm-lora.pt"
    teacher = Teacher(options.model, device, options.bf16)
    student = start_student(options.model, options.rank, options.convolution_rank, device)
    trained = [value for value in student.parameters() if value.requires_grad]
    mean = MeanLora(student, 0.998)
    descent = common.Descent(loss_function(student, teacher.levels, options.bf16), trained,
                             RATE[device], options, common.Workers(device), weight_decay=0.0)
    step, spent = 0, 0.0
    state = common.load(path)
    if state:
        set_peft_model_state_dict(student, state["lora"])
        mean.weights = state["mean"]
        descent.optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["seconds"]
    pairs = Pairs(teacher, options.pairs, [options.seed, 3, step], options.work / "lcm-pairs.pt")
    pace = common.Pace(RATE[device], 40, spent, common.end_time(options, spent))
    log = common.Log(path.with_suffix(".log"), options.log_every)
    count = options.batch or BATCH[device]

    def checkpoint():
        common.save({"lora": MeanLora.of(student), "mean": mean.weights,
                     "optimizer": descent.optimizer.state_dict(), "step": step,
                     "seconds": pace.spent()}, path)
        pairs.save()
        export(mean.weights, options.work / "lcm-lora.safetensors")

    while pairs.count < FIRST:
        pairs.grow()
    while not pace.over():
        if step % options.updates_a_chunk == 0 and not pairs.full():
            pairs.grow()
        points, times, captions, ends = pairs.batch(count)
        with torch.no_grad():
            words = teacher.words(captions)
        loss, square = descent.step((points, times, words, ends), pace.rate(step))
        step += 1
        mean.update(student, step)
        log.add(step, pace.spent(), pace.rate(step), loss, square=square, pairs=pairs.count)
        if step % options.save_every == 0:
            checkpoint()
    checkpoint()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_arguments(parser, minutes=100)
    parser.add_argument("--model", type=Path,
                        default=Path(__file__).resolve().parent.parent / "models/pocket")
    parser.add_argument("--rank", type=int, default=16, help="[%(default)s]")
    parser.add_argument("--convolution-rank", type=int, default=8, help="[%(default)s]")
    parser.add_argument("--pairs", type=int, default=12000, help="kept at most [%(default)s]")
    parser.add_argument("--updates-a-chunk", type=int, default=8,
                        help="updates for each chunk of new paths [%(default)s]")
    common.add_update_arguments(parser, log_every=20, save_every=100)
    train(parser.parse_args())
