"""Devices, and the one that a model is opened on."""
import json
import logging
import os
import subprocess
import sys

import pytest
from conftest import HORSE, QUICK

import diffedit


def test_the_processor_comes_first():
    cpu, *others = diffedit.devices()
    assert (cpu.name, cpu.kind, cpu.driver, cpu.problem) == ("cpu", "processor", None, None)
    assert cpu.title and cpu.memory > 1 << 28 and cpu.family
    assert all((other.name is None) == (other.problem is not None) for other in others)


def test_a_model_says_where_it_is(caplog):
    caplog.set_level(logging.INFO)
    with diffedit.Model() as model:
        assert (model.info.device, model.info.family) == ("cpu", diffedit.devices()[0].family)
        image = model.editor(HORSE).edit("a horse", "a zebra", **QUICK)
        record = json.loads(image.info["diffedit"])
        assert (record["device"], record["family"]) == ("cpu", model.info.family)
    assert "computing on the processor" not in caplog.text


def test_auto_is_a_gpu_or_says_why_it_is_not(caplog):
    caplog.set_level(logging.INFO)
    device = diffedit.Model(device="auto").info.device
    assert device.startswith("gpu:") or "computing on the processor: " in caplog.text


FORKED = """
import gc, os, signal, sys
import diffedit
if not any(device.name == "gpu:0" for device in diffedit.devices()):
    sys.exit("no GPU, and no lavapipe")
model = diffedit.Model(device="gpu")
editor = model.editor()
editor.encode_text("a horse")
if os.fork() == 0:
    signal.alarm(60)
    for use in (lambda: editor.encode_text("a horse"), model.editor,
                lambda: diffedit.Model(device="gpu"), lambda: diffedit.Model(device="auto")):
        try:
            use()
        except diffedit.ForkedError as error:
            print(error)
    print(diffedit.Model().editor().encode_text("a horse").shape)
    editor.close()
    del editor, model
    gc.collect()
    sys.exit()
sys.exit(os.wait()[1])
"""


def test_a_fork_does_not_touch_its_parents_gpu():
    """Where a driver's threads are missing, it would wait for them, even to free memory."""
    process = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True,
                             timeout=120, env={**os.environ, "DIFFEDIT_VULKAN_SOFTWARE": "1"})
    if "no lavapipe" in process.stderr:
        pytest.skip(process.stderr.strip())
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("this process was forked from one that had used a GPU; ") == 4
    assert process.stdout.endswith("(16, 128)\n")
