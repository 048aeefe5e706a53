"""A batch, and a worker, whose GPU is lost, which a driver of the tests plays."""
import os
import pathlib

from batches import SOURCE, batch, rows, succeed, write_list
from queueing import batch as queue_batch
from queueing import finish, table, working
from queueing import write_list as queued

BUILD = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", SOURCE / "build")).resolve()
TINY = SOURCE / "tests/golden/data/tiny-odd/model"
LOST = {"LD_LIBRARY_PATH": str(BUILD / "tests/vulkan"),
        "FAKE_VULKAN": "gpu=discrete,4096,name=card fail=GetQueryPoolResults,12,lost"}


def test_a_batch_ends_and_goes_on(tmp_path, monkeypatch):
    write_list(tmp_path, *({"picture": "horse.png", "from": "a", "to": text}
                           for text in ("b", "c", "d")))
    for name, value in LOST.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FAKE_VULKAN", "gpu=discrete,4096,name=card")
    succeed(tmp_path, "-m", TINY, "--device", "gpu", "--limit", "1")
    monkeypatch.setenv("FAKE_VULKAN", LOST["FAKE_VULKAN"])
    ended = batch(tmp_path, "-m", TINY, "--device", "gpu")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("diffedit: gpu:0 (card): ")
    assert "was lost" in ended.stderr.splitlines()[-1]
    assert "failed" not in {row["state"] for row in rows(tmp_path)}
    monkeypatch.undo()
    succeed(tmp_path, "-m", TINY)
    assert [row["state"] for row in rows(tmp_path)] == ["done"] * 3
    assert sorted(row["device"] for row in rows(tmp_path)) == ["cpu", "cpu", "gpu:0"]


def test_a_worker_ends_and_another_claims_its_line(redis, tmp_path):
    queued(tmp_path, 2)
    model = ["-m", TINY]
    run = queue_batch(redis.url, tmp_path, *model, "--steps", "4", "--mask-samples", "1", "--size",
                      "64x64")
    with working(redis.url, tmp_path, *model, "--device", "gpu", "--silence", "2", **LOST) as first:
        assert first.wait(timeout=120) == 1
    assert " on gpu:0\n" in first.said
    assert "was lost" in first.said.splitlines()[-1]
    with working(redis.url, tmp_path, *model, "--silence", "2"):
        assert "2 done, 0 failed" in finish(run)
    assert {row["device"] for row in table(tmp_path)} == {"cpu"}
