"""StableDiffusionDiffEditPipeline, computed by diffedit.

Its three methods take and give what the original lets a user put in between: embeddings, latents of
every step, masks by cell, schedulers. The library's stages (find, invert, edit) have pictures at
both ends, so the networks are called as functions here, and the loops and the two steps of DDIM
(schedulers.py) are Python's. Where the stages compute the same, under preset `diffusers`, tests
compare the two."""
from __future__ import annotations

import warnings
from typing import Any, Callable, Optional, Union

import numpy as np

from .._values import PathLike
from ..errors import ArgumentError
from ..model import Model
from . import arrays, checks
from .arrays import Array
from .folders import find_folder
from .networks import Networks
from .outputs import DiffEditInversionPipelineOutput, StableDiffusionPipelineOutput
from .parts import PARTS, Part
from .schedulers import DDIMInverseScheduler, adapt, read_scheduler, with_changes

Texts = Union[str, "list[str]", None]
Callback = Optional[Callable[[int, Any, Any], None]]  # step, timestep, latents

WITHOUT_EFFECT = (
    "enable_model_cpu_offload", "enable_sequential_cpu_offload", "maybe_free_model_hooks",
    "remove_all_hooks", "reset_device_map", "enable_attention_slicing", "disable_attention_slicing",
    "enable_vae_slicing", "disable_vae_slicing", "enable_vae_tiling", "disable_vae_tiling",
    "enable_xformers_memory_efficient_attention", "disable_xformers_memory_efficient_attention")

INSTEAD = {
    "load_lora_weights": "give from_pretrained() the keyword `lora` of diffedit.Model",
    "load_textual_inversion": "give embeddings as `prompt_embeds`",
    "save_pretrained": "the folder that the model was opened from is as it was",
    "enable_freeu": "it changes the UNet, which is fixed here",
    "from_pipe": "give the constructor `**pipeline.components`",
    "from_single_file": "diffedit.Model opens single files",
}


