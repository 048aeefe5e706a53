"""`diffedit batch` that is interrupted, killed, run again, or kept from its folder."""
import contextlib
import fcntl
import json
import os
import pty
import random
import re
import resource
import shutil
import signal
import sqlite3
import time

from batches import SOURCE, batch, fail, results, rows, start, succeed, write_list

LINES = [{"picture": f"{picture}.png", "from": "a horse", "to": "a zebra", "seed": seed}
         for seed in range(3) for picture in ("horse", "lemons", "strawberries")]
ENDLESS = dict(LINES[-1], size="512x512", steps=999, ratio=1)  # for a test: many minutes


def outcomes(folder, out="out"):
    """The table without times, and without what was shared with what."""
    left_out = ("seconds", "evaluations")
    return [{name: value for name, value in row.items() if name not in left_out}
            for row in rows(folder, out)]


def test_what_is_done_is_left_alone(tmp_path):
    write_list(tmp_path, *LINES)
    assert "9 lines: 2 done, 0 failed, 7 left" in succeed(tmp_path, "--limit", "2").stderr
    first = results(tmp_path)
    assert len(first) == 4
    assert "9 lines: 9 done (2 before), 0 failed; " in succeed(tmp_path).stderr
    assert first.items() <= results(tmp_path).items()
    # a result that somebody removed comes back, and so does a mask
    whole = results(tmp_path)
    gone = rows(tmp_path)[0]["result"]
    (tmp_path / "out" / gone).unlink()
    (tmp_path / "out" / rows(tmp_path)[4]["mask"]).unlink()
    assert "9 done (7 before)" in succeed(tmp_path).stderr
    assert results(tmp_path) == whole


def test_the_table_says_what_is_known(tmp_path):
    write_list(tmp_path, LINES[0])
    succeed(tmp_path)
    warnings = ["\u00e9\"" * 200 + str(i) for i in range(32)]
    with contextlib.closing(sqlite3.connect(tmp_path / "out/batch.db")) as ledger, ledger:
        ledger.execute("UPDATE tasks SET warnings = ?, seconds = 0", (json.dumps(warnings),))
    succeed(tmp_path)
    assert rows(tmp_path)[0]["warnings"] == "; ".join(warnings)
    # but no time that nobody knows
    assert rows(tmp_path)[0]["seconds"] == rows(tmp_path)[0]["evaluations"] == ""
    # of what waits again nothing is known
    (tmp_path / "out" / rows(tmp_path)[0]["result"]).unlink()
    write_list(tmp_path, dict(LINES[0], picture="none.png"), LINES[0])
    batch(tmp_path, "--stop")
    assert [(row["state"], row["warnings"], row["device"]) for row in rows(tmp_path)] == \
        [("failed", "", ""), ("waiting", "", "")]


def test_a_shorter_list_and_back(tmp_path):
    write_list(tmp_path, *LINES[:3])
    succeed(tmp_path)
    write_list(tmp_path, *LINES[:1])
    assert "1 line: 1 done (1 before)" in succeed(tmp_path).stderr
    assert len(rows(tmp_path)) == 1
    write_list(tmp_path, *LINES[:3])
    assert "3 lines: 3 done (3 before)" in succeed(tmp_path).stderr


def test_a_changed_picture_is_another_edit(tmp_path):
    write_list(tmp_path, LINES[0])
    succeed(tmp_path)
    before = rows(tmp_path)[0]
    (tmp_path / "horse.png").write_bytes((tmp_path / "lemons.png").read_bytes())
    succeed(tmp_path)
    changed = rows(tmp_path)[0]
    assert changed["id"] != before["id"]
    assert (tmp_path / "out" / before["result"]).exists()
    # of the same size and time, as rsync --times leaves it
    found = os.stat(tmp_path / "horse.png")
    other = (tmp_path / "strawberries.png").read_bytes()[:found.st_size]
    (tmp_path / "horse.png").write_bytes(other + bytes(found.st_size - len(other)))
    os.utime(tmp_path / "horse.png", ns=(found.st_atime_ns, found.st_mtime_ns))
    batch(tmp_path)
    assert rows(tmp_path)[0]["id"] != changed["id"]


