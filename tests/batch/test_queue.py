"""Batches that the workers of a queue compute."""
import json
import re
import signal
import time

import pytest

import queueing
from queueing import (LINES, QUICK, RESULTS, batch, edit_here, finish, hashes, model, redis_at,
                      start, table, task_of, wait_for, working, write_list)

BATCH = "0123456789abcdef" * 2


def outcome(redis, seconds=30):
    """The next result of the batch that the tests pretend to be."""
    def read():
        lines = redis.ask("XRANGE", RESULTS + BATCH, "-", "+").split("\n")
        return lines if len(lines) >= 7 else None
    lines = wait_for(read, seconds)
    redis.ask("DEL", RESULTS + BATCH)
    return json.loads(lines[lines.index("outcome") + 1])


def put(redis, made=None, **fields):
    """A line that nobody but a test would put."""
    id, text = made or task_of()
    line = {"batch": BATCH, "id": id, "run": "1", "task": text, "model": model(),
            "arithmetic": "exact", "picture": "pictures/horse.png", "result": f"out/{id}.png",
            "result-mask": f"out/{id}-mask.png", **fields}
    redis.ask("XADD", LINES, "*", *(word for pair in line.items() for word in pair
                                    if pair[1] is not None))


def test_two_workers_and_a_batch(redis, tmp_path):
    write_list(tmp_path, 12)
    with working(redis.url, tmp_path) as one, working(redis.url, tmp_path) as two:
        said = finish(batch(redis.url, tmp_path, *QUICK))
    assert "12 lines: 12 done, 0 failed; results in out/results.csv" in said
    assert hashes(tmp_path) == edit_here(tmp_path, *QUICK)
    assert (one.returncode, two.returncode) == (0, 0), one.said + two.said
    for worker in (one, two):
        assert "waiting for lines" in worker.said and ", 0 failed" in worker.said
    assert redis.ask("KEYS", "*") == LINES
    assert redis.ask("XLEN", LINES) == "0"
    assert redis.ask("XINFO", "CONSUMERS", LINES, "workers") == ""
    # again: nothing is left to do, not even for a queue
    assert "12 done (12 before)" in finish(batch(redis.url, tmp_path, *QUICK))


def test_masks_and_formats(redis, tmp_path):
    write_list(tmp_path, 3)
    options = [*QUICK, "--format", "jpg", "--quality", "80"]
    with working(redis.url, tmp_path):
        finish(batch(redis.url, tmp_path, *options))
    edit_here(tmp_path, *options)
    for file in (tmp_path / "here").glob("*.*g"):
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()
    for here, there in zip(table(tmp_path, "here"), table(tmp_path)):
        assert {key: value for key, value in here.items() if key != "seconds"} == {
            key: value for key, value in there.items() if key != "seconds"}


def test_sigterm_gives_the_line_back(redis, tmp_path):
    write_list(tmp_path, 1)
    slow = batch(redis.url, tmp_path, *QUICK, "--steps", "900", "--mask-samples", "900")
    with working(redis.url, tmp_path) as worker:
        wait_for(redis.pending)
        time.sleep(0.5)
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=60)
    assert worker.returncode == 0
    assert "0 failed, 1 given back" in worker.said
    (_, consumer, idle, deliveries), = redis.pending()
    assert consumer == "returned" and idle > 86400 * 1000 and deliveries == 0
    with working(redis.url, tmp_path, "--silence", "1000"):
        wait_for(lambda: redis.pending()[0][3] == 1)  # at once, and as the first try
        slow.send_signal(signal.SIGINT)
        said = finish(slow, 130)
    assert "stays in the queue" in said


def test_an_idle_worker_ends(redis, tmp_path):
    begin = time.monotonic()
    with working(redis.url, tmp_path) as worker:
        wait_for(lambda: "idle" in redis.ask("XINFO", "CONSUMERS", LINES, "workers"))
        worker.send_signal(signal.SIGINT)
        worker.wait(timeout=60)
    assert worker.returncode == 0
    with working(redis.url, tmp_path, "--idle-exit", "1") as worker:
        worker.wait(timeout=60)
    assert worker.returncode == 0 and time.monotonic() > begin + 1
    assert redis.ask("XINFO", "CONSUMERS", LINES, "workers") == ""


