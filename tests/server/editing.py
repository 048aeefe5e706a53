"""What a client of good manners does with a server: pictures, jobs, results, events."""
import contextlib
import hashlib
import http.client
import io
import json
import threading
import time

import numpy as np
import PIL.Image

from serving import PATIENCE

FAST = {"steps": "3", "mask-samples": "1", "size": "64x64"}  # a tenth of a second
ENDED = ("done", "failed", "stopped")


def name_of(data):
    return hashlib.sha256(data).hexdigest()[:32]


def use_sample(server, name="horse.png"):
    """The id of a picture."""
    reply = server.ask("POST", f"/api/samples/{name}")
    assert reply.status in (200, 201), reply.body
    return reply.json()["id"]


def upload(server, data, name="picture.png"):
    reply = server.ask("POST", f"/api/pictures?name={name}", data)
    assert reply.status in (200, 201), reply.body
    return reply.json()


def upload_mask(server, image):
    reply = server.ask("POST", "/api/masks", to_bytes(image))
    assert reply.status in (200, 201), reply.body
    return reply.json()["id"]


def to_bytes(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def to_image(data):
    return PIL.Image.open(io.BytesIO(data))


def body(picture, kind="edit", **fields):
    asked = {"kind": kind, "from": "a horse", "to": "a zebra", "options": FAST, **fields}
    return asked if picture is None else {"picture": picture, **asked}


def ask_for(server, picture, **fields):
    """The job, as it was added."""
    reply = server.ask("POST", "/api/jobs", body(picture, **fields))
    assert reply.status == 201, reply.body
    return reply.json()


def get_job(server, name):
    reply = server.get(f"/api/jobs/{name}")
    assert reply.status == 200, reply.body
    return reply.json()


def wait(server, job, state="done"):
    """The job, when it has ended, in this state."""
    name = job["id"] if isinstance(job, dict) else job
    limit = time.monotonic() + PATIENCE
    while (found := get_job(server, name))["state"] not in ENDED:
        assert time.monotonic() < limit, found
        time.sleep(0.02)
    assert found["state"] == state, found
    return found


def wait_until(server, name, state):
    limit = time.monotonic() + PATIENCE
    while (found := get_job(server, name))["state"] != state:
        assert time.monotonic() < limit, found
        time.sleep(0.005)
    return found


def edit(server, picture, **fields):
    return wait(server, ask_for(server, picture, **fields))


def result(server, name):
    reply = server.get(f"/api/results/{name}")
    assert reply.status == 200, reply.body
    return reply.json()


def result_ids(server, query=""):
    return [one["id"] for one in server.get(f"/api/results{query}").json()["results"]]


def refusal(reply, status, kind):
    """The sentence of a refusal of this kind."""
    said = reply.json()
    assert (reply.status, said["error"]) == (status, kind), said
    assert said["message"] and "\n" not in said["message"]
    return said["message"]


class Events:
    """Reads a stream of events in a thread: `heard` is [(name, data)]."""

    def __init__(self, server, path="/api/events"):
        self.connection = http.client.HTTPConnection(server.address, server.port, timeout=PATIENCE)
        self.connection.request("GET", path)
        self.reply = self.connection.getresponse()
        assert self.reply.status == 200, self.reply.read()
        assert self.reply.headers["Content-Type"].startswith("text/event-stream")
        self.heard = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        name = None
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := self.reply.readline().decode():
                if line.startswith("event: "):
                    name = line[7:].strip()
                elif line.startswith("data: "):
                    self.heard.append((name, json.loads(line[6:])))

    def jobs(self, name):
        return [data for event, data in list(self.heard) if event == "job" and data["id"] == name]

    def stages(self, name):
        """Of the job's progress, in their order, each once."""
        found = [data["progress"]["stage"] for data in self.jobs(name) if data["progress"]]
        return list(dict.fromkeys(found))

    def wait(self, name, state="done"):
        """The last event of a job, when it says this."""
        limit = time.monotonic() + PATIENCE
        while not [data for data in self.jobs(name) if data["state"] == state]:
            assert time.monotonic() < limit, self.heard[-3:]
            time.sleep(0.01)
        return self.jobs(name)[-1]

    def end(self):
        """When the server has ended the stream."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.heard


def map_values(job, data):
    """A map's copy as an array of values 0..65535."""
    region = job["region"]
    return np.frombuffer(data, "<u2").reshape(region["height"], region["width"])
