"""The method on PyTorch, diffusers' networks and transformers' text encoder: what diffedit is held
against.

Written from the papers and the references, independently of the C code. Arrays are channels first;
everything is float32. `k` of a share is rint(steps * share), ties to even, at least 1 and at most
`steps`.
"""
import dataclasses
import json
import math

import numpy as np
import torch

import models
import samplers
import weighted


@dataclasses.dataclass
class Options:
    """The command line's options, with the defaults of preset `paper`."""
    source: str = ""
    target: str = ""
    negative: str = ""
    seed: int = 42
    rng: str = "cpu"
    steps: int = 50
    ratio: float = 0.8
    guidance: float = 7.5
    guidance_kind: str = "cfg"
    scheduler: str = "ddim"
    spacing: str = "auto"
    encode: str = "auto"
    encode_guidance: float = 1.0
    background: str = "same"
    posterior: str = "mean"
    mask_method: str = "contrast"
    mask_noise_level: float = 0.5
    mask_samples: int = 10
    mask_threshold: float = 0.5
    prompt_syntax: str = "plain"


PRESETS = {
    "paper": {},
    "diffusers": {"encode_guidance": None, "background": "lagged"},  # None: as guidance
    "notebook": {"steps": 30, "ratio": 2 / 3, "guidance": 0.15, "guidance_kind": "normalised",
                 "scheduler": "lms",
                 "background": "start", "posterior": "sample", "mask_method": "plus-minus",
                 "mask_samples": 20},
    "fast": {"steps": 14, "scheduler": "dpm++2m", "spacing": "karras", "mask_samples": 2},
    "lcm": {"steps": 5, "guidance": 1.0, "scheduler": "lcm", "encode": "none", "mask_samples": 2},
    "turbo": {"steps": 4, "ratio": 0.75, "guidance": 1.0, "scheduler": "euler-a", "encode": "none",
              "mask_samples": 2},
}


def share(steps, part):
    return min(max(int(np.rint(steps * part)), 1), steps)


# ---- random numbers ----

def philox_normal(seed, count, number=0):
    """torch's CUDA generator: Philox 4x32-10, each element of the `number`th array with a counter
    of its own (Salmon et al. 2011)."""
    mask = np.uint64(0xFFFFFFFF)
    words = [np.full(count, number, np.uint64), np.zeros(count, np.uint64),
             np.arange(count, dtype=np.uint64), np.zeros(count, np.uint64)]
    key = [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF]
    for _ in range(10):
        a, b = words[0] * np.uint64(0xD2511F53), words[2] * np.uint64(0xCD9E8D57)
        words = [b >> np.uint64(32) ^ words[1] ^ np.uint64(key[0]), b & mask,
                 a >> np.uint64(32) ^ words[3] ^ np.uint64(key[1]), a & mask]
        key = [key[0] + 0x9E3779B9 & 0xFFFFFFFF, key[1] + 0xBB67AE85 & 0xFFFFFFFF]
    u = words[0] * 2.0 ** -32 + 2.0 ** -33
    v = 2 * math.pi * (words[1] * 2.0 ** -32 + 2.0 ** -33)
    return np.sqrt(-2 * np.log(u)) * np.sin(v)


class Random:
    """A generator that goes on from array to array."""

    def __init__(self, rng, seed):
        self.rng, self.seed, self.drawn = rng, seed % 2 ** 64, 0
        self.generator = torch.Generator("cpu").manual_seed(self.seed)

    def draw(self, shape):
        if self.rng == "cpu":
            return torch.randn(shape, generator=self.generator)
        values = philox_normal(self.seed, math.prod(shape), self.drawn).astype(np.float32)
        self.drawn += 1
        return torch.from_numpy(values).reshape(shape)


def randn(rng, seed, shape):
    return Random(rng, seed).draw(shape)


# ---- schedules ----

def schedule_of(folder):
    """The noise schedule of a model's folder; what its file leaves out is as Stable Diffusion
    publishes it."""
    return {**models.SCHEDULE,
            **json.loads((folder / "scheduler/scheduler_config.json").read_text())}