def test_a_line_of_a_dead_worker_is_taken(redis, tmp_path):
    write_list(tmp_path, 1)
    running = batch(redis.url, tmp_path, *QUICK, "--steps", "60", "--mask-samples", "60")
    with working(redis.url, tmp_path) as worker:
        wait_for(redis.pending)
        worker.kill()
    with working(redis.url, tmp_path, "--silence", "2"):
        said = finish(running)
    assert "1 done, 0 failed" in said


def test_a_poisonous_line_is_set_aside(redis, tmp_path):
    write_list(tmp_path, 1)
    running = batch(redis.url, tmp_path, *QUICK)
    wait_for(lambda: redis.ask("XLEN", LINES) == "1")
    redis.ask("XREADGROUP", "GROUP", "workers", "dead", "COUNT", "1", "STREAMS", LINES, ">")
    entry = redis.pending()[0][0]
    redis.ask("XCLAIM", LINES, "workers", "dead", "0", entry, "IDLE", "60000", "RETRYCOUNT", "3")
    with working(redis.url, tmp_path):
        said = finish(running, 1)
    assert "was tried 3 times, and each time its worker fell silent" in said
    assert table(tmp_path)[0]["state"] == "failed"
    # a failed line is tried again
    with working(redis.url, tmp_path):
        assert "1 done, 0 failed" in finish(batch(redis.url, tmp_path, *QUICK))


def test_a_worker_with_more_patience(redis, tmp_path):
    write_list(tmp_path, 1)
    put(redis, picture="pictures/missing.png")
    redis.ask("XGROUP", "CREATE", LINES, "workers", "0")
    redis.ask("XREADGROUP", "GROUP", "workers", "dead", "COUNT", "1", "STREAMS", LINES, ">")
    entry = redis.pending()[0][0]
    redis.ask("XCLAIM", LINES, "workers", "dead", "0", entry, "IDLE", "60000", "RETRYCOUNT", "3")
    with working(redis.url, tmp_path, "--tries", "4"):
        assert "missing.png" in outcome(redis)["message"]


WRONG_LINES = [
    ({"picture": "../secret.png"}, "../secret.png"),
    ({"picture": "/etc/passwd"}, "/etc/passwd"),
    ({"picture": "pictures/./horse.png"}, "pictures/./horse.png"),
    ({"picture": "link.png"}, "link.png"),
    ({"picture": "outside/secret.png"}, "outside/secret.png"),
    ({"picture": "pictures/horse.png"}, "pictures/horse.png: is not the file that the list had"),
    ({"picture": "missing.png"}, "missing.png"),
    ({"picture": None}, "names no picture"),
    ({"result": "../out.png"}, "../out.png"),
    ({"result": "out/x.exe"}, "ends in"),
    ({"result": None}, "ends in"),
    ({"result-mask": "a//b.png"}, "a//b.png"),
    ({"model": "sd-v1-5.safetensors"}, "wants the model sd-v1-5.safetensors, and the worker"),
    ({"model": None}, "wants the model ?"),
    ({"arithmetic": "odd"}, "wants odd arithmetic"),
    ({"task": "{}"}, "another task"),
    ({"task": None}, "no task"),
    ({"task": "x" * 70000}, "no task")]
WRONG_TASKS = [
    ({"options": {"to": "a zebra", "steps": "0"}}, "steps"),
    ({"options": {"to": "a zebra", "nonsense": "1"}}, "nonsense"),
    ({"options": {"to": 1}}, "to"),
    ({"options": []}, "expected a task"),
    ({"picture": "../x"}, "expected a task"),
    ({"preset": "nonsense"}, "nonsense")]


