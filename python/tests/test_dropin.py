"""diffedit.diffusers against the original's numbers in data/dropin.npz (beside_diffusers.py writes
them), without torch; and against the library's own stages."""
import copy
import json
import shutil
import sys

import dropin_cases as cases
import numpy
import pytest

import diffedit
import diffedit.diffusers
from diffedit.diffusers import arrays

RECORDED = numpy.load(cases.SOURCE / "python/tests/data/dropin.npz")
ALLOWED = {"mask": 0, "encoding": 1e-3, "latent": 1e-3, "picture": 1e-2}


class Recorded(numpy.random.Generator):
    """Draws what torch drew for the original, in its order."""

    def __init__(self, draws):
        super().__init__(numpy.random.PCG64())
        self.draws = draws

    def standard_normal(self, shape, dtype=None):
        drawn = self.draws.pop(0)
        assert drawn.shape == tuple(shape)
        return drawn.astype(numpy.float32)


def recorded(name, case):
    """(what the case drew, [(stage, array)] of what it made)"""
    draws, made = [], []
    for key in RECORDED.files:  # in the order in which they were written
        of, case_name, what = key.split("/")
        if (of, case_name) == (name, case.__name__):
            number, stage = what.split("-")
            if number == "draw":
                draws.append(RECORDED[key])
            else:
                made.append((stage, RECORDED[key]))
    return draws, made


def distance(stage, ours, original):
    assert ours.shape == original.shape
    if stage == "mask":
        return (ours != original).sum()
    return numpy.linalg.norm(ours - original) / numpy.linalg.norm(original)


@pytest.mark.parametrize("case", cases.RECORDED, ids=lambda case: case.__name__)
@pytest.mark.parametrize("name", ["tiny-sd1", "tiny-sd2"])
def test_every_stage_is_the_originals(name, case):
    draws, expected = recorded(name, case)
    ours = cases.Side(diffedit.diffusers, cases.MODELS / name / "model",
                      lambda seed: Recorded(draws), lambda array: array)
    # a stage takes what the original made before: its mask, its encoding
    kept = [array for stage, array in expected if stage in ("mask", "encoding")]
    made = list(ours.run(case, kept))
    assert len(made) == len(expected)
    for (stage, found), (_, array) in zip(made, expected):
        assert distance(stage, found, array) <= ALLOWED[stage]
    assert draws == []


@pytest.mark.parametrize("name", ["tiny-sd1", "tiny-sd2"])
def test_the_librarys_stages_compute_the_same(name):
    """Preset diffusers at the picture's own size, with the noises that the library drew. Its map
    ends at 3 times the mean: a threshold of 0.3 of that is 0.5 of 1.8 times."""
    folder, picture = cases.MODELS / name / "model", cases.picture()
    options = {"preset": "diffusers", "steps": 8, "ratio": 0.75, "size": (64, 48),
               "mask_samples": 4, "mask_threshold": 0.3}
    with diffedit.Model(folder).editor(picture) as editor:
        editor.edit("a horse", "a zebra", **options)
        noise, mask = editor.array("mask_noise"), editor.array("mask")
        encoding, latent = editor.array("inverted"), editor.array("final")
    assert 0 < mask.sum() < mask.size
    pipe = diffedit.diffusers.StableDiffusionDiffEditPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    steps = {"num_inference_steps": 8, "inpaint_strength": 0.75}
    found = pipe.generate_mask(picture, "a zebra", source_prompt="a horse", num_maps_per_mask=4,
                               mask_thresholding_ratio=1.8, num_inference_steps=8,
                               generator=Recorded([0 * noise, noise]))
    assert (found[0] == mask).all()
    states = numpy.asarray(pipe.invert("a horse", picture, **steps).latents)
    assert distance("encoding", states[0, ::-1], encoding[1:]) < 1e-4
    ours = pipe("a zebra", found, states, output_type="latent", **steps).images
    assert distance("latent", numpy.asarray(ours)[0], latent) < 1e-4


@pytest.fixture(scope="module")
def pipe():
    pipe = diffedit.diffusers.StableDiffusionDiffEditPipeline.from_pretrained(
        cases.MODELS / "tiny-sd1/model")
    pipe.set_progress_bar_config(disable=True)
    return pipe


QUICK = {"num_inference_steps": 3}


def masked(pipe, **more):
    return pipe.generate_mask(**{"image": cases.picture(), "source_prompt": "a horse",
                                 "target_prompt": "a zebra", "num_maps_per_mask": 1, **QUICK,
                                 **more})


