"""diffedit model info, check and convert."""
import fcntl
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import time

import numpy as np
import pytest

import files
from test_models import EDIT, PROGRAM, copy, picture, run, sd1, single  # noqa: F401 (fixtures)

TINY = files.SOURCE / "tests/golden/data"


def read_safetensors(path):
    """(metadata, {name: array}); bf16 as uint16"""
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    assert length % 8 == 0
    types = {"F16": np.float16, "F32": np.float32, "BF16": np.uint16}
    metadata, tensors = header.pop("__metadata__"), {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + length + begin:8 + length + end], types[entry["dtype"]])
        assert begin % values.itemsize == 0
        tensors[name] = values.reshape(entry["shape"])
    return metadata, tensors


def convert(model, output, *more):
    result = run("model", "convert", model, "-o", output, "-q", *more)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not list(output.parent.glob("*.part"))
    return output


def refused(status, *command):
    result = run(*command)
    lines = result.stderr.splitlines()
    assert (result.returncode, len(lines)) == (status, 1), lines
    return lines[0]


def problems(model, *more):
    """What `model check` finds: in lines, and the same as JSON."""
    result = run("model", "check", model, *more)
    as_json = run("model", "check", model, "--json", *more)
    lines = result.stdout.splitlines()
    assert json.loads(as_json.stdout) == {"path": str(model), "problems": lines}
    assert as_json.returncode == result.returncode == 1
    plural = "s" if len(lines) != 1 else ""
    assert result.stderr == f"diffedit: {model}: {len(lines)} problem{plural}\n"
    return [line.replace(str(model), "MODEL") for line in lines]


# ---- convert ----

def test_converted_it_makes_the_same_picture(sd1, tmp_path):  # noqa: F811
    folder, expected = sd1
    original = single(tmp_path / "o.safetensors", files.original(files.SD1))
    one, other = convert(folder,
                         tmp_path / "a.safetensors"), convert(original, tmp_path / "b.safetensors")
    assert picture(one, tmp_path / "a.png") == picture(other, tmp_path / "b.png") == expected
    tensors = read_safetensors(one)[1]
    assert tensors.keys() == read_safetensors(other)[1].keys()
    for part, made in [("unet", files.unet(files.SD1)), ("vae", files.vae(files.SD1)),
                       ("text_encoder", files.text_encoder(files.SD1))]:
        for name, values in made.items():
            assert tensors[f"{part}.{name}"].dtype == np.float16
            assert (tensors[f"{part}.{name}"].ravel() == values.ravel()).all(), name


def test_converted_again_it_is_the_same_file(sd1, tmp_path):  # noqa: F811
    once = convert(sd1[0], tmp_path / "once.safetensors")
    assert convert(once, tmp_path / "twice.safetensors").read_bytes() == once.read_bytes()


@pytest.mark.parametrize("name", ["tiny-odd", "tiny-sd1", "tiny-sd2", "tiny-inpaint"])
def test_odd_sizes_vocabularies_and_schedules_survive(tmp_path, name):
    model = TINY / name / "model"
    if not model.exists():
        pytest.skip("no such model")
    packed = convert(model, tmp_path / "m.safetensors")
    infos = [json.loads(run("model", "info", path, "--json").stdout) for path in (model, packed)]
    for info in infos:
        del info["path"], info["layout"]
    assert infos[0] == infos[1]
    pictures = []
    for path in (model, packed):
        output = tmp_path / "out.png"
        result = run(*EDIT[:-6], "--steps", "3", "--mask-samples", "1", "-m", path, "-o", output,
                     "-q", "--no-parameters")
        assert result.returncode == 0, result.stderr
        pictures.append(output.read_bytes())
    assert pictures[0] == pictures[1]


def test_hints_survive(tmp_path):
    packed = convert(files.SOURCE / "models/pocket", tmp_path / "m.safetensors")
    notes = read_safetensors(packed)[0]
    assert notes["diffedit.json"] == (files.SOURCE / "models/pocket/diffedit.json").read_text()
    warned = run("mask", *EDIT[1:2], "--from", "a horse", "--to", "a qwertyuiop", "-m", packed,
                 "-q", "-o", tmp_path / "o.png", *EDIT[6:12])
    assert "qwertyuiop" in warned.stderr