def test_what_a_queue_must_not_name(redis, tmp_path):
    """Whatever stands in the queue, a worker reads and writes below its root alone, and goes on."""
    write_list(tmp_path, 1)
    inner, outside = tmp_path / "inner", tmp_path / "secret.png"
    (inner / "pictures").mkdir(parents=True)
    (tmp_path / "pictures/horse.png").rename(inner / "pictures/horse.png")
    outside.write_bytes((inner / "pictures/horse.png").read_bytes())
    (inner / "link.png").symlink_to(outside)
    (inner / "outside").symlink_to(tmp_path)
    with working(redis.url, inner) as worker:
        for fields, words in WRONG_LINES:
            put(redis, **fields)
            told = outcome(redis)
            assert told["state"] == "failed" and words in told["message"], (fields, told)
        for changed, words in WRONG_TASKS:
            put(redis, made=task_of(**changed))
            told = outcome(redis)
            assert told["state"] == "failed" and words in told["message"], (changed, told)
    assert not (inner / "out").exists() and not (tmp_path / "out.png").exists()
    assert f"0 done, {len(WRONG_LINES + WRONG_TASKS)} failed" in worker.said


def test_entries_that_are_no_lines(redis, tmp_path):
    redis.ask("XADD", LINES, "*", "nonsense", "1")
    put(redis, batch="../../x")
    put(redis, batch=BATCH.upper())
    put(redis, made=("x", "y"))
    with working(redis.url, tmp_path) as worker:
        wait_for(lambda: redis.ask("XLEN", LINES) == "0" and not redis.pending())
    assert worker.said.count("is no line of a batch: removed") == 4
    assert redis.ask("KEYS", "*") == LINES


def test_another_model(redis, tmp_path):
    write_list(tmp_path, 1)
    named = "sd-v1-5.safetensors@0123456789ab"
    with working(redis.url, tmp_path):
        said = finish(batch(redis.url, tmp_path, "-m", named, *QUICK), 1)
        assert f"the batch wants the model {named}, and the worker" in said
        # a batch without the model's files names what a worker says that it has
        has = re.search(r" has (pocket@[0-9a-f]{12})\n", said)[1]
        finish(batch(redis.url, tmp_path, "-m", f"elsewhere/{has}", *QUICK, output="named"))
    assert "no such model" in finish(batch(redis.url, tmp_path, "-m", "sd-v1-5.safetensors"), 1)
    two = batch(redis.url, tmp_path, "--lora", "none.safetensors", output="two")
    assert "none.safetensors: cannot be read: No such file" in finish(two, 1)


def test_a_worker_takes_the_arithmetic_of_the_batch(redis, tmp_path):
    write_list(tmp_path, 1)
    quick = [*QUICK, "--arithmetic", "quick"]
    with working(redis.url, tmp_path):
        finish(batch(redis.url, tmp_path, *quick))
        assert hashes(tmp_path) == edit_here(tmp_path, *quick)
    with working(redis.url, tmp_path, "--arithmetic", "exact"):
        said = finish(batch(redis.url, tmp_path, *quick, output="other"), 1)
    assert "wants quick arithmetic, and the worker" in said


def test_a_batch_goes_on(redis, tmp_path):
    """It is ended, its workers go on, and it records what they did when it is run again."""
    write_list(tmp_path, 8)
    first = batch(redis.url, tmp_path, *QUICK)
    wait_for(lambda: redis.ask("XLEN", LINES) == "8")
    first.kill()
    first.wait()
    first.stderr.close()
    with working(redis.url, tmp_path):
        wait_for(lambda: redis.ask("XLEN", LINES) == "0")
    # no worker is there any more
    assert "8 done, 0 failed" in finish(batch(redis.url, tmp_path, *QUICK))
    assert hashes(tmp_path) == edit_here(tmp_path, *QUICK)


def test_a_part_of_the_list_takes_all_that_was_done_meanwhile(redis, tmp_path):
    """Also what is not in the part: workers may have been at it for hours."""
    write_list(tmp_path, 4)
    running = batch(redis.url, tmp_path, *QUICK)
    wait_for(lambda: redis.ask("XLEN", LINES) == "4")
    running.send_signal(signal.SIGINT)
    finish(running, 130)
    with working(redis.url, tmp_path) as worker:
        wait_for(lambda: redis.ask("XLEN", LINES) == "0")
    said = finish(batch(redis.url, tmp_path, *QUICK, "--limit", "1"))
    assert "4 of 4" in said and "4 lines: 4 done, 0 failed; " in said
    assert "4 done, " in worker.said
    assert hashes(tmp_path) == edit_here(tmp_path, *QUICK)
    assert not list((tmp_path / "out").glob(".batch-*"))


