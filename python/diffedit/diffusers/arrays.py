"""What goes in and comes out: tensors, arrays and pictures, in the forms that diffusers takes."""
from __future__ import annotations

import importlib
from typing import Any, Sequence

import numpy as np
import PIL.Image

from ..errors import ArgumentError

torch: Any  # None: arrays take the place of tensors
try:
    torch = importlib.import_module("torch")
except ImportError:
    torch = None

Array = np.ndarray[Any, Any]


def is_tensor(value: Any) -> bool:
    return torch is not None and isinstance(value, torch.Tensor)


def to_array(value: Any) -> Array:
    """float32, in C order; of a tensor without a copy where that can be."""
    if is_tensor(value):
        value = value.detach().cpu().float().numpy()
    return np.ascontiguousarray(value, np.float32)


def to_tensor(array: Array) -> Any:
    """A tensor on the array's own memory where there is torch, else the array."""
    return array if torch is None else torch.from_numpy(array)


def draw(shape: Sequence[int], generator: Any = None) -> Array:
    """Normal noise as diffusers' randn_tensor() draws it for networks of float32: by a
    torch.Generator, by a list of them, one for each of shape[0], or by torch's own; a
    numpy.random.Generator does too, and without torch a fresh one."""
    if isinstance(generator, (list, tuple)):
        if len(generator) == 1:
            return draw(shape, generator[0])
        if len(generator) != shape[0]:
            raise ArgumentError(f"{len(generator)} generators: expected one for each of "
                                f"{shape[0]} samples")
        return np.concatenate([draw((1, *shape[1:]), one) for one in generator])
    if isinstance(generator, np.random.Generator) or generator is None and torch is None:
        numpys = generator or np.random.default_rng()
        return np.asarray(numpys.standard_normal(shape, np.float32))
    if torch is None or not isinstance(generator, (torch.Generator, type(None))):
        raise TypeError(f"`generator`: expected a torch.Generator, a list of them, or a "
                        f"numpy.random.Generator, found {type(generator).__name__}")
    device = "cpu" if generator is None else generator.device
    return to_array(torch.randn(shape, generator=generator, device=device, dtype=torch.float32))


# ---- pictures ----


def _nearest(image: Array, height: int, width: int) -> Array:
    """As torch.nn.functional.interpolate; image [n, c, h, w]"""
    def places(count: int, of: int) -> Array:
        found = (np.arange(count, dtype=np.float32) * np.float32(of / count)).astype(int)
        return np.asarray(np.minimum(found, of - 1))
    rows = image[:, :, places(height, image.shape[2])]
    return np.ascontiguousarray(rows[:, :, :, places(width, image.shape[3])])


def _from_pictures(pictures: list[PIL.Image.Image], factor: int) -> Array:
    width, height = (side - side % factor for side in pictures[0].size)
    check_sides(width, height, factor)
    rgb = [picture.convert("RGB").resize((width, height), PIL.Image.Resampling.LANCZOS)
           for picture in pictures]
    return np.stack([np.asarray(picture, np.float32) / np.float32(255) for picture in rgb]
                    ).transpose(0, 3, 1, 2)


def check_sides(width: int, height: int, factor: int) -> None:
    if width < factor or height < factor:
        raise ArgumentError(f"`image`: expected sides of {factor} pixels or more")


def read_images(image: Any, factor: int, channels: int) -> Array:
    """[n, 3, h, w] in -1..1, sides cut to multiples of `factor`, or latents [n, channels, h, w];
    image: one or a list of pictures, of arrays [h, w, 3] or [n, h, w, 3] in 0..1, or of tensors
    [3, h, w] or [n, 3, h, w] in 0..1 or -1..1 or of latents."""
    images = list(image) if isinstance(image, (list, tuple)) else [image]
    if not images:
        raise ArgumentError("`image`: expected a picture, found an empty list")
    if all(isinstance(one, PIL.Image.Image) for one in images):
        return 2 * _from_pictures(images, factor) - 1
    as_tensors = all(is_tensor(one) for one in images)
    if not as_tensors and not all(isinstance(one, np.ndarray) for one in images):
        raise ArgumentError("`image`: expected PIL pictures, arrays or tensors, all of one kind, "
                            f"found {_kinds(images)}")
    if any(str(one.dtype).endswith("uint8") for one in images):  # numpy's, or torch's
        raise ArgumentError("`image`: expected floats from 0 to 1, found bytes")
    join = np.concatenate if images[0].ndim == 4 else np.stack
    values = join([to_array(one) for one in images])
    if values.ndim != 4:
        raise ArgumentError(f"`image`: expected 3 or 4 dimensions, found {images[0].ndim}")
    if not as_tensors and values.shape[1] != channels:
        values = values.transpose(0, 3, 1, 2)
    if values.shape[1] == channels:
        return values
    if values.shape[1] != 3:
        raise ArgumentError(f"`image`: expected 3 colours or {channels} latent channels, found "
                            f"{values.shape[1]}")
    height, width = (side - side % factor for side in values.shape[2:])
    check_sides(width, height, factor)
    values = _nearest(values, height, width)
    return values if values.min() < 0 else 2 * values - 1


