"""Weight files that become shorter while they are mapped: one sentence, and nothing left behind."""
import json
import os
import pathlib
import subprocess
import time

import pytest

import files

PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", files.SOURCE / "build/diffedit")).resolve()
SAMPLE = files.SOURCE / "models/pocket/samples/horse.png"


def processor_time(process):
    return pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]


def wait_until_it_waits(process, path):
    """The program maps its model, then reads the mask from standard input, where nothing is yet."""
    until, last = time.monotonic() + 60, None
    while time.monotonic() < until:
        mapped = str(path) in pathlib.Path(f"/proc/{process.pid}/maps").read_text()
        now = processor_time(process)
        if mapped and now == last:
            return
        last = now if mapped else None
        time.sleep(0.2)
    pytest.fail("the program never waited for its mask")


def start(folder, output, *more):
    output.parent.mkdir()
    return subprocess.Popen(
        [PROGRAM, "inpaint", SAMPLE, "--mask", "-", "--to", "a zebra", "-m", folder, "-o", output,
         "--size", "64x64", "--steps", "1", "--quiet", *more], stdin=subprocess.PIPE,
        stderr=subprocess.PIPE)


def expect_one_line(process, output, path, said):
    lines = process.communicate(SAMPLE.read_bytes(), timeout=120)[1].decode().splitlines()
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
    wait_until_it_waits(process, path)
    os.truncate(path, 5000)
    expect_one_line(process, output, path, "bytes when it was opened, and now has 5000")


def mapped_memory(process):
    """Bytes of files that are mapped and in memory."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return sum(int(line.split()[1]) << 10 for line in status.splitlines()
               if line.startswith("RssFile:"))


def test_while_a_network_is_prepared(tmp_path):
    """No library can see this coming: the system sends a signal."""
    kind, wide = {**files.SD1, "text_width": 512}, 65536
    folder, output = files.write_folder(tmp_path / "model", kind), tmp_path / "results/out.png"
    path, config = folder / "text_encoder/model.safetensors", folder / "text_encoder/config.json"
    files.write_json(config, {**json.loads(config.read_text()), "intermediate_size": wide})
    files.write_zeros(path, {name: [wide if size == 4 * 512 else size for size in values.shape]
                             for name, values in files.text_encoder(kind).items()})
    before = path.stat().st_size
    process = start(folder, output)
    until = time.monotonic() + 60
    while mapped_memory(process) < 70 << 20 and time.monotonic() < until:
        time.sleep(0.002)
    os.truncate(path, 5000)
    assert before > 256 << 20
    expect_one_line(process, output, path,
                    "became shorter, or could not be read, while it was in use")