def test_a_changed_list(redis, tmp_path):
    """Lines that are not wanted any more are taken out of the queue."""
    write_list(tmp_path, 6, pictures=["horse.png"])
    first = batch(redis.url, tmp_path, *QUICK)
    wait_for(lambda: redis.ask("XLEN", LINES) == "6")
    first.send_signal(signal.SIGINT)
    finish(first, 130)
    write_list(tmp_path, 2)
    second = batch(redis.url, tmp_path, *QUICK)
    wait_for(lambda: "pictures/strawberries.png" in redis.ask("XRANGE", LINES, "-", "+"))
    assert redis.ask("XLEN", LINES) == "2"
    with working(redis.url, tmp_path) as worker:
        finish(second)
    assert "2 done" in worker.said


def test_what_redis_forgets_is_put_again(redis, tmp_path):
    """A line that is gone, and one whose worker was removed by hand, with all that it had."""
    write_list(tmp_path, 3)
    running = batch(redis.url, tmp_path, *QUICK)
    wait_for(lambda: redis.ask("XLEN", LINES) == "3")
    redis.ask("XREADGROUP", "GROUP", "workers", "w", "COUNT", "1", "STREAMS", LINES, ">")
    assert redis.ask("XGROUP", "DELCONSUMER", LINES, "workers", "w") == "1"
    last = redis.ask("XREVRANGE", LINES, "+", "-", "COUNT", "1").split("\n")[0]
    assert redis.ask("XDEL", LINES, last) == "1"
    with working(redis.url, tmp_path):
        assert "3 done, 0 failed" in finish(running)
    assert hashes(tmp_path) == edit_here(tmp_path, *QUICK)


def test_a_stream_that_is_removed_while_a_worker_waits(redis, tmp_path):
    write_list(tmp_path, 2)
    with working(redis.url, tmp_path) as worker:
        wait_for(lambda: "flags=b" in redis.ask("CLIENT", "LIST"))
        redis.ask("FLUSHALL")
        assert "2 done, 0 failed" in finish(batch(redis.url, tmp_path, *QUICK))
    assert worker.returncode == 0 and "2 done" in worker.said, worker.said


def test_a_redis_that_starts_anew(tmp_path):
    write_list(tmp_path, 6)
    with redis_at(tmp_path / "redis") as redis:
        running = batch(redis.url, tmp_path, *QUICK)
        wait_for(lambda: redis.ask("XLEN", LINES) == "6")
        redis.kill()
        with working(redis.url, tmp_path) as worker:
            assert "waiting for lines" in worker.stderr.readline()
            assert "trying again" in worker.stderr.readline()
            redis.start()  # without anything
            said = finish(running)
    assert "6 done, 0 failed" in said
    assert "trying again" in said and "connected again" in said
    assert "connected again" in worker.said


def test_forged_results(redis, tmp_path):
    """Whoever can write to Redis can make work, but not results."""
    write_list(tmp_path, 2)
    running = batch(redis.url, tmp_path, *QUICK)
    wait_for(lambda: redis.ask("XLEN", LINES) == "2")
    entry = redis.ask("XRANGE", LINES, "-", "+").split("\n")
    name, id = (entry[entry.index(key) + 1] for key in ("batch", "id"))
    for told in ("nonsense", "[]", '{"state": "done"}', '{"state": "failed"}', '{"state": 1}'):
        redis.ask("XADD", RESULTS + name, "*", "id", id, "run", "1", "outcome", told)
    redis.ask("XADD", RESULTS + name, "*", "id", "0" * 16, "run", "1", "outcome", "{}")
    redis.ask("XADD", RESULTS + name, "*", "nonsense", "1")
    # the failure of an earlier run
    redis.ask("XADD", RESULTS + name, "*", "id", id, "run", "0", "outcome",
              '{"state": "failed", "message": "was once"}')
    wait_for(lambda: redis.ask("XLEN", RESULTS + name) == "0")
    with working(redis.url, tmp_path):
        assert "2 done, 0 failed" in finish(running)
    assert hashes(tmp_path) == edit_here(tmp_path, *QUICK)