def _kinds(values: list[Any]) -> str:
    return " and ".join(sorted({type(one).__name__ for one in values}))


def to_pictures(pixels: Array) -> list[PIL.Image.Image]:
    """PIL pictures of [n, h, w, 3] or [n, h, w] in 0..1"""
    return [PIL.Image.fromarray(one) for one in (pixels * 255).round().astype(np.uint8)]


def write_images(pixels: Array, output_type: str) -> Any:
    """pixels [n, 3, h, w] about -1..1 as `output_type` "pil", "np" or "pt" """
    pixels = np.clip(pixels * np.float32(0.5) + np.float32(0.5), 0, 1)
    if output_type == "pt":
        return to_tensor(pixels)
    pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    return to_pictures(pixels) if output_type == "pil" else pixels


# ---- masks and latents ----


def _with_channel(mask: Array) -> Array:
    if mask.ndim == 2:
        return mask[None, None]
    if mask.ndim == 3:  # of one there is a channel or a batch; of several a batch
        return mask[None] if mask.shape[0] == 1 else mask[:, None]
    return mask


def read_mask(mask: Any, count: int) -> Array:
    """[count, 1, h, w] of 0 and 1; mask: one or a list of pictures, arrays or tensors, [h, w],
    [n, h, w] or [n, 1, h, w], in 0..1."""
    masks = list(mask) if isinstance(mask, (list, tuple)) else [mask]
    if not masks:
        raise ArgumentError("`mask_image`: expected a mask, found an empty list")
    if not all(isinstance(one, (PIL.Image.Image, np.ndarray)) or is_tensor(one) for one in masks):
        raise ArgumentError("`mask_image`: expected PIL pictures, arrays or tensors, found "
                            f"{_kinds(masks)}")
    read = [to_array(one.convert("L")) / np.float32(255) if isinstance(one, PIL.Image.Image)
            else to_array(one) for one in masks]
    values = read[0]
    if not is_tensor(mask):  # a tensor is a batch already
        values = np.stack(read) if values.ndim < 3 else np.concatenate(read)
    values = _with_channel(values)
    if values.ndim != 4 or values.shape[1] != 1:
        raise ArgumentError(f"`mask_image`: expected one channel, [n, 1, h, w], found the shape "
                            f"{values.shape}")
    if values.shape[0] not in (1, count):
        raise ArgumentError(f"`mask_image`: {values.shape[0]} masks: expected 1 or {count}, as "
                            "many as prompts")
    if not (values.min() >= 0 and values.max() <= 1):
        raise ArgumentError("`mask_image`: expected values from 0 to 1")
    return np.repeat((values >= 0.5).astype(np.float32), count // values.shape[0], axis=0)


def read_image_latents(image_latents: Any, count: int, steps: int,
                       shape: tuple[int, int, int]) -> Array:
    """[steps, count, c, h, w]; image_latents: one or a list of [n, steps, c, h, w], or
    [count x steps, c, h, w]; shape: (c, h, w)."""
    several = list(image_latents) if isinstance(image_latents, (list, tuple)) else [image_latents]
    if not several or not all(isinstance(one, np.ndarray) or is_tensor(one) for one in several):
        raise ArgumentError("`image_latents`: expected latents of `invert()`, found "
                            f"{_kinds(several) or 'an empty list'}")
    read = [to_array(one) for one in several]
    latents = np.concatenate(read) if read[0].ndim > 3 else np.stack(read)
    if latents.shape[-3:] != shape:
        raise ArgumentError(f"`image_latents`: expected latents of the mask's size, {shape}, found "
                            f"{latents.shape[-3:]}")
    if latents.ndim == 4 and latents.shape[0] == count * steps:
        latents = latents.reshape(count, steps, *shape)
    if latents.shape[:2] != (count, steps):
        raise ArgumentError(f"`image_latents`: expected those of {count} pictures at {steps} "
                            f"timesteps, {(count, steps, *shape)}, found {latents.shape}; "
                            "`num_inference_steps` and `inpaint_strength` must be as in `invert()`")
    return latents.swapaxes(0, 1)
