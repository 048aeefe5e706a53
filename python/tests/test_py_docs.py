"""The examples of the pages run as they stand, one after the other."""
import re
import shutil

import pytest
from conftest import HORSE, QUICK, SOURCE

import diffedit


def examples(page):
    return re.findall(r"^```python\n(.*?)^```$", (SOURCE / page).read_text(encoding="utf-8"),
                      re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch, tmp_path):
    """Where an example says nothing of it, as few evaluations as make an edit."""
    make = diffedit._options.make

    def quickly(call, model, preset, source, to, given):
        return make(call, model, preset, source, to, {**QUICK, **given})
    monkeypatch.setattr(diffedit._options, "make", quickly)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", ["docs/PYTHON.md", "README.md", "README.zh.md"])
def test_examples_run(page):
    for name in ("horse.png", "photo.jpg"):
        shutil.copy(HORSE, name)
    names = {}
    assert examples(page)
    for number, code in enumerate(examples(page), 1):
        exec(compile(code, f"{page}, example {number}", "exec"), names)


def test_the_module_says_how_to_begin(tmp_path):
    code = "\n".join(line for line in diffedit.__doc__.splitlines() if line.startswith("    "))
    exec(re.sub("^    ", "", code, flags=re.MULTILINE), {})
    assert (tmp_path / "zebra.png").exists()