def test_interrupted_it_keeps_what_is_finished(tmp_path):
    write_list(tmp_path, *LINES, ENDLESS)
    process = start(tmp_path)
    while len(results(tmp_path)) < 2:  # the first result and its mask
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert said.endswith("diffedit: interrupted\n")
    done = [row for row in rows(tmp_path) if row["state"] == "done"]
    assert len(done) >= 1
    assert f"10 lines: {len(done)} done, 0 failed, {10 - len(done)} left" in said
    write_list(tmp_path, *LINES)
    assert f"9 done ({len(done)} before)" in succeed(tmp_path).stderr


def opened(process):
    """The names of the files that a process reads."""
    names = set()
    for entry in os.listdir(f"/proc/{process.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            names.add(os.path.basename(os.readlink(f"/proc/{process.pid}/fd/{entry}")))
    return names


def test_interrupted_while_it_reads_it_keeps_what_it_knows(tmp_path):
    """Hashing all pictures may take hours; the present list stays."""
    write_list(tmp_path, LINES[0])
    succeed(tmp_path)
    with open(tmp_path / "endless.png", "wb") as file:
        file.truncate(1 << 42)
    write_list(tmp_path, LINES[1], dict(LINES[0], picture="endless.png"))
    process = start(tmp_path)
    while "endless.png" not in opened(process):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    with contextlib.closing(sqlite3.connect(tmp_path / "out/batch.db")) as database:
        known = [os.path.basename(path) for path, in database.execute("SELECT path FROM files")]
        assert sorted(known) == ["horse.png", "lemons.png"]
        assert database.execute("SELECT name FROM lines").fetchall() == [("horse.png",)]
    assert [row["picture"] for row in rows(tmp_path)] == ["horse.png"]


def test_killed_at_any_moment_it_loses_nothing(tmp_path):
    write_list(tmp_path, *LINES)
    succeed(tmp_path, out="whole")
    seed = int(os.environ.get("DIFFEDIT_SEED", time.time_ns() % 1000))
    draw, kills, longest = random.Random(seed), 0, int(os.environ.get("DIFFEDIT_KILLS", "8"))
    while kills < longest:
        process = start(tmp_path)
        time.sleep(draw.uniform(0, 0.8))
        process.kill()
        process.communicate()
        kills += 1
        for name, found in results(tmp_path).items():
            assert found == results(tmp_path, "whole").get(name), f"seed {seed}: {name}"
    succeed(tmp_path)
    assert results(tmp_path) == results(tmp_path, "whole"), f"seed {seed}"
    assert outcomes(tmp_path) == outcomes(tmp_path, "whole"), f"seed {seed}"
    others = [name for name in os.listdir(tmp_path / "out") if not name.endswith(".png")]
    assert sorted(others) == [".batch.lock", "batch.db", "results.csv"]


def test_a_full_disk_is_a_sentence(tmp_path):
    """Here: files may not grow beyond what a result needs."""
    write_list(tmp_path, *LINES[:2])

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))
    done = batch(tmp_path, preexec_fn=limit)
    assert done.returncode == 1
    assert ".png: cannot be written: File too large" in done.stderr or \
        "batch.db" in done.stderr, done.stderr
    assert not [name for name in os.listdir(tmp_path / "out") if name.endswith(".part")]
    succeed(tmp_path)
    assert len(results(tmp_path)) == 4


def test_a_result_that_cannot_be_written_ends_the_next_edit(tmp_path):
    """Which could not be written either: here a folder stands where they are written."""
    write_list(tmp_path, LINES[0], ENDLESS)
    (tmp_path / "out/.batch.part").mkdir(parents=True)
    assert "out/.batch.part: cannot be written: Is a directory" in fail(1, tmp_path)


def test_progress_is_one_line_of_a_terminal(tmp_path):
    write_list(tmp_path, *LINES[:2], dict(LINES[0], picture="none.png"))
    terminal, inner = pty.openpty()
    process = start(tmp_path, stderr=inner)
    os.close(inner)
    said = b""
    try:
        while piece := os.read(terminal, 4096):
            said += piece
    except OSError:  # the other side was closed
        pass
    os.close(terminal)
    assert process.wait(timeout=60) == 1
    progress, *rest = said.decode().split("\n")
    assert re.search(r"\r2 of 2, \d[\d.]* s each, 0 s left\033\[K\r\033\[Kdiffedit: line 3: ",
                     progress)
    assert "diffedit: 3 lines: 2 done, 1 failed; results in out/results.csv\r" in rest
    assert "of 2" in batch(tmp_path, out="other").stderr
    assert "of 2" not in batch(tmp_path, "-q", out="quiet").stderr


