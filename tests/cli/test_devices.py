"""What can compute here, and the device that a command is told to compute on. A GPU is played by
Mesa's lavapipe, which DIFFEDIT_VULKAN_SOFTWARE lets count."""
import json
import os
import pathlib
import re
import signal
import subprocess

import numpy as np
import PIL.Image

from test_cli import (MODEL, PROGRAM, SOURCE, edit, fail, picture, pixels,  # noqa: F401
                      succeed)

BUILD = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", SOURCE / "build")).resolve()
SOFTWARE = {"DIFFEDIT_VULKAN_SOFTWARE": "1"}
NO_DRIVER = {"VK_DRIVER_FILES": "/nowhere.json", "VK_ICD_FILENAMES": "/nowhere.json"}


def listed(*arguments, environment=None):
    return json.loads(succeed("devices", "--json", *arguments, environment=environment).stdout)


def table(*arguments, environment=None):
    result = succeed("devices", *arguments, environment=environment)
    assert result.stderr == b""
    return result.stdout.decode().splitlines()


def test_the_processor_is_a_device():
    said = listed()
    assert set(said) == {"diffedit", "devices", "problem"}
    cpu = said["devices"][0]
    assert set(cpu) == {"name", "title", "kind", "memory", "family", "driver", "problem"}
    assert (cpu["name"], cpu["kind"], cpu["driver"], cpu["problem"]) == \
        ("cpu", "processor", None, None)
    assert cpu["title"] and cpu["memory"] > 1 << 28 and re.fullmatch("[a-z0-9]+", cpu["family"])
    assert listed(environment={"DIFFEDIT_CPU": "ref"})["devices"][0]["family"] == "ref"


def test_software_is_no_gpu():
    *_, last = listed()["devices"]
    assert (last["name"], last["kind"], last["problem"]) == \
        (None, "software", "it is the processor under another name")
    rows = table()
    assert rows[-2].startswith("-        software ") and rows[-2].endswith(last["driver"])
    assert rows[-1] == "         cannot be used: it is the processor under another name"


def test_software_that_may_be_one():
    said = listed(environment=SOFTWARE)
    gpu = said["devices"][1]
    assert (gpu["name"], gpu["kind"], gpu["problem"], said["problem"]) == \
        ("gpu:0", "software", None, None)
    assert gpu["family"] in ("scalar", "matrix") and "llvmpipe" in gpu["title"]
    assert gpu["memory"] > 1 << 28 and "Mesa" in gpu["driver"]


def test_what_a_report_of_a_bug_needs():
    said = listed("-v", environment=SOFTWARE)
    facts = said["devices"][1]["facts"]
    assert {"Vulkan", "ids", "heaps", "free memory", "workgroup", "subgroup", "matrices",
            "extensions"} <= set(facts)
    assert re.match(r"1\.\d+\.\d+, of the loader 1\.\d+\.\d+$", facts["Vulkan"])
    assert int(said["devices"][0]["facts"]["cores"]) >= 1
    assert said["environment"]["DIFFEDIT_VULKAN_SOFTWARE"] == "1"
    text = "\n".join(table("--verbose", environment=SOFTWARE))
    for name, value in facts.items():
        assert name == "free memory" or re.search(f"{name} +{re.escape(value)}", text), name
    assert "\nDIFFEDIT_VULKAN_SOFTWARE=1" in text and f"\ndiffedit {said['diffedit']}, " in text


def test_no_driver():
    said = listed(environment=NO_DRIVER)
    assert [device["name"] for device in said["devices"]] == ["cpu"]
    rows = table(environment=NO_DRIVER)
    assert len(rows) == 3 and rows[2] == f"no GPU: {said['problem']}"
    assert "driver" in rows[2] or "finds no GPU" in rows[2]


def test_devices_takes_nothing_else():
    fail(2, 'unexpected argument "gpu:0": diffedit devices takes none', "devices", "gpu:0")
    fail(2, 'unknown command "device"; did you mean "devices"?', "device")


# ---- --device ----

def on(device, picture, output, *arguments, **keywords):  # noqa: F811
    command = edit(picture, output, *(["--device", device] if device else []), *arguments, "--json")
    result = succeed(*command, **keywords)
    told = json.loads(result.stdout)
    record = json.loads(PIL.Image.open(output).text["diffedit"])
    assert {key: record[key] for key in ("device", "family", "kernels")} == \
        {key: told[key] for key in ("device", "family", "kernels")}
    return told, result.stderr.decode()


def test_the_default_is_the_processor(picture, tmp_path):  # noqa: F811
    told, said = on(None, picture, tmp_path / "o.png", environment=SOFTWARE)
    assert told["device"] == "cpu" and told["family"] == told["kernels"]
    assert "processor" not in said
    on("cpu", picture, tmp_path / "same.png")
    assert (tmp_path / "same.png").read_bytes() == (tmp_path / "o.png").read_bytes()