def alphas_cumprod(config):
    total, start, end = config["num_train_timesteps"], config["beta_start"], config["beta_end"]
    if config["beta_schedule"] == "linear":
        betas = torch.linspace(start, end, total, dtype=torch.float32)
    else:
        betas = torch.linspace(start ** 0.5, end ** 0.5, total, dtype=torch.float32) ** 2
    return torch.cumprod(1 - betas, 0)


class DDIM:
    """Song et al. 2021, equation 12 with eta 0, in either direction."""

    def __init__(self, config, steps):
        self.alphas = alphas_cumprod(config).double()
        self.steps = steps
        step = config["num_train_timesteps"] // steps
        self.timesteps = [i * step + config["steps_offset"] for i in range(steps)]
        self.first = 1.0 if config["set_alpha_to_one"] else float(self.alphas[0])

    def level(self, i):
        """alphas_cumprod of x_i."""
        return self.first if i == 0 else float(self.alphas[self.timesteps[i - 1]])

    @staticmethod
    def move(x, eps, a, b):
        clean = (x - math.sqrt(1 - a) * eps) / math.sqrt(a)
        return math.sqrt(b) * clean + math.sqrt(1 - b) * eps


class LMS:
    """Linear multistep of order 4 on fractional timesteps (diffusers' LMSDiscreteScheduler)."""

    def __init__(self, config, steps):
        alphas = alphas_cumprod(config)
        total = config["num_train_timesteps"]
        self.timesteps = np.linspace(0, total - 1, steps, dtype=np.float32)[::-1].copy()
        sigmas = (((1 - alphas) / alphas) ** 0.5).numpy()
        sigmas = np.interp(self.timesteps, np.arange(total), sigmas)
        self.sigmas = np.concatenate([sigmas, [0.0]]).astype(np.float32)
        self.derivatives = []

    def coefficient(self, order, i, j):
        from scipy import integrate
        sigmas = self.sigmas.astype(np.float64)

        def lagrange(sigma):
            product = 1.0
            for k in range(order):
                if k != j:
                    product *= (sigma - sigmas[i - k]) / (sigmas[i - j] - sigmas[i - k])
            return product
        return integrate.quad(lagrange, sigmas[i], sigmas[i + 1], epsrel=1e-8)[0]

    def step(self, i, eps, x):
        """The order grows with the step's index, even where a history that began later has fewer
        derivatives."""
        self.derivatives = [eps] + self.derivatives[:3]
        order = min(i + 1, 4)
        for j, derivative in zip(range(order), self.derivatives):
            x = x + float(self.coefficient(order, i, j)) * derivative
        return x


# ---- guidance ----

def guide(kind, u, t, g):
    if kind == "cfg":
        return u + g * (t - u)
    difference = t - u
    if g == 0 or float(difference.norm()) == 0:
        return u
    p = u + g * difference / difference.norm() * u.norm()
    return p * u.norm() / p.norm()


# ---- the method ----

