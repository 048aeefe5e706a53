"""Trains the autoencoder on whole pictures.

Whole pictures and not crops: the statistics of GroupNorm differ on a crop, and the
colours of large smooth things come out wrong.

`--decoder-only` goes on with the decoder while the encoder stands still. It may run
beside or after the denoiser's training, since the latents keep their meaning.
"""
import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import common
import nets
import widen
import world

BATCH = {"cpu": 4, "cuda": 64}
RATE = 1.5e-3
START_RATE = 1.2e-3   # from an earlier model
DECODER_RATE = 8e-4
POOL = 12000


class Pool:
    """Rendered scenes. It grows by the newest scenes until it is full, then is drawn from."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.pictures, self.masks = [], []

    def grow(self, count):
        for _ in range(count):
            scene = world.scene(self.rng)
            self.pictures.append(scene.picture)
            self.masks.append(scene.mask())

    def batch(self, count):
        if len(self.pictures) < POOL:
            self.grow(count)
            chosen = range(len(self.pictures) - count, len(self.pictures))
        else:
            chosen = self.rng.integers(len(self.pictures), size=count)
        return np.stack([self.pictures[i]
                         for i in chosen]), np.stack([self.masks[i] for i in chosen])


def gradients(batch):
    return batch[..., 1:] - batch[..., :-1], batch[..., 1:, :] - batch[..., :-1, :]


def reconstruction_loss(result, target, mask):
    """Colour, edges and the colour of small areas. Things weigh more than the easy places behind
    them."""
    weight = 1 + 2 * mask
    weight = weight / weight.mean()
    colour = (weight * (result - target).abs()).mean()
    edges = sum((gradient.abs() * weight[..., :gradient.shape[2], :gradient.shape[3]]).mean()
                for gradient in gradients(result - target))
    areas = (F.avg_pool2d(weight,
                          4) * (F.avg_pool2d(result, 4) - F.avg_pool2d(target, 4)).abs()).mean()
    # the encoder learns fine lines sooner than the second axis of colour
    return colour + 0.5 * edges + 2.5 * areas


def kl_divergence(latent):
    return 0.5 * (latent.mean ** 2 + latent.var - 1 - latent.logvar).mean()


def psnr(result, target):
    """In decibels; the values span 2."""
    return -10 * torch.log10((result.detach() - target).pow(2).mean() / 4)


def loss_function(network, bf16):
    """The noise of the latents is drawn outside, where the seed decides it whatever computes the
    loss."""
    def loss(target, mask, noise):
        with torch.autocast(target.device.type, torch.bfloat16, enabled=bf16):
            latent = network.encode(target).latent_dist
            result = network.decode(latent.mean + latent.std * noise).sample
        result = result.float()
        return reconstruction_loss(result, target,
                                   mask) + 1e-5 * kl_divergence(latent), psnr(result, target)
    return loss


def start_network(options):
    network = nets.autoencoder(world.SIZE)
    with torch.no_grad():
        network.quant_conv.bias[nets.LATENT_CHANNELS:] = -6.0   # nearly no noise at first
    return network.to(options.device, memory_format=torch.channels_last)


def train(options):
    common.prepare(options)
    path = options.work / "autoencoder.pt"
    decoder_path = options.work / "decoder.pt"
    network = start_network(options)
    if options.start and not path.exists():
        network.load_state_dict(widen.autoencoder(nets.exported(options.start, "vae")))
    if options.decoder_only:
        if not path.exists():
            common.save({"mean": network.state_dict()}, path)
        network.load_state_dict(common.load(path)["mean"])
        path = decoder_path
        network.encoder.requires_grad_(False)
        network.quant_conv.requires_grad_(False)
    state = common.load(path)
    average = common.Average(network, 0.998)
    peak = DECODER_RATE if options.decoder_only else START_RATE if options.start else RATE
    descent = common.Descent(loss_function(network, options.bf16),
                             [value for value in network.parameters() if value.requires_grad], peak,
                             options, common.Workers(options.device), weight_decay=0)
    step, spent = 0, 0.0
    if state:
        network.load_state_dict(state["network"])
        average.network.load_state_dict(state["mean"])
        descent.optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["seconds"]
    pace = common.Pace(peak, 30 if options.start else 100, spent, common.end_time(options, spent))
    log = common.Log(path.with_suffix(".log"), options.log_every)
    pool = Pool([options.seed, step])
    count = options.batch or BATCH[options.device]
    latent_size = world.SIZE // nets.FACTOR

    def checkpoint():
        common.save({"network": network.state_dict(), "mean": average.network.state_dict(),
                     "optimizer": descent.optimizer.state_dict(), "step": step,
                     "seconds": pace.spent()}, path)

    while not pace.over():
        pictures, masks = pool.batch(count)
        target = nets.to_tensor(pictures, options.device)
        mask = torch.as_tensor(masks, device=options.device)[:, None].float()
        noise = torch.randn(count, nets.LATENT_CHANNELS, latent_size, latent_size,
                            device=options.device)
        loss, decibels = descent.step((target, mask, noise), pace.rate(step))
        step += 1
        average.update(network, step)
        log.add(step, pace.spent(), pace.rate(step), loss, psnr=decibels)
        if step % options.save_every == 0:
            checkpoint()
    checkpoint()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_arguments(parser, minutes=60)
    parser.add_argument("--decoder-only", action="store_true",
                        help="keep the encoder, improve the decoder")
    parser.add_argument("--start", type=Path, help="a model folder whose autoencoder to begin with")
    common.add_update_arguments(parser, log_every=20, save_every=100)
    train(parser.parse_args())
