"""Jobs: what is asked for, in which order it is done, and what comes out."""
import json
import subprocess
import threading
import time

import numpy as np
import PIL.Image
import pytest

from editing import (ENDED, FAST, Events, ask_for, body, edit, get_job, map_values, refusal, result,
                     to_bytes, to_image, upload, upload_mask, use_sample, wait, wait_until)
from serving import PATIENCE, PROGRAM, SAMPLE, environment

SLOW = {"steps": "999", "ratio": "1", "mask-samples": "1"}  # as long as a test wants
# who listens slowly loses progress: steps that take longer than to hear of the one before
HEARD = {"steps": "3", "mask-samples": "1", "size": "128x128"}


@pytest.fixture(scope="module")
def picture(server):
    return use_sample(server)


# ---- each kind ----

def test_an_edit_is_the_commands(server, picture, tmp_path):
    options = {"steps": "4", "seed": "3", "mask-samples": "1"}
    job = edit(server, picture, options=options)
    output = tmp_path / "output.png"
    given = [f"--{name}={value}" for name, value in options.items()]
    subprocess.run([PROGRAM, "edit", SAMPLE, "--preset", "fast", "--from", "a horse", "--to",
                    "a zebra", *given, "-o", output, "-q"], check=True, env=environment())
    ours = to_image(server.get(f"/api/results/{job['id']}/file").body)
    assert np.array_equal(np.asarray(ours), np.asarray(PIL.Image.open(output)))
    found = result(server, job["result"])
    assert found == {**found, "kind": "edit", "name": "horse.png", "picture": picture,
                     "model": "pocket", "preset": "fast", "from": "a horse", "to": "a zebra",
                     "seed": "3", "options": options, "width": 256, "height": 256,
                     "format": ".png", "kept": False, "share": job["region"]["share"]}
    assert 0 < found["seconds"] < PATIENCE and abs(found["created"] - time.time()) < PATIENCE
    again = tmp_path / "again.png"
    master = tmp_path / "master.png"
    master.write_bytes(server.get(f"/api/results/{job['id']}/file?format=png").body)
    subprocess.run([PROGRAM, "edit", SAMPLE, "--again", master, "-o", again, "-q"], check=True,
                   env=environment())
    assert np.array_equal(np.asarray(PIL.Image.open(again)), np.asarray(ours))


def test_a_region_is_found(server, picture):
    job = edit(server, picture, kind="find")
    assert job["result"] is None and job["region"]["width"] == job["region"]["height"] == 256
    mask = np.asarray(to_image(server.get(f"/api/jobs/{job['id']}/mask").body))
    assert mask.shape == (256, 256) and set(np.unique(mask)) == {0, 255}
    assert np.isclose((mask > 0).mean(), job["region"]["share"])
    reply = server.get(f"/api/jobs/{job['id']}/map")
    assert reply.headers["Content-Type"] == "application/octet-stream"
    values = map_values(job, reply.body) / 65535
    assert ((values >= 0.3) != (mask > 0)).mean() < 0.01  # preset fast: 0.3, holes filled


def test_a_given_mask_is_used(server, picture):
    left = np.zeros((256, 256), np.uint8)
    left[:, :128] = 255
    for size in (256, 64):  # a smaller one is scaled
        mask = upload_mask(server, PIL.Image.fromarray(left).resize((size, size), 0))
        for kind in ("edit", "inpaint"):
            job = edit(server, picture, kind=kind, mask=mask)
            assert job["region"] == {"share": 0.5, "width": 0, "height": 0}
            used = np.asarray(to_image(server.get(f"/api/results/{job['id']}/mask").body))
            assert np.array_equal(used, left)
            assert "map" in refusal(server.get(f"/api/jobs/{job['id']}/map"), 404, "not-found")