class StableDiffusionDiffEditPipeline:
    """Made by from_pretrained(), or of the components of another."""

    def __init__(self, vae: Part, text_encoder: Part, tokenizer: Part, unet: Part, scheduler: Any,
                 safety_checker: None = None, feature_extractor: Any = None,
                 inverse_scheduler: Any = None, requires_safety_checker: bool = True) -> None:
        self._parts = {"unet": unet, "vae": vae, "text_encoder": text_encoder,
                       "tokenizer": tokenizer}
        for name, part in self._parts.items():
            if not isinstance(part, Part):
                raise TypeError(f"`{name}`: expected a component of another pipeline of diffedit, "
                                f"found {type(part).__name__}; from_pretrained() opens a folder")
            if part.model is not unet.model or part.name != name:
                raise ArgumentError(f"`{name}`: expected that of the model that `unet` is of")
        checks.refuse(safety_checker=safety_checker)
        self._networks = Networks(unet)
        self._bar_settings: dict[str, Any] = {}
        self.vae_scale_factor = self._networks.factor
        if getattr(scheduler.config, "steps_offset", 1) != 1:  # as there
            warnings.warn("the scheduler's `steps_offset` was set to 1, as diffusers sets it",
                          stacklevel=2)
            scheduler = with_changes(scheduler, steps_offset=1)
        self.scheduler = scheduler
        if inverse_scheduler is None:
            inverse_scheduler = DDIMInverseScheduler.from_config(scheduler.config)
        self.inverse_scheduler = inverse_scheduler

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: PathLike, *, scheduler: Any = None,
                        inverse_scheduler: Any = None, safety_checker: None = None,
                        cache_dir: PathLike | None = None, revision: str | None = None,
                        torch_dtype: Any = None, variant: Any = None, use_safetensors: Any = None,
                        local_files_only: Any = None, low_cpu_mem_usage: Any = None,
                        feature_extractor: Any = None, requires_safety_checker: Any = None,
                        device_map: Any = None, **model: Any) -> StableDiffusionDiffEditPipeline:
        """Opens a folder in diffusers' layout, by its path or by the hub's name of one that is in
        the hub's cache. `model` are keywords of diffedit.Model: `arithmetic`, `lora`, ...; those
        from `torch_dtype` to `device_map` are without effect."""
        checks.refuse(safety_checker=safety_checker)
        folder = find_folder(pretrained_model_name_or_path, cache_dir, revision)
        opened = Model(folder, **model)
        if scheduler is None:
            scheduler = read_scheduler(folder, "scheduler")
        if inverse_scheduler is None:
            inverse_scheduler = read_scheduler(folder, "inverse_scheduler", needed=False)
        parts: dict[str, Any] = {name: Part(name, opened, folder) for name in PARTS}
        return cls(**parts, scheduler=scheduler, inverse_scheduler=inverse_scheduler)

    # ---- what every pipeline has ----

    @property
    def vae(self) -> Part:
        return self._parts["vae"]

    @property
    def text_encoder(self) -> Part:
        return self._parts["text_encoder"]

    @property
    def tokenizer(self) -> Part:
        return self._parts["tokenizer"]

    @property
    def unet(self) -> Part:
        return self._parts["unet"]

    @property
    def components(self) -> dict[str, Any]:
        return {**self._parts, "scheduler": self.scheduler, "safety_checker": None,
                "feature_extractor": None, "inverse_scheduler": self.inverse_scheduler}

    @property
    def device(self) -> Any:
        return "cpu" if arrays.torch is None else arrays.torch.device("cpu")

    @property
    def dtype(self) -> Any:
        return np.float32 if arrays.torch is None else arrays.torch.float32

    def to(self, *args: Any, **kwargs: Any) -> StableDiffusionDiffEditPipeline:
        """Without effect for types, for the processor, and for a GPU where the model was opened on
        one; no model moves."""
        for value in (*args, *kwargs.values()):
            kind = getattr(value, "type", value)
            if isinstance(kind, str) and kind.partition(":")[0] != "cpu" and \
                    self.unet.model.info.device == "cpu":
                raise ArgumentError(f"to(\"{kind}\"): expected \"cpu\", as this model was opened "
                                    "on the processor; from_pretrained(..., device=\"gpu\") opens "
                                    "it on a GPU")
        return self

    def set_progress_bar_config(self, **settings: Any) -> None:
        """Settings of tqdm, such as disable=True."""
        self._bar_settings = settings

    def progress_bar(self, iterable: Any = None, total: int | None = None) -> Any:
        """tqdm's where it is installed, else one that shows nothing."""
        try:
            from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            return _NoBar() if iterable is None else iterable
        return tqdm(iterable, total=total, **self._bar_settings)

    def encode_prompt(self, prompt: Texts, device: Any = None, num_images_per_prompt: int = 1,
                      do_classifier_free_guidance: bool = True, negative_prompt: Texts = None,
                      prompt_embeds: Any = None, negative_prompt_embeds: Any = None,
                      lora_scale: None = None, clip_skip: None = None) -> tuple[Any, Any]:
        """(embeddings, those of the negative prompts or None), tensors [n, tokens, width]"""
        checks.refuse(lora_scale=lora_scale, clip_skip=clip_skip)
        checks.check_texts("prompt", prompt, prompt_embeds, negative_prompt, negative_prompt_embeds)
        found = self._networks.encode_prompts(prompt, prompt_embeds, negative_prompt,
                                              negative_prompt_embeds, do_classifier_free_guidance,
                                              num_images_per_prompt)
        embeds, negatives = (None if one is None else arrays.to_tensor(one) for one in found)
        return embeds, negatives

    def __getattr__(self, name: str) -> Any:
        instead = f": {INSTEAD[name]}" if name in INSTEAD else ""
        raise AttributeError(f"diffedit's pipeline has no `{name}`{instead}")

    # ---- the three methods ----

    def generate_mask(self, image: Any = None, target_prompt: Texts = None,
                      target_negative_prompt: Texts = None, target_prompt_embeds: Any = None,
                      target_negative_prompt_embeds: Any = None, source_prompt: Texts = None,
                      source_negative_prompt: Texts = None, source_prompt_embeds: Any = None,
                      source_negative_prompt_embeds: Any = None, num_maps_per_mask: int = 10,
                      mask_encode_strength: float = 0.5, mask_thresholding_ratio: float = 3.0,
                      num_inference_steps: int = 50, guidance_scale: float = 7.5,
                      generator: Any = None, output_type: str = "np",
                      cross_attention_kwargs: None = None) -> Any:
        """Where the pictures must change (DiffEdit section 3.2, step 1): int64 [n, h, w] of 0 and
        1, a value a cell of the latent; or with "pil" a list of pictures, 0 and 255."""
        targets = (target_prompt, target_prompt_embeds, target_negative_prompt,
                   target_negative_prompt_embeds)
        sources = (source_prompt, source_prompt_embeds, source_negative_prompt,
                   source_negative_prompt_embeds)
        checks.check_texts("target_prompt", *targets)
        checks.check_texts("source_prompt", *sources)
        checks.check_share("mask_encode_strength", mask_encode_strength)
        checks.check_count("num_maps_per_mask", num_maps_per_mask)
        checks.check_output(output_type, ("np", "pil"))
        checks.refuse(cross_attention_kwargs=cross_attention_kwargs)
        if mask_thresholding_ratio is None or not mask_thresholding_ratio > 0:
            raise ArgumentError("`mask_thresholding_ratio`: expected a number above 0, found "
                                f"{mask_thresholding_ratio!r}")
        target = self._networks.encode_prompts(*targets, guidance_scale > 1)
        source = self._networks.encode_prompts(*sources, guidance_scale > 1)
        if len(target[0]) != len(source[0]):
            raise ArgumentError(f"{len(source[0])} source prompts: expected {len(target[0])}, as "
                                "many as target prompts")
        latents = self._networks.encode_images(image, len(target[0]), num_maps_per_mask, generator)
        noised, timestep = self._add_noise(latents, num_inference_steps, mask_encode_strength,
                                           generator)
        maps = self._find_maps(noised, timestep, source, target, guidance_scale)
        limit = maps.mean() * np.float32(mask_thresholding_ratio)  # the mean of all, as there
        masks = (np.minimum(maps, limit) > limit / 2).astype(np.int64)
        return arrays.to_pictures(masks) if output_type == "pil" else masks

    def _add_noise(self, latents: Array, steps: int, strength: float,
                   generator: Any) -> tuple[Array, Any]:
        """Latents with noise, as the UNet wants them, and their timestep."""
        scheduler = adapt(self.scheduler)
        scheduler.set_timesteps(steps)
        count = _count_steps(steps, strength, "mask_encode_strength")
        timestep = scheduler.timesteps[(steps - count) * scheduler.order]
        noised = scheduler.add_noise(latents, arrays.draw(latents.shape, generator), timestep)
        return scheduler.scale_model_input(noised, timestep), timestep

    def _find_maps(self, noised: Array, timestep: Any, source: tuple[Array, Array | None],
                   target: tuple[Array, Array | None], scale: float) -> Array:
        """[n, h, w]: mean differences of what is predicted under the n sources and targets, up to
        a factor; noised [n x maps, c, h, w]"""
        count = len(source[0])
        samples = noised.reshape(count, -1, *noised.shape[1:])
        maps = np.zeros((count, *noised.shape[2:]), np.float32)
        with self.progress_bar(total=len(noised)) as bar:
            for i in range(count):
                of_source, of_target = ((embeds[i], None if negatives is None else negatives[i])
                                        for embeds, negatives in (source, target))
                for sample in samples[i]:
                    difference = self._networks.difference(sample, timestep, of_source, of_target,
                                                           scale)
                    maps[i] += np.abs(difference).mean(axis=0)
                    bar.update()
        return maps

    def invert(self, prompt: Texts = None, image: Any = None, num_inference_steps: int = 50,
               inpaint_strength: float = 0.8, guidance_scale: float = 7.5,
               negative_prompt: Texts = None, generator: Any = None, prompt_embeds: Any = None,
               negative_prompt_embeds: Any = None, decode_latents: bool = False,
               output_type: str = "pil", return_dict: bool = True, callback: Callback = None,
               callback_steps: int = 1, cross_attention_kwargs: None = None,
               lambda_auto_corr: float = 20.0, lambda_kl: float = 20.0, num_reg_steps: int = 0,
               num_auto_corr_rolls: int = 5) -> Any:
        """The pictures' latents, encoded step by step (DiffEdit section 3.2, step 2)."""
        checks.check_texts("prompt", prompt, prompt_embeds, negative_prompt, negative_prompt_embeds)
        checks.check_share("inpaint_strength", inpaint_strength)
        checks.check_count("callback_steps", callback_steps)
        checks.check_output(output_type, ("pil", "np"))
        checks.refuse(cross_attention_kwargs=cross_attention_kwargs, num_reg_steps=num_reg_steps)
        embeds, negatives = self._networks.encode_prompts(
            prompt, prompt_embeds, negative_prompt, negative_prompt_embeds, guidance_scale > 1)
        latents = self._networks.encode_images(image, len(embeds), generator=generator)
        scheduler = adapt(self.inverse_scheduler)
        scheduler.set_timesteps(num_inference_steps)
        count = _count_steps(num_inference_steps, inpaint_strength, "inpaint_strength")
        left_out = num_inference_steps - count
        timesteps = scheduler.timesteps[:-left_out] if left_out else scheduler.timesteps
        states: list[Array] = []
        with self.progress_bar(total=count) as bar:
            for i, t in enumerate(timesteps):
                output = self._networks.predict(scheduler.scale_model_input(latents, t), t, embeds,
                                                negatives, guidance_scale)
                latents = scheduler.step(output, t, latents).prev_sample
                states.append(latents.copy())
                _report(bar, callback, callback_steps, scheduler, timesteps, i, latents)
        stacked = np.stack(states[::-1], axis=1)
        images = None
        if decode_latents:
            pixels = self._networks.decode(stacked.reshape(-1, *latents.shape[1:]))
            images = arrays.write_images(pixels, output_type)
        result = DiffEditInversionPipelineOutput(arrays.to_tensor(stacked), images)
        return result if return_dict else (result.latents, result.images)

    def __call__(self, prompt: Texts = None, mask_image: Any = None, image_latents: Any = None,
                 inpaint_strength: float = 0.8, num_inference_steps: int = 50,
                 guidance_scale: float = 7.5, negative_prompt: Texts = None,
                 num_images_per_prompt: int = 1, eta: float = 0.0, generator: Any = None,
                 latents: Any = None, prompt_embeds: Any = None, negative_prompt_embeds: Any = None,
                 output_type: str = "pil", return_dict: bool = True, callback: Callback = None,
                 callback_steps: int = 1, cross_attention_kwargs: None = None,
                 clip_skip: None = None) -> Any:
        """Pictures decoded from `image_latents`, which invert() returned, changed where the mask
        is 1 (DiffEdit section 3.2, step 3). `latents` is without effect, as there."""
        checks.check_texts("prompt", prompt, prompt_embeds, negative_prompt, negative_prompt_embeds)
        checks.check_share("inpaint_strength", inpaint_strength)
        checks.check_count("callback_steps", callback_steps)
        checks.check_count("num_images_per_prompt", num_images_per_prompt)
        checks.check_output(output_type, ("pil", "np", "pt", "latent"))
        checks.refuse(cross_attention_kwargs=cross_attention_kwargs, clip_skip=clip_skip)
        embeds, negatives = self._networks.encode_prompts(
            prompt, prompt_embeds, negative_prompt, negative_prompt_embeds, guidance_scale > 1,
            num_images_per_prompt)
        count = len(embeds) // num_images_per_prompt
        mask = arrays.read_mask(mask_image, count).repeat(num_images_per_prompt, axis=0)
        scheduler = adapt(self.scheduler)
        scheduler.set_timesteps(num_inference_steps)
        steps = _count_steps(num_inference_steps, inpaint_strength, "inpaint_strength")
        timesteps = scheduler.timesteps[(num_inference_steps - steps) * scheduler.order:]
        shape = (self._networks.channels, *mask.shape[2:])
        states = arrays.read_image_latents(image_latents, count, len(timesteps), shape
                                           ).repeat(num_images_per_prompt, axis=1)
        current = states[0].copy()
        with self.progress_bar(total=steps) as bar:
            for i, t in enumerate(timesteps):
                output = self._networks.predict(scheduler.scale_model_input(current, t), t, embeds,
                                                negatives, guidance_scale)
                current = scheduler.step(output, t, current, eta=eta, generator=generator
                                         ).prev_sample
                current = current * mask + states[i] * (1 - mask)
                _report(bar, callback, callback_steps, scheduler, timesteps, i, current)
        images = arrays.to_tensor(current) if output_type == "latent" else \
            arrays.write_images(self._networks.decode(current), output_type)
        return StableDiffusionPipelineOutput(images) if return_dict else (images, None)


def _without_effect(self: Any, *_: Any, **__: Any) -> None:
    """Without effect: there is no device to save memory of."""


for _name in WITHOUT_EFFECT:
    setattr(StableDiffusionDiffEditPipeline, _name, _without_effect)


class _NoBar:
    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def update(self) -> None:
        pass


def _count_steps(steps: int, share: float, name: str) -> int:
    count = min(int(steps * share), steps)
    if count < 1:
        raise ArgumentError(f"`{name}` {share}: of {steps} steps it leaves none")
    return count


def _report(bar: Any, callback: Callback, every: int, scheduler: Any, timesteps: Any, i: int,
            latents: Array) -> None:
    """Step i is done: the callback may change `latents` in place."""
    if i < len(timesteps) - 1 and (i + 1) % scheduler.order:
        return
    bar.update()
    if callback is not None and i % every == 0:
        callback(i // scheduler.order, arrays.to_tensor(np.asarray(timesteps[i])),
                 arrays.to_tensor(latents))
