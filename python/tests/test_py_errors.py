"""Every kind of error, with the sentence that says what was expected."""
import shutil
import subprocess
import sys

import numpy
import pytest
from conftest import HORSE, QUICK

import diffedit
from diffedit._native import ffi, lib
from diffedit.errors import KINDS, check

STATUSES = {name: getattr(lib, name) for name in dir(lib) if name.startswith("DIFFEDIT_ERROR_")}
BUILT_IN = {"ARGUMENT": ValueError, "FILE": OSError, "MEMORY": MemoryError}
NAN, INFINITY = float("nan"), float("inf")


def spoilt(shape, value):
    """Zeros but for one."""
    array = numpy.zeros(shape)
    array.flat[array.size // 3] = value
    return array


@pytest.mark.parametrize("name", STATUSES)
def test_every_status_has_its_exception(name):
    error = ffi.new("diffedit_error *", {"message": b"`mask-grow`: a sentence about `from`"})
    with pytest.raises(diffedit.DiffeditError) as caught:
        check(STATUSES[name], error)
    assert type(caught.value) is KINDS[STATUSES[name]] is not diffedit.DiffeditError
    assert str(caught.value) == "`mask_grow`: a sentence about `source`"
    assert isinstance(caught.value, BUILT_IN.get(name.removeprefix("DIFFEDIT_ERROR_"), Exception))


def test_models_that_are_none(tmp_path):
    (tmp_path / "text.safetensors").write_text("no weights")
    shutil.copytree(diffedit.POCKET, tmp_path / "half")
    (tmp_path / "half/unet/config.json").write_text("{}")
    for path, error in (("nowhere", diffedit.FileError), (tmp_path / "none", diffedit.FileError),
                        (tmp_path / "text.safetensors", diffedit.ModelError),
                        (tmp_path / "half", diffedit.ModelError),
                        ("a\0b", diffedit.ArgumentError), (3, TypeError), (None, TypeError)):
        with pytest.raises(error):
            diffedit.Model(path)


@pytest.mark.parametrize("settings, error, words", [
    ({"arithmetic": "fast"}, diffedit.ArgumentError, "exact, quick"),
    ({"arithmetic": 3}, TypeError, "`arithmetic`"),
    ({"device": "cuda"}, diffedit.ArgumentError, "`device`: expected cpu, auto, gpu or gpu:N"),
    ({"device": "gpu:15"}, diffedit.DeviceError, "gpu:15 is not there: "),
    ({"preset": "quick"}, diffedit.ArgumentError, "`preset`: expected one of paper, "),
    ({"prediction": "x"}, diffedit.ArgumentError, "`prediction`: expected epsilon or v"),
    ({"lora": "none.safetensors"}, diffedit.FileError, "none.safetensors"),
    ({"lora": ("none.safetensors", NAN)}, diffedit.ArgumentError, "none.safetensors"),
    ({"lora": ("none.safetensors", -10 ** 400)}, diffedit.ArgumentError, "none.safetensors"),
    ({"lora": [3]}, TypeError, "`lora`: expected a path"),
    ({"lora": [("a", "b")]}, TypeError, "`lora`: expected a path .* found tuple"),
    ({"lora": [("a", 1, 2)]}, TypeError, "`lora`: expected a path .* found tuple"),
    ({"lora": None}, TypeError, r"`lora`: expected a file, \(file, weight\), .* found NoneType"),
    ({"lora": {"a": 0.5}}, TypeError, r"`lora`: expected a file, \(file, weight\), .* found dict"),
    ({"vae": "none"}, diffedit.FileError, "none"),
    ({"path": diffedit.POCKET / "vae"}, diffedit.ModelError, "; give it as `vae`, beside a model"),
    ({"text_encoder": 5}, TypeError, "`text_encoder`: expected a path")])
def test_settings_of_models(settings, error, words):
    with pytest.raises(error, match=words):
        diffedit.Model(**settings)


def test_models_that_were_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(diffedit.FileError, match="some-one/model: no such model"):
        diffedit.Model("some-one/model")
    shutil.copytree(diffedit.POCKET, tmp_path / "diffedit/models/some-one/model")
    with diffedit.Model("some-one/model") as model:
        assert model.info.factor == 4
    (tmp_path / "diffedit/models/some-one/model/model_index.json").unlink()
    with pytest.raises(diffedit.FileError, match="only partly downloaded"):
        diffedit.Model("some-one/model")


@pytest.mark.parametrize("call, error, words", [
    (lambda e: e.predict_noise(numpy.zeros((3, 8, 8)), 5, numpy.zeros((16, 128))),
     diffedit.ArgumentError, r"`latent`: expected an array of shape \(8, any, any\), found \(3,"),
    (lambda e: e.predict_noise(numpy.zeros((8, 8, 8)), 5, numpy.zeros((16, 4))),
     diffedit.ArgumentError, r"`embedding`: .* \(16, 128\), found \(16, 4\)"),
    (lambda e: e.predict_noise(numpy.zeros((8, 8, 8)), 1000, numpy.zeros((16, 128))),
     diffedit.ArgumentError, "timestep"),
    (lambda e: e.predict_noise(numpy.zeros((8, 8, 8)), NAN, numpy.zeros((16, 128))),
     diffedit.ArgumentError, "timestep"),
    (lambda e: e.predict_noise(numpy.zeros((8, 8, 8)), "5 steps", numpy.zeros((16, 128))),
     TypeError, "`timestep`: expected a number, found '5 steps'"),
    (lambda e: e.predict_noise(numpy.zeros((8, 8, 8)), 10 ** 400, numpy.zeros((16, 128))),
     diffedit.ArgumentError, "timestep inf: expected 0 to 999"),
    (lambda e: e.predict_guided(numpy.zeros((8, 8, 8)), 5, numpy.zeros((16, 128)),
                                numpy.zeros((16, 128)), [3]),
     TypeError, r"`guidance`: expected a number, found \[3\]"),
    (lambda e: e.predict_guided(numpy.zeros((8, 8, 8)), 5, numpy.zeros(3), numpy.zeros((16, 128)),
                                2), diffedit.ArgumentError, "`unconditional`"),
    *[(lambda e, guidance=guidance: e.predict_guided(
        numpy.zeros((8, 8, 8)), 5, numpy.zeros((16, 128)), numpy.zeros((16, 128)), guidance),
       diffedit.ArgumentError, f"guidance {guidance}: expected a finite float32")
      for guidance in (NAN, INFINITY, -INFINITY)],
    (lambda e: e.predict_noise(spoilt((8, 8, 8), NAN), 5, numpy.zeros((16, 128))),
     diffedit.ArgumentError, r"`latent`: expected finite numbers .* found nan at \(2, 5, 2\)"),
    (lambda e: e.predict_noise(numpy.zeros((8, 8, 8)), 5, spoilt((16, 128), INFINITY)),
     diffedit.ArgumentError, r"`embedding`: .* found inf at \(5, 42\)"),
    (lambda e: e.predict_guided(numpy.zeros((8, 8, 8)), 5, spoilt((16, 128), -INFINITY),
                                numpy.zeros((16, 128)), 3),
     diffedit.ArgumentError, r"`unconditional`: .* found -inf at \(5, 42\)"),
    (lambda e: e.encode_pixels(spoilt((3, 32, 32), 1e39)), diffedit.ArgumentError,
     r"`pixels`: expected finite numbers of float32, found 1e\+39 at"),
    (lambda e: e.decode_latent(spoilt((8, 8, 8), NAN)), diffedit.ArgumentError, "`latent`: .* nan"),
    (lambda e: e.encode_pixels(numpy.zeros((3, 30, 33))), diffedit.ArgumentError, "multiple"),
    (lambda e: e.encode_pixels(numpy.zeros((3, 0, 32))), diffedit.ArgumentError, "`pixels`"),
    (lambda e: e.encode_pixels("pixels"), TypeError, "`pixels`: expected an array of floats"),
    (lambda e: e.decode_latent(numpy.zeros((8, 8, 8), complex)), TypeError, "complex128"),
    (lambda e: e.decode_latent(numpy.zeros((8, 8))), diffedit.ArgumentError, r"found \(8, 8\)"),
    (lambda e: e.encode_text(5), TypeError, "`text`: expected a text"),
    (lambda e: e.array("nothing"), diffedit.ArgumentError, "expected one of tokens_from, "),
    (lambda e: e.view("nothing"), diffedit.ArgumentError, "expected one of input, map"),
    (lambda e: e.costs("nothing"), diffedit.ArgumentError, "expected one of find, invert"),
    (lambda e: e.edit("a", "b", output="jpeg"), diffedit.ArgumentError, "expected one of image"),
    (lambda e: e.edit("a", "b", preset="none"), diffedit.ArgumentError, "preset"),
    (lambda e: e.edit("a", "b", preset=""), diffedit.ArgumentError, "preset"),
    (lambda e: e.inpaint("b"), diffedit.ArgumentError, r"needs a mask: set_mask\(\)$"),
    (lambda e: e.set_mask(numpy.zeros((5, 5), bool)), diffedit.ArgumentError, "256x256"),
    (lambda e: e.set_mask(numpy.zeros((256, 256))), TypeError,
     "`mask`: expected an array of bool, uint8 or uint16, found one of float64; a comparison"),
    (lambda e: e.set_mask([[True]]), TypeError, "`mask`: expected .* an array, .* found list"),
    (lambda e: e.set_mask("none.png"), diffedit.FileError, "none.png"),
    (lambda e: e.set_correction(numpy.zeros((256, 256), numpy.uint8)), diffedit.ArgumentError,
     "alpha"),
    (lambda e: e.set_correction(add=numpy.zeros((5, 5), bool)), diffedit.ArgumentError,
     "`add`: expected the picture's size 256x256, found 5x5"),
    (lambda e: e.set_correction(HORSE, add=HORSE), diffedit.ArgumentError, "`correction`"),
    (lambda e: e.set_map(numpy.zeros((3, 3, 3))), diffedit.ArgumentError, "`map`"),
    (lambda e: e.set_map(numpy.full((32, 32), 2.0)), diffedit.ArgumentError, "map"),
    (lambda e: e.set_map(spoilt((32, 32), NAN)), diffedit.ArgumentError, "`map`: .* found nan at"),
    (lambda e: (e.set_map(numpy.zeros((4, 4))), e.find("a horse", "a zebra")),
     diffedit.ArgumentError, "map")])
def test_bad_arguments(model, call, error, words):
    with model.editor(HORSE) as editor:
        with pytest.raises(error, match=words):
            call(editor)
        editor.set_map(None)
        assert editor.find("a horse", "a zebra", **QUICK).share > 0


@pytest.mark.parametrize("call", [
    lambda e: e.edit("a", "b"), lambda e: e.find("a", "b"), lambda e: e.invert(),
    lambda e: e.set_mask(numpy.zeros((5, 5), bool)), lambda e: e.costs("find"),
    lambda e: e.set_correction(add=numpy.zeros((5, 5), bool))])
def test_an_editor_without_a_picture_only_generates(model, call):
    with model.editor() as editor:
        with pytest.raises(diffedit.ArgumentError, match="picture"):
            call(editor)


@pytest.mark.parametrize("path", ["picture.gif", "no/folder/picture.png", "picture"])
def test_files_that_cannot_be_written(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = diffedit.Picture(HORSE)
    with pytest.raises((diffedit.ArgumentError, diffedit.FileError)):
        picture.save(path)
    with pytest.raises(diffedit.ArgumentError, match="quality"):
        picture.save("picture.jpg", quality=101)
    with pytest.raises(diffedit.ArgumentError, match="format"):
        picture.encode("gif")
    with pytest.raises(TypeError, match="`format`: expected a text"):
        picture.encode(None)
    assert list(tmp_path.iterdir()) == []


def test_warnings_go_to_the_log(model, caplog):
    with model.editor(HORSE) as editor:
        editor.edit("a horse", "a dragon", **QUICK)
        assert "dragon" in caplog.text
        editor.set_mask(numpy.zeros((256, 256), bool))
        assert "the mask selects nothing" in caplog.text
        editor.encode_text("horse " * 15 + "end")
        assert 'longer than the model\'s 16 tokens; this part is cut: "horse end"' in caplog.text
        editor.find("(a horse:1.5)", "a zebra", **QUICK)
        assert '`source`: "(a horse:1.5)" is read as it stands' in caplog.text
        assert "use `prompt_syntax` weighted" in caplog.text
        editor.edit("a horse", "a zebra", preset="lcm", **QUICK)
        assert "add its LoRA with `lora`, or use `preset` fast" in caplog.text


def test_warnings_are_seen_where_no_log_is_set_up():
    code = ("import diffedit, numpy\n"
            "editor = diffedit.Model().editor(diffedit.POCKET / 'samples/horse.png')\n"
            "editor.set_mask(numpy.zeros((256, 256), bool))")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "the mask selects nothing" in said.stderr and said.stdout == ""
