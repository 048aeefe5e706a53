"""The client `webuiapi` against a server, unchanged: what its documentation shows. Run by
`./run check webui`, which has webuiapi from PyPI. Ends with `N passed, N failed`.
"""
import pathlib
import sys
import tempfile
import threading
import time
import traceback

import webuiapi
from PIL import Image, ImageChops, ImageDraw

from serving import SAMPLE, TOKEN, serving

SIZE = {"width": 128, "height": 128, "steps": 4}


def horse():
    return Image.open(SAMPLE).convert("RGB").resize((128, 128))


def mask(box, size=(128, 128)):
    picture = Image.new("L", size)
    ImageDraw.Draw(picture).rectangle(box, fill=255)
    return picture


def differs(a, b):
    return ImageChops.difference(a.convert("RGB"), b.convert("RGB")).getbbox()


def refusal(call, *arguments, **more):
    """The sentence with which a call is refused."""
    try:
        call(*arguments, **more)
    except RuntimeError as error:
        status, text = error.args
        assert 400 <= status < 500, error
        return text
    raise AssertionError("it was not refused")


def test_text_to_image(api):
    result = api.txt2img(prompt="a photo of a horse", negative_prompt="snow", seed=7, **SIZE)
    assert result.image.size == (128, 128)
    assert result.info["seed"] == 7 and result.info["all_seeds"] == [7]
    assert "Negative prompt: snow" in result.info["infotexts"][0]
    assert not differs(result.image, api.txt2img(prompt="a photo of a horse",
                                                 negative_prompt="snow", seed=7, **SIZE).image)
    assert differs(result.image, api.txt2img(prompt="a photo of a cow", seed=7, **SIZE).image)


def test_a_drawn_seed(api):
    seeds = {api.txt2img(prompt="a horse", **SIZE).info["seed"] for _ in range(3)}
    assert len(seeds) == 3 and min(seeds) >= 0


def test_several_pictures(api):
    result = api.txt2img(prompt="a horse", seed=1, n_iter=2, batch_size=2, **SIZE)
    assert len(result.images) == 4 and result.info["all_seeds"] == [1, 2, 3, 4]
    assert differs(result.images[0], result.images[3])


def test_every_sampler_and_scheduler(api):
    for name in api.util_get_sampler_names():
        assert api.txt2img(prompt="a horse", seed=1, sampler_name=name, **SIZE).image
        assert api.img2img(images=[horse()], prompt="a zebra", seed=1, sampler_name=name,
                           **SIZE).image
    assert api.txt2img(prompt="a horse", seed=1, sampler_name="DPM++ 2M", scheduler="Karras",
                       **SIZE).image
    assert "automatic" in api.util_get_scheduler_names()


def test_image_to_image(api):
    little = api.img2img(images=[horse()], prompt="a zebra", seed=1, denoising_strength=0.25,
                         **SIZE).image
    much = api.img2img(images=[horse()], prompt="a zebra", seed=1, denoising_strength=1,
                       **SIZE).image
    assert little.size == much.size == (128, 128)
    changes = [sum(ImageChops.difference(horse(), picture.convert("RGB")).convert("L").histogram(
        )[16:]) for picture in (little, much)]
    assert changes[0] < changes[1]


def test_inpainting(api):
    painted = mask((64, 0, 127, 127))
    result = api.img2img(images=[horse()], mask_image=painted, prompt="a zebra", seed=1,
                         mask_blur=0, inpaint_full_res=False, **SIZE).image
    assert not differs(result.crop((0, 0, 32, 128)), horse().crop((0, 0, 32, 128)))
    assert differs(result.crop((64, 0, 128, 128)), horse().crop((64, 0, 128, 128)))
    inverted = api.img2img(images=[horse()], mask_image=painted, prompt="a zebra", seed=1,
                           mask_blur=0, inpaint_full_res=False, inpainting_mask_invert=1,
                           inpainting_fill=1, **SIZE).image
    assert not differs(inverted.crop((96, 0, 128, 128)), horse().crop((96, 0, 128, 128)))


