"""Trains the judge of edits: a small network that says which kinds of things stand in a picture.

It learns from the world alone and has no part in the model that ships. Half of its pictures pass through the
autoencoder, so that it judges what stands there and not how sharp it is.
"""
import argparse

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

import common
import denoiser
import nets
import world

BATCH = {"cpu": 32, "cuda": 256}
RATE = {"cpu": 2e-3, "cuda": 2e-3}
HELD_OUT = 9000   # seeds that neither training nor evaluate.py uses


class Classifier(nn.Module):
    """Pictures [n, 3, s, s] in -1 .. 1 to the logits [n, kinds] of each kind being there."""

    def __init__(self):
        super().__init__()
        widths = (3, 24, 48, 96, 128)
        self.layers = nn.Sequential(*[layer for one, other in zip(widths, widths[1:]) for layer in (
            nn.Conv2d(one, other, 3, stride=2, padding=1), nn.BatchNorm2d(other), nn.ReLU(),
            nn.Conv2d(other, other, 3, padding=1), nn.BatchNorm2d(other), nn.ReLU())])
        self.head = nn.Linear(widths[-1], len(world.KINDS))

    def forward(self, pictures):
        return self.head(self.layers(pictures).amax((2, 3)))


def labels(scenes):
    return torch.tensor([[float(kind in scene.kinds) for kind in world.KINDS] for scene in scenes])


def load_classifier(work):
    state = common.load(work / "classifier.pt")
    if state is None:
        raise SystemExit(f"{work} lacks classifier.pt: run classifier.py first")
    network = Classifier()
    network.load_state_dict(state["network"])
    return network.eval()


@torch.no_grad()
def probabilities(network, picture):
    """Of each kind, of one picture [h, w, 3] in bytes."""
    values = torch.sigmoid(network(nets.to_tensor(picture[None])))[0]
    return dict(zip(world.KINDS, values.tolist()))


@torch.no_grad()
def accuracy(network, device, count=256):
    """Share of held-out scenes of which every kind is said rightly."""
    rng = np.random.default_rng(HELD_OUT)
    scenes = [world.scene(rng) for _ in range(count)]
    pictures = nets.to_tensor(np.stack([scene.picture for scene in scenes]), device)
    said = network.eval()(pictures).cpu() > 0
    network.train()
    return float((said == (labels(scenes) > 0.5)).all(1).float().mean())


def train(options):
    common.prepare(options)
    device, path = options.device, options.work / "classifier.pt"
    autoencoder = denoiser.frozen_autoencoder(options)
    network = Classifier().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), RATE[device], weight_decay=1e-2)
    pace = common.Pace(RATE[device], 50, 0, common.end_time(options, 0))
    log = common.Log(path.with_suffix(".log"), 20)
    rng, step, count = np.random.default_rng([options.seed, 2]), 0, options.batch or BATCH[device]
    while not pace.over():
        scenes = [world.scene(rng) for _ in range(count)]
        pictures = nets.to_tensor(np.stack([scene.picture for scene in scenes]), device)
        with torch.no_grad():
            half = pictures[:count // 2]
            latents = autoencoder.encode(half).latent_dist.mean
            latents = latents + 0.3 * torch.rand(1, device=device) * latents.std() * torch.randn_like(latents)
            pictures[:count // 2] = autoencoder.decode(latents).sample.clamp(-1, 1)
        loss = F.binary_cross_entropy_with_logits(network(pictures), labels(scenes).to(device))
        common.descend(loss, optimizer, list(network.parameters()), pace.rate(step))
        step += 1
        log.add(step, pace.spent(), pace.rate(step), float(loss.detach()))
    print(f"held-out scenes said rightly: {accuracy(network, device):.3f}")
    common.save({"network": network.state_dict()}, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_arguments(parser, minutes=10)
    train(parser.parse_args())
