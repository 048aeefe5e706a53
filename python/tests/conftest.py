"""What the tests of the package share; they run with numpy, Pillow, tqdm and pytest beside it."""
import os
import pathlib

import PIL.Image
import pytest

import diffedit

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
HORSE = diffedit.POCKET / "samples/horse.png"
# The fewest evaluations that still are an edit.
QUICK = {"steps": 3, "mask_samples": 1}


@pytest.fixture(scope="session")
def model():
    return diffedit.Model()


@pytest.fixture
def horse():
    return PIL.Image.open(HORSE)


@pytest.fixture
def editor(model):
    with model.editor(HORSE) as editor:
        yield editor
