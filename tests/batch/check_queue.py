"""What a queue promises: one recorded result for every line, whoever dies meanwhile.

    /usr/bin/python3 tests/batch/check_queue.py [LINES [SEED]]

Four workers compute a list of small edits (200; ./run check queue) while, at random, workers are
killed or told to end, Redis is killed and begins again with an append-only file that lacks its end,
the network is cut, and the batch itself is killed and run again. Then every line must be done once,
with the bytes of a batch that was left in peace.
"""
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

import network
import queueing
from queueing import LINES, Redis, edit_here, finish, hashes, start, table, wait_for, write_list

# some 0.1 s an edit; a third of that for a long list
FEW = ["--steps", "8", "--mask-samples", "4", "--size", "64x64"]
MANY = ["--steps", "2", "--mask-samples", "1", "--size", "64x64", "--preset", "fast"]
WORKERS, SILENCE = 4, 4
EVENTS = {"worker killed": 10, "worker told to end": 3, "Redis killed": 3, "network cut": 2,
          "batch killed": 2}


class Lab:
    def __init__(self, folder, lines, options):
        self.folder, self.lines, self.options = folder, lines, options
        self.network = network.make()
        self.redis = Redis(folder / "redis", "--protected-mode", "no", "--aof-load-truncated",
                           "yes", host=self.network.host, append_only=True,
                           inside=self.network.inside)
        port = self.network.port_of(self.redis.port)
        self.url = f"redis://{self.network.host}:{port}/{queueing.NAME}"
        self.counts = dict.fromkeys(EVENTS, 0)
        self.log = open(folder / "log", "w")
        self.batch, self.workers = self.start_batch(), [self.start_worker()
                                                        for _ in range(WORKERS)]

    def start_batch(self):
        return start("batch", "edits.csv", "-o", "out", "--queue", self.url, "--root", ".",
                     *self.options, cwd=self.folder, log=self.log)

    def start_worker(self):
        return start("work", self.url, "--root", ".", "--threads", "1", "--silence", SILENCE,
                     "--tries", "100", "--quiet", cwd=self.folder, log=self.log)

    def replace(self, index):
        self.workers[index] = self.start_worker()

    # ---- what happens ----

    def worker_killed(self, chance):
        index = chance.randrange(WORKERS)
        self.workers[index].kill()
        self.workers[index].wait()
        self.replace(index)

    def worker_told_to_end(self, chance):
        index = chance.randrange(WORKERS)
        self.workers[index].send_signal(signal.SIGTERM)
        # one that has not begun yet ends by the signal itself
        assert self.workers[index].wait(timeout=60) in (0, -signal.SIGTERM)
        self.replace(index)

    def redis_killed(self, chance):
        """With what a machine that dies takes along: the end of the file, in the middle of a
        command."""
        self.redis.kill()
        file = max((self.folder / "redis/appendonlydir").glob("*.incr.aof"))
        lost = chance.randrange(8000)
        with open(file, "r+b") as log:
            log.truncate(max(0, file.stat().st_size - lost))
        time.sleep(chance.uniform(0, 2))
        self.redis.start()

    def network_cut(self, chance):
        self.network.cut()
        time.sleep(chance.uniform(1, 2 * SILENCE))
        self.network.mend()

    def batch_killed(self, chance):
        self.batch.kill()
        self.batch.wait()
        time.sleep(chance.uniform(0, 2))
        self.batch = self.start_batch()

    def disturb(self, chance):
        """Until the batch ends. The rarer events are spread over the time that it takes."""
        while self.batch.poll() is None:
            name, = chance.choices(list(EVENTS), EVENTS.values())
            self.counts[name] += 1
            getattr(self, name.lower().replace(" ", "_"))(chance)
            end = time.monotonic() + chance.uniform(0, 2)
            while time.monotonic() < end and self.batch.poll() is None:
                time.sleep(0.05)

    # ---- what must be true then ----

    def check(self):
        assert self.batch.returncode == 0, (self.folder / "log").read_text()[-2000:]
        ledger = sqlite3.connect(self.folder / "out/batch.db")
        states = ledger.execute("SELECT state, count(*) FROM tasks GROUP BY state").fetchall()
        assert states == [("done", self.lines)], states
        assert len(table(self.folder)) == self.lines
        again = ledger.execute("SELECT count(*) FROM tasks WHERE tries > 1").fetchone()[0]
        # lines that came back from an old file are found to be done
        wait_for(lambda: self.redis.ask("XLEN", LINES) == "0" and not self.redis.pending(), 60)
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=60) in (0, -signal.SIGTERM)
        left = [key for key in self.redis.ask("KEYS", "*").split("\n") if key != LINES]
        assert all(int(self.redis.ask("TTL", key)) > 0 for key in left), left
        return again

    def close(self):
        for process in (self.batch, *self.workers):
            if process.poll() is None:
                process.kill()
                process.wait()
        self.redis.kill()
        self.network.close()
        self.log.close()


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**9
    options = FEW if lines < 1000 else MANY
    network.enter()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_list(folder, lines)
        begin = time.monotonic()
        expected = edit_here(folder, *options)
        alone = time.monotonic() - begin
        lab = Lab(folder, lines, options)
        print(f"{lines} lines, {WORKERS} workers, seed {seed}, {lab.network.name}", flush=True)
        try:
            begin = time.monotonic()
            lab.disturb(random.Random(seed))
            took = time.monotonic() - begin
            again = lab.check()
        finally:
            lab.close()
        found = hashes(folder)
        assert found == expected
    print(", ".join(f"{name} {count} times" for name, count in lab.counts.items()))
    print(f"{lines} lines done once each, with the bytes of a batch left in peace; {again} were "
          f"taken again; {took:.0f} s, in peace and here {alone:.0f} s")


if __name__ == "__main__":
    main()
