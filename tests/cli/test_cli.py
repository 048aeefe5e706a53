"""The program from outside: exact messages, exit statuses, files."""
import fcntl
import io
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import time
import zlib

import numpy as np
import PIL.Image
import pytest

import man_page
from processes import catches

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
TEXTS = ["--from", "a horse", "--to", "a zebra"]
FAST = ["--steps", "4", "--mask-samples", "2", "--size", "64x64"]
STAGES = {"input.png", "tokens-from.npy", "tokens-to.npy", "tokens-negative.npy",
          "embedding-from.npy", "embedding-to.npy", "embedding-negative.npy", "latent.npy"}
MAP_STAGES = {"mask-noise.npy", "map.npy", "map.png", "mask.npy", "mask.png"}
EDIT_STAGES = {"final.npy", "decoded.png", "output.png"}
MODEL = SOURCE / "tests/golden/data/tiny-odd/model"


def run(*arguments, environment=None, **keywords):
    return subprocess.run([str(part) for part in (PROGRAM, *arguments)], capture_output=True,
                          timeout=300, env={**os.environ, **(environment or {})}, **keywords)


def succeed(*arguments, **keywords):
    result = run(*arguments, **keywords)
    assert result.returncode == 0, result.stderr.decode()
    return result


def fail(status, message, *arguments, **keywords):
    """The program exits so, says just this sentence, and nothing on standard output."""
    result = run(*arguments, **keywords)
    assert result.stderr.decode().strip().splitlines()[-1] == f"diffedit: {message}"
    assert (result.returncode, result.stdout) == (status, b"")


def fail_naming(status, *words, command):
    """The program exits so, in one line that names these words."""
    result = run(*command)
    lines = result.stderr.decode().splitlines()
    assert (result.returncode, len(lines)) == (status, 1), lines
    assert lines[0].startswith("diffedit: ")
    assert [word for word in words if word not in lines[0]] == [], lines[0]


def pixels(source):
    return np.asarray(PIL.Image.open(source))


@pytest.fixture(scope="session")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "in.png"
    noise = np.random.default_rng(0).integers(0, 60, (60, 80, 3))
    slope = np.add.outer(2 * np.arange(60), np.arange(80))[:, :, None]
    PIL.Image.fromarray((slope + noise).astype(np.uint8)).save(path)
    return path


def edit(picture, output, *more, texts=TEXTS):
    return ["edit", picture, *texts, "-m", MODEL, *FAST, "-o", output, *more]


@pytest.fixture(scope="session")
def edited(picture, tmp_path_factory):
    """One edit with everything that can be asked for."""
    folder = tmp_path_factory.mktemp("edited")
    result = succeed(*edit(picture, folder / "out.png", "--stages", folder / "stages", "--json",
                           "--sheet", folder / "sheet.png", "--mask-out", folder / "mask.png",
                           "--map-out", folder / "map.png"))
    (folder / "progress").write_bytes(result.stderr)
    return folder, json.loads(result.stdout)


# ---- help ----

def test_without_arguments():
    result = run()
    assert result.returncode == 2 and result.stdout == b""
    assert result.stderr.startswith(b"usage: diffedit COMMAND")


def test_help():
    assert succeed("--help").stdout.startswith(b"usage: diffedit COMMAND")
    assert succeed("-h").stdout == succeed("--help").stdout


def test_version():
    assert re.fullmatch(rb"diffedit \d+\.\d+\.\d+\n", succeed("--version").stdout)


def test_help_of_a_command():
    text = succeed("edit", "--help").stdout.decode()
    assert text.startswith("usage: diffedit edit PICTURE ") and "\n  diffedit edit " in text
    assert len(succeed("edit", "--help-all").stdout.splitlines()) > len(text.splitlines())


def test_help_of_every_command():
    commands = man_page.commands(PROGRAM)
    assert {"edit", "mask", "serve", "model info"} <= set(commands)
    for command in commands:
        text = succeed(*command.split(), "--help").stdout.decode()
        assert text.startswith(f"usage: diffedit {command} ")


def test_a_server_has_no_preset_and_shows_no_progress():
    text = " ".join(succeed("serve", "--help-all").stdout.decode().split())
    assert "default each job's" in text and "default exact" not in text
    assert "--quiet log no line for each request" in text and "progress" not in text


# ---- wrong usage: exit 2, before anything is opened; all of it is in tests/unit/cli ----

