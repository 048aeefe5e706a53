"""build/netbench: each network by itself, and those of an edit."""
import json
import os
import pathlib
import subprocess

import numpy as np

import files

BUILD = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", files.SOURCE / "build")).resolve()
POCKET, SIZE, CELLS = files.SOURCE / "models/pocket", 64, 16


def run(jobs, *arguments):
    return subprocess.run([BUILD / "netbench", POCKET, "cpu", "exact", str(SIZE), *arguments],
                          input="".join(f"{job}\n" for job in jobs), text=True,
                          capture_output=True, timeout=300)


def test_jobs(tmp_path):
    jobs = ["text", "encode", "decode", "unet", "guided", "edit 2 3 4 2"]
    done = run(jobs)
    head, *lines = done.stdout.splitlines()
    assert done.returncode == 0 and done.stderr == "" and len(lines) == len(jobs)
    assert json.loads(head)["device"] == "cpu" and json.loads(head)["peak"] > 1e8
    seconds, by_the_device, operations = zip(*(map(float, line.split()) for line in lines))
    assert min(seconds) > 0 and max(by_the_device) == 0  # the processor has no clock of its own
    text, encode, decode, unet, guided, edit = operations
    # both texts share what comes before the first cross-attention
    assert 1.5 * unet < guided < 2 * unet
    # an edit also makes each text's keys and values whenever it begins the UNet
    assert 1 < edit / (2 * text + encode + 6 * guided + 3 * unet + 2 * decode) < 1.01


def test_inputs_and_results(tmp_path):
    assert "texts: expected" in run(["unet"], tmp_path).stderr
    texts = np.zeros((2, 16, 128), np.float32)
    texts[1] = 1
    texts.tofile(tmp_path / "texts")
    np.ones((8, CELLS, CELLS), np.float32).tofile(tmp_path / "latent")
    np.zeros((SIZE, SIZE, 3), np.float32).tofile(tmp_path / "pixels")
    found = {}
    for job in ("unet", "guided", "encode", "decode"):
        done = run([job, f"save {tmp_path / job}"], tmp_path)
        assert done.returncode == 0, done.stderr
        found[job] = np.fromfile(tmp_path / job, np.float32)
    first, second = found["guided"].reshape(2, -1)
    assert np.array_equal(first, found["unet"]) and not np.array_equal(first, second)
    assert found["encode"].size == 2 * 8 * CELLS ** 2 and found["decode"].size == 3 * SIZE ** 2
    assert all(np.isfinite(values).all() for values in found.values())


def test_what_is_no_job():
    done = run(["unet", "dance"])
    assert done.returncode == 1 and done.stderr == 'netbench: "dance" is not a job\n'
