"""A redis-server of the tests' own, workers, and batches at a queue."""
import contextlib
import csv
import functools
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "tests"))
from processes import catches  # noqa: E402

PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
SAMPLES = SOURCE / "models/pocket/samples"
QUICK = ["--steps", "4", "--mask-samples", "2", "--size", "64x64"]  # some 50 ms an edit
NAME = "edits"
LINES, RESULTS = f"diffedit:{NAME}:lines", f"diffedit:{NAME}:results:"


def free_port():
    """Of those that the system gives only to who asks for them, so that nobody has it before its
    server begins, or while that is away."""
    given = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    first, last = int(given[0]), int(given[1])
    while True:
        port = random.choice(range(10000, first) if first > 12000 else range(last + 1, 65536))
        with socket.socket() as found, contextlib.suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def wait_for(what, seconds=30):
    """Until a function returns something that is true, which it returns."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.02)


class Redis:
    """A server that can be killed and started again, with or without what it knew."""

    def __init__(self, folder, *options, host="127.0.0.1", append_only=False, inside=()):
        self.folder, self.host, self.port = pathlib.Path(folder), host, free_port()
        self.folder.mkdir(exist_ok=True)
        log = ["--appendonly", "yes", "--appendfsync", "everysec"] if append_only else []
        self.inside = list(inside)  # what begins a command in the server's namespace
        self.command = [*self.inside, "redis-server", "--port", str(self.port), "--bind", host,
                        "--save", "", "--dir", str(self.folder), "--logfile", "redis.log", *log,
                        *options]
        self.process = None
        self.start()

    @property
    def url(self):
        return f"redis://{self.host}:{self.port}/{NAME}"

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        wait_for(self.answers)

    def answers(self):
        assert self.process.poll() is None, (self.folder / "redis.log").read_text()[-500:]
        said = self.ask("PING")
        return said == "PONG" or "NOAUTH" in said

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, *words):
        """What redis-cli prints: a line for each element."""
        return subprocess.run(
            [*self.inside, "redis-cli", "-h", self.host, "-p", str(self.port), *map(str, words)],
            capture_output=True, text=True).stdout.strip()

    def pending(self):
        """[(entry, consumer, idle, deliveries)]"""
        words = self.ask("XPENDING", LINES, "workers", "-", "+", "1000").split("\n")
        if words[0].startswith("NOGROUP") or len(words) < 4:
            return []
        return [(words[i], words[i + 1], int(words[i + 2]), int(words[i + 3]))
                for i in range(0, len(words), 4)]


@contextlib.contextmanager
def redis_at(folder, *options, **keywords):
    server = Redis(folder, *options, **keywords)
    try:
        yield server
    finally:
        server.kill()


def environment(**more):
    kept = {key: value for key, value in os.environ.items()
            if key not in ("DIFFEDIT_MODEL", "DIFFEDIT_REDIS_PASSWORD")}
    return {**kept, **more}


def start(*arguments, cwd, log=subprocess.PIPE, **variables):
    return subprocess.Popen([str(part) for part in (PROGRAM, *arguments)], cwd=cwd, stderr=log,
                            stdout=subprocess.DEVNULL, text=True, env=environment(**variables))


@contextlib.contextmanager
def working(url, cwd, *more, root=".", **variables):
    """A worker, ended by SIGTERM if it has not ended; its messages are in worker.said then."""
    worker = start("work", url, "--root", root, "--threads", "1", *more, cwd=cwd, **variables)
    try:
        yield worker
    finally:
        if worker.poll() is None:
            wait_for(lambda: worker.poll() is not None or catches(worker, signal.SIGTERM))
            worker.terminate()
        worker.said = worker.communicate(timeout=60)[1]


def batch(url, cwd, *more, output="out", root=".", edits="edits.csv", **variables):
    return start("batch", edits, "-o", output, "--queue", url, "--root", root, *more, cwd=cwd,
                 **variables)


def finish(process, status=0, seconds=120):
    """What it said, once it has ended so."""
    said = process.communicate(timeout=seconds)[1]
    assert process.returncode == status, said
    return said


def write_list(folder, count, options=None, pictures=("horse.png", "strawberries.png")):
    """edits.csv with `count` lines of small pictures."""
    (folder / "pictures").mkdir(exist_ok=True)
    for name in pictures:
        shutil.copy(SAMPLES / name, folder / "pictures")
    texts = {"horse.png": ("a horse", "a zebra"), "strawberries.png": ("strawberries", "apples")}
    with open(folder / "edits.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["picture", "from", "to", "seed", *(options or {})])
        for number in range(count):
            name = pictures[number * len(pictures) // count]
            rows.writerow([f"pictures/{name}", *texts[name], number, *(options or {}).values()])


def table(folder, output="out"):
    with open(folder / output / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def hashes(folder, output="out"):
    """{id: SHA-256}, after a look at the files themselves."""
    found = {}
    for row in table(folder, output):
        assert row["state"] == "done", row
        assert row["id"] not in found
        bytes_of = (folder / output / row["result"]).read_bytes()
        assert hashlib.sha256(bytes_of).hexdigest() == row["sha256"]
        found[row["id"]] = row["sha256"]
    return found


def edit_here(folder, *more, output="here", edits="edits.csv"):
    """The same list, without a queue; {id: SHA-256}."""
    finish(start("batch", edits, "-o", output, "--quiet", *more, cwd=folder), seconds=3600)
    return hashes(folder, output)


@functools.cache
def model():
    """What a worker's model is called, as batch/model_text.h says: a ledger has it."""
    with tempfile.TemporaryDirectory() as folder:
        finish(start("batch", "none.csv", "-o", "out", cwd=folder), 1)
        with contextlib.closing(sqlite3.connect(f"{folder}/out/batch.db")) as database:
            return database.execute("SELECT value FROM meta WHERE key = 'model'").fetchone()[0]


def task_of(**changed):
    """(id, JSON) of a task, as in batch/task.h."""
    text = json.dumps({"options": {"from": "a horse", "to": "a zebra"}, "picture": "0" * 32,
                       **changed}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16], text