class Method:
    """One picture under one model; `stages` collects every tensor on the way by the name of its
    stage file."""

    def __init__(self, model, options, pixels=None, user_mask=None):
        self.model, self.o, self.user_mask = model, options, user_mask
        self.stages = {}
        self.weighted = None
        if options.prompt_syntax == "weighted":
            self.weighted = weighted.Encoder(model, [options.source, options.target,
                                                     options.negative])
        self.condition = None  # [1, 1 + c, h, w], what an inpainting UNet reads beside the latent
        for name, text in (("from", options.source), ("to", options.target),
                           ("negative", options.negative)):
            tokens = self.tokenize(text)
            self.stages["tokens-" + name] = tokens[0].numpy().astype(np.int32)
            self.stages["embedding-" + name] = self.embed(text)[0].numpy()
        self.pixels = pixels  # [1, 3, H, W] in -1..1

    def tokenize(self, text):
        if self.weighted:
            return torch.tensor([self.weighted.tokens(text)])
        tokenizer = self.model["tokenizer"]
        return tokenizer(text, padding="max_length", max_length=tokenizer.model_max_length,
                         truncation=True, return_tensors="pt").input_ids

    @torch.no_grad()
    def embed(self, text):
        if self.weighted:
            return self.weighted.embed(text)
        return self.model["text_encoder"](self.tokenize(text)).last_hidden_state

    @torch.no_grad()
    def eps(self, x, t, text, level):
        """The UNet's prediction at sample x of noise level `level`, as eps whatever it was trained
        to predict."""
        seen = x if self.condition is None else torch.cat([x, self.condition], 1)
        out = self.model["unet"](seen, torch.tensor(t), self.embed(text)).sample
        if self.model["schedule"]["prediction_type"] == "v_prediction":
            out = math.sqrt(level) * out + math.sqrt(1 - level) * x
        return out

    def guided(self, x, t, level, base, text, scale):
        return guide(self.o.guidance_kind, self.eps(x, t, base, level), self.eps(x, t, text, level),
                     scale)

    @torch.no_grad()
    def decode(self, latent):
        vae = self.model["vae"]
        return vae.decode(latent / vae.config.scaling_factor).sample

    @torch.no_grad()
    def latent_of(self, pixels):
        vae = self.model["vae"]
        posterior = vae.encode(pixels).latent_dist
        latent = posterior.mean
        if self.o.posterior == "sample":
            latent = latent + posterior.std * randn(self.o.rng, self.o.seed - 1, latent.shape)
        return latent * vae.config.scaling_factor

    def encode(self):
        self.x0 = self.latent_of(self.pixels)
        self.stages["latent"] = self.x0[0].numpy()

    def inpaints(self):
        return self.model["unet"].config.in_channels > self.model["unet"].config.out_channels

    def condition_on(self, mask, pixels):
        """Mask [h, w] and the picture with grey in the mask's place."""
        if self.inpaints():
            self.condition = torch.cat([mask[None, None], self.latent_of(pixels)], 1)

    def condition_on_everything(self, height, width):
        factor = 2 ** (len(self.model["vae"].config.block_out_channels) - 1)
        self.condition_on(torch.ones(height, width),
                          torch.zeros(1, 3, height * factor, width * factor))

    def condition_on_mask(self):
        if self.user_mask is not None:
            mask = torch.from_numpy(self.user_mask.astype(np.float32))
        else:
            factor = self.pixels.shape[2] // self.mask.shape[0]
            mask = self.mask.repeat_interleave(factor, 0).repeat_interleave(factor, 1)
        self.condition_on(self.mask, self.pixels * (1 - mask))

    def find_map(self):
        if self.o.mask_method == "contrast":
            self.contrast()
        else:
            self.plus_minus()

    def contrast(self):
        """DiffEdit, section 3.2, step 1."""
        o, ddim = self.o, DDIM(self.model["schedule"], self.o.steps)
        t = ddim.timesteps[share(o.steps, o.mask_noise_level) - 1]
        if self.is_spaced():  # from the noise level alone
            t = share(self.model["schedule"]["num_train_timesteps"], o.mask_noise_level) - 1
        level = float(ddim.alphas[t])
        noise = randn(o.rng, o.seed, (o.mask_samples, *self.x0.shape[1:]))
        d = torch.zeros(self.x0.shape[2:])
        for n in noise[:, None]:
            z = math.sqrt(level) * self.x0 + math.sqrt(1 - level) * n
            difference = self.eps(z, t, o.target, level) - self.eps(z, t, o.source, level)
            d += difference.abs().mean((0, 1))
        d /= o.mask_samples
        limit = 3 * d.mean()
        self.map = d.clamp(max=limit) / limit if limit > 0 else d
        self.stages.update({"mask-noise": noise.numpy(), "map": self.map.numpy()})

    def plus_minus(self):
        """The DiffEdit-practice notebook: one text, guidance of both signs, compared in pixels."""
        o, lms = self.o, LMS(self.model["schedule"], self.o.steps)
        index = o.steps - share(o.steps, o.mask_noise_level)
        sigma, t = float(lms.sigmas[index]), float(lms.timesteps[index])
        noise = torch.cat([randn(o.rng, o.seed + i, self.x0.shape) for i in range(o.mask_samples)])
        total = torch.zeros(self.pixels.shape[2:])
        for n in noise[:, None]:
            z = self.x0 + sigma * n
            scaled, level = z / math.sqrt(sigma ** 2 + 1), 1 / (sigma ** 2 + 1)
            plus = z - sigma * self.guided(scaled, t, level, "", o.source, o.guidance)
            minus = z - sigma * self.guided(scaled, t, level, "", o.source, -o.guidance)
            both = torch.relu(self.decode(plus - minus)) + torch.relu(self.decode(minus - plus))
            total += both[0].mean(0)
        self.map = (total / 3).clamp(0, 1)
        self.stages.update({"mask-noise": noise.numpy(), "map": self.map.numpy()})

    def find_mask(self):
        h, w = self.x0.shape[2:]
        # [H, W] of 0 and 1: a cell changes if any of its pixels does
        if self.user_mask is not None:
            f = self.user_mask.shape[0] // h
            mask = self.user_mask.reshape(h, f, w, f).max((1, 3))
            self.mask = torch.from_numpy(mask.astype(np.float32))
        else:
            f = self.map.shape[0] // h
            self.mask = (self.map[::f, ::f] >= self.o.mask_threshold).float()
        self.stages["mask"] = self.mask.numpy()

    def is_spaced(self):
        """Whether another grid than the paper's and the notebook's is asked for."""
        return self.o.scheduler != "lms" and samplers.spacing_of(self.o) != "leading"

    def sampler(self):
        schedule = self.model["schedule"]
        return samplers.make(schedule, alphas_cumprod(schedule).double().numpy(), self.o)

    def inverts(self):
        return self.o.scheduler in ("ddim", "dpm++2m") and self.o.encode != "none"

    def invert_spaced(self):
        o, sampler = self.o, self.sampler()
        self.states = [self.x0]
        for i in range(share(o.steps, o.ratio)):
            x, level = self.states[-1], sampler.grid.levels[i]
            t = sampler.grid.times[i + sampler.ahead]
            e = self.eps(x, t, "", level) if o.encode_guidance == 1 else \
                self.guided(x, t, level, "", o.source, o.encode_guidance)
            self.states.append(sampler.encode(i, x, e))
        self.stages["inverted"] = torch.cat(self.states).numpy()

    def invert(self):
        """DiffEdit, section 3.2, step 2: DDIM encoding."""
        if self.is_spaced() or self.o.scheduler == "dpm++2m":
            return self.invert_spaced()
        o, ddim = self.o, DDIM(self.model["schedule"], self.o.steps)
        scale = o.guidance if o.encode_guidance is None else o.encode_guidance
        self.states = [self.x0]
        for i in range(share(o.steps, o.ratio)):
            x, t, a, b = self.states[-1], ddim.timesteps[i], ddim.level(i), ddim.level(i + 1)
            e = self.eps(x, t, "", a) if scale == 1 else self.guided(x, t, a, "", o.source, scale)
            self.states.append(DDIM.move(x, e, a, b))
        self.stages["inverted"] = torch.cat(self.states).numpy()

    def base(self):
        return "" if self.o.guidance_kind == "normalised" else self.o.negative

    def finish(self, y):
        self.stages["final"] = y[0].numpy()
        self.stages["decoded"] = (self.decode(y)[0] / 2 + 0.5).clamp(0, 1).numpy()

    def denoise(self):
        """DiffEdit, section 3.2, step 3, or the notebook's LMS."""
        if self.o.scheduler == "lms":
            return self.denoise_lms()
        if self.is_spaced() or self.o.encode == "none" or self.o.scheduler == "dpm++2m":
            return self.denoise_spaced()
        o, ddim = self.o, DDIM(self.model["schedule"], self.o.steps)
        y = self.states[-1]
        for i in reversed(range(share(o.steps, o.ratio))):
            b, a = ddim.level(i + 1), ddim.level(i)
            y = DDIM.move(y, self.guided(y, ddim.timesteps[i], b, self.base(), o.target,
                                         o.guidance), b, a)
            background = {"same": self.states[i], "lagged": self.states[i + 1],
                          "start": self.x0}[o.background]
            y = self.mask * y + (1 - self.mask) * background
        return self.finish(y)

    def denoise_spaced(self):
        o, k = self.o, share(self.o.steps, self.o.ratio)
        random = Random(o.rng, o.seed)
        if self.inverts():
            return self.steps(self.sampler(), k, self.states[k], random, self.states.__getitem__)
        noise = random.draw(self.x0.shape)
        self.stages["noise"] = noise[0].numpy()
        sampler = self.sampler()
        return self.steps(sampler, k, sampler.noised(self.x0, noise, k), random,
                          lambda i: sampler.noised(self.x0, noise, i))

    def steps(self, sampler, k, y, random, background=None):
        """y of node k down to node 0; background(i): what stands outside the mask at node i."""
        o, grid = self.o, sampler.grid
        for i in range(k, 0, -1):
            level = grid.levels[i]
            seen = y * math.sqrt(level) if sampler.exploding else y
            e = self.guided(seen, grid.times[i], level, self.base(), o.target, o.guidance)
            fresh = random.draw(y.shape) if o.scheduler in ("lcm", "euler-a") and i > 1 else None
            y = sampler.decode(i, y, e, fresh)
            if background:
                node = {"same": i - 1, "lagged": i, "start": 0}[o.background]
                y = self.mask * y + (1 - self.mask) * background(node)
        return self.finish(y)

    def lms_steps(self, lms, y, first, mask):
        o = self.o
        for i in range(first, o.steps):
            sigma, t = float(lms.sigmas[i]), float(lms.timesteps[i])
            e = self.guided(y / math.sqrt(sigma ** 2 + 1), t, 1 / (sigma ** 2 + 1), self.base(),
                            o.target, o.guidance)
            y = lms.step(i, e, y)
            if mask is not None:
                y = mask * y + (1 - mask) * self.x0
        return self.finish(y)

    def denoise_lms(self):
        o, lms = self.o, LMS(self.model["schedule"], self.o.steps)
        start = o.steps - share(o.steps, o.ratio)
        noise = randn(o.rng, o.seed, self.x0.shape)
        self.stages["noise"] = noise[0].numpy()
        self.lms_steps(lms, self.x0 + float(lms.sigmas[start]) * noise, start + 1, self.mask)

    def edit(self):
        self.encode()
        self.condition_on_everything(*self.x0.shape[2:])
        if self.user_mask is None:
            self.find_map()
        self.find_mask()
        if self.user_mask is not None and self.inpaints():
            return self.inpaint()
        if self.inverts():
            self.invert()
        self.condition_on_mask()
        self.denoise()

    def inpaint(self):
        """From noise alone, as StableDiffusionInpaintPipeline at strength 1."""
        self.condition_on_mask()
        self.from_noise(*self.x0.shape[2:])

    def only_invert(self):
        self.encode()
        self.condition_on_everything(*self.x0.shape[2:])
        self.invert()

    def generate(self, height, width):
        self.condition_on_everything(height, width)
        self.from_noise(height, width)

    def from_noise(self, height, width):
        o, channels = self.o, self.model["vae"].config.latent_channels
        random = Random(o.rng, o.seed)
        noise = random.draw((1, channels, height, width))
        self.stages["noise"] = noise[0].numpy()
        if self.is_spaced() or o.scheduler == "dpm++2m":
            sampler = self.sampler()
            y = noise * sampler.grid.sigmas[-1] if sampler.exploding else noise
            return self.steps(sampler, o.steps, y, random)
        if o.scheduler == "lms":
            lms = LMS(self.model["schedule"], o.steps)
            return self.lms_steps(lms, noise * float(lms.sigmas[0]), 0, None)
        ddim, y = DDIM(self.model["schedule"], o.steps), noise
        for i in reversed(range(o.steps)):
            b, a = ddim.level(i + 1), ddim.level(i)
            y = DDIM.move(y, self.guided(y, ddim.timesteps[i], b, self.base(), o.target,
                                         o.guidance), b, a)
        return self.finish(y)
