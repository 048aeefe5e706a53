"""diffusers' own pipelines, where presets and commands should agree with them."""
import numpy as np
import torch
from diffusers import (DDIMInverseScheduler, DDIMScheduler, StableDiffusionDiffEditPipeline,
                       StableDiffusionInpaintPipeline)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

import reference


def compare(model, method, pixels, options):
    """Inverts and denoises with the pipeline from our map's mask; its posterior is made to give the
    mean, as ours does."""
    settings = {key: value for key, value in model["schedule"].items() if not key.startswith("_")}
    pipe = StableDiffusionDiffEditPipeline(
        vae=model["vae"], text_encoder=model["text_encoder"], tokenizer=model["tokenizer"],
        unet=model["unet"], scheduler=DDIMScheduler(**settings),
        inverse_scheduler=DDIMInverseScheduler(**settings), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    sample = DiagonalGaussianDistribution.sample
    DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()
    try:
        latents = pipe.invert(prompt=options.source, image=pixels / 2 + 0.5,
                              num_inference_steps=options.steps, inpaint_strength=options.ratio,
                              guidance_scale=options.guidance).latents
        final = pipe(prompt=options.target, mask_image=method.mask.numpy(), image_latents=latents,
                     num_inference_steps=options.steps, inpaint_strength=options.ratio,
                     guidance_scale=options.guidance, output_type="latent").images
    finally:
        DiagonalGaussianDistribution.sample = sample
    ours = torch.from_numpy(method.stages["final"])
    states = torch.from_numpy(method.stages["inverted"])
    inversion = float((latents[0].flip(0) - states[-latents.shape[1]:]).norm() / states.norm())
    edit = float((final[0] - ours).norm() / ours.norm())
    print(f"  pipeline: relative L2 difference of the encoding {inversion:.1e}, "
          f"of the edit {edit:.1e}")
    assert edit < 1e-3


def compare_inpainting(model, pixels, options):
    """StableDiffusionInpaintPipeline at strength 1, on a mask of whole cells: it samples the mask
    where a cell begins."""
    settings = {key: value for key, value in model["schedule"].items() if not key.startswith("_")}
    pipe = StableDiffusionInpaintPipeline(
        vae=model["vae"], text_encoder=model["text_encoder"], tokenizer=model["tokenizer"],
        unet=model["unet"], scheduler=DDIMScheduler(**settings), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    mask = np.zeros(pixels.shape[2:], np.uint8)
    mask[16:40, 8:40] = 1
    method = reference.Method(model, options, pixels, mask)
    method.edit()
    sample = DiagonalGaussianDistribution.sample
    DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()
    try:
        final = pipe(prompt=options.target, negative_prompt=options.negative,
                     image=pixels / 2 + 0.5, mask_image=torch.from_numpy(mask)[None, None].float(),
                     height=pixels.shape[2], width=pixels.shape[3], strength=1.0,
                     num_inference_steps=options.steps, guidance_scale=options.guidance,
                     latents=torch.from_numpy(method.stages["noise"])[None],
                     output_type="latent").images
    finally:
        DiagonalGaussianDistribution.sample = sample
    ours = torch.from_numpy(method.stages["final"])
    difference = float((final[0] - ours).norm() / ours.norm())
    print(f"  inpainting pipeline: relative L2 difference {difference:.1e}")
    assert difference < 1e-3