def test_a_correction_is_laid_over(server, picture):
    found = edit(server, picture, kind="find")
    before = np.asarray(to_image(server.get(f"/api/jobs/{found['id']}/mask").body))
    layer = np.zeros((128, 128, 4), np.uint8)
    layer[:32] = (255, 255, 255, 255)  # add the top
    layer[-32:] = (0, 0, 0, 255)       # remove the bottom
    correction = upload_mask(server, PIL.Image.fromarray(layer))
    for options in (FAST, {**FAST, "mask-threshold": "0.6"}):
        job = edit(server, picture, kind="find", correction=correction, options=options)
        mask = np.asarray(to_image(server.get(f"/api/jobs/{job['id']}/mask").body))
        assert (mask[:64] == 255).all() and (mask[-64:] == 0).all()
    free = edit(server, picture, kind="find")
    after = np.asarray(to_image(server.get(f"/api/jobs/{free['id']}/mask").body))
    assert np.array_equal(before, after)


def test_a_picture_is_generated(server):
    job = edit(server, None, kind="generate", to="a horse on a meadow",
               options={"steps": "3", "size": "64x48"})
    assert job["region"] is None and result(server, job["id"])["name"] == "a horse on a meadow"
    reply = server.get(f"/api/results/{job['id']}/file?download=1")
    assert to_image(reply.body).size == (64, 48)
    assert 'filename="a-horse-on-a-meadow.png"' in reply.headers["Content-Disposition"]
    refusal(server.get(f"/api/results/{job['id']}/mask"), 404, "not-found")


def test_only_what_changed_is_computed(server, picture):
    events = Events(server)
    picture = upload(server, to_bytes(PIL.Image.open(SAMPLE).resize((130, 130))))["id"]
    first = edit(server, picture, to="a tiger", options=HEARD)
    assert events.wait(first["id"])
    assert {"encode", "map", "denoise"} <= set(events.stages(first["id"]))
    other = use_sample(server, "lemons.png")  # two editors stay open
    edit(server, other, **{"from": "lemons", "to": "oranges"})
    second = edit(server, picture, to="a tiger", options={**HEARD, "mask-threshold": "0.2"})
    assert events.wait(second["id"])
    assert not {"encode", "map"} & set(events.stages(second["id"]))


# ---- order, ids, ends ----

def test_a_repeat_is_harmless(server, picture):
    asked = body(picture, id="my-own-id-1", group="together")
    first = server.ask("POST", "/api/jobs", asked)
    again = server.ask("POST", "/api/jobs", asked)
    assert (first.status, again.status) == (201, 200)
    assert first.json()["id"] == again.json()["id"] == "my-own-id-1"
    assert wait(server, "my-own-id-1")["group"] == "together"
    assert server.ask("POST", "/api/jobs", asked).json()["state"] == "done"
    other = server.ask("POST", "/api/jobs", {**asked, "to": "a cow"})
    assert "my-own-id-1" in refusal(other, 409, "conflict")
    for wrong in ("short", "x" * 65, "with space", "../../../x", "日本日本日本日本"):
        refusal(server.ask("POST", "/api/jobs", {**asked, "id": wrong}), 400, "argument")


def test_one_after_the_other(server, picture):
    running = ask_for(server, picture, options=SLOW)
    wait_until(server, running["id"], "running")
    waiting = [ask_for(server, picture, options={**FAST, "seed": str(i)}) for i in range(4)]
    assert [job["position"] for job in waiting] == [1, 2, 3, 4]
    queued = server.get("/api/jobs?state=queued").json()
    assert [job["id"] for job in queued] == [job["id"] for job in waiting]
    assert [job["position"] for job in queued] == [1, 2, 3, 4]
    assert [job["id"] for job in server.get("/api/jobs?state=running").json()] == [running["id"]]
    stopped = server.ask("POST", f"/api/jobs/{waiting[1]['id']}/stop").json()
    assert stopped["state"] == "stopped" and get_job(server, waiting[2]["id"])["position"] == 2
    assert server.ask("DELETE", f"/api/jobs/{waiting[2]['id']}").status == 204
    refusal(server.get(f"/api/jobs/{waiting[2]['id']}"), 404, "not-found")
    server.ask("POST", f"/api/jobs/{running['id']}/stop")
    assert wait(server, running, "stopped")["result"] is None
    first, last = wait(server, waiting[0]), wait(server, waiting[3])
    assert first["ended"] <= last["started"]