def test_auto_takes_the_processor_and_says_why(picture, tmp_path):  # noqa: F811
    told, said = on("auto", picture, tmp_path / "o.png")
    assert told["device"] == "cpu" and told["warnings"] == []
    assert re.search(r"^diffedit: computing on the processor: llvmpipe .* cannot be used: it is "
                     "the processor under another name$", said, re.MULTILINE)
    told, said = on("auto", picture, tmp_path / "o.png", environment=NO_DRIVER)
    assert told["device"] == "cpu"
    assert said.count("diffedit: computing on the processor: ") == 1


def start(*command):
    return subprocess.Popen([str(part) for part in (PROGRAM, *command)], stderr=subprocess.PIPE,
                            env={**os.environ, **SOFTWARE})


def test_two_programs_on_one_gpu(picture, tmp_path):  # noqa: F811
    ways = ["exact", "quick"]
    commands = [edit(picture, tmp_path / f"{way}.png", "--device", "gpu", "--arithmetic", way)
                for way in ways]
    for process in [start(*command) for command in commands]:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said.decode()
    for way in ways:
        on("gpu", picture, tmp_path / "alone.png", "--arithmetic", way, environment=SOFTWARE)
        assert (pixels(tmp_path / "alone.png") == pixels(tmp_path / f"{way}.png")).all()


