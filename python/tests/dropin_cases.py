"""What is asked of StableDiffusionDiffEditPipeline, the original and ours alike. A case is a
function of a Side; it yields (stage, array).

A stage takes what `side.keep()` returns for the stage before: of the original its own result, of
ours the original's, so that every stage is compared on the same inputs."""
import pathlib

import numpy as np
import PIL.Image

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
MODELS = SOURCE / "tests/golden/data"
STEPS = {"num_inference_steps": 8}


class Side:
    """One of the two: the module that has its pipeline, and how its arguments are made."""

    def __init__(self, module, folder, generator, tensor):
        self.module, self.folder = module, folder
        self.generator, self.tensor = generator, tensor

    def run(self, case, given=None):
        """[(stage, array)]; `given`: what the other side kept in this case."""
        module = self.module
        pipe = module.StableDiffusionDiffEditPipeline.from_pretrained(self.folder,
                                                                      safety_checker=None)
        pipe.scheduler = module.DDIMScheduler.from_config(pipe.scheduler.config)
        pipe.inverse_scheduler = module.DDIMInverseScheduler.from_config(pipe.scheduler.config)
        pipe.set_progress_bar_config(disable=True)
        self.pipe, self.kept, self.given = pipe, [], None if given is None else list(given)
        self.kinds = []
        return list(case(self))

    def numbers(self, value):
        """An array of what the pipeline returned; `kinds` keeps its types."""
        self.kinds.append(kind_of(value))
        if isinstance(value, list):
            return np.stack([np.asarray(one) for one in value])
        return np.array(value.detach() if hasattr(value, "detach") else value)

    def keep(self, value):
        """`value`, or the other side's in its place."""
        value = value if self.given is None else self.given.pop(0)
        self.kept.append(value)
        return value


def picture(width=64, height=48, which="horse"):
    path = SOURCE / f"models/pocket/samples/{which}.png"
    return PIL.Image.open(path).convert("RGB").resize((width, height), PIL.Image.BOX)


def kind_of(value):
    if isinstance(value, list):
        return [kind_of(one) for one in value]
    if isinstance(value, PIL.Image.Image):
        return "PIL", value.mode, value.size
    return type(value).__name__, str(value.dtype), tuple(value.shape)


def edit(side, images, sources, targets, mask=None, invert=None, call=None):
    """The three calls, one after the other."""
    mask, invert, call = ({**STEPS, **(more or {})} for more in (mask, invert, call))
    found = side.pipe.generate_mask(image=images, source_prompt=sources, target_prompt=targets,
                                    **mask)
    yield "mask", side.numbers(found)
    found = side.keep(found)
    latents = side.pipe.invert(image=images, prompt=sources, **invert).latents
    yield "encoding", side.numbers(latents)
    latents = side.keep(latents)
    yield "latent", side.numbers(side.pipe(
        prompt=targets, mask_image=found, image_latents=latents, output_type="latent", **call
    ).images)
    pictures = side.pipe(prompt=targets, mask_image=found, image_latents=latents,
                         output_type="np", **call).images
    yield "picture", side.numbers(pictures)[:, ::4, ::4]


def example(side):
    """The documentation's example, in fewer steps."""
    yield from edit(side, picture(), "a bowl of fruits", "a bowl of pears",
                    mask={"generator": side.generator(0)})


def two_pictures(side):
    pictures = [picture(), picture(which="lemons")]
    yield from edit(side, pictures, ["a horse", "lemons"], ["a zebra", "oranges"],
                    mask={"generator": side.generator(1), "num_maps_per_mask": 3})


def one_picture_for_two(side):
    yield from edit(side, picture(), ["a horse", "a photo"], ["a zebra", "a painting"],
                    mask={"generator": side.generator(2), "num_maps_per_mask": 2})


def many_options(side):
    yield from edit(
        side, picture(), "a horse", "a zebra",
        mask={"generator": side.generator(3), "num_maps_per_mask": 4, "mask_encode_strength": 0.8,
              "mask_thresholding_ratio": 1.5, "guidance_scale": 3, "num_inference_steps": 11},
        invert={"negative_prompt": "blurred", "guidance_scale": 2.5, "inpaint_strength": 0.69},
        call={"negative_prompt": "a cow", "guidance_scale": 9, "inpaint_strength": 0.69})


