"""`diffedit serve` under load: memory with watchers, slow readers, dropped connections and a long
queue, and an edit by curl against one by the command.

    /usr/bin/python3 bench/serve.py load        some three minutes
    /usr/bin/python3 bench/serve.py curl        some two minutes; needs curl

Prints rows for docs/PERFORMANCE.md.
"""
import json
import pathlib
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

SOURCE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests/server"))

from serving import PROGRAM, SAMPLE, serving  # noqa: E402

WATCHERS, SLOW, JOBS, PAIRS = 200, 50, 1000, 10
MEGABYTE = 1e6
SMALL = {"steps": "4", "mask-samples": "1"}
TEXTS = {"from": "a horse", "to": "a zebra"}


def variant(number):
    """The sample with a text in it: another picture to the server, which has computed nothing of
    it."""
    data = SAMPLE.read_bytes()
    body = b"tEXt" + b"Comment\0" + str(number).encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    header = 8 + 25
    return data[:header] + chunk + data[header:]


def ask_for_job(server, picture, **fields):
    reply = server.ask("POST", "/api/jobs", {"kind": "edit", "picture": picture, **TEXTS, **fields})
    assert reply.status == 201, reply.body
    return reply.json()["id"]


def wait_for(server, job):
    while (found := server.get(f"/api/jobs/{job}").json())["state"] in ("queued", "running"):
        time.sleep(0.02)
    assert found["state"] == "done", found
    return found


# ---- load ----

class Watchers:
    """Connections to /api/events; one thread reads those that are read."""

    def __init__(self, server):
        self.server, self.bytes, self.ends = server, 0, False
        self.selector, self.connections = selectors.DefaultSelector(), []
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def open(self, count, reads):
        for _ in range(count):
            connection = socket.create_connection((self.server.address, self.server.port))
            if not reads:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.setblocking(False)
            self.connections.append(connection)
            if reads:
                self.selector.register(connection, selectors.EVENT_READ)

    def read(self):
        while not self.ends:
            for key, _ in self.selector.select(0.1):
                try:
                    self.bytes += len(data := key.fileobj.recv(1 << 16))
                except OSError:
                    data = b""
                if not data:
                    self.selector.unregister(key.fileobj)

    def close(self):
        self.ends = True
        self.thread.join()
        for connection in self.connections:
            connection.close()


def drop_connections(server, count):
    """In the middle of a request, of a reply, of a stream."""
    begins = [b"GET /api/ev", b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
              b"GET /api/results HTTP/1.1\r\nHost: localhost\r\n\r\n",
              b"POST /api/pictures HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\nx"]
    for number in range(count):
        connection = socket.create_connection((server.address, server.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(begins[number % len(begins)])
        if number % 2:
            time.sleep(0.002)
        connection.close()


def row(what, server):
    print(f"| {what} | {server.memory() / MEGABYTE:.0f} MB |", flush=True)


def fill_queue(server, picture):
    begin = time.monotonic()
    jobs = [ask_for_job(server, picture, options={**SMALL, "seed": str(seed)})
            for seed in range(JOBS)]
    print(f"{JOBS} jobs were added at {JOBS / (time.monotonic() - begin):.0f} a second")
    return jobs


def measure_load():
    with tempfile.TemporaryDirectory() as folder, serving(pathlib.Path(folder), "-q") as server:
        row("at the start", server)
        picture = server.ask("POST", "/api/pictures", variant(0)).json()["id"]
        for seed in range(10):
            wait_for(server, ask_for_job(server, picture,
                                         options={**SMALL, "seed": str(10_000 + seed)}))
        row("after ten edits", server)
        watchers = Watchers(server)
        watchers.open(WATCHERS, reads=True)
        watchers.open(SLOW, reads=False)
        time.sleep(1)
        row(f"{WATCHERS} watchers, and {SLOW} that do not read", server)
        jobs = fill_queue(server, picture)
        row(f"the same, {JOBS} jobs queued", server)
        begin, most = time.monotonic(), 0
        while time.monotonic() - begin < 60:
            drop_connections(server, 50)
            most = max(most, server.memory())
            time.sleep(0.2)
        begin = time.monotonic()
        queue = server.get("/api/status").json()["queue"]
        milliseconds = (time.monotonic() - begin) * 1000
        done = JOBS - queue["queued"] - queue["running"]
        print(f"| at most in a minute of that, with dropped connections | "
              f"{most / MEGABYTE:.0f} MB |")
        for job in jobs:
            server.ask("POST", f"/api/jobs/{job}/stop")
        watchers.close()
        time.sleep(2)
        row("at the end, when they are gone", server)
        print(f"{done} edits were done, {watchers.bytes / MEGABYTE:.0f} MB of events were read, "
              f"and the status was there in {milliseconds:.0f} ms")


# ---- curl ----

def curl(server, path, *options):
    result = subprocess.run(["curl", "-sS", "--fail", f"http://127.0.0.1:{server.port}{path}",
                             *map(str, options)], capture_output=True, check=True)
    return result.stdout


def edit_by_curl(server, picture, output):
    """Seconds from the file to the file, and those that the server says the job took."""
    begin = time.monotonic()
    name = json.loads(curl(server, "/api/pictures?name=a.png", "--data-binary",
                           f"@{picture}"))["id"]
    job = json.loads(curl(server, "/api/jobs", "--json",
                          json.dumps({"kind": "edit", "picture": name, **TEXTS})))["id"]
    curl(server, f"/api/jobs/{job}/events")  # until it has ended
    curl(server, f"/api/results/{job}/file", "-o", output)
    seconds = time.monotonic() - begin
    return seconds, server.get(f"/api/jobs/{job}").json()["seconds"]


def edit_by_command(picture, output):
    begin = time.monotonic()
    result = subprocess.run([PROGRAM, "edit", picture, "--from", TEXTS["from"], "--to", TEXTS["to"],
                             "--preset", "fast", "-o", output, "--quiet", "--json"],
                            capture_output=True, check=True)
    return time.monotonic() - begin, json.loads(result.stdout)["seconds"]["total"]


def spread(name, values):
    print(f"| {name} | {statistics.median(values):.2f} s | "
          f"{min(values):.2f} to {max(values):.2f} s |")


def measure_curl():
    with tempfile.TemporaryDirectory() as name, serving(pathlib.Path(name), "-q") as server:
        folder = pathlib.Path(name)
        picture, a, b = folder / "in.png", folder / "a.png", folder / "b.png"
        times = {"curl": [], "the job": [], "the command": [], "its edit": []}
        for number in range(-1, PAIRS):
            picture.write_bytes(variant(number))
            by_curl, by_command = edit_by_curl(server, picture, a), edit_by_command(picture, b)
            if number < 0:
                continue  # files come into the page cache, the model is opened
            for key, value in zip(times, by_curl + by_command):
                times[key].append(value)
        for key, values in times.items():
            spread(key, values)


if __name__ == "__main__":
    {"load": measure_load, "curl": measure_curl}[sys.argv[1]]()
