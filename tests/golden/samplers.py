"""Samplers with other spacings than the paper's, from the papers, and held against diffusers'
schedulers: grids of nodes 0 (the picture) to n (the noisiest), and steps between them.
"""
import math

import numpy as np
import torch
from diffusers import (DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
                       LCMScheduler)

AUTO = {"ddim": "leading", "lms": "linspace", "dpm++2m": "karras", "lcm": "trailing",
        "euler-a": "trailing"}


def spacing_of(options):
    return AUTO[options.scheduler] if options.spacing == "auto" else options.spacing


class Grid:
    """Timesteps, alphas_cumprod and sigmas of nodes 0..n."""

    def __init__(self, config, alphas, scheduler, spacing, steps):
        total = config["num_train_timesteps"]
        training = np.sqrt((1 - alphas) / alphas)
        first = 1.0 if config["set_alpha_to_one"] else alphas[0]
        self.apart = spacing != "karras"  # whether node 0 is none of the spacing's
        if scheduler == "lcm":  # Luo et al. 2023: some of fifty timesteps
            fifty = (np.arange(1, 51) * (total // 50) - 1)[::-1]
            times = fifty[np.floor(np.linspace(0, 50, steps, endpoint=False)).astype(int)][::-1]
            levels = alphas[times]
        elif spacing == "leading":
            times = np.arange(steps) * (total // steps) + config["steps_offset"]
            levels = alphas[times]
        elif spacing == "trailing":
            times = np.round(np.arange(total, 0, -total / steps)).astype(int)[::-1] - 1
            levels = alphas[times]
        elif spacing == "karras":  # Karras et al. 2022, equation 5
            ends = training[[0, -1]] ** (1 / 7)
            sigmas = np.linspace(*ends, steps + 1) ** 7
            levels, first = 1 / (sigmas[1:] ** 2 + 1), 1 / (sigmas[0] ** 2 + 1)
            times = np.round(np.interp(np.log(sigmas[1:]), np.log(training), np.arange(total)))
        else:
            times = np.linspace(0, total - 1, steps)
            levels = 1 / (np.interp(times, np.arange(total), training) ** 2 + 1)
            first = 1.0
        if scheduler in ("lcm", "euler-a"):
            first = 1.0
        self.times = [0.0, *map(float, times)]
        self.levels = [float(first), *map(float, levels)]
        self.sigmas = [math.sqrt((1 - level) / level) for level in self.levels]


class DDIM:
    """Song et al. 2021, equation 12 with eta 0, in either direction."""

    ahead = 1  # encoding, the network looks at node i as at the time of node i + 1

    def __init__(self, grid):
        self.grid = grid
        self.exploding = False

    def noised(self, x0, noise, i):
        if i == 0:
            return x0
        level = self.grid.levels[i]
        return math.sqrt(level) * x0 + math.sqrt(1 - level) * noise

    def move(self, i, j, x, eps):
        a, b = self.grid.levels[i], self.grid.levels[j]
        clean = (x - math.sqrt(1 - a) * eps) / math.sqrt(a)
        return math.sqrt(b) * clean + math.sqrt(1 - b) * eps

    def decode(self, i, y, eps, _noise):
        return self.move(i, i - 1, y, eps)

    def encode(self, i, x, eps):
        return self.move(i, i + 1, x, eps)


class DPMSolver(DDIM):
    """DPM-Solver++(2M) downwards, the 2M of DPM-Solver upwards at the state's own timestep."""

    ahead = 0

    def __init__(self, grid):
        super().__init__(grid)
        self.before = None

    def length(self, i, j):
        s = self.grid.sigmas
        return math.inf if s[j] == 0 else -math.inf if s[i] == 0 else math.log(s[i] / s[j])

    def extrapolate(self, value, h, h_before, lowered):
        before, self.before = self.before, value
        if before is None or lowered:
            return value
        return value + (value - before) * (h / (2 * h_before))

    def decode(self, i, y, eps, _noise):
        a, b, h = self.grid.levels[i], self.grid.levels[i - 1], self.length(i, i - 1)
        clean = (y - math.sqrt(1 - a) * eps) / math.sqrt(a)
        h_before = self.length(i + 1, i) if self.before is not None else None
        clean = self.extrapolate(clean, h, h_before, i == 1 and self.grid.apart)
        return math.sqrt((1 - b) / (1 - a)) * y - math.sqrt(b) * math.expm1(-h) * clean

    def encode(self, i, x, eps):
        a, b, h = self.grid.levels[i], self.grid.levels[i + 1], self.length(i, i + 1)
        eps = self.extrapolate(eps, h, self.length(i - 1, i) if i else None, False)
        return math.sqrt(b / a) * x - math.sqrt(1 - b) * math.expm1(h) * eps


class LCM(DDIM):
    """Luo et al. 2023: the consistency function, then noise of the next level."""

    def decode(self, i, y, eps, noise):
        a, b, t = self.grid.levels[i], self.grid.levels[i - 1], 10 * self.grid.times[i]
        c_skip, c_out = 0.25 / (t ** 2 + 0.25), t / math.sqrt(t ** 2 + 0.25)
        clean = c_out * (y - math.sqrt(1 - a) * eps) / math.sqrt(a) + c_skip * y
        return clean if i == 1 else math.sqrt(b) * clean + math.sqrt(1 - b) * noise


class EulerAncestral(DDIM):
    """k-diffusion's; samples are x_0 + sigma noise."""

    def __init__(self, grid):
        super().__init__(grid)
        self.exploding = True

    def noised(self, x0, noise, i):
        return x0 + self.grid.sigmas[i] * noise

    def decode(self, i, y, eps, noise):
        s, t = self.grid.sigmas[i], self.grid.sigmas[i - 1]
        up = math.sqrt(t ** 2 * (s ** 2 - t ** 2) / s ** 2)
        down = math.sqrt(t ** 2 - up ** 2)
        y = y + (down - s) * eps
        return y if i == 1 else y + up * noise


STEPS = {"ddim": DDIM, "dpm++2m": DPMSolver, "lcm": LCM, "euler-a": EulerAncestral}


def make(config, alphas, options):
    grid = Grid(config, alphas, options.scheduler, spacing_of(options), options.steps)
    return STEPS[options.scheduler](grid)


# ---- diffusers ----

def scheduler_of(config, options):
    """diffusers' scheduler that means the same, and its number of steps; None: there is none."""
    settings = {key: value for key, value in config.items()
                if key.startswith("beta") or key in ("num_train_timesteps", "prediction_type")}
    spacing = spacing_of(options)
    # there a step of DDIM is T // n long, wherever the next timestep lies
    even = config["num_train_timesteps"] % options.steps == 0
    if options.scheduler == "ddim" and spacing == "trailing" and even:
        return DDIMScheduler(**settings, timestep_spacing="trailing", clip_sample=False,
                             set_alpha_to_one=config["set_alpha_to_one"]), options.steps
    if options.scheduler == "dpm++2m" and spacing in ("trailing", "karras"):
        karras = spacing == "karras"
        scheduler = DPMSolverMultistepScheduler(
            **settings, timestep_spacing="linspace" if karras else spacing,
            use_karras_sigmas=karras, final_sigmas_type="sigma_min", euler_at_final=True)
        return scheduler, options.steps + karras  # Karras: its last step has length 0
    if options.scheduler == "lcm":
        return LCMScheduler(**settings, set_alpha_to_one=True, original_inference_steps=50), \
            options.steps
    if options.scheduler == "euler-a":
        return EulerAncestralDiscreteScheduler(**settings, timestep_spacing=spacing), options.steps
    return None


@torch.no_grad()
def compare_generating(method):
    """Text to image with diffusers' scheduler in a loop as its pipeline has it."""
    config, o, unet = method.model["schedule"], method.o, method.model["unet"]
    found = scheduler_of(config, o)
    if found is None or (config["set_alpha_to_one"] and o.scheduler == "dpm++2m"):
        return
    scheduler, steps = found
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(o.seed)
    noise = torch.from_numpy(method.stages["noise"])[None]
    assert torch.equal(torch.randn(noise.shape, generator=generator), noise)
    y = noise * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        seen = scheduler.scale_model_input(y, t)
        out = unet(seen, t, method.embed(o.target)).sample
        if o.guidance != 1:
            base = unet(seen, t, method.embed(o.negative)).sample
            out = base + o.guidance * (out - base)
        extra = {} if o.scheduler == "dpm++2m" else {"generator": generator}
        y = scheduler.step(out, t, y, **extra).prev_sample
    ours = torch.from_numpy(method.stages["final"])
    difference = float((y[0] - ours).norm() / ours.norm())
    print(f"  {type(scheduler).__name__}: relative L2 difference {difference:.1e}")
    assert difference < 1e-4
