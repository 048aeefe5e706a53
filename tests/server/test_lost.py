"""A server whose GPU is lost, which a driver of the tests plays (tests/vulkan/fake_vulkan.h)."""
import os
import pathlib

from editing import ask_for, use_sample, wait
from serving import SOURCE, serving

BUILD = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", SOURCE / "build")).resolve()
TINY = SOURCE / "tests/golden/data/tiny-odd/model"
FEW = {"steps": "2", "mask-samples": "1", "size": "64x64"}


def machine(*words):
    return {"LD_LIBRARY_PATH": str(BUILD / "tests/vulkan"), "FAKE_VULKAN": " ".join(words)}


def edit(server, picture, state):
    return wait(server, ask_for(server, picture, preset="paper", options=FEW), state)


def test_a_job_fails_and_the_next_opens_the_model_anew(tmp_path):
    here = machine("gpu=discrete,4096,name=card", "fail=GetQueryPoolResults,3,lost")
    with serving(tmp_path, "-m", TINY, "--device", "gpu", **here) as own:
        assert own.get("/api/status").json()["device"] == "gpu:0"
        picture = use_sample(own)
        job = edit(own, picture, "failed")
        assert job["error"] == "device"
        assert job["message"].startswith("gpu:0 (card): ") and "was lost" in job["message"]
        edit(own, picture, "done")
        info = own.get("/api/models").json()[0]["info"]
        assert (info["device"], info["device_title"], info["family"]) == \
            ("gpu:0", "card", "scalar")


def test_two_models_share_a_gpu(tmp_path):
    other = SOURCE / "tests/golden/data/tiny-sd1/model"
    here = machine("gpu=discrete,4096")
    with serving(tmp_path, "-m", TINY, "-m", other, "--device", "gpu", **here) as own:
        picture = use_sample(own)
        for model in (str(TINY), str(other), str(TINY)):
            wait(own, ask_for(own, picture, preset="paper", options=FEW, model=model))
        assert {one["info"]["device"] for one in own.get("/api/models").json()} == {"gpu:0"}


def test_the_memory_of_the_gpu(tmp_path):
    """As clients of AUTOMATIC1111's web UI ask for it."""
    def of_gpu(own):
        return own.get("/sdapi/v1/memory").json()["cuda"]

    here = machine("gpu=integrated,2048", "gpu=discrete,4096")
    with serving(tmp_path, "-m", TINY, "--device", "auto", **here) as own:
        assert "when the model is opened" in of_gpu(own)["error"]
        edit(own, use_sample(own), "done")
        memory = of_gpu(own)["system"]
        assert memory["total"] == 4096 * 2**20
        assert memory["free"] + memory["used"] == memory["total"] and memory["free"] > 0
    with serving(tmp_path, "-m", TINY, "--device", "gpu:2", **here) as own:
        assert of_gpu(own) == {"error": "unavailable: gpu:2 is not there"}


def test_a_gpu_that_is_missing(tmp_path):
    with serving(tmp_path, "-m", TINY, "--device", "gpu:3", **machine("gpu=discrete,64")) as own:
        job = edit(own, use_sample(own), "failed")
        assert job["error"] == "device"
        assert job["message"].startswith("gpu:3 is not there: ")