def test_a_running_job_stops_within_a_step(server, picture):
    job = ask_for(server, picture, options=SLOW)
    events = Events(server, f"/api/jobs/{job['id']}/events")
    while "denoise" not in events.stages(job["id"]) and "invert" not in events.stages(job["id"]):
        time.sleep(0.01)
    begin = time.monotonic()
    server.ask("POST", f"/api/jobs/{job['id']}/stop")
    found = wait(server, job, "stopped")
    assert time.monotonic() - begin < 30 and found["error"] is None  # of many minutes
    assert events.end()[-1][1]["state"] == "stopped"


def test_a_running_job_is_forgotten(server, picture):
    job = ask_for(server, picture, options=SLOW)
    events = Events(server)
    wait_until(server, job["id"], "running")
    assert server.ask("DELETE", f"/api/jobs/{job['id']}").status == 204
    assert events.wait(job["id"], "stopped")
    refusal(server.get(f"/api/jobs/{job['id']}"), 404, "not-found")
    assert edit(server, picture)["state"] == "done"


def test_a_failure_is_a_sentence(server, picture):
    job = wait(server, ask_for(server, picture, options={**FAST, "size": "63x64"}), "failed")
    assert job["error"] == "argument" and "63x64" in job["message"]
    assert job["result"] is None and edit(server, picture)["message"] is None


# ---- events ----

def test_events_tell_of_each_state(server, picture):
    every = Events(server)
    job = ask_for(server, picture, options=HEARD)
    one = Events(server, f"/api/jobs/{job['id']}/events")
    wait(server, job)
    heard = one.end()
    assert heard[-1][1]["state"] == "done" and heard[-1][1]["result"] == job["id"]
    every.wait(job["id"])
    states = [data["state"] for data in every.jobs(job["id"])]
    assert list(dict.fromkeys(states)) == ["queued", "running", "done"]
    shares = [data["progress"]["share"] for data in every.jobs(job["id"]) if data["progress"]]
    assert shares == sorted(shares) and 0 <= shares[0] and shares[-1] <= 1
    ended = Events(server, f"/api/jobs/{job['id']}/events").end()
    assert [data["state"] for _, data in ended] == ["done"]


def test_a_preview_comes_with_the_steps(server, picture):
    events = Events(server)
    job = edit(server, picture, to="a cow", options=HEARD)
    events.wait(job["id"])
    previews = [data for name, data in events.heard
                if name == "preview" and data["job"] == job["id"]]
    assert previews and previews[-1]["box"] == {"x": 0, "y": 0, "width": 256, "height": 256}
    assert all(data["image"].startswith("data:image/png;base64,") for data in previews)


def test_time_left_is_known_from_the_first_step(server, picture):
    edit(server, picture, options={**HEARD, "seed": "1"})
    events = Events(server)
    job = edit(server, picture, options={**HEARD, "seed": "2", "mask-noise-level": "0.4"})
    events.wait(job["id"])
    first = next(data for data in events.jobs(job["id"]) if data["progress"])
    assert 0 < first["progress"]["seconds_left"] < PATIENCE


def test_looking_holds_nothing_up(server, picture):
    """Clients that look as fast as they can, while jobs begin and end."""
    jobs = [ask_for(server, picture, kind="find", options={**FAST, "seed": str(i)})
            for i in range(20)]
    ending = threading.Event()

    def look(path):
        while not ending.is_set():
            assert server.get(path).status == 200

    watchers = [threading.Thread(target=look, args=[path])
                for path in ("/api/jobs", "/api/jobs?state=queued", "/api/results", "/api/status",
                             f"/api/jobs/{jobs[-1]['id']}")]
    for watcher in watchers:
        watcher.start()
    try:
        assert [wait(server, job)["state"] for job in jobs] == ["done"] * len(jobs)
    finally:
        ending.set()
        for watcher in watchers:
            watcher.join()


# ---- what is refused ----