def test_an_interrupt_ends_after_a_step(picture, tmp_path):  # noqa: F811
    process = start(*edit(picture, tmp_path / "o.png", "--device", "gpu", "--mask-samples", "1000"))
    assert any(b"map" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130 and said.endswith(b"diffedit: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_none(picture, tmp_path):  # noqa: F811
    message = 'expected cpu, auto, gpu or gpu:N with N from 0 to 15, found "{}"'
    output = tmp_path / "o.png"
    for name in ("cuda", "gpu:16", "GPU", "gpu:", "gpu:-1", ""):
        fail(2, f"--device: {message.format(name)}", *edit(picture, output, "--device", name))
    fail(2, f"DIFFEDIT_DEVICE: {message.format('cuda')}", *edit(picture, output),
         environment={"DIFFEDIT_DEVICE": "cuda"})
    for command in (["serve"], ["bench"], ["batch", "x.csv"], ["work", "redis://h/q"]):
        fail(2, f"--device: {message.format('x')}", *command, "--device", "x")
    fail(2, "diffedit model info takes no option --device", "model", "info", MODEL, "--device",
         "cpu")
    succeed("model", "info", MODEL, environment={"DIFFEDIT_DEVICE": "cuda"})


def test_gpus_that_are_not_there(picture, tmp_path):  # noqa: F811
    output = tmp_path / "o.png"
    command = edit(picture, output, "--device")
    problem = listed(environment=NO_DRIVER)["problem"]
    fail(1, f"gpu:0 is not there: {problem}", *command, "gpu", environment=NO_DRIVER)
    fail(1, "gpu:1 is not there: this machine has 1 that can be used, from gpu:0 on", *command,
         "gpu:1", environment=SOFTWARE)
    title = listed()["devices"][1]["title"]
    fail(1, f"gpu:0 is not there: {title} cannot be used: it is the processor under another name",
         *edit(picture, output), environment={"DIFFEDIT_DEVICE": "gpu"})
    assert not output.exists()


def test_an_edit_on_a_gpu_and_again_elsewhere(picture, tmp_path):  # noqa: F811
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    told, said = on("gpu", picture, first, environment=SOFTWARE)
    assert (told["device"], told["family"]) == ("gpu:0", "scalar")
    assert "processor" not in said
    again = ["edit", picture, "--again", first, "-o", second, "--json"]
    result = succeed(*again)
    assert json.loads(result.stdout)["device"] == "cpu"
    assert "diffedit: it was made on gpu:0 (scalar) and is made again on cpu (" in \
        result.stderr.decode()
    result = succeed(*again, "--device", "auto", environment=SOFTWARE)
    assert json.loads(result.stdout)["device"] == "gpu:0"
    assert b"it was made on" not in result.stderr
    difference = np.abs(np.asarray(PIL.Image.open(first), np.int16) -
                        np.asarray(PIL.Image.open(second), np.int16))
    assert difference.max() == 0


# ---- machines that a driver of the tests plays ----

def machine(*words):
    return {"LD_LIBRARY_PATH": str(BUILD / "tests/vulkan"), "FAKE_VULKAN": " ".join(words)}


def test_several_kinds():
    here = machine("gpu=integrated,2048,name=small", "gpu=discrete,512,name=old,vulkan=1.1",
                   "gpu=discrete,4096,name=large", "gpu=virtual,4096")
    said = listed(environment=here)["devices"]
    assert [(one["name"], one["kind"]) for one in said] == [
        ("cpu", "processor"), ("gpu:0", "integrated GPU"), ("gpu:1", "discrete GPU"),
        ("gpu:2", "virtual GPU"), (None, "discrete GPU")]
    assert [one["memory"] for one in said[1:]] == [n << 20 for n in (2048, 4096, 4096, 512)]
    assert said[4]["problem"] == "its driver is older than Vulkan 1.2"


def test_auto_takes_a_discrete_gpu_before_others(picture, tmp_path):  # noqa: F811
    here = machine("idle", "gpu=virtual,8192", "gpu=integrated,8192", "gpu=discrete,4096")
    assert on("auto", picture, tmp_path / "o.png", environment=here)[0]["device"] == "gpu:2"
    here = machine("idle", "gpu=integrated,40", "gpu=integrated,8192")
    assert on("auto", picture, tmp_path / "o.png", environment=here)[0]["device"] == "gpu:1"


def test_auto_says_what_does_not_fit(picture, tmp_path):  # noqa: F811
    told, said = on("auto", picture, tmp_path / "o.png",
                    environment=machine("gpu=integrated,40,name=small"))
    assert told["device"] == "cpu"
    assert re.search(r"^diffedit: computing on the processor: no GPU has 0\.1 GB of free memory, "
                     r"which the model needs; small has 0\.0 GB$", said, re.MULTILINE)
    told, said = on("auto", picture, tmp_path / "o.png", environment=machine("gpu=virtual,4096"))
    assert told["device"] == "cpu" and "(virtual GPU) is only used where it is named" in said


def test_auto_says_what_cannot_be_opened(picture, tmp_path):  # noqa: F811
    here = machine("gpu=discrete,4096,name=card", "fail=CreateDevice,1,refused")
    told, said = on("auto", picture, tmp_path / "o.png", environment=here)
    assert (told["device"], told["family"]) == ("cpu", told["kernels"])
    assert "computing on the processor: gpu:0 (card): it cannot be opened: " in said
    fail(1, "gpu:0 (card): it cannot be opened: it could not be initialised",
         *edit(picture, tmp_path / "p.png", "--device", "gpu"), environment=here)


def test_facts_of_a_card():
    facts = listed("-v", environment=machine("gpu=discrete,4096"))["devices"][1]["facts"]
    assert facts["heaps"].startswith("4.29 GB of its own, ") and "Vulkan" in facts


def test_bench_of_a_gpu():
    bench = ["bench", "-m", MODEL, "--repeat", "1", "--device", "gpu", "--arithmetic", "quick"]
    here = machine("gpu=discrete,4096,name=card")
    told = json.loads(succeed(*bench, "--json", environment=here).stdout)
    assert (told["device"], told["device_title"], told["family"]) == ("gpu:0", "card", "scalar")
    assert told["peak_gflops"] > 0
    for name, seconds in told["device_seconds"].items():
        assert 0 < seconds <= told[f"{name}_s"] and told["gflop"][name] > 0
    lines = succeed(*bench, environment=here).stdout.decode().splitlines()
    assert re.fullmatch(r"gpu:0 \(card\), scalar kernels, quick arithmetic, peak \d+ GFLOP/s",
                        lines[1])
    assert re.fullmatch(r"VAE decode +\d+\.\d+ s +\d+\.\d+ s of the GPU, \d+ GFLOP/s, \d+ % of the "
                        r"peak", lines[-2])


def test_bench_of_an_edit_on_a_gpu():
    bench = ["bench", "-m", MODEL, "--edit", "--preset", "fast", "--repeat", "1", "--device", "gpu"]
    here = machine("gpu=discrete,4096,name=card")
    told = json.loads(succeed(*bench, "--json", environment=here).stdout)
    assert (told["device"], told["arithmetic"], told["family"]) == ("gpu:0", "quick", "scalar")
    assert 0 < told["device_seconds"] <= told["seconds"]["total"] and told["gflop"] > 0
    table = succeed(*bench, environment=here).stdout.decode()
    assert re.search(r"^total +\d+\.\d+ s +\d+\.\d+ s of the GPU, \d+ GFLOP/s, \d+ % of the peak$",
                     table, re.MULTILINE)


def test_bench_of_a_gpu_without_a_clock():
    here = machine("gpu=discrete,4096,name=card,-timestamps")
    for more in [], ["--edit", "--preset", "fast"]:
        bench = ["bench", "-m", MODEL, "--repeat", "1", "--device", "gpu", *more]
        told = json.loads(succeed(*bench, "--json", environment=here).stdout)
        assert told["device_seconds"] is None and told["gflop"]
        table = succeed(*bench, environment=here).stdout.decode()
        assert "of the GPU," not in table
        assert table.endswith("\nThe driver of gpu:0 (card) has no timestamps: nothing by the "
                              "GPU's own clock\n")


def test_a_named_gpu_that_is_too_small():
    fail(1, "gpu:0 (small) has 0.5 GB of memory, and the weights of the model's largest network "
         "alone take 1.7 GB", "bench", "--shape", "sd14", "--device", "gpu",
         environment=machine("gpu=discrete,512,name=small"))