def whole_strength(side):
    """At strength 1, with a limit of the mask far above the mean."""
    yield from edit(side, picture(56, 80), "a horse", "a zebra",
                    mask={"generator": side.generator(4), "mask_thresholding_ratio": 0.9,
                          "num_maps_per_mask": 1, "mask_encode_strength": 1.0},
                    invert={"inpaint_strength": 1}, call={"inpaint_strength": 1})


def unguided(side):
    """Guidance of 1: the original's generate_mask() fails with it."""
    yield from edit(side, picture(), "a horse", "a zebra", mask={"generator": side.generator(5)},
                    invert={"guidance_scale": 1}, call={"guidance_scale": 1.0})


def several_generators(side):
    generators = [side.generator(seed) for seed in range(4)]
    yield from edit(side, picture(), "a horse", "a zebra",
                    mask={"generator": generators, "num_maps_per_mask": 4})


def several_images_each(side):
    yield from edit(side, picture(), "a horse", "a zebra",
                    mask={"generator": side.generator(6), "num_maps_per_mask": 2},
                    call={"num_images_per_prompt": 2})


# those whose numbers from the original are in data/dropin.npz
RECORDED = (example, two_pictures, one_picture_for_two, many_options, whole_strength, unguided,
            several_generators, several_images_each)


def embeddings(side):
    encode = side.pipe.encode_prompt
    source, negative = encode("a horse", "cpu", 1, True, "dark")
    target, _ = encode("a zebra", "cpu", 1, True)
    yield "embedding", side.numbers(source)
    yield "embedding", side.numbers(negative)
    found = side.pipe.generate_mask(image=picture(), source_prompt_embeds=source,
                                    target_prompt_embeds=target, generator=side.generator(7),
                                    **STEPS)
    yield "mask", side.numbers(found)
    latents = side.pipe.invert(image=picture(), prompt_embeds=source, **STEPS).latents
    yield "encoding", side.numbers(latents)
    latents = side.keep(latents)
    yield "latent", side.numbers(side.pipe(
        prompt_embeds=target, negative_prompt_embeds=negative, image_latents=latents,
        mask_image=np.ones((6, 8), np.float32), output_type="latent", **STEPS).images)


def negatives(side):
    """The original takes prompt for negative prompt here: it is asked the other way round."""
    texts = {"source_prompt": "a horse", "source_negative_prompt": "a meadow",
             "target_prompt": "a zebra", "target_negative_prompt": "a desert"}
    if side.module.__name__ == "diffusers":
        texts = {"source_prompt": "a meadow", "source_negative_prompt": "a horse",
                 "target_prompt": "a desert", "target_negative_prompt": "a zebra"}
    yield "mask", side.numbers(side.pipe.generate_mask(
        image=picture(), generator=side.generator(8), num_maps_per_mask=5, **texts, **STEPS))


def kinds_of_pictures(side):
    """Arrays, tensors, lists, sides that are no multiples, values from -1, latents."""
    array = np.asarray(picture(70, 53), np.float32) / 255
    tensor = side.tensor(np.ascontiguousarray(array.transpose(2, 0, 1)))
    ask = {"prompt": "a horse", "num_inference_steps": 3}
    latent = side.tensor(np.linspace(-1, 1, 4 * 6 * 8, dtype=np.float32).reshape(1, 4, 6, 8))
    for image in (picture(70, 53), array, array[None], tensor, tensor[None], [tensor],
                  tensor * 2 - 1, latent):
        yield "encoding", side.numbers(side.pipe.invert(image=image, **ask).latents)