def test_only_masked(api):
    """Works at the size asked for, and gives the picture back at its own."""
    large = horse().resize((384, 256))
    result = api.img2img(images=[large], mask_image=mask((200, 100, 300, 200), large.size),
                         prompt="a zebra", seed=1, inpaint_full_res=True,
                         inpaint_full_res_padding=16, inpainting_fill=1, **SIZE).image
    assert result.size == large.size
    assert not differs(result.crop((0, 0, 150, 256)), large.crop((0, 0, 150, 256)))
    assert differs(result, large)


def test_progress_and_interrupt(api):
    assert api.get_progress()["state"]["job_count"] == 0
    results = []
    thread = threading.Thread(target=lambda: results.append(api.txt2img(
        prompt="a horse", seed=1, n_iter=3, width=256, height=256, steps=400)))
    thread.start()
    seen = []
    while thread.is_alive() and not any(0 < one["progress"] < 1 and
                                        one["state"]["sampling_step"] > 1 for one in seen):
        seen.append(api.get_progress())
        time.sleep(0.1)
    assert seen[-1]["state"]["job_count"] == 3, seen[-1:]
    assert seen[-1]["state"]["sampling_steps"] == 400
    begin = time.monotonic()
    assert api.interrupt() == {}
    thread.join(30)
    assert results and results[0].images == [], results
    assert time.monotonic() - begin < 10
    api.util_wait_for_ready(check_interval=0.1)


def test_settings_and_models(api):
    name = api.util_get_model_names()[0]
    assert api.util_get_current_model() == name
    api.util_set_model(name)
    assert api.refresh_checkpoints() is None
    assert api.get_scripts() == {"txt2img": [], "img2img": []}
    memory = api.get_memory()
    assert memory["ram"]["total"] > 0 and "processor" in memory["cuda"]["error"]
    for call in (api.get_upscalers, api.get_loras, api.get_hypernetworks, api.get_sd_vae,
                 api.get_prompt_styles, api.get_face_restorers, api.get_realesrgan_models,
                 api.get_latent_upscale_modes):
        assert call() == []
    assert api.get_cmd_flags() == {}


def test_what_is_refused(api):
    assert "enable_hr" in refusal(api.txt2img, prompt="a horse", enable_hr=True)
    assert "ControlNet" in refusal(api.txt2img, prompt="a horse", controlnet_units=[
        webuiapi.ControlNetUnit(image=horse(), module="canny", model="canny")],
        alwayson_scripts={})
    assert "script_name" in refusal(api.txt2img, prompt="a horse", script_name="X/Y/Z plot")
    assert "sampler_name" in refusal(api.txt2img, prompt="a horse", sampler_name="UniPC")
    assert "no such model" in refusal(api.txt2img, prompt="a horse",
                                      override_settings={"sd_model_checkpoint": "none"})
    assert "init_images" in refusal(api.img2img, images=[], prompt="a horse")
    assert "multiples of" in refusal(api.txt2img, prompt="a horse", width=129, height=128)


def test_a_password(_):
    with tempfile.TemporaryDirectory() as name:
        with serving(pathlib.Path(name), "--token", TOKEN) as server:
            api = webuiapi.WebUIApi(port=server.port, username="any", password=TOKEN)
            assert api.txt2img(prompt="a horse", seed=1, **SIZE).image
            wrong = webuiapi.WebUIApi(port=server.port, username="any", password="wrong")
            assert "token" in refusal(wrong.txt2img, prompt="a horse", seed=1, **SIZE)


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    failed = 0
    with tempfile.TemporaryDirectory() as folder, serving(pathlib.Path(folder)) as server:
        for name, test in tests:
            try:
                test(webuiapi.WebUIApi(port=server.port))
            except Exception:  # a client may raise anything
                failed += 1
                print(f"{name}:")
                traceback.print_exc(file=sys.stdout)
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
