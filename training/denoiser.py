"""Trains the denoiser together with the text encoder, on the frozen autoencoder's latents.

The latents are cached: rendering and encoding a scene costs more than its share of an update.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import torch

import common
import nets
import tokenizer as tokens
import widen
import world

BATCH = {"cpu": 16, "cuda": 256}
RATE = {"cpu": 6e-4, "cuda": 8e-4}
FORMAT = {"cpu": torch.contiguous_format, "cuda": torch.channels_last}   # the faster one of each
SCENES = {"cpu": 8000, "cuda": 60000}
EDIT_TIMES = (300, 1000)   # the timesteps that decide what an edit looks like; trained more often
EDIT_SHARE = 0.6
EMPTY = 0.12       # share of captions left out, for guidance
FIRST = 256        # scenes cached before the first update; the scaling factor is measured on them
CHUNK = 16
LEVELS = 1000


class LatentCache:
    """Latents and captions of scenes. Half of each batch comes from the newest until it is full."""

    def __init__(self, autoencoder, tokenizer, limit, seed, device, workers):
        self.autoencoder, self.tokenizer, self.workers = autoencoder, tokenizer, workers
        self.limit, self.device = limit, device
        self.rng = np.random.default_rng(seed)
        self.latents = torch.empty(limit, nets.LATENT_CHANNELS, world.SIZE // nets.FACTOR,
                                   world.SIZE // nets.FACTOR, dtype=torch.float16, device=device)
        self.tokens = torch.empty(limit, tokens.LENGTH, dtype=torch.long, device=device)
        self.count = 0
        self.grow(FIRST)

    def full(self):
        return self.count == self.limit

    @torch.no_grad()
    def encode(self, pictures):
        return self.autoencoder.encode(pictures).latent_dist.mean.half()

    def grow(self, wanted):
        stop = min(self.count + wanted, self.limit)
        while self.count < stop:
            scenes = [world.scene(self.rng) for _ in range(min(CHUNK, stop - self.count))]
            batch = nets.to_tensor(np.stack([scene.picture for scene in scenes]), self.device)
            rows = slice(self.count, self.count + len(scenes))
            shares = batch.chunk(self.workers.shares)
            self.latents[rows] = torch.cat(list(self.workers.map(self.encode, shares)))
            self.tokens[rows] = torch.tensor(
                [tokens.encode(self.tokenizer, scene.caption) for scene in scenes],
                device=self.device)
            self.count += len(scenes)

    def batch(self, count):
        if not self.full():
            self.grow(CHUNK)
        chosen = torch.randint(self.count, (count,), device=self.device)
        if not self.full():
            chosen[:count // 2] = torch.randint(max(0, self.count - CHUNK), self.count,
                                                (count // 2,), device=self.device)
        return self.latents[chosen].float(), self.tokens[chosen]


def frozen_autoencoder(options):
    state = common.load(options.work / "autoencoder.pt")
    if state is None:
        raise SystemExit("train the autoencoder first: autoencoder.py")
    network = nets.autoencoder(world.SIZE)
    network.load_state_dict(state["mean"])
    return network.to(options.device,
                      memory_format=torch.channels_last).eval().requires_grad_(False)


def start_networks(tokenizer, device):
    denoiser, text = nets.denoiser(world.SIZE), nets.text_encoder(tokenizer)
    torch.nn.init.zeros_(denoiser.conv_out.weight)
    torch.nn.init.normal_(text.text_model.embeddings.token_embedding.weight, std=0.05)
    return denoiser.to(device, memory_format=FORMAT[device]), text.to(device)


def start_from(folder, denoiser, text, tokenizer):
    """Weights of the model in `folder`; words that its tokenizer had keep their embeddings."""
    denoiser.load_state_dict(widen.denoiser(nets.exported(folder, "unet")))
    known = json.loads((folder / "tokenizer/vocab.json").read_text())
    weights = nets.exported(folder, "text_encoder")
    name = "text_model.embeddings.token_embedding.weight"
    embeddings = text.state_dict()[name].clone()
    for token, index in tokenizer.get_vocab().items():
        if token in known:
            embeddings[index] = weights[name][known[token]]
    text.load_state_dict({**weights, name: embeddings})


def draw_times(count, device):
    low, high = EDIT_TIMES
    anywhere = torch.randint(LEVELS, (count,), device=device)
    edit = torch.randint(low, high, (count,), device=device)
    return torch.where(torch.rand(count, device=device) < EDIT_SHARE, edit, anywhere)


def loss_function(denoiser, text, bf16):
    def loss(noisy, times, captions, noise):
        with torch.autocast(noisy.device.type, torch.bfloat16, enabled=bf16):
            guess = denoiser(noisy, times, text(captions).last_hidden_state).sample
        return ((guess.float() - noise).pow(2).mean(),)
    return loss


def train(options):
    common.prepare(options)
    device = options.device
    path = options.work / "denoiser.pt"
    tokenizer = tokens.open_tokenizer(options.work / "tokenizer")
    denoiser, text = start_networks(tokenizer, device)
    if options.start:
        start_from(options.start, denoiser, text, tokenizer)
    mean_denoiser, mean_text = common.Average(denoiser, 0.9985), common.Average(text, 0.9985)
    workers = common.Workers(device)
    descent = common.Descent(loss_function(denoiser, text, options.bf16),
                             [*denoiser.parameters(), *text.parameters()], RATE[device], options,
                             workers, weight_decay=1e-2)
    step, spent, scaling = 0, 0.0, None
    state = common.load(path)
    if state:
        denoiser.load_state_dict(state["denoiser"])
        text.load_state_dict(state["text_encoder"])
        mean_denoiser.network.load_state_dict(state["mean_denoiser"])
        mean_text.network.load_state_dict(state["mean_text_encoder"])
        descent.optimizer.load_state_dict(state["optimizer"])
        step, spent, scaling = state["step"], state["seconds"], state["scaling_factor"]
    cache = LatentCache(frozen_autoencoder(options), tokenizer, options.scenes or SCENES[device],
                        [options.seed, 1, step], device, workers)
    if scaling is None:
        scaling = float(1 / cache.latents[:cache.count].float().std())
    levels = nets.scheduler().alphas_cumprod.to(device)
    empty = torch.tensor(tokens.encode(tokenizer, ""), device=device)
    pace = common.Pace(RATE[device], 40 if options.start else 200, spent,
                       common.end_time(options, spent))
    log = common.Log(path.with_suffix(".log"), options.log_every)
    count = options.batch or BATCH[device]

    def checkpoint():
        common.save({"denoiser": denoiser.state_dict(), "text_encoder": text.state_dict(),
                     "mean_denoiser": mean_denoiser.network.state_dict(),
                     "mean_text_encoder": mean_text.network.state_dict(),
                     "optimizer": descent.optimizer.state_dict(), "step": step,
                     "seconds": pace.spent(),
                     "scaling_factor": scaling}, path)

    while not pace.over():
        latents, captions = cache.batch(count)
        latents = latents * scaling
        captions[torch.rand(count, device=device) < EMPTY] = empty
        times = draw_times(count, device)
        level = levels[times][:, None, None, None]
        noise = torch.randn_like(latents)
        noisy = (level.sqrt() * latents +
                 (1 - level).sqrt() * noise).contiguous(memory_format=FORMAT[device])
        loss, = descent.step((noisy, times, captions, noise), pace.rate(step))
        step += 1
        mean_denoiser.update(denoiser, step)
        mean_text.update(text, step)
        log.add(step, pace.spent(), pace.rate(step), loss)
        if step % options.save_every == 0:
            checkpoint()
    checkpoint()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_arguments(parser, minutes=180)
    parser.add_argument("--scenes", type=int, help="latents cached [by device]")
    parser.add_argument("--start", type=Path,
                        help="a model folder whose denoiser and words to begin with")
    common.add_update_arguments(parser, log_every=50, save_every=300)
    train(parser.parse_args())
