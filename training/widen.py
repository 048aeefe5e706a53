"""Takes over the networks of an earlier model that has fewer latent channels, as `--start` may
name.

The new channels hold what the old ones lose. Reduced-rank regression (Izenman, 1975) finds it: of
all that the encoder's last features say about the decoder's errors, the few directions that say
most. The encoder's last layer is given them; everything else stays as it was, so a denoiser keeps
what it knows.
"""
import numpy as np
import torch
import torch.nn.functional as F

import nets
import world

SCENES = 200
CELLS = 0.25    # share of a scene's cells that is fitted to
THING = 3.0     # weight of a cell of a thing, beside 1 for the place
RIDGE = 1e-4
NOISE = -6.0    # log-variance of the new channels


def cells(planes):
    """[1, c, h, w] to [h / 4 * w / 4, 16 c]."""
    return F.unfold(planes, nets.FACTOR, stride=nets.FACTOR)[0].T


def features_of(network, picture):
    """What the encoder's last convolution sees: [cells, 96 x 3 x 3]. And the latents' means."""
    seen = []
    hook = network.encoder.conv_out.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0]))
    latents = network.encode(picture).latent_dist.mean
    hook.remove()
    return F.unfold(seen[0], 3, padding=1)[0].T, latents


@torch.no_grad()
def fit_errors(network, count):
    """The weights [count, 96, 3, 3] and biases [count] of the new channels, as wide as the old ones
    are."""
    rng = np.random.default_rng(0)
    features, errors, weights, spread = [], [], [], []
    for _ in range(SCENES):
        scene = world.scene(rng)
        picture = nets.to_tensor(scene.picture[None])
        seen, latents = features_of(network, picture)
        error = cells(picture - network.decode(latents).sample)
        covered = cells(torch.as_tensor(scene.mask())[None, None].float()).mean(1)
        chosen = torch.rand(len(seen)) < CELLS
        features.append(F.pad(seen[chosen], (0, 1), value=1.0).double())
        errors.append(error[chosen].double())
        weights.append(1 + (THING - 1) * covered[chosen].double())
        spread.append(latents.std())
    features, errors, weights = torch.cat(features), torch.cat(errors), torch.cat(weights)[:, None]
    square = features.T @ (weights * features) / len(features)
    square += RIDGE * square.diagonal().mean() * torch.eye(len(square))
    solution = torch.linalg.solve(square, features.T @ (weights * errors) / len(features))
    said = features @ solution
    directions = torch.linalg.eigh(said.T @ (weights * said)).eigenvectors[:, -count:]
    total, left = ((weights * values ** 2).mean()
                   for values in (errors, errors - said @ directions @ directions.T))
    print(f"the decoder's errors: {1 - left / total:.3f} of them explained by {count} more "
          "channels", flush=True)
    solution = solution @ directions
    solution *= torch.stack(spread).mean() / (features @ solution).std(0)
    shape = network.encoder.conv_out.weight.shape[1:]
    return solution[:-1].T.reshape(count, *shape).float(), solution[-1].float()


def autoencoder(weights):
    """The weights of an autoencoder, with the number of latent channels that nets.py names."""
    old = weights["decoder.conv_in.weight"].shape[1]
    if old == nets.LATENT_CHANNELS:
        return weights
    network = nets.autoencoder(world.SIZE, latent_channels=old)
    network.load_state_dict(weights)
    new_weight, new_bias = fit_errors(network, nets.LATENT_CHANNELS - old)
    wide = nets.autoencoder(world.SIZE).state_dict()
    kept = [*range(old),
            *range(nets.LATENT_CHANNELS, nets.LATENT_CHANNELS + old)]   # of means and log-variances
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
    """The weights of a denoiser, which sees the new channels at first by chance and says nothing of
    them."""
    old = weights["conv_in.weight"].shape[1]
    if old == nets.LATENT_CHANNELS:
        return weights
    first, last, bias = (weights[name]
                         for name in ("conv_in.weight", "conv_out.weight", "conv_out.bias"))
    new = nets.LATENT_CHANNELS - old
    chance = torch.randn(len(first), new, *first.shape[2:]) * first.std() / 2
    return {**weights, "conv_in.weight": torch.cat([first, chance], 1),
            "conv_out.weight": torch.cat([last, torch.zeros(new, *last.shape[1:])]),
            "conv_out.bias": torch.cat([bias, torch.zeros(new)])}
