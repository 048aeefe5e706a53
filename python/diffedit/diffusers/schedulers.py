"""DDIM in both directions, under the names and with the configs that diffusers has for them.

The library's own sampler is not used here: its stages begin with a picture and end with a picture,
and a pipeline hands the latents of every step out and takes them in again. These two steps are what
it takes; every other sampler is diffusers' own object, which `adapt` makes fit."""
from __future__ import annotations

import inspect
import json
import operator
import os
import warnings
from typing import TYPE_CHECKING, Any, Mapping

import numpy as np

from ..errors import ArgumentError
from . import arrays
from .arrays import Array
from .folders import find_folder

if TYPE_CHECKING:
    from .._values import PathLike


class Config(dict[str, Any]):
    """A config as diffusers' FrozenDict: also by attribute, and not to be changed."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this config has no `{name}`") from None

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a config does not change: make another with from_config(config, name=...)")

    __setattr__ = __setitem__ = __delitem__ = _refuse
    pop = popitem = setdefault = update = clear = _refuse

    def __reduce__(self) -> Any:
        return Config, (dict(self),)


def read_config(folder: str, name: str) -> Config:
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        config = json.load(file)
    if not isinstance(config, dict):
        raise ArgumentError(f"{os.path.join(folder, name)}: expected a JSON object")
    return Config(config)


class Step(dict[str, Array]):
    """What a step returns: `prev_sample` and `pred_original_sample`."""

    def __getattr__(self, name: str) -> Array:
        if name in self:
            return self[name]
        raise AttributeError(f"a step has no `{name}`")


class _Scheduler:
    order = 1
    init_noise_sigma = 1.0
    defaults: Mapping[str, Any] = {
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02,
        "beta_schedule": "linear", "trained_betas": None, "clip_sample": True,
        "set_alpha_to_one": True, "steps_offset": 0, "prediction_type": "epsilon",
        "clip_sample_range": 1.0, "timestep_spacing": "leading", "rescale_betas_zero_snr": False,
    }

    def __init__(self, **settings: Any) -> None:
        for name in settings:
            if name not in self.defaults:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument "
                                f"{name!r}")
        config = {**self.defaults, **settings, "_class_name": type(self).__name__,
                  "_use_default_values": [key for key in self.defaults if key not in settings]}
        self.config = Config(config)
        self.alphas_cumprod = alphas_cumprod(self.config)
        self.first_alpha = (np.float32(1) if config["set_alpha_to_one"]
                            else self.alphas_cumprod[0])
        if config["prediction_type"] not in ("epsilon", "v_prediction"):
            raise ArgumentError(f"{type(self).__name__}: `prediction_type` "
                                f"{config['prediction_type']!r}: expected epsilon or v_prediction")
        if config.get("thresholding"):
            raise ArgumentError(f"{type(self).__name__}: `thresholding` is not computed here")
        self.num_inference_steps: int | None = None
        self.timesteps = np.arange(config["num_train_timesteps"])

    @classmethod
    def from_config(cls, config: Any, **changes: Any) -> Any:
        """From the config of this or any other scheduler, diffusers' or ours. What was that
        class's default, and not given to it, becomes this class's default, as in diffusers. What
        this class does not know is kept for the next one."""
        for name in changes:
            if name not in cls.defaults:
                warnings.warn(f"{cls.__name__} has no `{name}`, which is ignored", stacklevel=2)
        config = dict(getattr(config, "config", config))
        left_out = config.get("_use_default_values", ())
        given = {**{key: value for key, value in config.items()
                    if not key.startswith("_") and key not in left_out}, **changes}
        made = cls(**{key: value for key, value in given.items() if key in cls.defaults})
        made.config = Config({**given, **made.config})
        return made

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: PathLike, subfolder: str | None = None,
                        cache_dir: PathLike | None = None, revision: str | None = None,
                        **changes: Any) -> Any:
        """Of a model's folder, which is found as the pipeline finds it."""
        folder = find_folder(pretrained_model_name_or_path, cache_dir, revision)
        name = os.path.join(subfolder or "", "scheduler_config.json")
        return cls.from_config(read_config(folder, name), **changes)

    def __len__(self) -> int:
        return int(self.config.num_train_timesteps)

    def __repr__(self) -> str:
        return f"{type(self).__name__} {json.dumps(self.config, indent=2, default=str)}"

    def _check_steps(self, steps: int) -> None:
        trained = self.config.num_train_timesteps
        if not 1 <= operator.index(steps) <= trained:
            raise ArgumentError(f"`num_inference_steps` {steps}: expected 1 to {trained}, the "
                                "timesteps that the model was trained with")
        self.num_inference_steps = steps

    def _stride(self) -> int:
        """Of a step, in timesteps."""
        if self.num_inference_steps is None:
            raise ArgumentError("Number of inference steps is 'None', you need to run "
                                "'set_timesteps' after creating the scheduler")  # as there
        return int(self.config.num_train_timesteps // self.num_inference_steps)

    def _leading(self, steps: int) -> Array:
        length = self.config.num_train_timesteps // steps
        return np.asarray(np.arange(steps) * length + self.config.steps_offset)

    def _trailing(self, steps: int) -> Array:
        trained = self.config.num_train_timesteps
        times = np.round(np.arange(trained, 0, -trained / steps))[::-1] - 1
        return np.asarray(times, np.int64)

    def _spacing_is_unknown(self, known: str) -> ArgumentError:
        return ArgumentError(f"{type(self).__name__}: `timestep_spacing` "
                             f"{self.config.timestep_spacing!r}: expected {known}")

    def _predictions(self, model_output: Array, sample: Array,
                     alpha: np.float32) -> tuple[Array, Array]:
        """x_0 and eps, from what the network says of a sample of this level."""
        a, s = np.sqrt(alpha), np.sqrt(1 - alpha)
        if self.config.prediction_type == "v_prediction":
            original, eps = a * sample - s * model_output, a * model_output + s * sample
        else:
            original, eps = (sample - s * model_output) / a, model_output
        if self.config.clip_sample:
            bound = self.config.clip_sample_range
            original = np.clip(original, -bound, bound)
        return original, eps

    def scale_model_input(self, sample: Array, timestep: Any = None) -> Array:
        return sample

    def add_noise(self, original_samples: Array, noise: Array, timesteps: Any) -> Array:
        """Samples [b, c, h, w] at one timestep for all."""
        alpha = self.alphas_cumprod[int(timesteps)]
        noised: Array = np.sqrt(alpha) * original_samples + np.sqrt(1 - alpha) * noise
        return noised


class DDIMScheduler(_Scheduler):
    """DDIM (Song et al. 2021, equations 12 and 16), from noise to the picture."""

    defaults = {**_Scheduler.defaults, "thresholding": False, "dynamic_thresholding_ratio": 0.995,
                "sample_max_value": 1.0}

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.timesteps = self.timesteps[::-1].copy()

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        self._check_steps(num_inference_steps)
        trained, spacing = self.config.num_train_timesteps, self.config.timestep_spacing
        if spacing == "linspace":
            times = np.linspace(0, trained - 1, num_inference_steps).round().astype(np.int64)
        elif spacing == "leading":
            times = self._leading(num_inference_steps)
        elif spacing == "trailing":
            times = self._trailing(num_inference_steps)
        else:
            raise self._spacing_is_unknown("leading, trailing or linspace")
        self.timesteps = times[::-1].copy()

    def step(self, model_output: Array, timestep: Any, sample: Array, eta: float = 0.0,
             generator: Any = None) -> Step:
        """All arrays [b, c, h, w]; the noise of `eta` is drawn from `generator`."""
        before = int(timestep) - self._stride()
        alpha = self.alphas_cumprod[int(timestep)]
        alpha_before = self.alphas_cumprod[before] if before >= 0 else self.first_alpha
        original, eps = self._predictions(model_output, sample, alpha)
        variance = (1 - alpha_before) / (1 - alpha) * (1 - alpha / alpha_before)
        deviation = np.float32(eta) * np.sqrt(variance)
        previous = (np.sqrt(alpha_before) * original
                    + np.sqrt(1 - alpha_before - deviation ** 2) * eps)
        if eta > 0:
            previous = previous + deviation * arrays.draw(sample.shape, generator)
        return Step(prev_sample=previous, pred_original_sample=original)


class DDIMInverseScheduler(_Scheduler):
    """The same steps the other way, from the picture to noise."""

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        self._check_steps(num_inference_steps)
        if self.config.timestep_spacing == "leading":
            self.timesteps = self._leading(num_inference_steps)
        elif self.config.timestep_spacing == "trailing":
            self.timesteps = self._trailing(num_inference_steps)
        else:
            raise self._spacing_is_unknown("leading or trailing")

    def step(self, model_output: Array, timestep: Any, sample: Array) -> Step:
        now = min(int(timestep) - self._stride(), self.config.num_train_timesteps - 1)
        alpha = self.alphas_cumprod[now] if now >= 0 else self.first_alpha
        alpha_next = self.alphas_cumprod[int(timestep)]
        original, eps = self._predictions(model_output, sample, alpha)
        following = np.sqrt(alpha_next) * original + np.sqrt(1 - alpha_next) * eps
        return Step(prev_sample=following, pred_original_sample=original)


class OtherScheduler:
    """The config of a scheduler that is not computed here: it makes another by from_config."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotImplementedError(
            f"{self.config.get('_class_name', 'this scheduler')} is not computed here: set "
            "`pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)`, and the "
            "inverse one likewise, or give diffusers' own objects")


def read_scheduler(folder: str, name: str, needed: bool = True) -> Any:
    """That of a model's folder; None where there is none and none is needed."""
    try:
        config = read_config(folder, f"{name}/scheduler_config.json")
    except FileNotFoundError:
        if needed:
            raise
        return None
    ours = OURS.get(str(config.get("_class_name")))
    return ours.from_config(config) if ours else OtherScheduler(config)


def with_changes(scheduler: Any, **changes: Any) -> Any:
    """Another scheduler of the same kind, with a changed config."""
    if isinstance(scheduler, OtherScheduler):
        return OtherScheduler(Config({**scheduler.config, **changes}))
    return type(scheduler).from_config(scheduler.config, **changes)


OURS = {scheduler.__name__: scheduler for scheduler in (DDIMScheduler, DDIMInverseScheduler)}


def alphas_cumprod(config: Config) -> Array:
    """The noise levels [num_train_timesteps] of a scheduler's config, in float32."""
    count, schedule = config.num_train_timesteps, config.beta_schedule
    if config.trained_betas is not None:
        betas = np.asarray(config.trained_betas, np.float32)
    elif schedule == "linear":
        betas = np.linspace(config.beta_start, config.beta_end, count, dtype=np.float32)
    elif schedule == "scaled_linear":
        betas = np.linspace(config.beta_start ** 0.5, config.beta_end ** 0.5, count,
                            dtype=np.float32) ** 2
    else:
        raise ArgumentError(f"`beta_schedule` {schedule!r}: expected linear or scaled_linear")
    if config.rescale_betas_zero_snr:
        raise ArgumentError("`rescale_betas_zero_snr` is not computed here")
    return np.cumprod(1 - betas, dtype=np.float64).astype(np.float32)


class _Borrowed:
    """A scheduler object of diffusers, which takes and gives tensors, among arrays."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self.order = int(getattr(scheduler, "order", 1))

    @property
    def timesteps(self) -> Any:
        return self._scheduler.timesteps

    def set_timesteps(self, num_inference_steps: int) -> None:
        self._scheduler.set_timesteps(num_inference_steps, device="cpu")

    def scale_model_input(self, sample: Array, timestep: Any) -> Array:
        return arrays.to_array(self._scheduler.scale_model_input(arrays.to_tensor(sample),
                                                                 timestep))

    def add_noise(self, original_samples: Array, noise: Array, timestep: Any) -> Array:
        return arrays.to_array(self._scheduler.add_noise(
            arrays.to_tensor(original_samples), arrays.to_tensor(noise), timestep.reshape(1)))

    def step(self, model_output: Array, timestep: Any, sample: Array, **extra: Any) -> Step:
        accepted = inspect.signature(self._scheduler.step).parameters
        extra = {name: value for name, value in extra.items() if name in accepted}
        step = self._scheduler.step(arrays.to_tensor(model_output), timestep,
                                    arrays.to_tensor(sample), **extra)
        return Step(prev_sample=arrays.to_array(step.prev_sample))


def adapt(scheduler: Any) -> Any:
    """A scheduler that takes and gives arrays: ours, or diffusers' object."""
    if isinstance(scheduler, (_Scheduler, OtherScheduler)):
        return scheduler
    if not all(hasattr(scheduler, name) for name in ("config", "set_timesteps", "step")):
        raise TypeError(f"expected a scheduler of diffusers or of diffedit.diffusers, found "
                        f"{type(scheduler).__name__}")
    return _Borrowed(scheduler)
