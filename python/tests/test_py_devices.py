"""Devices, and the one that a model is opened on."""
import json
import logging

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
