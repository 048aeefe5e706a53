"""Jobs and the arithmetic that their model is open for: chosen, proposed or the server's own."""
import json

import numpy as np
import pytest

from editing import FAST, ask_for, body, edit, refusal, to_image, use_sample, wait
from serving import refused, serving


def arithmetic(server, job):
    """What the record of a job's result says, which the server's model must be open for."""
    record = to_image(server.get(f"/api/results/{job['id']}/file").body).text["diffedit"]
    values = json.loads(record)
    assert values["kernels"] == server.get("/api/status").json()["kernels"]
    assert server.get("/api/models").json()[0]["info"]["arithmetic"] == values["arithmetic"]
    return values["arithmetic"]


def described(server):
    options = server.get("/api/options").json()["options"]
    return next(option for option in options if option["name"] == "arithmetic")


@pytest.fixture
def own(tmp_path):
    with serving(tmp_path) as running:
        yield running


def test_the_preset_proposes_and_the_options_choose(own):
    picture = use_sample(own)
    for preset, named, expected in (("fast", None, "quick"), ("paper", None, "exact"),
                                    ("fast", "exact", "exact"), ("paper", "quick", "quick")):
        options = {**FAST, **({"arithmetic": named} if named else {})}
        job = edit(own, picture, preset=preset, options=options)
        assert arithmetic(own, job) == expected, (preset, named)
        assert job["options"] == options


def test_the_same_pixels_after_another_arithmetic(own):
    """A model that was opened again, and editors that were dropped, change nothing."""
    def pixels(named):
        job = edit(own, picture, options={**FAST, "arithmetic": named})
        return np.asarray(to_image(own.get(f"/api/results/{job['id']}/file").body))
    picture = use_sample(own)
    exact, quick = pixels("exact"), pixels("quick")
    for _ in range(2):
        assert np.array_equal(pixels("exact"), exact)
        assert np.array_equal(pixels("quick"), quick)


def test_memory_does_not_double(own):
    picture = use_sample(own)
    for i in range(12):
        edit(own, picture, options={**FAST, "arithmetic": ("exact", "quick")[i % 2]})
        if i == 3:
            before = own.memory()
    assert own.memory() - before < 16e6


def test_others_look_while_it_is_opened_again(own):
    """The table of options and the list of models are there at any time."""
    picture = use_sample(own)
    jobs = [ask_for(own, picture, options={**FAST, "arithmetic": ("exact", "quick")[i % 2]})
            for i in range(8)]
    while own.get("/api/status").json()["queue"] != {"queued": 0, "running": 0}:
        assert len(own.get("/api/models").json()) == 1
        assert described(own)["choices"] == ["exact", "quick"]
    for job in jobs:
        wait(own, job)


def test_the_table_has_it(server):
    row = described(server)
    assert (row["group"], row["type"], row["choices"]) == ("sampling", "choice", ["exact", "quick"])
    assert row["defaults"] == {"paper": "exact", "notebook": "exact", "diffusers": "exact",
                               "fast": "quick", "lcm": "quick", "turbo": "quick"}


def test_another_word_is_refused(server):
    reply = server.ask("POST", "/api/jobs",
                       body(use_sample(server), options={"arithmetic": "slow"}))
    assert refusal(reply, 400, "argument") == \
        '`arithmetic`: expected one of exact, quick, found "slow"'
    assert reply.json()["option"] == "arithmetic"


@pytest.mark.parametrize("only, other, preset", [("exact", "quick", "fast"),
                                                 ("quick", "exact", "paper")])
def test_a_server_of_one_arithmetic(only, other, preset, tmp_path):
    with serving(tmp_path, "--arithmetic", only) as own:
        picture = use_sample(own)
        assert described(own)["choices"] == [only]
        assert set(described(own)["defaults"].values()) == {only}
        assert own.get("/api/models").json()[0]["info"]["arithmetic"] == only
        job = edit(own, picture, preset=preset)
        assert arithmetic(own, job) == only
        assert job["options"] == {**FAST, "arithmetic": only}
        reply = own.ask("POST", "/api/jobs", body(picture, options={"arithmetic": other}))
        assert refusal(reply, 400, "argument") == \
            f'`arithmetic`: this server was started for {only} alone, found "{other}"'
        web = {"prompt": "a horse", "steps": 2, "seed": 1, "width": 64, "height": 64}
        assert own.ask("POST", "/sdapi/v1/txt2img", web).status == 200
        assert own.get("/api/models").json()[0]["info"]["arithmetic"] == only
    with serving(tmp_path) as later: # what it made says how
        made = later.get("/api/results").json()["results"]
        assert {one["options"].get("arithmetic", "exact") for one in made} == {only}


def test_other_words_do_not_start_a_server():
    assert refused("--arithmetic", "slow") == (
        '--arithmetic: expected one of exact, quick, found "slow"', 2)


def test_the_device_is_told(own):
    assert own.get("/api/status").json()["device"] == "cpu"
    edit(own, use_sample(own), options=FAST)
    info = own.get("/api/models").json()[0]["info"]
    assert info["device"] == "cpu" and info["device_title"]
    assert info["family"] == own.get("/api/status").json()["kernels"]
