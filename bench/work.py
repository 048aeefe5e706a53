"""How many edits a minute the workers of a queue make, for docs/SCALING.md.

    /usr/bin/python3 bench/work.py [LINES [PRESET]]

The same list (32 edits of two pictures by the pocket model, preset fast) is computed without a
queue, by one thread and by all cores, and by 1, 2 and 4 workers of one thread each on this machine,
beside a redis-server. Workers are waiting when the batch begins. Also: what one line costs Redis.
"""
import contextlib
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/batch"))
from queueing import LINES, batch, finish, redis_at, start, wait_for, working, write_list


def show(what, lines, seconds):
    print(f"| {what} | {60 * lines / seconds:.0f} | {seconds / lines:.2f} |", flush=True)


def without_queue(folder, lines, preset, *more):
    begin = time.monotonic()
    finish(start("batch", "edits.csv", "-o", f"here{len(more)}", "-q", "--preset", preset, *more,
                 cwd=folder), seconds=3600)
    return time.monotonic() - begin


def by_workers(redis, folder, preset, count):
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(working(redis.url, folder, "--quiet", "--arithmetic", "quick"))
        wait_for(lambda: redis.ask("XINFO", "CONSUMERS", LINES, "workers").count("idle") == count,
                 120)
        begin = time.monotonic()
        finish(batch(redis.url, folder, "-q", "--preset", preset, output=f"by{count}"),
               seconds=3600)
        return time.monotonic() - begin


def stat(redis, section, name):
    return next(line.split(":", 1)[1] for line in redis.ask("INFO", section).split("\n")
                if line.startswith(name + ":")).strip()


def cost(redis, lines):
    calls = [dict(part.split("=") for part in line.split(":", 1)[1].strip().split(","))
             for line in redis.ask("INFO", "commandstats").split("\n")
             if line.startswith("cmdstat_") and not line.startswith("cmdstat_config")]
    count = sum(int(call["calls"]) for call in calls) / lines
    used = sum(float(call["usec"]) for call in calls) / lines
    traffic = [int(stat(redis, "stats", f"total_net_{way}_bytes")) / lines / 1000
               for way in ("input", "output")]
    print(f"Redis: {count:.1f} commands a line, {used:.0f} us, {traffic[0]:.1f} kB in and "
          f"{traffic[1]:.1f} kB out")


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    preset = sys.argv[2] if len(sys.argv) > 2 else "fast"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_list(folder, lines)
        print("| who | edits a minute | s each |\n|---|---|---|")
        show("`batch --threads 1`", lines, without_queue(folder, lines, preset, "--threads", "1"))
        show("`batch`, all cores", lines, without_queue(folder, lines, preset))
        with redis_at(folder / "redis") as redis:
            for count in (1, 2, 4):
                redis.ask("CONFIG", "RESETSTAT")
                show(f"{count} workers", lines, by_workers(redis, folder, preset, count))
            cost(redis, lines)


if __name__ == "__main__":
    main()
