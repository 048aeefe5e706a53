"""What is there after an end that nobody chose: kill -9 at any moment, a full disk, a lost file."""
import os
import random
import resource
import signal
import sqlite3
import stat
import time
from concurrent.futures import ThreadPoolExecutor

from editing import (FAST, ask_for, body, edit, get_job, name_of, refusal, result_ids,
                     to_image, use_sample, wait, wait_until)
from serving import TO_END, refused, serving

SLOW = {"steps": "999", "ratio": "1", "mask-samples": "1"}
KILLS = int(os.environ.get("DIFFEDIT_KILLS", "20"))  # of test_kills_at_random_moments


def stored(folder):
    return sorted((folder / "data/files").glob("*/*"))


def check_files(folder):
    """Each file holds what its name says; none was being written."""
    for path in stored(folder):
        assert name_of(path.read_bytes()) == path.name
    assert list((folder / "data/new").iterdir()) == []


def kill(server):
    server.stop(signal.SIGKILL)


def test_history_and_queue_stay(tmp_path):
    with serving(tmp_path) as first:
        picture = use_sample(first)
        done = edit(first, picture)
        found = edit(first, picture, kind="find")
        file = first.get(f"/api/results/{done['id']}/file").body
        first.ask("PATCH", f"/api/results/{done['id']}", {"kept": True})
        slow = ask_for(first, picture, options=SLOW)
        wait_until(first, slow["id"], "running")
        waiting = [ask_for(first, picture, to=to)["id"] for to in ("a cow", "a tiger")]
        assert first.stop() < TO_END and first.status == 0
    with serving(tmp_path) as second:
        assert get_job(second, slow["id"])["state"] in ("queued", "running")
        second.ask("POST", f"/api/jobs/{slow['id']}/stop")
        for name in waiting:
            wait(second, name)
        assert result_ids(second) == [*waiting[::-1], done["id"]]
        assert second.get(f"/api/results/{done['id']}").json()["kept"]
        assert second.get(f"/api/results/{done['id']}/file").body == file
        assert get_job(second, found["id"])["region"] == found["region"]
        assert second.get(f"/api/jobs/{found['id']}/map").status == 200
        known = second.ask("POST", "/api/jobs", body(picture, id=waiting[0], to="a cow"))
        assert known.status == 200


def test_copies_are_the_first_thing_that_is_asked_for(tmp_path):
    with serving(tmp_path) as first:
        picture = use_sample(first)
        result = edit(first, picture)["id"]
    paths = [f"/api/{kind}/{name}/{copy}" for kind, name in (("pictures", picture),
                                                            ("results", result))
             for copy in ("screen", "thumbnail")]
    with serving(tmp_path) as second, ThreadPoolExecutor() as threads:
        assert [reply.status for reply in threads.map(second.get, paths)] == [200] * 4


