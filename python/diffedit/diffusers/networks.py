"""The networks of a model as functions of batches, as the pipeline's three methods call them."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError
from . import arrays
from .arrays import Array
from .parts import Part
from .schedulers import Config, alphas_cumprod, read_config

# Guidance beyond which the unconditional prediction is below float32's last bit: what is left, over
# this scale, is the difference of two predictions, evaluated as one batch.
ENDLESS = float(2 ** 24)

# What the library takes a schedule to be where its config does not say.
LIBRARYS = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "trained_betas": None,
            "rescale_betas_zero_snr": False}


class Networks:
    def __init__(self, unet: Part) -> None:
        info = unet.model.info
        self.factor, self.channels = info.factor, info.latent_channels
        self.text_shape = (info.text_tokens, info.text_width)
        inputs = unet.config.get("in_channels", self.channels)
        if inputs != self.channels:
            raise ArgumentError(f"{unet.folder}: its UNet reads {inputs} channels, expected "
                                f"{self.channels}: DiffEdit has no use for a model for inpainting")
        self._editor = unet.model.editor()
        self._levels: Array | None = None  # at which the library makes noise of velocity
        if info.prediction == "v":
            read = read_config(unet.folder, "scheduler/scheduler_config.json")
            self._levels = alphas_cumprod(Config({**LIBRARYS, **read}))

    # ---- texts ----

    def encode_prompts(self, prompt: Any, embeds: Any, negative: Any, negative_embeds: Any,
                       guided: bool, each: int = 1) -> tuple[Array, Array | None]:
        """(embeddings [n x each, tokens, width], those of the negatives or None)"""
        known: dict[str, Array] = {}

        def encode(texts: list[str]) -> Array:
            for text in texts:
                if text not in known:
                    known[text] = self._editor.encode_text(text)
            return np.stack([known[text] for text in texts])

        if embeds is None:
            embeds = encode([prompt] if isinstance(prompt, str) else prompt)
        else:
            embeds = self._read_embeds(embeds)
        negatives = None
        if guided and negative_embeds is not None:
            negatives = self._read_embeds(negative_embeds)
        elif guided:
            negatives = encode(_negative_texts(prompt, negative, len(embeds)))
        if negatives is None:
            return embeds.repeat(each, axis=0), None
        if len(negatives) != len(embeds):
            raise ArgumentError(f"{len(negatives)} negative prompts: expected {len(embeds)}, as "
                                "many as prompts")
        return embeds.repeat(each, axis=0), negatives.repeat(each, axis=0)

    def _read_embeds(self, given: Any) -> Array:
        embeds = arrays.to_array(given)
        if embeds.ndim != 3 or embeds.shape[1:] != self.text_shape:
            raise ArgumentError(f"embeddings: expected the shape (n, {self.text_shape[0]}, "
                                f"{self.text_shape[1]}), found {embeds.shape}")
        return embeds

    # ---- pictures ----

    def encode_images(self, image: Any, count: int, each: int = 1,
                      generator: Any = None) -> Array:
        """Latents [count x each, c, h, w] of one picture or of as many as divide `count`: means of
        posteriors. What the original draws to sample from them is drawn too, so that a generator
        ends where it would there."""
        images = arrays.read_images(image, self.factor, self.channels)
        if count % len(images):
            raise ArgumentError(f"{len(images)} pictures for {count} prompts: expected as many, or "
                                "a number that divides it")
        if images.shape[1] == 3:
            images = np.stack([self._editor.encode_pixels(one) for one in images])
            arrays.draw((len(images) * each, *images.shape[1:]), generator)
        latents = images.repeat(each, axis=0)
        return np.concatenate([latents] * (count // len(images)))

    def decode(self, latents: Array) -> Array:
        """Pixels [n, 3, height, width], about -1..1"""
        return np.stack([self._editor.decode_latent(one) for one in latents])

    # ---- noise ----

    def predict(self, latents: Array, timestep: Any, embeds: Array, negatives: Array | None,
                scale: float) -> Array:
        """What the UNet says of latents [n, c, h, w], guided unless `negatives` is None: noise or
        velocity, whichever it is, as schedulers want it."""
        time, output = float(timestep), np.empty_like(latents)
        for i, latent in enumerate(latents):
            if negatives is None or np.array_equal(embeds[i], negatives[i]):
                output[i] = self._editor.predict_noise(latent, time, embeds[i])
            else:
                output[i] = self._editor.predict_guided(latent, time, negatives[i], embeds[i],
                                                        scale)
        if self._levels is None:
            return output
        level = self._levels[int(np.rint(time))]
        velocity: Array = (output - np.sqrt(1 - level) * latents) / np.sqrt(level)
        return velocity

    def difference(self, latent: Array, timestep: Any, source: tuple[Array, Array | None],
                   target: tuple[Array, Array | None], scale: float) -> Array:
        """Of predictions [c, h, w] under two texts, each (embedding, negative or None), up to a
        factor: the negatives cancel where they are equal, and then the scale is one."""
        time = float(timestep)
        if source[1] is None or target[1] is None or np.array_equal(source[1], target[1]):
            if np.array_equal(source[0], target[0]):
                return np.zeros_like(latent)
            return self._editor.predict_guided(latent, time, source[0], target[0], ENDLESS)
        return (self._editor.predict_guided(latent, time, target[1], target[0], scale)
                - self._editor.predict_guided(latent, time, source[1], source[0], scale))


def _negative_texts(prompt: Any, negative: Any, count: int) -> list[str]:
    if negative is None:
        return [""] * count
    if prompt is not None and type(prompt) is not type(negative):
        raise TypeError(f"the negative prompt: expected {type(prompt).__name__}, as the prompt is, "
                        f"found {type(negative).__name__}")
    return [negative] if isinstance(negative, str) else negative
