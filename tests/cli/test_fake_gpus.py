"""Machines of many kinds, by the libvulkan.so.1 of tests/vulkan: which GPUs there are, which is
taken, and what is said of one that fails."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from processes import catches
from test_cli import PROGRAM, edit, fail, picture, run, succeed  # noqa: F401

FAKE = pathlib.Path(os.environ["DIFFEDIT_BUILD"]) / "tests/vulkan"
TWO = "gpu=integrated,2048,name=Built_In gpu=discrete,8192,name=Card"


def machine(words, **more):
    """Whose GPUs are these."""
    return {"LD_LIBRARY_PATH": str(FAKE), "FAKE_VULKAN": words, **more}


def devices(words):
    said = json.loads(succeed("devices", "--json", environment=machine(words)).stdout)
    return said["devices"][1:], said["problem"]


def on(device, picture, output, words):  # noqa: F811
    """What is said, with the objects that the fake has left at the end."""
    report = output.with_suffix(".txt")
    result = succeed(*edit(picture, output, "--device", device), "--json",
                     environment=machine(f"{words} report={report}"))
    assert report.read_text().split()[:2] == ["0", "0"]
    return json.loads(result.stdout)["device"], result.stderr.decode()


@pytest.mark.parametrize("lack, problem", [
    ("vulkan=1.1", "its driver is older than Vulkan 1.2"),
    ("-addresses", "its driver has no buffer device addresses"),
    ("-16bit", "its driver has no 16-bit storage"),
    ("-scalar", "its driver has no scalar block layout"),
    ("-int64", "its driver has no 64-bit integers"),
    ("-compute", "it computes nothing"),
    ("group=128", "its workgroups are too small"),
    ("shared=16384", "its workgroups share too little memory")])
def test_what_a_gpu_lacks(lack, problem):
    found, _ = devices(f"gpu=discrete,8192,{lack} {TWO}")
    assert [gpu["name"] for gpu in found] == ["gpu:0", "gpu:1", None]
    assert found[2]["problem"] == problem


@pytest.mark.parametrize("words, family", [
    ("matrices=3,subgroup=32", "matrix"),
    ("matrices=3,subgroup=64", "matrix"),
    ("matrices=3,subgroup=128", "scalar"),  # their workgroups would be too large
    ("matrices=3,subgroup=32 fail=GetPhysicalDeviceCooperativeMatrixPropertiesKHR,1,host",
     "scalar"),
    ("matrices=3,subgroup=32 fail=GetPhysicalDeviceCooperativeMatrixPropertiesKHR,2,host",
     "scalar")])
def test_gpus_with_matrices(words, family):
    (gpu,), _ = devices(f"gpu=discrete,8192,{words}")
    assert gpu["family"] == family


def test_no_array_is_beyond_32_bit_indices():
    said = succeed("devices", "-v", environment=machine("gpu=discrete,100000")).stdout.decode()
    assert re.search(r"largest allocation +8\.59 GB\n", said)


def test_what_drivers_say():
    found, problem = devices("none")
    assert (found, problem) == ([], "Vulkan finds no GPU")
    found, problem = devices("fail=EnumeratePhysicalDevices,1,refused")
    assert (found, problem) == ([], "Vulkan finds no GPU: it could not be initialised")
    found, problem = devices("fail=CreateInstance,1,host")
    assert (found, problem) == ([], "Vulkan cannot be used: out of memory")
    found, _ = devices("gpu=discrete,8192,times=20")
    assert [gpu["name"] for gpu in found] == [f"gpu:{i}" for i in range(16)]
    (nameless, none, _), _ = devices("gpu=other,4000,endless gpu=discrete,0 gpu=virtual,9000")
    assert re.fullmatch(r"x+\.*", nameless["title"]) and nameless["kind"] == "unknown"
    assert none["memory"] == 0


def test_a_library_that_is_none(picture, tmp_path):  # noqa: F811
    (tmp_path / "libvulkan.so.1").write_bytes(b"no library")
    environment = {"LD_LIBRARY_PATH": str(tmp_path)}
    said = json.loads(succeed("devices", "--json", environment=environment).stdout)
    assert len(said["devices"]) == 1
    assert said["problem"].startswith("GPUs are reached through Vulkan, whose loader cannot be ")
    fail(1, f"gpu:0 is not there: {said['problem']}",
         *edit(picture, tmp_path / "o.png", "--device", "gpu"), environment=environment)


def test_the_one_that_is_named(picture, tmp_path):  # noqa: F811
    output = tmp_path / "o.png"
    assert on("gpu:1", picture, output, f"idle {TWO}")[0] == "gpu:1"
    assert on("gpu", picture, output, f"idle {TWO}")[0] == "gpu:0"
    fail(1, "gpu:7 is not there: this machine has 2 that can be used, from gpu:0 on",
         *edit(picture, output, "--device", "gpu:7"), environment=machine(TWO))


def test_the_one_that_auto_takes(picture, tmp_path):  # noqa: F811
    output = tmp_path / "o.png"
    software = "gpu=software,64000"
    assert on("auto", picture, output, f"idle {software} {TWO}")[0] == "gpu:1"
    assert on("auto", picture, output, f"idle {software} gpu=integrated,2048")[0] == "gpu:0"
    assert on("auto", picture, output, "idle gpu=discrete,0 gpu=integrated,2048")[0] == "gpu:1"
    taken, said = on("auto", picture, output, "idle gpu=discrete,0")
    assert taken == "cpu" and "no GPU has " in said and "Fake discrete has 0.0 GB" in said
    # what others use is not free
    assert on("auto", picture, output, "idle gpu=discrete,4096,busy=4095 gpu=integrated,2048")[0] \
        == "gpu:1"
    taken, said = on("auto", picture, output, "idle gpu=discrete,4096,busy=4095")
    assert taken == "cpu" and "Fake discrete has 0.0 GB" in said
    taken, said = on("auto", picture, output, f"idle {software}")
    assert taken == "cpu" and "Fake software cannot be used: " in said


@pytest.mark.parametrize("words, says", [
    ("fail=CreateDevice,1,refused", "it cannot be opened: it could not be initialised"),
    ("fail=CreateComputePipelines,3,refused", "compiling the shader "),
    ("fail=QueueSubmit,1,lost", "the GPU was lost"),
    ("fail=WaitForFences,9,lost", "the GPU was lost")])
def test_a_gpu_that_fails(picture, tmp_path, words, says):  # noqa: F811
    report, output = tmp_path / "report", tmp_path / "o.png"
    result = run(*edit(picture, output, "--device", "gpu"),
                 environment=machine(f"idle {words} report={report}"))
    assert (result.returncode, result.stdout, output.exists()) == (1, b"", False)
    assert re.match(rf"diffedit: .*gpu:0 \(Fake discrete\): .*{says}.*\n\Z",
                    result.stderr.decode().splitlines(True)[-1])
    assert report.read_text().split()[0] == "0"


def test_the_validation_layer_reports_nothing(picture, tmp_path):  # noqa: F811
    """Whether it would: tests/vulkan/test_gpu_validation.c."""
    assert on("gpu", picture, tmp_path / "o.png", "validate")[0] == "gpu:0"


def test_a_gpu_that_others_use(picture, tmp_path):  # noqa: F811
    result = run(*edit(picture, tmp_path / "o.png", "--device", "gpu"),
                 environment=machine("idle gpu=discrete,4096,busy=4095"))
    assert result.returncode == 1
    assert re.fullmatch(r"diffedit: out of memory on gpu:0 \(Fake discrete\), which has 0.0 GB "
                        r"free of 4.3 GB: \d+\.\d MB for weights\n", result.stderr.decode())


def test_a_gpu_that_never_ends(picture, tmp_path):  # noqa: F811
    """What it may still use is left to it."""
    report, output = tmp_path / "report", tmp_path / "o.png"
    result = run(*edit(picture, output, "--device", "gpu"),
                 environment=machine(f"idle fail=WaitForFences,9,endless report={report}"))
    assert (result.returncode, result.stdout, output.exists()) == (1, b"", False)
    assert result.stderr.decode().splitlines()[-1].endswith(
        "gpu:0 (Fake discrete): computing: the GPU did not finish within many minutes and was "
        "given up")
    assert int(report.read_text().split()[0]) > 0


def test_a_second_interrupt_ends_at_once(picture, tmp_path):  # noqa: F811
    """Whatever the GPU does."""
    command = edit(picture, tmp_path / "o.png", "--device", "gpu")
    process = subprocess.Popen(
        [str(part) for part in (PROGRAM, *command)], stderr=subprocess.PIPE,
        env={**os.environ, **machine("idle hang fail=WaitForFences,9,endless")})
    while b"hangs" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    while catches(process, signal.SIGINT):
        time.sleep(0.01)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("queues", ["families=3", "families=3,draw"])
def test_queues_that_compute_alone(picture, tmp_path, queues):  # noqa: F811
    asked = f"idle gpu=discrete,8192,{queues}"
    assert on("gpu", picture, tmp_path / "o.png", asked)[0] == "gpu:0"


@pytest.mark.parametrize("limit", ["largest=64", "buffer=64", "largest=1024,buffer=32"])
def test_memory_in_small_pieces(picture, tmp_path, limit):  # noqa: F811
    asked = f"idle gpu=discrete,8192,{limit}"
    assert on("gpu", picture, tmp_path / "o.png", asked)[0] == "gpu:0"


def test_a_gpu_without_a_clock(picture, tmp_path):  # noqa: F811
    asked = "idle gpu=discrete,8192,-timestamps"
    assert on("gpu", picture, tmp_path / "o.png", asked)[0] == "gpu:0"