def test_only_the_owner_may_look(tmp_path):
    with serving(tmp_path) as own:
        edit(own, use_sample(own))
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        for path in stored(tmp_path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_server_for_a_folder(tmp_path):
    with serving(tmp_path):
        message, status = refused("--data", tmp_path / "data", "--port", 0)
        assert "another" in message and "--data" in message and status == 2


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    mode = tmp_path.stat().st_mode
    message, status = refused("--data", tmp_path, "--port", 0)
    assert "other things" in message and status == 2
    assert tmp_path.stat().st_mode == mode and os.listdir(tmp_path) == ["letter.txt"]


def test_a_later_version_is_left_alone(tmp_path):
    with serving(tmp_path) as own:
        own.stop()
    with sqlite3.connect(tmp_path / "data/history.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    assert "later version" in refused("--data", tmp_path / "data", "--port", 0)[0]


def test_leftovers_are_removed(tmp_path):
    with serving(tmp_path) as own:
        edit(own, use_sample(own))
        kill(own)
    before = stored(tmp_path)
    strays = [tmp_path / "data/files/ab" / ("ab" + "0" * 30), tmp_path / "data/new/7",
              tmp_path / "data/copies/ab" / ("ab" + "0" * 30 + "-screen.png"),
              tmp_path / "data/files/ab/half"]
    for path in strays:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    with serving(tmp_path) as own:
        assert stored(tmp_path) == before and not any(path.exists() for path in strays)
        assert len(result_ids(own)) == 1


def test_a_lost_file_is_noticed(tmp_path):
    with serving(tmp_path) as own:
        picture = use_sample(own)
        job = edit(own, picture)
        own.stop()
    (tmp_path / "data/files" / picture[:2] / picture).unlink()
    with serving(tmp_path) as own:
        assert "1 file of" in own.log() and "gone" in own.log()
        refusal(own.get(f"/api/pictures/{picture}/file"), 500, "file")
        assert wait(own, ask_for(own, picture), "failed")["error"] == "file"
        assert to_image(own.get(f"/api/results/{job['id']}/file").body).size == (256, 256)
        use_sample(own)  # it comes back
        edit(own, picture)


def test_a_full_disk_is_a_sentence(tmp_path):
    """RLIMIT_FSIZE stands for it: nothing can be written, not even how the job ended."""
    with serving(tmp_path) as own:
        picture = use_sample(own)
        edit(own, picture, kind="find")
        before = stored(tmp_path)
        job = ask_for(own, picture, to="a tiger", options={"steps": "40", "mask-samples": "1"})
        waiting = ask_for(own, picture)
        wait_until(own, job["id"], "running")
        resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        reply = own.ask("POST", "/api/jobs", body(picture))
        assert "history.db" in refusal(reply, 500, "file")
        while ((found := get_job(own, job["id"]))["progress"] or {}).get("stage") != "save":
            assert found["state"] == "running", found
            time.sleep(0.05)
        time.sleep(1.2)
        assert get_job(own, job["id"])["state"] == "running"
        assert get_job(own, waiting["id"])["state"] == "queued"
        resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        job = wait(own, job, "failed")
        assert job["error"] == "file" and "cannot be" in job["message"]
        wait(own, waiting)
        assert set(before) <= set(stored(tmp_path))
        check_files(tmp_path)


def one_life(folder, picture, number, pause):
    """A server that is killed; what it said to be done, and when. Now and then it has done
    something before."""
    with serving(folder) as own:
        assert own.ask("POST", "/api/samples/horse.png").json()["id"] == picture
        for i in range(3):
            asked = body(picture, id=f"job-{number}-{i:03}", options={**FAST, "seed": str(number)},
                         to=("a zebra", "a cow", "a tiger")[i])
            assert own.ask("POST", "/api/jobs", asked).status == 201
        if number % 5 == 0:
            wait(own, f"job-{number}-000")
        time.sleep(pause)
        listed = own.get("/api/jobs").json()
        kill(own)
    return {job["id"]: job["ended"] for job in listed if job["state"] == "done"}


def test_kills_at_random_moments(tmp_path):
    """No finished result is lost, no file is half there, and the queue goes on."""
    moments = random.Random(KILLS)
    with serving(tmp_path) as own:
        picture = use_sample(own)
        begin = time.monotonic()
        edit(own, picture, options={**FAST, "seed": "9999"})
        edit_time = time.monotonic() - begin
    done = {}
    for number in range(KILLS):
        pause = moments.uniform(0, min(4 * edit_time, 1))
        done |= one_life(tmp_path, picture, number, pause)
    asked = {f"job-{number}-{i:03}" for number in range(KILLS) for i in range(3)}
    with serving(tmp_path) as own:
        check_files(tmp_path)
        for name in sorted(asked):
            job = wait(own, name)
            assert job["result"] == name and job["ended"] == done.get(name, job["ended"])
            image = to_image(own.get(f"/api/results/{name}/file").body)
            image.load()
            assert image.size == (256, 256)
        assert done
    check_files(tmp_path)
