"""What only happens when two things meet."""
import json
import os
import re
import sqlite3
import threading
import time

import PIL.Image
import pytest

from editing import (FAST, ask_for, body, edit, get_job, name_of, refusal, result_ids, to_bytes,
                     upload, upload_mask, use_sample, wait, wait_until)
from serving import SOURCE, refused, serving

LONG = {"steps": "999", "ratio": "1", "mask-samples": "1", "size": "128x128"}


def test_the_queue_outlives_a_database_that_is_locked_at_times(tmp_path):
    """By another program, for moments: jobs may fail by it, but none is left waiting."""
    with serving(tmp_path) as own:
        picture = use_sample(own)
        jobs = [ask_for(own, picture, options={**FAST, "seed": str(i)}) for i in range(2)]
        database = sqlite3.connect(tmp_path / "data/history.db", isolation_level=None)
        while any(get_job(own, job["id"])["state"] in ("queued", "running") for job in jobs):
            for _ in range(50):
                database.execute("BEGIN IMMEDIATE")
                time.sleep(0.02)
                database.execute("ROLLBACK")
                time.sleep(0.01)
        database.close()
        edit(own, picture)


def at_once(server, *requests):
    """(statuses, JSON of the last one's reply) of requests that the server gets in one piece."""
    with server.connect() as connection:
        connection.sendall("".join(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(asked)}\r\n"
            f"Connection: {'close' if i == len(requests) else 'keep-alive'}\r\n\r\n{asked}"
            for i, (method, path, asked) in enumerate(requests, 1)).encode())
        replies = connection.makefile("rb").read()
    return (re.findall(rb"HTTP/1.1 (\d+)", replies),
            json.loads(replies.rpartition(b"\r\n\r\n")[2]))


def test_a_job_that_waits_under_the_id_of_one_that_is_being_stopped(tmp_path):
    with serving(tmp_path) as own:
        picture = use_sample(own)
        job = "/api/jobs/the-same-id"
        slow = {"options": LONG, "id": "the-same-id"}
        again = json.dumps(body(picture, **slow, group="again"))
        for _ in range(20):  # until the first one is not faster
            wait_until(own, ask_for(own, picture, **slow)["id"], "running")
            statuses, stopped = at_once(own, ("DELETE", job, ""), ("POST", "/api/jobs", again),
                                        ("POST", f"{job}/stop", ""))
            assert statuses == [b"204", b"201", b"200"]
            if stopped["state"] == "stopped":
                break
            wait(own, "the-same-id", "stopped")
            own.ask("DELETE", job)
        assert stopped["state"] == "stopped"
        edit(own, picture)
        assert get_job(own, "the-same-id")["state"] == "stopped"


def test_a_picture_that_stays_keeps_its_jobs(server):
    picture = upload(server, to_bytes(PIL.Image.new("RGB", (64, 64), "red")))["id"]
    found = wait(server, ask_for(server, picture, kind="find"))
    edit(server, picture)
    refusal(server.ask("DELETE", f"/api/pictures/{picture}"), 409, "conflict")
    assert server.get(f"/api/jobs/{found['id']}/map").status == 200


def test_a_picture_that_is_sent_again_is_as_if_it_were_new(server):
    """So that it does not go, as one that nobody needs, before the job that it is sent for."""
    data = to_bytes(PIL.Image.new("RGB", (64, 64), "blue"))
    first = upload(server, data)
    again = upload(server, data, name="another.png")
    assert again["created"] > first["created"]
    assert again == {**first, "created": again["created"]}
    assert server.get(f"/api/pictures/{first['id']}").json() == again


def test_a_full_store_takes_nothing(tmp_path):
    picture = PIL.Image.frombytes("RGB", (600, 600), os.urandom(3 * 600 * 600))
    with serving(tmp_path, "--store-limit", "1M") as own:
        upload(own, to_bytes(picture))
        more = to_bytes(PIL.Image.new("L", (64, 64)))
        for path in ("/api/pictures", "/api/masks", "/api/samples/horse.png"):
            assert "full" in refusal(own.ask("POST", path, more), 503, "limit")
        reply = own.ask("POST", "/sdapi/v1/txt2img", {"prompt": "a horse"})
        assert "full" in refusal(reply, 503, "limit")
        assert own.ask("DELETE", f"/api/pictures/{name_of(to_bytes(picture))}").status == 204
        upload_mask(own, PIL.Image.new("L", (64, 64)))


def test_a_model_has_a_name_that_json_can_hold(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9"
    os.symlink(SOURCE / "models/pocket", name)
    sentence, status = refused("--port", "0", "--data", tmp_path / "data", "-m", os.fsdecode(name))
    assert "UTF-8" in sentence and status == 2


@pytest.mark.parametrize("arguments", [{"module": "canny"}, "canny", 1, [{"module": "canny"}]])
def test_a_script_is_refused_in_every_form(server, arguments):
    scripts = {"controlnet": {"args": arguments}}
    reply = server.ask("POST", "/sdapi/v1/txt2img",
                       {"prompt": "a horse", "alwayson_scripts": scripts})
    assert "controlnet" in refusal(reply, 400, "argument")


def test_a_body_that_is_no_json_many_times(server):
    """Where another thread than that of the connections says so."""
    for body in ("[]", "{", "1", '{"prompt": "\\u0000"}') * 50:
        refusal(server.ask("POST", "/sdapi/v1/txt2img", body), 400, "argument")


def test_an_interrupt_holds_for_jobs_that_are_being_added(tmp_path):
    with serving(tmp_path) as own:
        replies = []
        asked = {"prompt": "a horse", "steps": 999, "width": 128, "height": 128, "batch_size": 64}
        client = threading.Thread(target=lambda: replies.append(
            own.ask("POST", "/sdapi/v1/txt2img", asked)))
        client.start()
        while own.get("/sdapi/v1/progress").json()["state"]["job_count"] != 64:
            pass
        own.ask("POST", "/sdapi/v1/interrupt")
        client.join()
        assert replies[0].status == 200 and replies[0].json()["images"] == []
        jobs = own.get("/api/jobs").json()
        assert len(jobs) == 64 and {job["state"] for job in jobs} == {"stopped"}
        assert result_ids(own) == []
