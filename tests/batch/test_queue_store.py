"""Batches whose workers share nothing but a queue and a store."""
import random
import time

import store as stores
from queueing import (LINES, QUICK, batch, edit_here, finish, hashes, start, table, wait_for,
                      working, write_list)

WHERE = "s3://bucket/many"


def keys(store, **more):
    return {"AWS_ACCESS_KEY_ID": stores.KEY, "AWS_SECRET_ACCESS_KEY": stores.SECRET,
            "AWS_REGION": stores.REGION, "AWS_ENDPOINT_URL": store.endpoint, **more}


def machine(folder, name):
    """A folder in which nothing is that another machine has."""
    (folder / name).mkdir()
    return folder / name


def test_a_store_with_moods(store, redis, tmp_path):
    """Every fifth answer is a fault; no line fails for it, and none is lost."""
    faults = [stores.busy, stores.cuts_off, stores.hangs_up, stores.takes_it_and_hangs_up]
    chance = random.Random(1)
    write_list(tmp_path, 12)
    store.server.mood = lambda: chance.choice(faults) if chance.random() < 0.2 else None
    with working(redis.url, machine(tmp_path, "one"), root=WHERE, **keys(store)) as one, \
            working(redis.url, machine(tmp_path, "two"), root=WHERE, **keys(store)) as two:
        said = finish(batch(redis.url, tmp_path, *QUICK, root=WHERE, **keys(store)))
    assert "12 lines: 12 done, 0 failed" in said
    assert (one.returncode, two.returncode) == (0, 0), one.said + two.said
    assert hashes(tmp_path) == edit_here(tmp_path, *QUICK)
    names = [name.split("/")[3] for name in store.files]
    assert (names.count("pictures"), names.count("results")) == (2, 24)
    assert [file for name in ("one", "two") for file in (tmp_path / name).iterdir()] == []


def test_a_store_that_is_away_for_a_while(store, redis, tmp_path):
    """The worker says so and waits; it does not spoil its lines."""
    write_list(tmp_path, 3)
    running = batch(redis.url, tmp_path, *QUICK, root=WHERE, **keys(store))
    wait_for(lambda: len(store.files) == 2)
    # a worker begins only where the keys are good
    store.script[:] = [None, *[stores.says(403, "AccessDenied")] * 2]
    with working(redis.url, machine(tmp_path, "one"), root=WHERE, **keys(store)) as worker:
        finish(running)
    assert "HTTP 403" in worker.said and "2 given back" in worker.said, worker.said
    assert [row["state"] for row in table(tmp_path)] == ["done"] * 3


def test_wrong_keys_are_told_of_and_not_shown(store, redis, tmp_path):
    """Neither the batch nor the worker begins, and no line fails."""
    write_list(tmp_path, 2)
    wrong = keys(store, AWS_SECRET_ACCESS_KEY="wrong-and-never-shown")
    for command in (batch(redis.url, tmp_path, *QUICK, root=WHERE, **wrong),
                    start("work", redis.url, "--root", WHERE, cwd=tmp_path, **wrong)):
        said = finish(command, 1)
        assert "HTTP 403" in said and "AWS_SECRET_ACCESS_KEY" in said
        assert "never-shown" not in said
    assert [row["state"] for row in table(tmp_path)] == ["waiting"] * 2


def test_a_redis_that_starts_anew_while_results_are_fetched(store, redis, tmp_path):
    """What was in the queue is looked for at once, not after a pause that an outage made long."""
    write_list(tmp_path, 6)
    first = batch(redis.url, tmp_path, *QUICK, root=WHERE, **keys(store))
    wait_for(lambda: redis.ask("XLEN", LINES) == "6")
    first.kill()
    first.communicate()
    redis.ask("XREADGROUP", "GROUP", "workers", "dead", "COUNT", "4", "STREAMS", LINES, ">")
    one = machine(tmp_path, "one")
    with working(redis.url, one, "--idle-exit", "1", root=WHERE, **keys(store)) as worker:
        worker.wait(timeout=60)

    def restart():
        store.server.mood = lambda: None
        redis.kill()
        time.sleep(2)
        redis.start()  # without anything
    store.server.mood = restart
    second = batch(redis.url, tmp_path, *QUICK, root=WHERE, **keys(store))
    with working(redis.url, one, root=WHERE, **keys(store)):
        finish(second, seconds=60)
    assert len(hashes(tmp_path)) == 6