@pytest.mark.parametrize("message, arguments", [
    ('unknown command "edti"; did you mean "edit"?', ["edti"]),
    ("--output needs a value", ["edit", "in.png", "-o"]),
    ("--to is required; it may be empty", ["edit", "no.png", "--from", "x", "-o", "x.png"]),
    ('--steps: expected a whole number from 1 to 999, found "0"',
     ["edit", "no.png", *TEXTS, "-o", "x.png", "--steps=0"]),
    ("x.png: given for two outputs",
     ["edit", "no.png", *TEXTS, "-o", "x.png", "--mask-out", "x.png"]),
])
def test_usage(message, arguments, tmp_path):
    fail(2, message, *arguments, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_options_that_do_not_fit(picture, tmp_path):
    output = tmp_path / "out.png"
    fail(2, "--scheduler lms inverts nothing; --encode inversion needs ddim or dpm++2m",
         *edit(picture, output, "--scheduler", "lms", "--encode", "inversion", "-q"))
    fail(2, "--from is empty: --mask-method plus-minus finds the region from that text alone",
         *edit(picture, output, "--preset", "notebook", "-q", texts=["--to", "x"]))
    fail_naming(2, "--size: expected multiples of", "found 63x64",
                command=edit(picture, output, "--size", "63x64", "-q"))
    assert not output.exists()


# ---- outputs are checked before any work ----

def test_output_that_cannot_be_written(picture, tmp_path):
    fail_naming(1, "none/out.png", command=edit(picture, tmp_path / "none/out.png"))
    assert list(tmp_path.iterdir()) == []


def test_output_is_the_input(picture, tmp_path):
    copy, link = tmp_path / "in.png", tmp_path / "link.png"
    shutil.copy(picture, copy)
    link.symlink_to(copy)
    fail(2, f"{link}: is also an input; use --force to overwrite it", *edit(copy, link))
    assert copy.read_bytes() == picture.read_bytes()
    succeed(*edit(copy, copy, "--force"))
    assert "diffedit" in PIL.Image.open(copy).text


# ---- pictures that are none ----

def test_missing_picture(tmp_path):
    fail_naming(1, "none.png", command=edit(tmp_path / "none.png", tmp_path / "out.png"))


def test_text_as_a_picture(tmp_path):
    text = tmp_path / "text.png"
    text.write_text("This is not a picture.\n")
    fail_naming(1, "text.png", command=edit(text, tmp_path / "out.png"))
    assert [path.name for path in tmp_path.iterdir()] == ["text.png"]


def test_decompression_bomb(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I",
                           len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(b"\x89PNG\r\n\x1a\n" +
                     chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b""))
    fail_naming(1, "bomb.png", "30000", command=edit(bomb, tmp_path / "out.png"))


def test_max_pixels(picture, tmp_path):
    fail_naming(1, "in.png", "4799",
                command=edit(picture, tmp_path / "o.png", "--max-pixels", "4799"))
    succeed(*edit(picture, tmp_path / "o.png", "--max-pixels", "4800"))


def test_mask_of_another_size(picture, tmp_path):
    PIL.Image.new("L", (79, 60)).save(tmp_path / "mask.png")
    fail_naming(2, "79", command=edit(picture, tmp_path / "o.png", "--mask", tmp_path / "mask.png"))


@pytest.mark.parametrize("damage, words", [
    (lambda data: data[:-4], "contains fewer values than"),
    (lambda data: data[:-4] + struct.pack("<f", float("nan")), "values from 0 to 1"),
])
def test_damaged_map(edited, picture, tmp_path, damage, words):
    damaged = tmp_path / "map.npy"
    damaged.write_bytes(damage((edited[0] / "stages/map.npy").read_bytes()))
    result = run(*edit(picture, tmp_path / "o.png", "--map-in", damaged))
    assert result.returncode in (1, 2) and words in result.stderr.decode()


# ---- models that are none ----

def test_no_model(picture, tmp_path):
    """A program away from its folders has no pocket model."""
    (tmp_path / "bin").mkdir()
    program = shutil.copy(PROGRAM, tmp_path / "bin")
    result = subprocess.run([program, "edit", picture, *TEXTS, "-o", tmp_path / "out.png"],
                            capture_output=True,
                            env={"LD_LIBRARY_PATH": str(PROGRAM.parent),
                                 "PATH": os.environ["PATH"]})
    if result.returncode == 0:
        pytest.skip("a pocket model is installed")
    assert result.returncode == 1
    assert result.stderr.decode().startswith(
        "diffedit: no model found; name one with --model or DIFFEDIT_MODEL "
        "(the pocket model is not in "
        f"{tmp_path}/bin/../models/pocket, {tmp_path}/bin/../share/diffedit/models/pocket or ")


def test_model_that_is_not_there(picture, tmp_path):
    command = ["edit", picture, *TEXTS, "-o", tmp_path / "out.png"]
    fail(1, "no/such/model: no such model", *command, "-m", "no/such/model")
    fail(1, f"own/name: no such model (nor {tmp_path}/diffedit/models/own/name)", *command,
         "-m",
         "own/name", environment={"XDG_DATA_HOME": str(tmp_path)})
    fail(1, "from/the/environment: no such model", *command,
         environment={"DIFFEDIT_MODEL": "from/the/environment"})


def test_fetched_model(picture, edited, tmp_path):
    folder = tmp_path / "diffedit/models/own"
    folder.mkdir(parents=True)
    (folder / "name").symlink_to(MODEL)
    output = tmp_path / "out.png"
    succeed("edit", picture, *TEXTS, *FAST, "-m", "own/name", "-o", output,
            environment={"XDG_DATA_HOME": str(tmp_path)})
    assert (pixels(output) == pixels(edited[0] / "out.png")).all()


@pytest.fixture
def copied_model(tmp_path):
    return pathlib.Path(shutil.copytree(MODEL, tmp_path / "model"))


def weights_of(model, part):
    return next(path for path in sorted((model / part).glob("*.safetensors")))


def rewrite(path, change):
    """Changes the header of a safetensors file in place of its own."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length:])


def fail_with_model(model, picture, *words):
    fail_naming(1, *words,
                command=["edit", picture, *TEXTS, *FAST, "-m", model, "-o", model.parent / "o.png"])
    assert not (model.parent / "o.png").exists()


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_truncated_weights(copied_model, picture, part):
    path = weights_of(copied_model, part)
    path.write_bytes(path.read_bytes()[:-1])
    fail_with_model(copied_model, picture, path.name)
    path.write_bytes(path.read_bytes()[:100])
    fail_with_model(copied_model, picture, path.name)
    path.write_bytes(b"")
    fail_with_model(copied_model, picture, path.name)
    path.unlink()
    fail_with_model(copied_model, picture, part)


def test_missing_tensor(copied_model, picture):
    rewrite(weights_of(copied_model, "unet"), lambda header: header.pop("conv_in.bias"))
    fail_with_model(copied_model, picture, "conv_in.bias")


def test_tensor_of_another_shape(copied_model, picture):
    rewrite(weights_of(copied_model, "vae"),
            lambda header: header["decoder.conv_in.weight"]["shape"].reverse())
    fail_with_model(copied_model, picture, "decoder.conv_in.weight")


def test_tensor_beyond_the_file(copied_model, picture):
    def reach_out(header):
        header["conv_in.bias"]["data_offsets"] = [1 << 40, (1 << 40) + 4]
    path = weights_of(copied_model, "unet")
    rewrite(path, reach_out)
    fail_with_model(copied_model, picture, path.name)


@pytest.mark.parametrize("file, key, value", [
    ("unet/config.json", "block_out_channels", [64, 64]),
    ("unet/config.json", "block_out_channels", "many"),
    ("unet/config.json", "cross_attention_dim", 12345),
    ("unet/config.json", "act_fn", "mish"),
    ("unet/config.json", "down_block_types", ["UnknownBlock2D"]),
    ("unet/config.json", "norm_num_groups", 0),
    ("vae/config.json", "latent_channels", 5),
    ("vae/config.json", "latent_channels", 1e12),
    ("text_encoder/config.json", "hidden_size", 31),
    ("text_encoder/config.json", "hidden_act", "relu"),
    ("scheduler/scheduler_config.json", "rescale_betas_zero_snr", True),
    ("scheduler/scheduler_config.json", "prediction_type", "sample"),
    ("scheduler/scheduler_config.json", "num_train_timesteps", -5),
    ("model_index.json", "_class_name", "StableDiffusionXLPipeline"),
])
def test_config_that_lies(copied_model, picture, file, key, value):
    path = copied_model / file
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    fail_with_model(copied_model, picture)


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "vae/config.json",
                                  "text_encoder/config.json", "tokenizer/merges.txt"])
def test_files_that_are_damaged_or_missing(copied_model, picture, file):
    path = copied_model / file
    path.write_text("{")
    fail_with_model(copied_model, picture, path.name)
    path.unlink()
    fail_with_model(copied_model, picture, path.name)


def test_defaults_of_the_model(copied_model, picture, tmp_path):
    """The model's defaults for a preset lie over that preset's and under what is given."""
    defaults = {"paper": {"guidance": 3, "seed": 7}, "diffusers": {"guidance": 2}}
    (copied_model / "diffedit.json").write_text(json.dumps({"defaults": defaults}))
    output = tmp_path / "o.png"
    for more, guidance, seed in ([], 3, "7"), (["--seed", "8"], 3,
                                               "8"), (["--preset", "diffusers"], 2, "42"):
        succeed("edit", picture, *TEXTS, *FAST, "-m", copied_model, *more, "-o", output, "--force")
        record = json.loads(PIL.Image.open(output).text["diffedit"])
        assert (record["guidance"], record["seed"]) == (guidance, seed)


@pytest.mark.parametrize("hints, found", [
    ({"defaults": {"paper": {"guidance": 1000}}}, "`guidance`"),
    ({"defaults": {"papers": {"guidance": 3}}}, '"papers"'),
    ({"defaults": {"guidance": 3}}, "guidance"),
    ({"words": "horse"}, "words"),
])
def test_hints_that_lie(copied_model, picture, hints, found):
    (copied_model / "diffedit.json").write_text(json.dumps(hints))
    fail_with_model(copied_model, picture, "diffedit.json", found)


def test_a_word_that_the_model_has_never_seen(copied_model, picture, tmp_path):
    (copied_model / "diffedit.json").write_text(json.dumps({"words": ["a", "horse"]}))
    result = succeed(*["edit", picture, *TEXTS, *FAST, "-m", copied_model, "-o", tmp_path / "o.png",
                       "-q"])
    assert result.stderr.decode().count("never seen") == 1 and b'"zebra"' in result.stderr


# ---- an edit ----

def test_edit_writes_what_was_asked_for(edited, picture):
    folder, said = edited
    input_pixels, result = pixels(picture), pixels(folder / "out.png")
    mask = pixels(folder / "mask.png")
    assert result.shape == input_pixels.shape and result.dtype == input_pixels.dtype
    assert mask.shape == (60, 80) and set(np.unique(mask)) <= {0, 255}
    assert pixels(folder / "map.png").shape == (60, 80)
    assert said["mask_share"] == pytest.approx((mask == 255).mean())
    sheet = PIL.Image.open(folder / "sheet.png").convert("RGB")
    assert sheet.height == 60 and sheet.width == 4 * 80 + 3 * 8
    assert (np.asarray(sheet)[:, :80] == input_pixels).all()
    assert (np.asarray(sheet)[:, -80:] == result).all()


def test_json(edited):
    folder, said = edited
    assert set(said) == {"seed", "evaluations", "seconds", "mask_share", "peak_rss_bytes", "size",
                         "arithmetic", "kernels", "device", "family", "lora", "output", "warnings"}
    assert said["seed"] == "42" and said["size"] == "64x64"
    assert said["output"] == str(folder / "out.png")
    assert set(said["seconds"]) == {"text", "encode", "map", "invert", "denoise", "decode",
                                    "composite", "total"}
    # 2 samples x 2 texts, rint(4 x 0.8) = 3 steps of encoding, 3 guided ones
    assert said["evaluations"] == 4 + 3 + 6
    assert said["peak_rss_bytes"] > 1 << 20


def test_stages(edited):
    folder, _ = edited
    stages = folder / "stages"
    assert {path.name
            for path in stages.iterdir()} == STAGES | MAP_STAGES | EDIT_STAGES | {"inverted.npy"}
    arrays = {path.stem: np.load(path) for path in stages.glob("*.npy")}
    for name, array in arrays.items():
        assert array.dtype == (np.int32 if name.startswith("tokens") else np.float32)
        assert array.flags["C_CONTIGUOUS"]
    channels, height, width = arrays["latent"].shape
    assert arrays["mask-noise"].shape == (2, channels, height, width)
    assert arrays["inverted"].shape == (4, channels, height, width)
    assert arrays["final"].shape == arrays["latent"].shape
    assert arrays["map"].shape == arrays["mask"].shape == (height, width)
    assert (arrays["inverted"][0] == arrays["latent"]).all()
    assert ((arrays["map"] >= 0.5) == arrays["mask"]).all()
    assert arrays["embedding-to"].shape[0] == len(arrays["tokens-to"])
    assert pixels(stages / "input.png").shape == pixels(stages / "decoded.png").shape == (64, 64, 3)
    assert (pixels(stages / "output.png") == pixels(folder / "out.png")).all()
    assert (pixels(stages / "mask.png") == pixels(folder / "mask.png")).all()


def test_result_does_not_depend_on_threads(edited, picture, tmp_path):
    for threads in ("1", "3"):
        succeed(*edit(picture, tmp_path / f"{threads}.png", "-j", threads))
        assert (tmp_path / f"{threads}.png").read_bytes() == (edited[0] / "out.png").read_bytes()


def test_record(edited):
    record = PIL.Image.open(edited[0] / "out.png").text["diffedit"]
    assert record.isascii()
    values = json.loads(record)
    assert values["from"] == "a horse" and values["to"] == "a zebra"
    assert values["model"] == str(MODEL) and values["size"] == "64x64"
    assert values["steps"] == 4 and values["ratio"] == 0.8 and values["seed"] == "42"


def test_no_parameters(edited, picture, tmp_path):
    succeed(*edit(picture, tmp_path / "o.png", "--no-parameters"))
    assert "diffedit" not in PIL.Image.open(tmp_path / "o.png").text
    assert (pixels(tmp_path / "o.png") == pixels(edited[0] / "out.png")).all()
    fail(1, f"{tmp_path}/o.png: has no record of how diffedit made it", "edit", picture, "--again",
         tmp_path / "o.png", "-o", tmp_path / "p.png")


def test_again(edited, picture, tmp_path):
    output = tmp_path / "again.png"
    succeed("edit", picture, "--again", edited[0] / "out.png", "-o", output)
    assert output.read_bytes() == (edited[0] / "out.png").read_bytes()
    succeed("edit", picture, "--again", edited[0] / "out.png", "--seed", "7", "-o", output)
    assert json.loads(PIL.Image.open(output).text["diffedit"])["seed"] == "7"


def test_again_with_another_preset(edited, picture, tmp_path):
    """A preset that is named changes the options in which presets differ, and leaves the rest of
    the record."""
    output = tmp_path / "again.png"
    succeed("edit", picture, "--again", edited[0] / "out.png", "--preset", "notebook", "--steps",
            "3", "-o", output)
    record = json.loads(PIL.Image.open(output).text["diffedit"])
    assert (record["to"], record["size"], record["mask-samples"],
            record["scheduler"]) == ("a zebra", "64x64", 20, "lms")


def test_again_with_odd_texts_and_a_mask(picture, edited, tmp_path):
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    texts = ["--from", 'ein "Pferd" \\ 馬 🐴', "--to", "", "--negative", "é"]
    succeed("inpaint", picture, *texts, "-m", MODEL, "--steps", "3", "--size", "64x64", "--mask",
            edited[0] / "mask.png", "--ratio", "2/3", "-o", first)
    succeed("inpaint", picture, "--again", first, "-o", second)
    assert first.read_bytes() == second.read_bytes()


def test_weighted_texts(edited, picture, tmp_path):
    first, second, plain = (tmp_path / name for name in ("1.png", "2.png", "3.png"))
    texts = ["--from", "a (horse)", "--to", "a (zebra:1.3) BREAK here"]
    result = succeed(*edit(picture, first, "--prompt-syntax", "weighted", "-q", texts=texts))
    assert result.stderr == b""
    assert json.loads(PIL.Image.open(first).text["diffedit"])["prompt-syntax"] == "weighted"
    succeed("edit", picture, "--again", first, "-o", second)
    assert first.read_bytes() == second.read_bytes()
    result = succeed(*edit(picture, plain, "-q", texts=texts))
    assert result.stderr.decode() == (
        'diffedit: warning: --to: "(zebra:1.3)" is read as it stands; to give weights, use '
        "--prompt-syntax weighted\n")
    assert (pixels(first) != pixels(plain)).any()


def test_a_weighted_text_without_marks_is_the_plain_one(edited, picture, tmp_path):
    succeed(*edit(picture, tmp_path / "o.png", "--prompt-syntax", "weighted"))
    assert (pixels(tmp_path / "o.png") == pixels(edited[0] / "out.png")).all()


@pytest.mark.parametrize("text, reason", [
    ("a <lora:x:1>", '"<lora:x:1>": networks are added by --lora, not by a text'),
    ("[a:b:0.5]", '"[a:b:0.5]": prompt editing is not supported'),
    ("[a|b]", '"[a|b]": alternating words are not supported'),
    ("a AND b",
     '"AND": joining prompts is not supported; the word itself is written in lower case'),
    ("(a:1.2.3)", '"(a:1.2.3)": expected a weight from -10 to 10'),
])
def test_texts_that_mean_what_is_not_supported(picture, text, reason, tmp_path):
    for name, texts in (("to", ["--from", "x", "--to", text]),
                        ("from", ["--from", text, "--to", ""])):
        fail(2, f"--{name}: {reason}",
             *edit(picture, tmp_path / "o.png", "--prompt-syntax", "weighted", texts=texts))
    result = succeed(*edit(picture, tmp_path / "o.png", "-q", texts=["--from", "x", "--to", text]))
    assert f"warning: --to: {reason}" in result.stderr.decode()
    assert "--prompt-syntax plain reads it as words" in result.stderr.decode()


def test_a_text_that_is_cut(picture, tmp_path):
    texts = ["--from", "x", "--to", "a " * 14 + "zebra"]
    result = succeed(*edit(picture, tmp_path / "o.png", "-q", texts=texts))
    assert result.stderr.decode() == (
        "diffedit: warning: a text is longer than the model's 16 tokens; this part is cut: "
        '"zebra" (--prompt-syntax weighted cuts nothing)\n')
    result = succeed(*edit(picture, tmp_path / "w.png", "-q", "--prompt-syntax", "weighted",
                           texts=texts))
    assert result.stderr == b""


def test_a_given_map_is_shown_like_a_found_one(edited, picture, tmp_path):
    given = edited[0] / "stages/map.npy"
    succeed(*edit(picture, tmp_path / "o.png", "--map-in", given, "--map-out", tmp_path / "map.png",
                  "--stages",
             tmp_path / "stages", "--sheet", tmp_path / "sheet.png"))
    assert (tmp_path / "stages/map.npy").read_bytes() == given.read_bytes()
    assert (pixels(tmp_path / "map.png") == pixels(edited[0] / "stages/map.png")).all()


def test_map_in_costs_no_evaluation(edited, picture, tmp_path):
    command = edit(picture, tmp_path / "o.png", "--map-in", edited[0] / "stages/map.npy", "--json")
    assert json.loads(succeed(*command).stdout)["evaluations"] == 3 + 6
    assert (pixels(tmp_path / "o.png") == pixels(edited[0] / "out.png")).all()
    share = json.loads(succeed(*command, "--mask-threshold", "0.3").stdout)["mask_share"]
    assert share > edited[1]["mask_share"]


def test_standard_input_and_output(edited, picture):
    result = succeed(*edit("-", "-", "-q"), input=picture.read_bytes())
    assert (pixels(io.BytesIO(result.stdout)) == pixels(edited[0] / "out.png")).all()
    assert result.stderr == b""


def test_options_in_any_order_and_form(edited, picture, tmp_path):
    output = tmp_path / "o.png"
    succeed("edit", f"-o{output}", "--steps=9", "--from=x", "--mask-samples=2", "--size", "64x64",
            f"-m{MODEL}", "--steps=4", "--from", "a horse", "--to=a zebra", "--preset", "paper",
            "-q", "--", picture)
    assert output.read_bytes() == (edited[0] / "out.png").read_bytes()


def test_random_seed(picture, tmp_path):
    result = succeed(*edit(picture, tmp_path / "o.png", "--seed", "-1", "-q", "--json"))
    drawn = re.fullmatch(r"diffedit: seed (\d+)\n", result.stderr.decode())[1]
    assert json.loads(result.stdout)["seed"] == drawn
    assert json.loads(PIL.Image.open(tmp_path / "o.png").text["diffedit"])["seed"] == drawn


def test_equal_texts_change_nothing_and_say_so(picture, tmp_path):
    result = succeed(*edit(picture, tmp_path / "o.png", "--json",
                           texts=["--from", "x", "--to", "x"]))
    said = json.loads(result.stdout)
    assert said["mask_share"] == 0
    assert len(said["warnings"]) >= 1 and "empty" in said["warnings"][-1]
    assert f"diffedit: warning: {said['warnings'][-1]}" in result.stderr.decode()
    assert (pixels(tmp_path / "o.png") == pixels(picture)).all()


@pytest.mark.parametrize("background, paint, share, warning",
                         [(0, 255, 1200 / 4800, None),
                          (0, 90, 0, "the mask selects nothing: its brightest value is 90 of 255"),
                          (255, 200, 1, "the mask selects the whole picture: its values are 200 to"
                           " 255 of 255")])
def test_masks_of_all_or_nothing_are_warned_of(picture, tmp_path, background, paint, share,
                                               warning):
    mask = PIL.Image.new("L", (80, 60), background)
    mask.paste(paint, (20, 10, 50, 50))
    mask.save(tmp_path / "mask.png")
    said = json.loads(succeed("inpaint", picture, "--to", "a zebra", "--mask",
                              tmp_path / "mask.png", "-m", MODEL, *FAST[:2], "-o",
                              tmp_path / "o.png", "--json").stdout)
    assert said["mask_share"] == share
    said_of_it = [line for line in said["warnings"] if "the mask selects" in line]
    assert len(said_of_it) == (warning is not None)
    assert all(line.startswith(warning) for line in said_of_it)


@pytest.mark.parametrize("ending, kind", [("jpg", "JPEG"), ("webp", "WEBP"), ("TIFF", "TIFF")])
def test_kinds_of_output(picture, tmp_path, ending, kind):
    output = tmp_path / f"out.{ending}"
    succeed(*edit(picture, output, "--quality", "100"))
    assert PIL.Image.open(output).format == kind and PIL.Image.open(output).size == (80, 60)
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_plain_progress(edited):
    """Every step of a short run, stage by stage; the rest is in tests/unit/cli/test_progress.c."""
    first, *lines = (edited[0] / "progress").read_text().splitlines()
    assert first == ("diffedit: 80x60 pixels are worked on at 64x64; what changes is scaled to the "
                     "picture's size")
    lines = [line for line in lines if not line.startswith("composite")]
    assert [line.split()[:2] for line in lines] == [
        ["encode", "1/1"], ["map", "1/2"], ["map", "2/2"], ["invert", "1/3"], ["invert", "2/3"],
        ["invert", "3/3"], ["denoise", "1/3"], ["denoise", "2/3"], ["denoise", "3/3"],
        ["decode", "1/1"]]
    assert all(re.fullmatch(r"\w+ +\d/\d  [\d.]+ s/step  (\d+:\d\d left|[\d.]+ s)", line)
               for line in lines)


def on_a_terminal(arguments, columns):
    """What the program writes on a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    with subprocess.Popen([str(part) for part in (PROGRAM, *arguments)], stderr=slave) as process:
        os.close(slave)
        said = b""
        try:
            while part := os.read(master, 65536):
                said += part
        except OSError:  # the other side is closed
            pass
    os.close(master)
    assert process.returncode == 0
    return said.decode()


def test_progress_fits_the_terminal(picture, tmp_path, columns=40):
    said = on_a_terminal(edit(picture, tmp_path / "o.png"), columns)
    drawn = [part.split("\r")[0].split("\n")[0] for part in said.split("\r\x1b[K")[1:]]
    assert len(drawn) > 10 and max(map(len, drawn)) < columns
    assert any("#" in line for line in drawn)
    assert sum(line.startswith("composite") for line in drawn) >= 8
    assert all(line.endswith((" left", " s")) for line in drawn)


def test_a_working_size_that_is_the_pictures_is_not_said(picture, tmp_path):
    PIL.Image.open(picture).resize((64, 64)).save(tmp_path / "own.png")
    said = succeed(*edit(tmp_path / "own.png", tmp_path / "o.png")).stderr.decode()
    assert said.startswith("encode ")


# ---- the other commands ----

def test_mask(edited, picture, tmp_path):
    output = tmp_path / "mask.png"
    succeed("mask", picture, *TEXTS, *FAST, "-m", MODEL, "-o", output, "--stages",
            tmp_path / "stages")
    assert (pixels(output) == pixels(edited[0] / "mask.png")).all()
    assert PIL.Image.open(output).mode == "L"
    assert {path.name
            for path in (tmp_path / "stages").iterdir()} == STAGES | MAP_STAGES | {"output.png"}


def test_inpaint_is_an_edit_with_a_mask(edited, picture, tmp_path):
    output = tmp_path / "o.png"
    common = [picture, "--to", "a zebra", "-m", MODEL, "--steps", "4", "--size", "64x64"]
    succeed("inpaint", *common, "--mask", edited[0] / "mask.png", "-o", output)
    succeed("edit", *common, "--mask", edited[0] / "mask.png", "-o", tmp_path / "p.png")
    assert (pixels(output) == pixels(tmp_path / "p.png")).all()


def test_invert(edited, picture, tmp_path):
    output = tmp_path / "out.npy"
    succeed("invert", picture, "-m", MODEL, "--steps", "4", "--size", "64x64", "-o", output)
    assert output.read_bytes() == (edited[0] / "stages/inverted.npy").read_bytes()
    result = succeed("invert", picture, "-m", MODEL, "--steps", "4", "--size", "64x64", "-o", "-",
                     "-q")
    assert result.stdout == output.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["out.npy"]


@pytest.mark.parametrize("more", [[], ["--preset", "notebook", "--steps", "3"], ["--rng", "cuda"]])
def test_generate(tmp_path, more):
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    succeed("generate", "--to", "a zebra", "-m", MODEL, "--steps", "3", *more, "-o", first,
            "--stages", tmp_path / "stages")
    succeed("generate", "--again", first, "-o", second)
    assert first.read_bytes() == second.read_bytes()
    names = {path.name for path in (tmp_path / "stages").iterdir()}
    assert names >= {"tokens-to.npy", "embedding-to.npy", "noise.npy", "final.npy", "decoded.png"}
    assert not names & {"latent.npy", "inverted.npy", "map.npy", "input.png"}


def test_notebook(picture, tmp_path):
    output = tmp_path / "o.png"
    succeed(*edit(picture, output, "--preset", "notebook", "--steps", "6", "--stages",
                  tmp_path / "stages"))
    names = {path.name for path in (tmp_path / "stages").iterdir()}
    assert {"noise.npy", "map.npy"} <= names and "inverted.npy" not in names
    assert np.load(tmp_path / "stages/map.npy").shape == (64, 64)


# ---- Ctrl-C ----

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt(picture, tmp_path, number):
    command = edit(picture, tmp_path / "o.png", "--mask-samples", "1000", "--steps", "400",
                   "--stages", tmp_path / "stages", "--mask-out", tmp_path / "m.png")
    process = subprocess.Popen([str(part) for part in (PROGRAM, *command)], stderr=subprocess.PIPE)
    assert any(b"map" in line for line in process.stderr)
    process.send_signal(number)
    start = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert process.returncode == (129 if number == signal.SIGHUP else 130)
    assert said.endswith(b"diffedit: interrupted\n")
    assert time.monotonic() - start < 20
    assert list(tmp_path.iterdir()) == []


def test_interrupt_while_waiting_for_input(tmp_path):
    command = [str(part) for part in (PROGRAM, *edit("-", tmp_path / "o.png"))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    while not catches(process, signal.SIGINT):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    process.stdin.close()
    assert process.stderr.read() == b"diffedit: interrupted\n"


def test_a_signal_ignored_at_the_start_stays_ignored(picture, tmp_path):
    command = [str(part) for part in (PROGRAM, *edit(picture, tmp_path / "o.png"))]
    process = subprocess.Popen(["nohup", *command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert any(b"map" in line for line in process.stderr)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0 and (tmp_path / "o.png").exists()


# ---- pipes, links, spellings ----

def test_pictures_and_masks_through_pipes(picture, tmp_path):
    mask = tmp_path / "mask.png"
    PIL.Image.new("L", (80, 60), 255).save(mask)
    shell = ('exec "$0" inpaint <(cat "$1") --mask <(cat "$2") --to "a zebra" --steps 1 '
             '-m "$3" -o "$4"')
    subprocess.run(["bash", "-c", shell, PROGRAM, picture, mask, MODEL, tmp_path / "o.png"],
                   check=True, capture_output=True)
    by_name = edit("/dev/stdin", tmp_path / "p.png", "--mask", mask)
    succeed(*by_name, input=picture.read_bytes())
    fail(2, "the picture and --mask cannot both come from standard input",
         *edit("-", tmp_path / "q.png", "--mask", "/dev/stdin"), input=b"")
    recorded = tmp_path / "r.png"
    succeed(*edit(picture, recorded, "--mask", "-"), input=mask.read_bytes())
    fail(2, f'{recorded}: its mask came from a stream ("-"), which is gone; give it as --mask FILE',
         "edit", picture, "--again", recorded, "-o", tmp_path / "s.png")
    succeed("edit", picture, "--again", recorded, "--mask", mask, "-o", tmp_path / "s.png")


def test_output_through_links_and_pipes(picture, tmp_path):
    target, link, pipe = tmp_path / "target.png", tmp_path / "link.png", tmp_path / "pipe.png"
    target.write_bytes(b"old")
    target.chmod(0o600)
    link.symlink_to("target.png")
    succeed(*edit(picture, link))
    assert link.is_symlink() and target.stat().st_mode & 0o777 == 0o600
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    succeed(*edit(picture, pipe))
    assert reader.communicate()[0] == target.read_bytes()
    fail(2, f"{tmp_path}/./m.png: given for two outputs",
         *edit(picture, tmp_path / "m.png", "--mask-out", f"{tmp_path}/./m.png"))
    array = tmp_path / "array.npy"
    array.symlink_to("real.npy")
    succeed("invert", picture, "-m", MODEL, "--steps", "2", "--size", "64x64", "-o", array)
    assert array.is_symlink() and (tmp_path / "real.npy").exists()


# ---- bench ----

def test_bench_times_every_network():
    result = json.loads(succeed("bench", "--shape", "pocket", "--size", "64x64", "--repeat", "2",
                                "-j", "2", "--json").stdout)
    networks = ["text_encoder", "vae_encode", "unet", "guided_step", "vae_decode"]
    times = [f"{name}_s" for name in networks]
    assert set(result) == {*times, "model", "shape", "size", "repeat", "threads", "cpu", "kernels",
                           "arithmetic", "device", "device_title", "family", "peak_gflops",
                           "fma_peak_gflops", "peak_rss_bytes", "device_seconds", "gflop"}
    assert (result["model"], result["shape"], result["size"],
            result["threads"]) == (None, "pocket", "64x64", 2)
    assert all(0 < result[name] < 60 for name in times)
    assert 10e6 < result["peak_rss_bytes"] < 1e9 and result["fma_peak_gflops"] > 0.1
    assert (result["device"], result["device_title"], result["family"]) == \
        ("cpu", result["cpu"], result["kernels"])
    assert result["device_seconds"] is None and result["peak_gflops"] > 0.1
    assert result["gflop"]["guided_step"] / result["gflop"]["unet"] == pytest.approx(2, rel=0.1)


def test_bench_of_a_model_prints_a_table():
    lines = succeed("bench", "-m", MODEL, "--repeat", "1", "-j", "1").stdout.decode().splitlines()
    assert re.fullmatch(re.escape(str(MODEL)) + r", \d+x\d+, 1 thread, median of 1", lines[0])
    assert re.fullmatch(r".+, \w+ kernels, exact arithmetic, FMA peak \d+ GFLOP/s", lines[1])
    assert [re.split(r"  +", line)[0] for line in lines[3:]] == [
        "text encoder", "VAE encode", "UNet", "UNet, guided (batch of 2)", "VAE decode",
        "peak memory"]


def test_bench_of_a_whole_edit():
    result = json.loads(succeed("bench", "--edit", "--shape", "pocket", "--preset", "fast",
                                "--steps", "3", "--ratio", "1", "--repeat", "1", "--json").stdout)
    assert result["evaluations"] == 4 + 3 + 6 and result["preset"] == "fast"
    stages = result["seconds"]
    total = stages.pop("total")
    assert set(stages) == {"text", "encode", "map", "invert", "denoise", "decode", "composite"}
    assert all(value > 0 for value in stages.values()) and sum(stages.values()) <= total * 1.001
    assert result["size"] == "128x128"
    box = succeed("bench", "--edit", "-m", MODEL, "--preset", "lcm", "--region", "crop",
                  "--composite", "pixel", "--repeat", "1").stdout.decode().splitlines()
    assert box[0].startswith("an edit by preset lcm, ") and "24x20" in box[0]
    assert any(line.startswith("evaluations ") and line.endswith(" 8") for line in box)


def test_bench_wrong_usage():
    fail(2, 'a model\'s shape: expected sd14, sd21 or pocket, found "sd15"', "bench", "--shape",
         "sd15")
    fail(2, "--model and --shape cannot be used together", "bench", "--shape", "pocket", "-m",
         MODEL)
    fail(2, "--size 66x64: expected multiples of 4", "bench", "--shape", "pocket", "--size",
         "66x64")
    fail(2, "--steps needs --edit", "bench", "--steps", "3")
    fail(2, "--preset needs --edit", "bench", "--preset", "fast")
    fail(2, 'unexpected argument "in.png": diffedit bench takes none', "bench", "in.png")