def inverted(pipe, **more):
    return pipe.invert(**{"image": cases.picture(), "prompt": "a horse", **QUICK, **more})


def called(pipe, **more):
    latents = more.pop("image_latents", None)
    latents = inverted(pipe).latents if latents is None else latents
    return pipe(**{"prompt": "a zebra", "mask_image": numpy.ones((6, 8)),
                   "image_latents": latents, **QUICK, **more})


def test_types_and_shapes(pipe):
    mask = masked(pipe)
    assert mask.dtype == numpy.int64 and mask.shape == (1, 6, 8)
    [grey] = masked(pipe, output_type="pil")
    assert grey.mode == "L" and grey.size == (8, 6)
    output = inverted(pipe)
    assert output.images is None and output.latents.shape == (1, 2, 4, 6, 8)
    [image] = called(pipe).images
    assert image.mode == "RGB" and image.size == (64, 48)
    images, nothing = called(pipe, output_type="np", return_dict=False)
    assert images.shape == (1, 48, 64, 3) and images.dtype == numpy.float32 and nothing is None
    assert 0 <= images.min() and images.max() <= 1


def test_equal_texts_give_an_empty_mask(pipe):
    assert masked(pipe, target_prompt="a horse").sum() == 0


def test_a_generator_of_numpy(pipe):
    first, again = (masked(pipe, generator=numpy.random.default_rng(5)) for _ in range(2))
    assert (first == again).all()


def test_what_has_no_effect(pipe):
    plain = numpy.asarray(inverted(pipe).latents)
    pipe.enable_model_cpu_offload()
    pipe.enable_sequential_cpu_offload(gpu_id=0)
    pipe.enable_vae_slicing()
    pipe.enable_vae_tiling()
    pipe.enable_attention_slicing("auto")
    pipe.enable_xformers_memory_efficient_attention()
    assert pipe.to("cpu") is pipe
    pipe.unet.to("cpu")
    assert (numpy.asarray(inverted(pipe).latents) == plain).all()


def test_a_progress_bar_of_ones_own(pipe, monkeypatch):
    for _ in ("with tqdm", "without"):
        assert list(pipe.progress_bar(range(3))) == [0, 1, 2]
        with pipe.progress_bar(total=3) as bar:
            bar.update()
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)


def test_another_pipeline_of_the_same_components(pipe):
    other = diffedit.diffusers.StableDiffusionDiffEditPipeline(**pipe.components)
    other.set_progress_bar_config(disable=True)
    assert (numpy.asarray(inverted(other).latents) == numpy.asarray(inverted(pipe).latents)).all()
    assert other.vae.config.scaling_factor and other.unet is pipe.unet


def test_a_scheduler_that_is_not_computed_here(pipe, tmp_path):
    """Stable Diffusion 1's own is PNDM; its config makes a DDIM scheduler, as in diffusers."""
    folder = shutil.copytree(cases.MODELS / "tiny-sd1/model", tmp_path / "model")
    path = folder / "scheduler/scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "_class_name": "PNDMScheduler",
                                "skip_prk_steps": True}))
    other = diffedit.diffusers.StableDiffusionDiffEditPipeline.from_pretrained(folder)
    other.set_progress_bar_config(disable=True)
    with pytest.raises(NotImplementedError, match="PNDMScheduler is not computed here"):
        masked(other)
    other.scheduler = diffedit.diffusers.DDIMScheduler.from_config(other.scheduler.config)
    assert (numpy.asarray(called(other, output_type="np").images)
            == numpy.asarray(called(pipe, output_type="np").images)).all()


def test_a_scheduler_without_timesteps():
    made = [getattr(diffedit.diffusers, name)() for name in ("DDIMScheduler",
                                                             "DDIMInverseScheduler")]
    assert [list(one.timesteps[[0, -1]]) for one in made] == [[999, 0], [0, 999]]
    sample = numpy.zeros((1, 4, 6, 8), numpy.float32)
    for scheduler in made:
        assert scheduler.num_inference_steps is None
        with pytest.raises(ValueError, match="you need to run 'set_timesteps' after creating"):
            scheduler.step(sample, 999, sample)
        scheduler.set_timesteps(10)
        assert scheduler.step(sample, 900, sample).prev_sample.shape == sample.shape


