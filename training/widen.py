"""Takes over the networks of an earlier model that has fewer latent channels, as `--start` may name.

The four channels of the first version kept one axis of colour and lost the other. The new
channels hold the colour of each cell: the encoder's last layer is fitted to it by least
squares, on features that the encoder has anyway. Everything else stays as it was, so a
denoiser keeps what it knows.
"""
import numpy as np
import torch
import torch.nn.functional as F

import nets
import world

SCENES = 200
CELLS = 0.25    # share of a scene's cells that is fitted to
RIDGE = 1e-4
NOISE = -6.0    # log-variance of the new channels


def colour(pictures):
    """[n, 3, h, w] to the two differences of colour [n, 2, h / 4, w / 4]."""
    red, green, blue = F.avg_pool2d(pictures, nets.FACTOR).split(1, 1)
    return torch.cat([red - green, blue - (red + green) / 2], 1)


def features_of(network, pictures):
    """What the encoder's last convolution sees: [cells, 96 x 3 x 3]. And the latents' means."""
    seen = []
    hook = network.encoder.conv_out.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    latents = network.encode(pictures).latent_dist.mean
    hook.remove()
    return F.unfold(seen[0], 3, padding=1).transpose(1, 2).flatten(0, 1), latents


@torch.no_grad()
def fit_colour(network):
    """The weights [2, 96, 3, 3] and biases [2] of the new channels, as wide as the old ones are."""
    rng = np.random.default_rng(0)
    features, targets, spread = [], [], []
    for _ in range(SCENES):
        picture = nets.to_tensor(world.scene(rng).picture[None])
        seen, latents = features_of(network, picture)
        chosen = torch.rand(len(seen)) < CELLS
        features.append(F.pad(seen[chosen], (0, 1), value=1.0).double())
        targets.append(colour(picture).flatten(2)[0].T[chosen].double())
        spread.append(latents.std())
    features, targets = torch.cat(features), torch.cat(targets)
    targets *= torch.stack(spread).mean() / targets.std(0)
    square = features.T @ features / len(features)
    square += RIDGE * square.diagonal().mean() * torch.eye(len(square))
    solution = torch.linalg.solve(square, features.T @ targets / len(features))
    error = (features @ solution - targets).var(0) / targets.var(0)
    print(f"colour of a cell fitted: {1 - error[0]:.3f} and {1 - error[1]:.3f} of the variance", flush=True)
    last = network.encoder.conv_out.weight.shape[1:]
    return solution[:-1].T.reshape(2, *last).float(), solution[-1].float()


def autoencoder(weights):
    """The weights of an autoencoder, with the number of latent channels that nets.py names."""
    old = weights["decoder.conv_in.weight"].shape[1]
    if old == nets.LATENT_CHANNELS:
        return weights
    network = nets.autoencoder(world.SIZE, latent_channels=old)
    network.load_state_dict(weights)
    new_weight, new_bias = fit_colour(network)
    wide = nets.autoencoder(world.SIZE).state_dict()
    kept = [*range(old), *range(nets.LATENT_CHANNELS, nets.LATENT_CHANNELS + old)]   # of means and log-variances
    for name, value in wide.items():
        if value.shape == weights[name].shape:
            value.copy_(weights[name])
        else:
            value.zero_()
    for name in ("encoder.conv_out.weight", "encoder.conv_out.bias", "quant_conv.bias"):
        wide[name][kept] = weights[name]
    wide["encoder.conv_out.weight"][old:nets.LATENT_CHANNELS] = new_weight
    wide["encoder.conv_out.bias"][old:nets.LATENT_CHANNELS] = new_bias
    wide["quant_conv.bias"][nets.LATENT_CHANNELS + old:] = NOISE
    wide["decoder.conv_in.weight"][:, :old] = weights["decoder.conv_in.weight"]
    wide["post_quant_conv.bias"][:old] = weights["post_quant_conv.bias"]
    for index in range(old, nets.LATENT_CHANNELS):
        wide["quant_conv.weight"][index, index] = wide["post_quant_conv.weight"][index, index] = 1
    for row, new_row in enumerate(kept):
        wide["quant_conv.weight"][new_row, kept] = weights["quant_conv.weight"][row]
    wide["post_quant_conv.weight"][:old, :old] = weights["post_quant_conv.weight"]
    return wide


def denoiser(weights):
    """The weights of a denoiser, which sees the new channels at first by chance and says nothing of them."""
    old = weights["conv_in.weight"].shape[1]
    if old == nets.LATENT_CHANNELS:
        return weights
    first, last, bias = (weights[name] for name in ("conv_in.weight", "conv_out.weight", "conv_out.bias"))
    new = nets.LATENT_CHANNELS - old
    chance = torch.randn(len(first), new, *first.shape[2:]) * first.std() / 2
    return {**weights, "conv_in.weight": torch.cat([first, chance], 1),
            "conv_out.weight": torch.cat([last, torch.zeros(new, *last.shape[1:])]),
            "conv_out.bias": torch.cat([bias, torch.zeros(new)])}