def test_sd2_keeps_what_it_predicts(tmp_path):
    model = single(tmp_path / "m.safetensors", files.original(files.SD2))
    expected = picture(model, tmp_path / "e.png", "--prediction", "v")
    packed = convert(model, tmp_path / "p.safetensors", "--prediction", "v")
    assert picture(packed, tmp_path / "o.png") == expected


def test_a_given_part_is_packed(sd1, tmp_path):  # noqa: F811
    tensors = {name: values for name, values in files.original(files.SD1).items()
               if "first_stage" not in name}
    model = single(tmp_path / "m.safetensors", tensors)
    said = refused(1, "model", "convert", model, "-o", tmp_path / "p.safetensors")
    assert "has no autoencoder; name one with --vae" in said
    packed = convert(model, tmp_path / "p.safetensors", "--vae", sd1[0] / "vae")
    assert picture(packed, tmp_path / "o.png") == sd1[1]
    given = convert(model, tmp_path / "q.safetensors", "--vae", packed)
    assert given.read_bytes() == packed.read_bytes()


def test_precisions(copy, tmp_path):  # noqa: F811
    folder, _ = copy
    path = folder / "unet/diffusion_pytorch_model.safetensors"
    wide = {name: values.astype(np.float32) * np.float32(1.0001)
            for name, values in files.unet(files.SD1).items()}
    files.write_safetensors(path, wide)
    kept = read_safetensors(convert(folder, tmp_path / "kept.safetensors"))[1]
    assert {values.dtype for name, values in kept.items()
            if name.startswith("unet.")} == {np.dtype(np.float32)}
    assert {values.dtype for name, values in kept.items()
            if name.startswith("vae.")} == {np.dtype(np.float16)}
    half = convert(folder, tmp_path / "half.safetensors", "--precision", "f16")
    back = convert(half, tmp_path / "back.safetensors", "--precision", "f32")
    narrow, again = read_safetensors(half)[1], read_safetensors(back)[1]
    for name, values in wide.items():
        rounded = values.astype(np.float16).ravel()
        assert (narrow[f"unet.{name}"].ravel() == rounded).all()
        assert (again[f"unet.{name}"].ravel() == rounded.astype(np.float32)).all()


def test_what_f16_cannot_hold(copy, tmp_path):  # noqa: F811
    folder, _ = copy
    tensors = {name: values.astype(np.float32) for name, values in files.vae(files.SD1).items()}
    tensors["quant_conv.bias"][3] = 70000
    files.write_safetensors(folder / "vae/diffusion_pytorch_model.safetensors", tensors)
    output = tmp_path / "o.safetensors"
    assert refused(1, "model", "convert", folder, "-o", output, "-q", "--precision", "f16") == (
        "diffedit: tensor `vae.quant_conv.bias` contains 70000, which is too large for f16; "
        "convert to f32 instead")
    assert list(tmp_path.glob("o.*")) == []


def test_convert_wrong_usage(sd1, tmp_path):  # noqa: F811
    model = convert(sd1[0], tmp_path / "m.safetensors")
    assert refused(2, "model", "convert", model) == "diffedit: --output is required"
    assert refused(2, "model", "convert", "-o", "x.safetensors") == "diffedit: a model is required"
    assert refused(2, "model", "convert", model, "-o", "x.ckpt") == (
        "diffedit: x.ckpt: expected a name that ends in .safetensors")
    assert refused(2, "model", "convert", model, "-o", model) == (
        f"diffedit: {model}: the output is the model itself")
    output = tmp_path / "x.safetensors"
    assert refused(2, "model", "convert", model, "-o", output, "--precision", "f8") == (
        'diffedit: --precision: expected f16 or f32, found "f8"')
    output = tmp_path / "none/x.safetensors"
    assert f"{output}: cannot be written" in refused(1, "model", "convert", model, "-o", output)
    assert "takes one model" in refused(2, "model", "info", model, model)
    assert refused(2, "model") == (
        "diffedit: expected info, check, convert or pull after model; see `diffedit --help`")
    assert refused(2, "model", "inof") == (
        'diffedit: unknown command "model inof"; did you mean "model info"?')