def test_settings_that_a_scheduler_does_not_know():
    made = diffedit.diffusers.DDIMScheduler
    with pytest.raises(TypeError, match="DDIMScheduler.* unexpected keyword argument 'beta_strat'"):
        made(beta_strat=0.1)
    with pytest.warns(UserWarning, match="DDIMScheduler has no `beta_strat`, which is ignored"):
        assert made.from_config({}, beta_strat=0.1, beta_end=0.5).config.beta_end == 0.5
    kept = made.from_config({"skip_prk_steps": True}).config  # of another class, for another
    assert made.from_config(kept).config.skip_prk_steps is True


def test_a_step_is_copied_and_asked_for_what_it_has():
    sample = numpy.zeros((1, 4, 6, 8), numpy.float32)
    scheduler = diffedit.diffusers.DDIMScheduler()
    scheduler.set_timesteps(10)
    step = copy.deepcopy(scheduler.step(sample, 900, sample))
    assert step.prev_sample.shape == step["prev_sample"].shape == sample.shape
    assert not hasattr(step, "sample")


def test_noise_is_drawn_in_float32_whatever_torchs_default_is(monkeypatch):
    class Torch:
        Generator = Tensor = float32 = type("Generator", (), {"device": "cpu"})

        def randn(self, shape, generator, device, dtype):
            return numpy.ones(shape, numpy.float32 if dtype is self.float32 else numpy.float64)
    drawn = []
    monkeypatch.setattr(arrays, "torch", Torch())
    monkeypatch.setattr(arrays, "to_array", lambda array: drawn.append(array) or array)
    for generator in (None, Torch.Generator()):
        arrays.draw((1, 4), generator)
    assert [array.dtype for array in drawn] == [numpy.float32] * 2


def test_tensors_of_bytes_are_refused(monkeypatch):
    class Tensor:
        dtype, ndim = "torch.uint8", 3
    monkeypatch.setattr(arrays, "is_tensor", lambda value: isinstance(value, Tensor))
    with pytest.raises(ValueError, match="found bytes"):
        arrays.read_images(Tensor(), 8, 4)


def test_a_repository_in_the_hubs_cache(tmp_path, monkeypatch):
    repository = tmp_path / "hub/models--someone--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text("abc")
    (repository / "snapshots").mkdir()
    (repository / "snapshots/abc").symlink_to(cases.MODELS / "tiny-sd1/model")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    open_it = diffedit.diffusers.StableDiffusionDiffEditPipeline.from_pretrained
    open_it("someone/tiny")
    scheduler = diffedit.diffusers.DDIMScheduler.from_pretrained("someone/tiny", "scheduler")
    assert scheduler.config.beta_schedule == "scaled_linear"
    with pytest.raises(OSError, match="someone/else: expected a folder, .*`hf download"):
        open_it("someone/else")