def test_another_root(redis, tmp_path):
    """A worker whose root is a copy of the batch's writes results that nobody finds."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        write_list(folder, 1)
    with working(redis.url, there):
        said = finish(batch(redis.url, here, *QUICK), 1)
    assert said.count("wrote a result that is not there: its root is another than") == 2
    assert "or shows files late; trying again" in said


def test_a_result_that_cannot_be_read(redis, tmp_path):
    """Why, is said."""
    write_list(tmp_path, 1)
    running = batch(redis.url, tmp_path, *QUICK)
    wait_for(lambda: redis.ask("XLEN", LINES) == "1")
    entry = redis.ask("XRANGE", LINES, "-", "+").split("\n")
    name, id, result = (entry[entry.index(key) + 1] for key in ("batch", "id", "result"))
    (tmp_path / result).mkdir()
    redis.ask("XADD", RESULTS + name, "*", "id", id, "run", "1", "outcome",
              '{"state": "done", "worker": "w"}')
    assert "the result of the worker w cannot be had" in running.stderr.readline()
    (tmp_path / result).rmdir()
    with working(redis.url, tmp_path):
        finish(running)


def test_a_worker_without_the_pictures(redis, tmp_path):
    """It does not hurry to fail all lines; one with nothing below its root fails none."""
    here, there, empty = (tmp_path / name for name in ("here", "there", "empty"))
    for folder in (here, there, empty):
        folder.mkdir()
    (there / "other").touch()
    write_list(here, 1)
    running = batch(redis.url, here, *QUICK)
    with working(redis.url, empty) as worker:
        assert "waiting for lines" in worker.stderr.readline()
        assert "is empty" in worker.stderr.readline()
    with working(redis.url, there) as worker:
        said = finish(running, 1)
    assert "horse.png: cannot be opened: No such file" in said
    assert "is it the batch's root?" in worker.said and "0 done, 1 failed" in worker.said


def test_a_line_that_is_too_long(redis, tmp_path):
    write_list(tmp_path, 1, {"negative": "x" * 70000})
    said = finish(batch(redis.url, tmp_path, *QUICK), 1)
    assert "the task has 70" in said and "a queue takes at most 65536" in said


def test_results_that_are_there(redis, tmp_path):
    """A worker died between writing and telling: nothing is computed again."""
    write_list(tmp_path, 1)
    with working(redis.url, tmp_path):
        finish(batch(redis.url, tmp_path, *QUICK))
    row, = table(tmp_path)
    put(redis, result=f"out/{row['result']}",
        **{"result-mask": f"out/{row['mask']}"})
    with working(redis.url, tmp_path):
        told = outcome(redis)
    assert (told["state"], told["width"], told["height"]) == ("done", 256, 256)
    assert told["seconds"] == 0 and told["mask"]
    assert told["mask_share"] == pytest.approx(float(row["mask_share"]), abs=1e-5)
    # results of a ledger that is gone may be of another model
    for file in (tmp_path / "out").glob("batch.db*"):
        file.unlink()
    (tmp_path / "out" / row["result"]).write_bytes(b"old")
    with working(redis.url, tmp_path):
        finish(batch(redis.url, tmp_path, *QUICK))
    assert table(tmp_path)[0]["sha256"] == row["sha256"]


def test_stop(redis, tmp_path):
    write_list(tmp_path, 3)
    (tmp_path / "pictures/horse.png").unlink()
    (tmp_path / "pictures/horse.png").symlink_to("strawberries.png")
    with open(tmp_path / "edits.csv", "a") as file:
        file.write("pictures/strawberries.png,a,b,9\n")
    running = batch(redis.url, tmp_path, *QUICK, "--stop")
    wait_for(lambda: redis.ask("XLEN", LINES) == "4")
    (tmp_path / "pictures/strawberries.png").unlink()
    with working(redis.url, tmp_path):
        finish(running, 1)
        wait_for(lambda: redis.ask("XLEN", LINES) == "0")
    assert [row["state"] for row in table(tmp_path)].count("failed") == 1


def test_pictures_outside_of_the_root(redis, tmp_path):
    write_list(tmp_path, 1)
    (tmp_path / "inner").mkdir()
    running = batch(redis.url, tmp_path, *QUICK, root="inner", output="inner/out")
    assert "pictures/horse.png" in finish(running, 1)
    running = batch(redis.url, tmp_path, *QUICK, root="inner")
    assert "out" in finish(running, 1)


def test_passwords(tmp_path):
    write_list(tmp_path, 1)
    with redis_at(tmp_path / "redis", "--requirepass", "hunter2") as redis:
        for url, variables, words in [
                (redis.url, {}, "Redis wants a password: expected one in DIFFEDIT_REDIS_PASSWORD"),
                (redis.url, {"DIFFEDIT_REDIS_PASSWORD": "hunter3"},
                 "Redis refuses the password of the user default"),
                (redis.url.replace("//", "//bob:hunter3@"), {},
                 "Redis refuses the password of the user bob")]:
            for command in (batch(url, tmp_path, *QUICK, **variables),
                            start("work", url, "--root", ".", cwd=tmp_path, **variables)):
                said = finish(command, 1)
                assert words in said and "hunter" not in said
        with working(redis.url.replace("//", "//:hunter2@"), tmp_path):
            finish(batch(redis.url, tmp_path, *QUICK, DIFFEDIT_REDIS_PASSWORD="hunter2"))


@pytest.mark.parametrize("arguments, words", [
    (["work"], "a queue is required"),
    (["work", "redis://h/q"], "--root is required"),
    (["work", "http://h/q", "--root", "."], "redis:// or rediss://"),
    (["work", "redis://u:hunter2@h", "--root", "."], "no /NAME at its end"),
    (["work", "redis://h/q", "--root", ".", "--silence", "1"], "--silence"),
    (["batch", "edits.csv", "-o", "out", "--queue", "redis://h/q"], "belong together"),
    (["batch", "edits.csv", "-o", "out", "--root", "."], "belong together"),
])
def test_wrong_usage(tmp_path, arguments, words):
    write_list(tmp_path, 1)
    said = finish(start(*arguments, cwd=tmp_path), 2)
    assert words in said and "hunter" not in said


def test_a_root_that_is_none(redis, tmp_path):
    assert "missing" in finish(start("work", redis.url, "--root", "missing", cwd=tmp_path), 1)


def test_no_redis(tmp_path):
    """Who has patience waits for it; who has none says what is wrong."""
    write_list(tmp_path, 1)
    url = f"redis://127.0.0.1:{queueing.free_port()}/edits"
    said = finish(start("work", url, "--root", ".", "--idle-exit", "1", cwd=tmp_path), 1)
    assert f"{url}: Connection refused" in said
    assert "Connection refused" in finish(batch(url, tmp_path, *QUICK, "--stop"), 1)
    waiting = batch(url, tmp_path, *QUICK)
    assert "trying again" in waiting.stderr.readline()
    waiting.send_signal(signal.SIGINT)
    finish(waiting, 130)


def test_a_line_that_stands_there_twice(redis, tmp_path):
    """Nothing is left of it at the end, although somebody has it."""
    write_list(tmp_path, 1)
    running = batch(redis.url, tmp_path, *QUICK)
    wait_for(lambda: redis.ask("XLEN", LINES) == "1")
    redis.ask("XADD", LINES, "*", *redis.ask("XRANGE", LINES, "-", "+").split("\n")[1:])
    redis.ask("XREADGROUP", "GROUP", "workers", "dead", "COUNT", "1", "STREAMS", LINES, ">")
    with working(redis.url, tmp_path):
        finish(running)
    assert redis.ask("XLEN", LINES) == "0" and not redis.pending()


def test_a_server_that_does_not_know_passwords(tmp_path):
    """What Redis says of a command that it does not know repeats the command."""
    write_list(tmp_path, 1)
    with redis_at(tmp_path / "redis", "--rename-command", "AUTH", "") as redis:
        said = finish(batch(redis.url, tmp_path, *QUICK, DIFFEDIT_REDIS_PASSWORD="hunter2"), 1)
    assert "unknown command" in said and "hunter" not in said