def test_a_packed_file_of_tomorrow(sd1, tmp_path):  # noqa: F811
    path = convert(sd1[0], tmp_path / "m.safetensors")
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"diffedit":"1"', b'"diffedit":"2"', 1))
    assert refused(1, "model", "info", path) == (
        f"diffedit: {path}: expected version 1 of diffedit's packed models, found version \"2\"")
    path.write_bytes(data.replace(b'"unet/config.json"', b'"unet/konfig.json"', 1))
    assert problems(path) == ["MODEL: unet/config.json is missing"]


# ---- info ----

def test_info(tmp_path):
    model = single(tmp_path / "m.safetensors", files.original(files.SD1))
    lines = run("model", "info", model).stdout.splitlines()
    assert lines[0] == str(model)
    assert [re.split("  +", line.strip(), maxsplit=1) for line in lines[1:6]] == [
        ["kind", "Stable Diffusion, of its own size"],
        ["layout", "one file in the original layout"],
        ["native size", "256x256 pixels, 4 to a cell"], ["texts", "77 tokens, 64 numbers each"],
        ["prediction", "epsilon, 1000 timesteps"]]
    assert [line.split()[-1] for line in lines[-3:]] == ["f16"] * 3
    info = json.loads(run("model", "info", model, "--json").stdout)
    assert info["parameters"] == sum(part["parameters"] for part in info["parts"].values()) == sum(
        values.size for made in (files.unet, files.vae, files.text_encoder)
        for values in made(files.SD1).values())
    assert info["parts"]["unet"]["bytes"] == 2 * info["parts"]["unet"]["parameters"]
    assert info["problems"] == []


def test_info_of_what_is_incomplete(tmp_path):
    tensors = {name: values for name, values in files.original(files.SD2).items()
               if "first_stage" not in name}
    model = single(tmp_path / "m.safetensors", tensors)
    info = json.loads(run("model", "info", model, "--json").stdout)
    assert (info["parts"]["vae"], info["prediction"], info["factor"]) == (None, "unknown", 0)
    assert [problem.split(": ", 1)[1][:30] for problem in info["problems"]] == [
        "a Stable Diffusion 2 file does", "has no autoencoder; name one w"]
    result = run("model", "info", model)
    assert result.returncode == 0 and "  autoencoder    missing\n" in result.stdout
    assert json.loads(run("model", "info", model, "--json", "--prediction",
                          "v").stdout)["prediction"] == "v"


def test_info_of_an_inpainting_model(tmp_path):
    info = json.loads(run("model", "info",
                          single(tmp_path / "m.safetensors", files.original(files.INPAINTING)),
                          "--json").stdout)
    assert info["inpainting"] is True


@pytest.mark.parametrize("content", [b"", b"{}", b"not a model"])
def test_what_is_no_model(tmp_path, content):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    for command in ("info", "check"):
        assert str(path) in refused(1, "model", command, path)


# ---- check ----

def test_check_of_a_whole_model(sd1):  # noqa: F811
    result = run("model", "check", sd1[0])
    assert (result.returncode, result.stdout, result.stderr) == (
        0, f"{sd1[0]}: OK: every tensor is present, has the right shape and is finite\n", "")