# ---- whose folder ----

def test_one_process_at_a_time(tmp_path):
    write_list(tmp_path, LINES[0])
    succeed(tmp_path)
    with open(tmp_path / "out/.batch.lock", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert fail(1, tmp_path) == \
            "diffedit: out: another `diffedit batch` works in this folder"
        succeed(tmp_path, "--shard", "1/1")  # works on a part of its own


def test_a_folder_of_another_batch_is_refused(tmp_path):
    write_list(tmp_path, LINES[0])
    succeed(tmp_path)
    for dry in ([], ["--dry-run"]):
        assert "out: holds results of another arithmetic, exact, than quick; name another folder" \
            in fail(1, tmp_path, "--arithmetic", "quick", *dry)
    lora = SOURCE / "models/pocket/lcm-lora.safetensors"
    assert "out: holds results of another model, pocket@" in fail(1, tmp_path, "--lora", lora)
    with contextlib.closing(sqlite3.connect(tmp_path / "out/batch.db")) as database:
        database.execute("PRAGMA user_version = 99")
    assert fail(1, tmp_path) == "diffedit: out/batch.db: was written by a later version of diffedit"
    (tmp_path / "out/batch.db").write_text("no database" * 100)
    assert fail(1, tmp_path) == "diffedit: out/batch.db: file is not a database"


def test_models_are_told_apart_by_what_is_in_them(tmp_path):
    """Many are called pytorch_lora_weights.safetensors, and lie somewhere else on each machine."""
    pocket = SOURCE / "models/pocket"
    write_list(tmp_path, LINES[0])
    name = "pytorch_lora_weights.safetensors"
    for folder in ("one", "two", "three"):
        (tmp_path / folder).mkdir()
        shutil.copy(pocket / "lcm-lora.safetensors", tmp_path / folder / name)
    with open(tmp_path / "two" / name, "r+b") as file:  # another training: one weight is another
        file.seek(-2, os.SEEK_END)
        file.write(b"\x01")
    succeed(tmp_path, "--lora", f"one/{name}", "-m", f"{pocket}/")
    said = fail(1, tmp_path, "--lora", f"two/{name}", "-m", pocket)
    assert f"LoRA {name}@" in said and "holds results of another model" in said
    shutil.copytree(pocket, tmp_path / "elsewhere/pocket", ignore=lambda *_: ["samples", "LICENSE"])
    assert "1 done (1 before)" in succeed(tmp_path, "--lora", f"three/{name}", "-m",
                                          "elsewhere/pocket").stderr
    vae = tmp_path / "elsewhere/pocket/vae/diffusion_pytorch_model.safetensors"
    vae.write_bytes(vae.read_bytes()[:-1] + b"\x01")
    fail(1, tmp_path, "--lora", f"three/{name}", "-m", "elsewhere/pocket")
    # nor is a VAE beside the model another of its name
    base = ["-m", pocket, "--vae"]
    succeed(tmp_path, *base, pocket / "vae", out="of-vae")
    assert "VAE vae@" in fail(1, tmp_path, *base, "elsewhere/pocket/vae/", out="of-vae")


def test_a_folder_without_results_is_nobodys(tmp_path):
    """What failed before anything was done binds nobody to its model."""
    write_list(tmp_path, dict(LINES[0], picture="none.png"))
    assert "1 of 1 lines failed" in fail(1, tmp_path, "--arithmetic", "quick")
    write_list(tmp_path, LINES[0])
    succeed(tmp_path, "--format", "jpg")
    assert "than png quality 95" in fail(1, tmp_path)


def test_a_folder_of_other_things_is_refused(tmp_path):
    write_list(tmp_path, LINES[0])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    assert "mine: has other things in it than a batch's; name a new or an empty folder" in \
        fail(1, tmp_path, out="mine")
    assert os.listdir(tmp_path / "mine") == ["letter.txt"]
    assert "letter.txt: is not a folder" in fail(1, tmp_path, out="mine/letter.txt")
    (tmp_path / "empty").mkdir()
    succeed(tmp_path, out="empty/inner/most")
