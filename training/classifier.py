"""Trains the judge of edits: a small network that says which kinds of things stand in a picture.

It learns from the world alone and has no part in the model that ships. Half of its pictures have
passed through the autoencoder, so that it judges what stands there and not how sharp it is.
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
DECODED = 1200    # scenes that are passed through the autoencoder once, then drawn from
GROUPS = 4        # of channels, for GroupNorm


class Classifier(nn.Module):
    """Pictures [n, 3, s, s] in -1 .. 1 to the logits [n, kinds] of each kind being there. Half
    their size is enough."""

    def __init__(self):
        super().__init__()
        widths = (3, 24, 48, 96, 128)
        self.layers = nn.Sequential(*[layer for one, other in zip(widths, widths[1:]) for layer in (
            nn.Conv2d(one, other, 3, stride=2, padding=1), nn.GroupNorm(GROUPS, other), nn.ReLU(),
            nn.Conv2d(other, other, 3, padding=1), nn.GroupNorm(GROUPS, other), nn.ReLU())])
        self.head = nn.Linear(widths[-1], len(world.KINDS))

    def forward(self, pictures):
        return self.head(self.layers(F.avg_pool2d(pictures, 2)).amax((2, 3)))


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


def draw(rng, count, device):
    """Scenes as the network takes them, and what stands in them."""
    scenes = [world.scene(rng) for _ in range(count)]
    return nets.to_tensor(np.stack([scene.picture for scene in scenes]),
                          device), labels(scenes).to(device)


@torch.no_grad()
def accuracy(network, device, count=256):
    """Share of held-out scenes of which every kind is said rightly."""
    pictures, truth = draw(np.random.default_rng(HELD_OUT), count, device)
    return float(((network(pictures) > 0) == (truth > 0.5)).all(1).float().mean())


@torch.no_grad()
def decode(autoencoder, pictures):
    """What the autoencoder makes of pictures, with a little noise on their latents."""
    latents = autoencoder.encode(pictures).latent_dist.mean
    noise = torch.rand(len(pictures), 1, 1, 1,
                       device=pictures.device) * latents.std() * torch.randn_like(latents)
    return autoencoder.decode(latents + 0.2 * noise).sample.clamp(-1, 1)


def loss_function(network):
    def loss(pictures, truth):
        return (F.binary_cross_entropy_with_logits(network(pictures), truth),)
    return loss


def train(options):
    common.prepare(options)
    device, path = options.device, options.work / "classifier.pt"
    workers = common.Workers(device)
    autoencoder = denoiser.frozen_autoencoder(options)
    network = Classifier().to(device, memory_format=torch.channels_last)
    rng, step, count = np.random.default_rng([options.seed, 2]), 0, options.batch or BATCH[device]
    pictures, decoded_truth = draw(rng, DECODED, device)
    decoded = torch.cat(list(workers.map(lambda part: decode(autoencoder, part),
                                         pictures.split(8))))
    descent = common.Descent(loss_function(network), network.parameters(), RATE[device], options,
                             workers, weight_decay=1e-2)
    pace = common.Pace(RATE[device], 50, 0, common.end_time(options, 0))
    log = common.Log(path.with_suffix(".log"), 50)
    while not pace.over():
        pictures, truth = draw(rng, count // 2, device)
        chosen = torch.randint(DECODED, (count // 2,), device=device)
        loss, = descent.step((torch.cat([pictures, decoded[chosen]]),
                              torch.cat([truth, decoded_truth[chosen]])),
                             pace.rate(step))
        step += 1
        log.add(step, pace.spent(), pace.rate(step), loss)
    print(f"held-out scenes said rightly: {accuracy(network, device):.3f}")
    common.save({"network": network.state_dict()}, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_arguments(parser, minutes=20)
    train(parser.parse_args())
