"""The drop-in beside the original; needs torch 2.8.0, diffusers 0.33.1, transformers 4.52.4.

    python beside_diffusers.py            runs the documentation's example in both, then compares
                                          every case of dropin_cases.py on small random models,
                                          stage by stage; docs/PARITY.md has what it prints
    python beside_diffusers.py --write    writes data/dropin.npz, the original's numbers, with which
                                          test_dropin.py compares without either

In the cases the original takes means of posteriors, as we do."""
import io
import os
import pathlib
import sys
import warnings

os.environ["TQDM_DISABLE"] = "1"

import diffusers
import numpy as np
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.pipelines.stable_diffusion_diffedit import pipeline_stable_diffusion_diffedit

import diffedit.diffusers
import dropin_cases as cases

DATA = pathlib.Path(__file__).resolve().parent / "data/dropin.npz"
DRAWS = []  # by the original's generators, in its order; zeros where nothing depends on the values


def take_means():
    """Makes the original take means of posteriors, after drawing what it draws; and notes what
    generators draw."""
    def draw(shape, generator):
        alone = isinstance(generator, list)
        return torch.cat([torch.randn((1, *shape[1:]), generator=one) for one in generator]) \
            if alone else torch.randn(shape, generator=generator)

    def mean(self, generator=None):
        draw(self.mean.shape, generator)
        if generator is not None:
            DRAWS.append(np.zeros(self.mean.shape, bool))
        return self.mode()

    def randn_tensor(shape, generator=None, **_):
        noise = draw(shape, generator)
        DRAWS.extend(noise.split(1) if isinstance(generator, list) else [noise])
        return noise

    DiagonalGaussianDistribution.sample = mean
    pipeline_stable_diffusion_diffedit.randn_tensor = randn_tensor


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def side(module, model):
    folder = cases.MODELS / model / "model"
    return cases.Side(module, folder, seeded, torch.from_numpy)


def other_schedulers(side):
    """diffusers' own objects, in both pipelines. The original's generate_mask() works with few,
    and with PNDM nothing else does."""
    config = side.pipe.scheduler.config
    ask = {"num_inference_steps": 8}
    mask = np.zeros((6, 8), np.float32)
    mask[1:5, 2:7] = 1
    for name, inverse in (("DDIMScheduler", "DDIMInverseScheduler"),
                          ("DPMSolverMultistepScheduler", "DPMSolverMultistepInverseScheduler"),
                          ("DPMSolverSinglestepScheduler", "DDIMInverseScheduler"),
                          ("UniPCMultistepScheduler", "DDIMInverseScheduler"),
                          ("EulerDiscreteScheduler", "DDIMInverseScheduler"),
                          ("EulerAncestralDiscreteScheduler", "DDIMInverseScheduler"),
                          ("DEISMultistepScheduler", "DDIMInverseScheduler")):
        side.pipe.scheduler = getattr(diffusers, name).from_config(config)
        side.pipe.inverse_scheduler = getattr(diffusers, inverse).from_config(config)
        latents = side.pipe.invert(image=cases.picture(), prompt="a horse", **ask).latents
        yield f"encoding by {inverse}", side.numbers(latents)
        yield f"latent by {name}", side.numbers(side.pipe(
            prompt="a zebra", mask_image=mask, image_latents=side.keep(latents),
            generator=seeded(13), output_type="latent", **ask).images)
    for name in ("DDIMScheduler", "PNDMScheduler"):
        side.pipe.scheduler = getattr(diffusers, name).from_config(config, skip_prk_steps=True)
        yield "mask", side.pipe.generate_mask(
            image=cases.picture(), source_prompt="a horse", target_prompt="a zebra",
            num_maps_per_mask=3, generator=seeded(12), **ask)


def write():
    arrays = {}
    for model in ("tiny-sd1", "tiny-sd2"):
        original = side(diffusers, model)
        for case in cases.RECORDED:
            DRAWS.clear()
            for number, (stage, array) in enumerate(original.run(case)):
                kind = np.int8 if stage == "mask" else np.float32
                arrays[f"{model}/{case.__name__}/{number}-{stage}"] = array.astype(kind)
            for number, drawn in enumerate(DRAWS):
                arrays[f"{model}/{case.__name__}/draw-{number}"] = np.asarray(drawn)
    np.savez_compressed(DATA, **arrays)
    print(f"{DATA}: {len(arrays)} arrays, {DATA.stat().st_size} bytes")


# ---- the documentation's example ----

