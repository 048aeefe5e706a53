"""The interface of AUTOMATIC1111's web UI. The client webuiapi talks to it in webui_client.py."""
import base64
import io
import json
import threading
import time

import pytest
from PIL import Image

from serving import PATIENCE, SAMPLE, TO_END, serving

SMALL = {"prompt": "a horse", "seed": 1, "steps": 3, "width": 128, "height": 128}
PICTURE = base64.b64encode(SAMPLE.read_bytes()).decode()


def pictures(reply):
    assert reply.status == 200, reply.body
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in reply.json()["images"]]


def test_text_to_image(server):
    reply = server.ask("POST", "/sdapi/v1/txt2img", {**SMALL, "n_iter": 2})
    assert [picture.size for picture in pictures(reply)] == [(128, 128)] * 2
    info = json.loads(reply.json()["info"])
    assert info["all_seeds"] == [1, 2] and info["sampler_name"] == "Euler a"
    assert reply.json()["parameters"]["n_iter"] == 2


def test_results_are_in_the_history(server):
    pictures(server.ask("POST", "/sdapi/v1/txt2img", {**SMALL, "prompt": "a yellow duck"}))
    found = server.get("/api/results?q=yellow").json()["results"]
    assert [result["to"] for result in found] == ["a yellow duck"]


def test_image_to_image(server):
    asked = {**SMALL, "prompt": "a zebra", "init_images": ["data:image/png;base64," + PICTURE]}
    (whole,) = pictures(server.ask("POST", "/sdapi/v1/img2img", asked))
    assert whole.size == (128, 128)
    reply = server.ask("POST", "/sdapi/v1/img2img",
                       {**asked, "include_init_images": True, "send_images": False})
    assert pictures(reply) == [] and reply.json()["parameters"]["init_images"]


def test_a_mask_that_selects_nothing_changes_nothing(server):
    black = io.BytesIO()
    Image.new("L", (256, 256)).save(black, "PNG")
    (result,) = pictures(server.ask("POST", "/sdapi/v1/img2img", {
        **SMALL, "init_images": [PICTURE], "mask": base64.b64encode(black.getvalue()).decode(),
        "inpaint_full_res": True, "inpainting_fill": 1}))
    assert result.tobytes() == Image.open(SAMPLE).convert("RGB").tobytes()


@pytest.mark.parametrize("path, changes, sentence", [
    ("txt2img", {"enable_hr": True}, "enable_hr: "),
    ("txt2img", {"sampler_name": "Heun"}, "sampler_name: expected one of"),
    ("txt2img", {"override_settings": {"sd_model_checkpoint": "x"}}, "no such model: \"x\""),
    ("txt2img", {"width": 129}, "multiples of"),
    ("img2img", {}, "init_images: expected a list of one picture"),
    ("img2img", {"init_images": ["AAAA"]}, "init_images"),
    ("img2img", {"init_images": [PICTURE], "mask": "AAAA"}, "mask"),
    ("options", {"sd_model_checkpoint": "x"}, "no such model: \"x\""),
    ("options", {"CLIP_stop_at_last_layers": 2}, "CLIP_stop_at_last_layers: "),
])
def test_what_is_refused(server, path, changes, sentence):
    reply = server.ask("POST", f"/sdapi/v1/{path}",
                       changes if path == "options" else {**SMALL, **changes})
    assert 400 <= reply.status < 500
    assert sentence in reply.json()["message"]
    assert reply.json()["detail"] == reply.json()["message"]


def test_waiting_clients_are_told_that_the_server_ends(tmp_path):
    replies = []
    with serving(tmp_path) as server:
        thread = threading.Thread(target=lambda: replies.append(
            server.ask("POST", "/sdapi/v1/txt2img", {**SMALL, "steps": 900, "width": 256})))
        thread.start()
        while not server.get("/sdapi/v1/progress").json()["state"]["sampling_step"]:
            time.sleep(0.05)
        assert server.stop() < TO_END
        thread.join(PATIENCE)
    assert [reply.status for reply in replies] == [503]
    assert replies[0].json()["message"] == "the server is ending"


def test_the_model_in_use(server):
    name = server.get("/sdapi/v1/sd-models").json()[0]["title"]
    assert server.ask("POST", "/sdapi/v1/options", {"sd_model_checkpoint": name}).json() is None
    assert server.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == name