def kinds_of_masks(side):
    latents = side.keep(side.pipe.invert(prompt="a horse", image=picture(),
                                         num_inference_steps=3).latents)
    mask = np.zeros((6, 8), np.float32)
    mask[2:5, 1:6] = 1
    grey = PIL.Image.fromarray((mask * 255).astype(np.uint8))
    tensor = side.tensor(mask)
    for given in (mask, mask[None], mask[None].astype(np.int64), grey, [grey], tensor,
                  tensor[None], tensor[None, None], [tensor], tensor * 0.4 + 0.2):
        yield "latent", side.numbers(side.pipe(
            prompt="a zebra", mask_image=given, image_latents=latents, num_inference_steps=3,
            output_type="latent").images)


def kinds_of_latents(side):
    """Five dimensions, four, lists."""
    latents = side.keep(side.pipe.invert(
        prompt=["a horse", "a cow"], image=picture(), num_inference_steps=3).latents)
    mask = np.zeros((6, 8), np.float32)
    mask[2:5, 1:6] = 1
    for given in (latents, [latents[:1], latents[1:]], latents.reshape(4, 4, 6, 8)):
        yield "latent", side.numbers(side.pipe(
            prompt=["a zebra", "a sheep"], mask_image=mask, image_latents=given,
            num_inference_steps=3, output_type="latent").images)


def outputs(side):
    """Types of output; a tuple in place of an output; pictures of every encoded step."""
    ask = {"num_inference_steps": 4}
    latents, images = side.pipe.invert(prompt="a horse", image=picture(), decode_latents=True,
                                       return_dict=False, **ask)
    yield "picture", side.numbers(images) / 255
    output = side.pipe.invert(prompt="a horse", image=picture(), decode_latents=True,
                              output_type="np", **ask)
    yield "picture", side.numbers(output["images"])
    latents = side.keep(latents)
    mask = np.ones((6, 8), np.float32)
    for kind in ("pil", "np", "pt"):
        images, nothing = side.pipe(prompt="a zebra", mask_image=mask, image_latents=latents,
                                    output_type=kind, return_dict=False, **ask)
        assert nothing is None
        yield "picture", side.numbers(images) / (255 if kind == "pil" else 1)
    output = side.pipe(prompt="a zebra", mask_image=mask, image_latents=latents, **ask)
    assert output.nsfw_content_detected is None
    yield "picture", side.numbers(output[0]) / 255


def callbacks(side):
    """Their arguments, and latents that they change in place."""
    seen = []

    def see(step, timestep, latents):
        seen.append([step, int(timestep), *np.array(latents).ravel()[:50]])
        latents *= 0.99

    latents = side.pipe.invert(prompt="a horse", image=picture(), callback=see, callback_steps=2,
                               **STEPS).latents
    yield "encoding", side.numbers(latents)
    yield "encoding", np.array(seen)
    latents = side.keep(latents)
    seen.clear()
    yield "latent", side.numbers(side.pipe(
        prompt="a zebra", mask_image=np.ones((6, 8), np.float32), image_latents=latents,
        callback=see, output_type="latent", **STEPS).images)
    yield "latent", np.array(seen)


def configs(side):
    """DDIM in other configs, and with fresh noise."""
    config, module = side.pipe.scheduler.config, side.module
    for changes in ({"timestep_spacing": "trailing"}, {"set_alpha_to_one": True},
                    {"clip_sample": True}, {"clip_sample": True, "clip_sample_range": 3.0},
                    {"beta_schedule": "linear", "steps_offset": 0}):
        side.pipe.scheduler = module.DDIMScheduler.from_config(config, **changes)
        side.pipe.inverse_scheduler = module.DDIMInverseScheduler.from_config(
            side.pipe.scheduler.config)
        yield from edit(side, picture(), "a horse", "a zebra",
                        mask={"generator": side.generator(9), "num_maps_per_mask": 2})
    side.pipe.scheduler = module.DDIMScheduler.from_config(config, timestep_spacing="linspace")
    side.pipe.inverse_scheduler = module.DDIMInverseScheduler.from_config(config)
    yield from edit(side, picture(), "a horse", "a zebra",
                    mask={"generator": side.generator(10), "num_maps_per_mask": 2},
                    call={"eta": 0.7, "generator": side.generator(11)})


OTHERS = (embeddings, negatives, kinds_of_pictures, kinds_of_masks, kinds_of_latents, outputs,
          callbacks, configs)