EXAMPLE = pipeline_stable_diffusion_diffedit.EXAMPLE_DOC_STRING
IMPORT = "from diffusers import StableDiffusionDiffEditPipeline"
NAMES = "DDIMInverseScheduler, DDIMScheduler, StableDiffusionDiffEditPipeline"  # two it forgets


class Response:
    def __init__(self, which):
        path = cases.SOURCE / "models/pocket/samples" / which
        self.content = path.read_bytes()


def run_example(package, folder, size):
    """The example as it is printed, but for where it imports from, the model, the picture and its
    size: the mask, the encoding and the picture, of 0 to 255."""
    code = "\n".join(line.strip()[4:] for line in EXAMPLE.splitlines()
                     if line.strip().startswith((">>>", "...")))
    changes = [(IMPORT, f"from {package} import {NAMES}"), ("import requests", ""),
               ("requests.get(url)", 'Response("strawberries.png")'),
               ("resize((768, 768))", f"resize(({size}, {size}))"),
               ('"stabilityai/stable-diffusion-2-1"', repr(str(folder)))]
    if package == "diffusers":  # on a processor it computes in float32, and has nothing to offload
        changes += [("torch.float16", "torch.float32"), ("pipeline.enable_model_cpu_offload()", "")]
    for old, new in changes:
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    torch.manual_seed(0)
    names = {"Response": Response, "BytesIO": io.BytesIO}
    exec(code, names)  # pylint: disable=exec-used
    return (names["mask_image"], np.asarray(names["image_latents"]),
            np.asarray(names["image"], np.float64))


def compare_examples(folder, size, posterior):
    (mask, encoding, picture), (their_mask, their_encoding, theirs) = (
        run_example(package, folder, size) for package in ("diffedit.diffusers", "diffusers"))
    assert mask.shape == their_mask.shape and mask.dtype == their_mask.dtype
    assert encoding.shape == their_encoding.shape and picture.shape == theirs.shape
    error = np.mean((picture - theirs) ** 2)
    far = np.linalg.norm(encoding - their_encoding) / np.linalg.norm(their_encoding)
    print(f"the example with {folder.relative_to(cases.SOURCE)}, {size}x{size}, the original's "
          f"latent {posterior}: mask of {int(their_mask.sum())} of {mask.size} cells, "
          f"{int((mask != their_mask).sum())} differ; encoding {far:.1e}; pictures "
          f"{10 * np.log10(255 ** 2 / max(error, 1e-9)):.1f} dB")


# ---- the cases ----


def distance(stage, ours, original):
    """Masks: cells that differ; others: relative L2."""
    assert ours.shape == original.shape, (ours.shape, original.shape)
    if stage == "mask":
        return float((ours != original).sum())
    original = original.astype(np.float64)
    return float(np.linalg.norm(ours - original) / np.linalg.norm(original))


ALLOWED = {"embedding": 1e-5, "mask": 0, "encoding": 1e-3, "latent": 1e-3, "picture": 1e-2}


def compare(model, both, case, largest):
    """The number of arrays of a case that differ by more than is allowed."""
    original, ours = both
    theirs = original.run(case)
    found = ours.run(case, original.kept)
    assert ours.kinds == original.kinds, (case.__name__, ours.kinds, original.kinds)
    assert len(found) == len(theirs)
    failed = 0
    for number, ((stage, array), (_, expected)) in enumerate(zip(found, theirs)):
        far = distance(stage, array, expected)
        largest[stage] = max(largest.get(stage, 0), far)
        if not far <= ALLOWED[stage.split()[0]]:
            failed += 1
            print(f"{model}, {case.__name__}, {number}, {stage}: {far:.2g}")
    return failed, len(found)


def main():
    warnings.simplefilter("ignore")
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)  # of small arrays one core makes more
    if sys.argv[1:] == ["--write"]:
        take_means()
        write()
        return 0
    pocket, tiny = cases.SOURCE / "models/pocket", cases.MODELS / "tiny-sd2/model"
    compare_examples(pocket, 128, "a sample")
    take_means()
    compare_examples(pocket, 128, "the mean")
    compare_examples(tiny, 64, "the mean")
    passed = failed = 0
    for model in ("tiny-sd1", "tiny-sd2"):
        largest = {}
        both = side(diffusers, model), side(diffedit.diffusers, model)
        for case in (*cases.RECORDED, *cases.OTHERS, other_schedulers):
            wrong, count = compare(model, both, case, largest)
            passed, failed = passed + count - wrong, failed + wrong
        print(model, "largest:", ", ".join(f"{stage} {far:.1e}" for stage, far in largest.items()))
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
