"""What lies in the folder of a batch at a queue, and whose it is."""
import shutil
import signal

from queueing import (LINES, QUICK, SAMPLES, batch, edit_here, finish, hashes, table, wait_for,
                      working, write_list)


def interrupt(redis, folder, count, *more, **named):
    """A batch that has put its lines, and was ended."""
    before = int(redis.ask("XLEN", LINES))
    running = batch(redis.url, folder, *more, **named)
    wait_for(lambda: redis.ask("XLEN", LINES) == str(before + count))
    running.send_signal(signal.SIGINT)
    finish(running, 130)


def test_nothing_is_left_beside_the_results(redis, tmp_path):
    write_list(tmp_path, 2)
    with working(redis.url, tmp_path):
        finish(batch(redis.url, tmp_path, *QUICK))
    named = {row[key] for row in table(tmp_path) for key in ("result", "mask")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "batch.db", ".batch.lock", "results.csv", *named}


def test_results_of_a_ledger_that_is_gone(redis, tmp_path):
    """They may be another model's: neither a part of the list nor all of it takes them."""
    write_list(tmp_path, 3)
    made = edit_here(tmp_path, *QUICK)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/batch-of-old").touch()
    for id in made:
        shutil.copy(SAMPLES / "lemons.png", tmp_path / f"out/{id}.png")
    with working(redis.url, tmp_path):
        finish(batch(redis.url, tmp_path, *QUICK, "--limit", "1"))
        finish(batch(redis.url, tmp_path, *QUICK))
    assert hashes(tmp_path) == made


def test_lines_of_a_folder_that_is_gone(redis, tmp_path):
    """Workers still compute them; what they leave is not taken for another batch's."""
    write_list(tmp_path, 2)
    interrupt(redis, tmp_path, 2, *QUICK, "--arithmetic", "quick")
    shutil.rmtree(tmp_path / "out")
    with working(redis.url, tmp_path):
        finish(batch(redis.url, tmp_path, *QUICK))
    assert hashes(tmp_path) == edit_here(tmp_path, *QUICK)


def test_a_mask_that_is_gone(redis, tmp_path):
    write_list(tmp_path, 1)
    with working(redis.url, tmp_path):
        finish(batch(redis.url, tmp_path, *QUICK))
        before = table(tmp_path)
        mask = tmp_path / "out" / before[0]["mask"]
        bytes_of = mask.read_bytes()
        mask.unlink()
        finish(batch(redis.url, tmp_path, *QUICK))
    assert mask.read_bytes() == bytes_of
    assert [(row["mask"], row["sha256"]) for row in table(tmp_path)] == [
        (row["mask"], row["sha256"]) for row in before]


def test_a_copy_of_the_folder(redis, tmp_path):
    """It is another batch: neither takes the lines of the other out of the queue."""
    write_list(tmp_path, 2)
    interrupt(redis, tmp_path, 2, *QUICK)
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    interrupt(redis, tmp_path, 2, *QUICK, output="copy")
    with working(redis.url, tmp_path):
        finish(batch(redis.url, tmp_path, *QUICK))
        finish(batch(redis.url, tmp_path, *QUICK, output="copy"))
    assert hashes(tmp_path) == hashes(tmp_path, "copy")