@pytest.mark.parametrize("change, words", [
    ({"kind": "paint"}, "find, edit, inpaint or generate"), ({"kind": None}, "kind"),
    ({"kind": "inpaint"}, "mask"), ({"kind": "generate"}, "picture"), ({"kind": 7}, "kind"),
    ({"picture": None}, "picture"), ({"picture": "0" * 32}, "no such picture"),
    ({"picture": "../../etc/passwd"}, "no such picture"), ({"picture": {}}, "picture"),
    ({"to": None}, "to"), ({"to": 5}, "to"), ({"to": "x" * 9000}, "8000"),
    ({"from": ["a horse"]}, "from"), ({"negative": False}, "negative"),
    ({"model": "none"}, "no such model"), ({"preset": "none"}, "no such preset"),
    ({"mask": "0" * 32}, "no such mask"), ({"correction": "x"}, "no such mask"),
    ({"options": []}, "options"), ({"options": {"steps": 3}}, "steps"),
    ({"options": {"steps": "0"}}, "from 1 to 999"), ({"options": {"none": "1"}}, "none"),
    ({"options": {"steps": "9" * 300}}, "steps"), ({"options": {"to": "x"}}, "to"),
    ({"options": {"size": "1e9x1e9"}}, "size"), ({"options": {"seed": "-1"}}, "seed"),
    ({"options": {f"x{i}": "1" for i in range(100)}}, "options"), ({"surplus": 1}, "surplus")])
def test_wrong_jobs_are_refused_before_they_wait(server, picture, change, words):
    asked = {name: value for name, value in {**body(picture), **change}.items()}
    message = refusal(server.ask("POST", "/api/jobs", asked), 400, "argument")
    assert words in message


def test_a_refused_option_is_named(server, picture):
    reply = server.ask("POST", "/api/jobs", body(picture, options={"mask-samples": "-3"}))
    assert reply.json()["option"] == "mask-samples"


def test_a_mask_of_another_shape_is_refused(server, picture):
    mask = upload_mask(server, PIL.Image.new("L", (256, 100), 255))
    for name in ("mask", "correction"):
        asked = body(picture, **{name: mask})
        assert "256x100" in refusal(server.ask("POST", "/api/jobs", asked), 400, "argument")


@pytest.mark.parametrize("text", [
    "", "nothing", "[]", '"text"', "{", '{"kind": "edit"', "{'kind': 1}", "null", "[" * 100000,
    '{"a":' * 5000, '{"kind": 1e999}', '{"kind": "\\u0000"}', '{"kind": "\\ud800"}', "\xff\xfe{}",
    '{"kind": "edit", "kind": "find"', json.dumps({"options": {"steps": "1" * 10 ** 6}})])
def test_hostile_bodies_are_refused(server, text):
    reply = server.ask("POST", "/api/jobs", text.encode("latin-1"))
    assert 400 <= reply.status < 500 and reply.json()["message"]


def test_ids_of_other_kinds_are_not_taken(server, picture):
    job = edit(server, picture, kind="find")
    mask = upload_mask(server, PIL.Image.new("L", (256, 256)))
    for change in ({"picture": mask}, {"picture": job["id"]}, {"mask": picture},
                   {"correction": job["id"]}):
        refusal(server.ask("POST", "/api/jobs", body(picture, **change)
                           if "picture" not in change else {**body(None), **change}), 400,
                "argument")
    for path in (f"results/{job['id']}", f"pictures/{mask}", f"masks/{picture}", f"jobs/{mask}"):
        refusal(server.get(f"/api/{path}"), 404, "not-found")
    refusal(server.get("/api/jobs?state=asleep"), 400, "argument")
    assert get_job(server, job["id"])["state"] in ENDED


def test_models_are_described(server, picture):
    edit(server, picture)
    models = server.get("/api/models").json()
    assert [model["name"] for model in models] == ["pocket"]
    assert models[0] == {**models[0], "title": "pocket", "default": True, "open": True, "loras": []}
    assert models[0]["info"]["native_width"] == 128 and models[0]["info"]["factor"] == 4