REFUSALS = [
    (masked, {"target_prompt": None}, ValueError, "`target_prompt` .* found neither"),
    (masked, {"source_prompt": ("a", "b")}, ValueError, "expected a str or a list"),
    (masked, {"source_prompt": []}, ValueError, "expected a str or a list"),
    (masked, {"source_prompt": ["a", 1]}, ValueError, "expected a str or a list"),
    (masked, {"num_inference_steps": 2.5}, TypeError, "float"),
    (masked, {"source_prompt": ["a", "b"]}, ValueError, "2 source prompts: expected 1"),
    (masked, {"num_maps_per_mask": 0}, ValueError, "`num_maps_per_mask`: expected a whole"),
    (masked, {"mask_encode_strength": 1.5}, ValueError, "from 0 to 1, found 1.5"),
    (masked, {"mask_encode_strength": 0.1}, ValueError, "of 3 steps it leaves none"),
    (masked, {"mask_thresholding_ratio": 0}, ValueError, "a number above 0"),
    (masked, {"output_type": "pt"}, ValueError, "expected 'np' or 'pil'"),
    (masked, {"generator": 7}, TypeError, "expected a torch.Generator"),
    (masked, {"cross_attention_kwargs": {"scale": 1}}, NotImplementedError,
     "`cross_attention_kwargs` is not supported"),
    (masked, {"num_inference_steps": 0}, ValueError, "expected 1 to 1000"),
    (masked, {"image": None}, ValueError, "`image`: expected PIL pictures, .* found NoneType"),
    (masked, {"image": numpy.zeros((48, 64, 3), numpy.uint8)}, ValueError, "found bytes"),
    (masked, {"image": numpy.zeros((48, 64, 2), numpy.float32)}, ValueError, "3 colours"),
    (masked, {"image": numpy.zeros((48, 3), numpy.float32)}, ValueError, "3 or 4 dimensions"),
    (masked, {"image": numpy.zeros((5, 9, 3), numpy.float32)}, ValueError, "sides of 8 pixels"),
    (masked, {"image": []}, ValueError, "an empty list"),
    (masked, {"image": [cases.picture()] * 2}, ValueError, "2 pictures for 1 prompts"),
    (inverted, {"image": None}, ValueError, "found NoneType"),
    (inverted, {"num_reg_steps": 1}, NotImplementedError, "`num_reg_steps` is not supported"),
    (inverted, {"negative_prompt": ["a"]}, TypeError, "expected str, as the prompt is"),
    (inverted, {"prompt": ["a"], "negative_prompt": ["a", "b"]}, ValueError,
     "2 negative prompts: expected 1"),
    (inverted, {"prompt_embeds": 1}, ValueError, "expected one of them, found both"),
    (inverted, {"prompt": None, "prompt_embeds": numpy.zeros((1, 2, 3))}, ValueError,
     "embeddings: expected the shape"),
    (inverted, {"callback_steps": None}, ValueError, "`callback_steps`: expected a whole"),
    (inverted, {"inpaint_strength": 0}, ValueError, "of 3 steps it leaves none"),
    (called, {"clip_skip": 1}, NotImplementedError, "`clip_skip` is not supported"),
    (called, {"mask_image": None}, ValueError, "`mask_image`: expected PIL .* found NoneType"),
    (called, {"mask_image": numpy.full((6, 8), 2.0)}, ValueError, "from 0 to 1"),
    (called, {"mask_image": numpy.full((6, 8), numpy.nan)}, ValueError, "from 0 to 1"),
    (called, {"mask_image": numpy.zeros((3, 6, 8))}, ValueError, "3 masks: expected 1 or 1"),
    (called, {"mask_image": numpy.zeros((1, 3, 6, 8))}, ValueError, "expected one channel"),
    (called, {"mask_image": numpy.zeros((5, 8))}, ValueError, "of the mask's size"),
    (called, {"image_latents": numpy.zeros((1, 3, 4, 6, 8))}, ValueError,
     "must be as in `invert\\(\\)`"),
    (called, {"image_latents": [None]}, ValueError, "`image_latents`: expected latents of `invert"),
    (called, {"image_latents": []}, ValueError, "`image_latents`: .* found an empty list"),
    (called, {"output_type": "jpg"}, ValueError, "'pil' or 'np' or 'pt' or 'latent'"),
]


@pytest.mark.parametrize("call, arguments, kind, sentence", REFUSALS)
def test_refusals(pipe, call, arguments, kind, sentence):
    with pytest.raises(kind, match=sentence):
        call(pipe, **arguments)


def test_refusals_of_a_pipeline(pipe):
    made = diffedit.diffusers.StableDiffusionDiffEditPipeline
    with pytest.raises(ValueError, match='to\\("cuda"\\): expected "cpu"'):
        pipe.to("cuda")
    with pytest.raises(AttributeError, match="no `load_lora_weights`: give from_pretrained"):
        pipe.load_lora_weights("lora.safetensors")
    with pytest.raises(AttributeError, match="no `nonsense`"):
        pipe.nonsense()
    with pytest.raises(NotImplementedError, match="`safety_checker` is not supported"):
        made.from_pretrained(cases.MODELS / "tiny-sd1/model", safety_checker=object())
    with pytest.raises(ValueError, match="DiffEdit has no use for a model for inpainting"):
        made.from_pretrained(cases.MODELS / "tiny-inpaint/model")
    with pytest.raises(ValueError, match="a single file is opened by diffedit.Model"):
        made.from_pretrained(__file__)
    with pytest.raises(TypeError, match="`vae`: expected a component of another pipeline"):
        made(**{**pipe.components, "vae": 1})
    with pytest.raises(TypeError, match="a config does not change"):
        pipe.scheduler.config["beta_start"] = 1
    other = made(**pipe.components)
    other.scheduler = 1
    with pytest.raises(TypeError, match="expected a scheduler of diffusers .* found int"):
        masked(other)


@pytest.mark.parametrize("changes, sentence", [
    ({"prediction_type": "sample"}, "expected epsilon or v_prediction"),
    ({"thresholding": True}, "`thresholding` is not computed here"),
    ({"rescale_betas_zero_snr": True}, "`rescale_betas_zero_snr` is not computed here"),
    ({"beta_schedule": "squaredcos_cap_v2"}, "expected linear or scaled_linear"),
])
def test_refusals_of_configs(pipe, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        diffedit.diffusers.DDIMScheduler.from_config(pipe.scheduler.config, **changes)