def test_check_finds_everything_at_once(tmp_path):
    tensors = files.original(files.SD1)
    del tensors["model.diffusion_model.middle_block.0.in_layers.2.weight"]
    del tensors["model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_k.weight"]
    del tensors["first_stage_model.decoder.mid.attn_1.v.bias"]
    tensors["model.diffusion_model.out.2.bias"] = np.zeros(5, np.float16)
    tensors["model.diffusion_model.out.0.bias"] = np.zeros(32, np.int64)
    tensors["first_stage_model.quant_conv.weight"][2, 3] = np.nan
    values = tensors["cond_stage_model.transformer.text_model.encoder.layers.1.mlp.fc1.weight"]
    values[0, 0], values[5, 6] = np.inf, -np.inf
    part = "MODEL: tensor {} contains {}"
    assert set(problems(single(tmp_path / "m.safetensors", tensors))) == {
        "MODEL: tensor `mid_block.resnets.0.conv1.weight` is missing",
        "MODEL: tensor `mid_block.attentions.0.transformer_blocks.0.attn1.to_k.weight` is missing",
        "MODEL: tensor `decoder.mid_block.attentions.0.to_v.bias` is missing",
        "MODEL: tensor `model.diffusion_model.out.2.bias` (`conv_out.bias`): expected shape [4], "
        "found [5]",
        "MODEL: tensor `model.diffusion_model.out.0.bias` (`conv_norm_out.bias`): expected a "
        "floating-point type (F64, F32, F16, BF16, F8_E4M3 or F8_E5M2), found I64",
        part.format("`first_stage_model.quant_conv.weight` (`quant_conv.weight`)",
                    "1 value that is not finite, of 64"),
        part.format("`cond_stage_model.transformer.text_model.encoder.layers.1.mlp.fc1.weight` "
                    "(`text_model.encoder.layers.1.mlp.fc1.weight`)",
                    "2 values that are not finite, of 16384")}


def test_check_of_a_folder_finds_everything_at_once(copy):  # noqa: F811
    folder, _ = copy
    (folder / "scheduler/scheduler_config.json").write_text('{"prediction_type": "sample"}')
    (folder / "tokenizer/merges.txt").unlink()
    (folder / "text_encoder/config.json").write_text("{")
    (folder / "vae/diffusion_pytorch_model.safetensors").unlink()
    tensors = files.unet(files.SD1)
    tensors["conv_in.bias"][0] = np.nan
    files.write_safetensors(folder / "unet/diffusion_pytorch_model.safetensors", tensors)
    found = problems(folder)
    assert [line.split(": ")[0] for line in found] == [
        "MODEL/text_encoder/config.json", "MODEL/scheduler/scheduler_config.json", "MODEL/vae",
        "MODEL/tokenizer/merges.txt", "MODEL/unet/diffusion_pytorch_model.safetensors"]
    assert "`conv_in.bias` contains 1 value" in found[-1]


def is_asleep(process):
    """Whether it waits for something, and not for a processor."""
    state = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2]
    return state.startswith("S")


@pytest.mark.parametrize("more, said_of_it", [
    ([], r"the file had \d+ bytes when it was opened, and now has 4096"),
    (["--precision", "f32"], "became shorter, or could not be read, while it was in use")])
def test_a_model_that_shrinks_while_it_is_converted(sd1, tmp_path, more, said_of_it):  # noqa: F811
    model = convert(sd1[0], tmp_path / "m.safetensors")
    read, write = os.pipe()
    size = fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    os.write(write, bytes(size))  # the first word of progress has to wait
    process = subprocess.Popen([PROGRAM, "model", "convert", model, "-o",
                                tmp_path / "o.safetensors", *more], stderr=write)
    os.close(write)
    deadline = time.monotonic() + 60
    while not (list(tmp_path.glob(".diffedit-*.part")) and is_asleep(process)):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.truncate(model, 4096)
    said = b""
    while block := os.read(read, 4096):
        said += block
    os.close(read)
    assert process.wait(timeout=60) == 1
    lines = said.strip(b"\0").decode().splitlines()
    assert re.fullmatch(f"diffedit: {re.escape(str(model))}: {said_of_it}", lines[-1])
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_an_interrupted_conversion_leaves_nothing(sd1, tmp_path):  # noqa: F811
    reading, writing = tmp_path / "m.safetensors", tmp_path / "o.safetensors"
    convert(sd1[0], reading)
    process = subprocess.Popen([PROGRAM, "model", "convert", reading, "-o", writing, "--precision",
                                "f32"],
                               stderr=subprocess.PIPE, bufsize=0)
    process.stderr.read(1)  # it has begun
    process.send_signal(signal.SIGINT)
    status = process.wait(timeout=60)
    there = sorted(path.name for path in tmp_path.iterdir())
    assert (status, there) in [(130, ["m.safetensors"]), (0, ["m.safetensors", "o.safetensors"])]
