"""Weight files that become shorter while they are mapped: one sentence, and nothing left behind."""
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import termios
import time

import pytest

import files

PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", files.SOURCE / "build/diffedit")).resolve()
SAMPLE = files.SOURCE / "models/pocket/samples/horse.png"
PART = 100  # bytes


def begin_mask(process):
    """Gives the program a part of its mask and waits until that is read: the model is mapped then,
    and nothing happens before the rest comes."""
    process.stdin.write(SAMPLE.read_bytes()[:PART])
    process.stdin.flush()
    until = time.monotonic() + 60
    while int.from_bytes(fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)), sys.byteorder):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.01)


def start(folder, output, *more):
    output.parent.mkdir()
    return subprocess.Popen(
        [PROGRAM, "inpaint", SAMPLE, "--mask", "-", "--to", "a zebra", "-m", folder, "-o", output,
         "--size", "64x64", "--steps", "1", "--quiet", *more], stdin=subprocess.PIPE,
        stderr=subprocess.PIPE)


def expect_one_line(process, mask, output, path, said):
    """`mask`: what the program has not got of it yet"""
    lines = process.communicate(mask, timeout=120)[1].decode().splitlines()
    assert (process.returncode, len(lines)) == (1, 1), lines
    assert str(path) in lines[0] and said in lines[0]
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("part, more", [
    ("text_encoder", []),
    *((part, ["--low-memory"]) for part in ("text_encoder", "unet", "vae"))])
def test_before_a_network_runs(tmp_path, part, more):
    folder, output = files.write_folder(tmp_path / "model", files.SD1), tmp_path / "results/out.png"
    path = next((folder / part).glob("*.safetensors"))
    process = start(folder, output, *more)
    begin_mask(process)
    assert str(path) in pathlib.Path(f"/proc/{process.pid}/maps").read_text()
    os.truncate(path, 5000)
    expect_one_line(process, SAMPLE.read_bytes()[PART:], output, path,
                    "bytes when it was opened, and now has 5000")


def mapped_memory(process):
    """Bytes of files that are mapped and in memory."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return sum(int(line.split()[1]) << 10 for line in status.splitlines()
               if line.startswith("RssFile:"))


def test_while_a_network_is_prepared(tmp_path):
    """No library can see this coming: the system sends a signal. The file is so large that the
    program is not through with it before this test has seen that it began."""
    kind, wide = {**files.SD1, "text_width": 512, "text_layers": 8}, 65536
    folder, output = files.write_folder(tmp_path / "model", kind), tmp_path / "results/out.png"
    path, config = folder / "text_encoder/model.safetensors", folder / "text_encoder/config.json"
    files.write_json(config, {**json.loads(config.read_text()), "intermediate_size": wide})
    files.write_zeros(path, {name: [wide if size == 4 * 512 else size for size in values.shape]
                             for name, values in files.text_encoder(kind).items()})
    before = path.stat().st_size
    process = start(folder, output)
    until = time.monotonic() + 60
    while mapped_memory(process) < 70 << 20:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.002)
    os.truncate(path, 5000)
    assert before > 1 << 30
    expect_one_line(process, SAMPLE.read_bytes(), output, path,
                    "became shorter, or could not be read, while it was in use")
