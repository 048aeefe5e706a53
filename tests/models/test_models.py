"""The forms in which people have Stable Diffusion: all of them make the same picture, to the last
bit."""
import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

import checkpoints
import files

PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", files.SOURCE / "build/diffedit")).resolve()
SAMPLE = files.SOURCE / "models/pocket/samples/horse.png"
# As small as an edit can be in which every tensor shows: with the sign of any other than a few
# biases turned, the picture is another.
EDIT = ["edit", SAMPLE, "--from", "a horse", "--to", "a zebra!", "--steps", "2", "--mask-samples",
        "1", "--size", "32x32", "--quiet", "--no-parameters"]


def run(*arguments):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DIFFEDIT_M")}
    return subprocess.run([str(part) for part in (PROGRAM, *arguments)], capture_output=True,
                          text=True, timeout=300, env=clean)


def picture(model, output, *more):
    result = run(*EDIT, "-m", model, "-o", output, "--force", *more)
    assert result.returncode == 0, result.stderr
    return output.read_bytes()


def refused(model, *more):
    result = run(*EDIT, "-m", model, "-o", model.parent / "never.png", *more)
    lines = result.stderr.splitlines()
    assert (result.returncode, len(lines)) == (1, 1), lines
    assert not (model.parent / "never.png").exists()
    return lines[0]


@pytest.fixture(scope="session")
def sd1(tmp_path_factory):
    """A folder, and the picture that it makes."""
    folder = files.write_folder(tmp_path_factory.mktemp("sd1") / "model", files.SD1)
    return folder, picture(folder, folder.parent / "expected.png")


@pytest.fixture(scope="session")
def sd2(tmp_path_factory):
    folder = files.write_folder(tmp_path_factory.mktemp("sd2") / "model", files.SD2)
    return folder, picture(folder, folder.parent / "expected.png")


@pytest.fixture
def copy(sd1, tmp_path):
    return pathlib.Path(shutil.copytree(sd1[0], tmp_path / "copy")), sd1[1]


def single(path, tensors, **more):
    files.write_safetensors(path, tensors, **more)
    return path


# ---- single files ----

def renamed(*pairs, kind=files.SD1):
    """The tensors of a model, with the first of the beginnings that fits replaced by another."""
    tensors = {}
    for name, values in files.original(kind).items():
        for old, new in pairs:
            if name.startswith(old):
                name = new + name[len(old):]
                break
        tensors[name] = values
    return tensors


@pytest.mark.parametrize("pairs", [
    [("", "module.")], [("", "_orig_mod.")], [("", "state_dict.")], [("", "model.")],
    [("", "state_dict.module.model.")], [("", "pipe.ldm.")],
    [("model.diffusion_model.", "model.diffusion_model._orig_mod."),
     ("first_stage_model.", "first_stage_model.module.")],
    [("model.diffusion_model.", "diffusion_model.")],
    [("first_stage_model.", "vae."),
     ("cond_stage_model.transformer.", "text_encoders.clip_l.transformer.")],
    [("cond_stage_model.transformer.", "cond_stage_model.clip_l.transformer.")]],
    ids=lambda pairs: " ".join(new for _, new in pairs))
def test_names_that_tools_leave(sd1, tmp_path, pairs):
    model = single(tmp_path / "m.safetensors", renamed(*pairs))
    result = run(*EDIT, "-m", model, "-o", tmp_path / "o.png")
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "o.png").read_bytes() == sd1[1]


def test_names_that_tools_leave_in_sd2(tmp_path):
    metadata = {"modelspec.prediction_type": "v"}
    expected = picture(single(tmp_path / "m.safetensors", files.original(files.SD2),
                              metadata=metadata), tmp_path / "e.png")
    tensors = renamed(("cond_stage_model.model.", "text_encoder.model."), kind=files.SD2)
    model = single(tmp_path / "n.safetensors", tensors, metadata=metadata)
    assert picture(model, tmp_path / "o.png") == expected


def test_names_that_tools_leave_in_parts(copy, sd1, tmp_path):
    """In the files of a folder, and in what is given beside a model."""
    folder, expected = copy
    for path, tensors in [("unet/diffusion_pytorch_model.safetensors", files.unet(files.SD1)),
                          ("text_encoder/model.safetensors", files.text_encoder(files.SD1))]:
        files.write_safetensors(folder / path, {f"module._orig_mod.{name}": values
                                                for name, values in tensors.items()})
    vae = single(tmp_path / "vae.safetensors", {
        name.replace("first_stage_model.", "vae."): values
        for name, values in files.original(files.SD1).items() if name.startswith("first_stage")})
    text = single(tmp_path / "text.safetensors", {
        name.replace("cond_stage_model.", "text_encoders.clip_l."): values
        for name, values in files.original(files.SD1).items() if name.startswith("cond_stage")})
    shutil.rmtree(folder / "vae")
    assert picture(folder, tmp_path / "o.png", "--vae", vae) == expected
    assert picture(folder, tmp_path / "o.png", "--vae", vae, "--text-encoder", text) == expected


def test_messages_keep_the_names_of_the_file(tmp_path):
    tensors = renamed(("", "module.model."))
    tensors["module.model.model.diffusion_model.out.2.bias"] = np.zeros(5, np.float16)
    said = refused(single(tmp_path / "m.safetensors", tensors))
    assert ("tensor `module.model.model.diffusion_model.out.2.bias` (`conv_out.bias`): expected "
            "shape [4], found [5]") in said
    tensors = files.original(files.SD1)
    tensors["module.model.diffusion_model.out.2.bias"] = np.zeros(4, np.float16)
    assert "model.diffusion_model.out.2.bias` occurs twice" in refused(
        single(tmp_path / "twice.safetensors", tensors))

def test_sd1(sd1, tmp_path):
    assert picture(single(tmp_path / "m.safetensors", files.original(files.SD1)),
                   tmp_path / "o.png") == sd1[1]


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: checkpoints.mapping(
    {"epoch": checkpoints.integer(13), "state_dict": state,
     "global_step": checkpoints.integer(470000)}),
    lambda state: checkpoints.mapping({"version": checkpoints.call(
        checkpoints.name("torch.torch_version", "TorchVersion"), checkpoints.text("2.4")),
        "dtype": checkpoints.name("torch", "float64"), "model": checkpoints.mapping(
            {"state_dict": state})}),
    lambda state: checkpoints.mapping({"step": checkpoints.integer(1), "ema": state})])
def test_a_checkpoint(sd1, tmp_path, wrap):
    """Told by its content: the name may be anything."""
    model = checkpoints.write_checkpoint(tmp_path / "m.safetensors", files.original(files.SD1),
                                         wrap)
    assert picture(model, tmp_path / "o.png") == sd1[1]


@pytest.mark.parametrize("write", [single, checkpoints.write_checkpoint])
def test_mixed_precisions(tmp_path, write):
    plain = {name: files.rounded(values) for name, values in files.original(files.SD1).items()}
    convert = [lambda values: values.astype(np.float32), lambda values: values.astype(np.float16),
               files.brain]
    mixed = {name: convert[i % 3](values) for i, (name, values) in enumerate(plain.items())}
    expected = picture(single(tmp_path / "plain.safetensors", plain), tmp_path / "e.png")
    assert picture(write(tmp_path / "mixed", mixed), tmp_path / "o.png") == expected


@pytest.mark.parametrize("write", [single, checkpoints.write_checkpoint])
def test_doubles(sd1, tmp_path, write):
    doubles = {name: values.astype(np.float64) if values.dtype == np.float16 else values
               for name, values in files.original(files.SD1).items()}
    model = write(tmp_path / "m", doubles)
    assert picture(model, tmp_path / "o.png") == sd1[1]
    info = json.loads(run("model", "info", model, "--json").stdout)
    unet = info["parts"]["unet"]
    assert (unet["precisions"]["f64"], unet["bytes"]) == (unet["tensors"], 8 * unet["parameters"])
    assert info["problems"] == [] and run("model", "check", model).returncode == 0
    packed = tmp_path / "packed.safetensors"
    assert run("model", "convert", model, "-o", packed).returncode == 0
    assert picture(packed, tmp_path / "o.png") == sd1[1]
    parts = json.loads(run("model", "info", packed, "--json").stdout)["parts"]
    assert parts["unet"]["precisions"]["f32"] == unet["tensors"]


UNET = "model.diffusion_model."


def in_8_bits(write, read, scale=None, scale_name="scale_weight"):
    """A model whose UNet is in 8 bits, and the same in float32. With a scale the vectors stay
    float32, as tools leave them."""
    plain, eight = files.original(files.SD1), {}
    if scale:
        eight[UNET + "scaled_fp8"] = np.zeros(2, np.uint8).view(files.E4M3)
    for number, (name, values) in enumerate(list(plain.items())):
        if not name.startswith(UNET) or (scale and not name.endswith(".weight")):
            eight[name] = values
            continue
        own = np.float32(scale * (1 + number % 7) if scale else 1)
        eight[name] = write(values.astype(np.float32) / own)
        plain[name] = read(eight[name]).astype(np.float32) * own
        if scale:
            stem = name[:-len("weight")]
            eight[stem + scale_name] = np.array(own).reshape([[], [1]][number % 2])
            eight[stem + "scale_input"] = np.ones(1, np.float32)
    return plain, eight


@pytest.mark.parametrize("scaled", [
    (files.e4m3, files.from_e4m3), (files.e5m2, files.from_e5m2),
    (files.e4m3, files.from_e4m3, 0.0013),
    (files.e5m2, files.from_e5m2, 0.0013, "weight_scale")],
    ids=["e4m3", "e5m2", "e4m3 scaled", "e5m2 scaled"])
def test_8_bits(tmp_path, scaled):
    plain, eight = in_8_bits(*scaled)
    expected = picture(single(tmp_path / "plain.safetensors", plain), tmp_path / "e.png")
    model = single(tmp_path / "m.safetensors", eight)
    result = run(*EDIT, "-m", model, "-o", tmp_path / "o.png")
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "o.png").read_bytes() == expected
    assert run("model", "check", model).returncode == 0
    part = json.loads(run("model", "info", model, "--json").stdout)["parts"]["unet"]
    assert part["tensors"] == sum(name.startswith(UNET) for name in plain)
    assert part["precisions"]["f8"] == sum(
        getattr(values, "kind", "").startswith("float8") and "scaled_fp8" not in name
        for name, values in eight.items())
    packed = tmp_path / "packed.safetensors"
    assert run("model", "convert", model, "-o", packed).returncode == 0
    assert picture(packed, tmp_path / "p.png") == expected
    model = checkpoints.write_checkpoint(tmp_path / "m.ckpt", eight)
    assert picture(model, tmp_path / "p.png") == expected


@pytest.mark.parametrize("scale, said", [
    (np.ones((32, 1), np.float32), "expected one number, by which all of `" + UNET
     + "out.2.weight` is multiplied, found 32 of type F32; use the f16 or f32 file"),
    (np.ones(1, np.uint8), "found 1 of type U8"),
    (np.array(np.nan, np.float32), "expected a positive number, found nan"),
    (np.array(0, np.float32), "expected a positive number, found 0")])
def test_scales_that_are_none(tmp_path, scale, said):
    tensors = files.original(files.SD1)
    tensors[UNET + "out.2.weight"] = files.e4m3(tensors[UNET + "out.2.weight"])
    tensors[UNET + "out.2.weight_scale"] = scale
    model = single(tmp_path / "m.safetensors", tensors)
    assert f"m.safetensors: tensor `{UNET}out.2.weight_scale`: " in refused(model)
    assert said in refused(model)
    for command in ("info", "check"):
        assert said in run("model", command, model).stdout


@pytest.mark.parametrize("kind, name", [(np.int32, "I32"), (bool, "BOOL"), (np.uint8, "U8")])
def test_types_that_are_no_weights(tmp_path, kind, name):
    """Every command names the tensor as the file and as the hub call it."""
    tensors = {name: values.astype(kind) if name.startswith(UNET) else values
               for name, values in files.original(files.SD1).items()}
    model = single(tmp_path / "m.safetensors", tensors)
    said = (f": tensor `{UNET}input_blocks.0.0.weight` (`conv_in.weight`): expected a "
            "floating-point type (F64, F32, F16, BF16, F8_E4M3 or F8_E5M2), found " + name)
    assert said in refused(model)
    assert said in run("model", "check", model).stdout
    problem, = json.loads(run("model", "info", model, "--json").stdout)["problems"]
    count = sum(name.startswith(UNET) for name in tensors)
    assert problem.endswith(f"{said}; {count - 1} more are missing or cannot be used")


@pytest.mark.parametrize("metadata, more",
                         [({"modelspec.architecture": "stable-diffusion-v2-768-v"}, []),
                          ({"modelspec.prediction_type": "v"}, []), (None, ["--prediction", "v"]),
                          ({"modelspec.prediction_type": "epsilon"}, ["--prediction", "v"])])
def test_sd2(sd2, tmp_path, metadata, more):
    model = single(tmp_path / "m.safetensors", files.original(files.SD2), metadata=metadata)
    assert picture(model, tmp_path / "o.png", *more) == sd2[1]


def test_sd2_holds_nothing_that_is_told_of(tmp_path):
    """What compares texts with pictures stands in every published file."""
    model = single(tmp_path / "m.safetensors", files.original(files.SD2),
                   metadata={"modelspec.prediction_type": "v"})
    assert run("model", "check", model).returncode == 0
    result = run(*EDIT, "-m", model, "-o", tmp_path / "o.png")
    assert (result.returncode, result.stderr) == (0, "")


def test_sd2_whose_text_encoder_has_other_names(sd2, tmp_path):
    """The UNet's heads are told by the UNet. (So small a text encoder is taken for SD 1's, so it is
    given.)"""
    folder, expected = sd2
    names = {"cond_stage_model.transformer." + name: values
             for name, values in files.text_encoder(files.SD2).items()}
    model = single(tmp_path / "m.safetensors", {**without("cond_stage_model.", files.SD2), **names})
    assert "set --prediction to v" in refused(model)
    assert picture(model, tmp_path / "o.png", "--prediction", "v", "--text-encoder",
                   folder / "text_encoder") == expected


def test_sd2_base(tmp_path):
    kind = {**files.SD2, "prediction": "epsilon"}
    expected = picture(files.write_folder(tmp_path / "folder", kind), tmp_path / "e.png")
    model = single(tmp_path / "m.safetensors", files.original(kind))
    assert picture(model, tmp_path / "o.png", "--prediction", "epsilon") == expected


def test_the_24th_layer_is_not_used(tmp_path):
    """Files that were converted from diffusers' have only 23."""
    kind = {**files.SD2, "text_layers": 23}
    expected = picture(files.write_folder(tmp_path / "folder", kind), tmp_path / "e.png")
    tensors = files.original(kind)
    less = {name: values for name, values in tensors.items() if ".resblocks.23." not in name}
    assert len(less) == len(tensors) - 12
    for number, some in enumerate((tensors, less)):
        model = single(tmp_path / f"{number}.safetensors", some)
        assert picture(model, tmp_path / "o.png", "--prediction", "v") == expected


def test_sd2_does_not_guess_what_is_predicted(tmp_path):
    model = single(tmp_path / "m.safetensors", files.original(files.SD2))
    assert "set --prediction to v" in refused(model)


def test_averaged_weights_are_taken_when_all_are_there(sd1, tmp_path):
    tensors = files.original(files.SD1)
    unet = {name: values for name, values in tensors.items()
            if name.startswith("model.diffusion_model.")}
    averages = {"model_ema." + name[len("model."):].replace(".", ""): values
                for name, values in unet.items()}
    changed = {**tensors, **{name: values * np.float16(1.5) for name, values in unet.items()}}
    plain = picture(single(tmp_path / "plain.safetensors", changed), tmp_path / "p.png")
    both = single(tmp_path / "both.safetensors", {**changed, **averages})
    assert picture(both, tmp_path / "o.png") == sd1[1] != plain
    assert picture(both, tmp_path / "o.png", "--no-ema") == plain
    averages.popitem()
    some = single(tmp_path / "some.safetensors", {**changed, **averages})
    said = f"{some}: tensor `{list(unet)[-1]}` has no average, so no averages are used"
    result = run(*EDIT, "-m", some, "-o", tmp_path / "o.png", "--force")
    assert result.returncode == 0 and said in result.stderr
    assert (tmp_path / "o.png").read_bytes() == (tmp_path / "p.png").read_bytes()
    result = run("model", "check", some)
    assert result.returncode == 1 and result.stdout.splitlines()[0] == said
    assert said not in run(*EDIT, "-m", some, "--no-ema", "-o", tmp_path / "n.png").stderr


def test_an_inpainting_model(tmp_path):
    folder = files.write_folder(tmp_path / "folder", files.INPAINTING)
    model = single(tmp_path / "m.safetensors", files.original(files.INPAINTING))
    assert picture(model, tmp_path / "o.png") == picture(folder, tmp_path / "e.png")


def test_a_text_encoder_without_its_outer_name(sd1, tmp_path):
    tensors = {name.replace("transformer.text_model.", "transformer."): values
               for name, values in files.original(files.SD1).items()}
    assert picture(single(tmp_path / "m.safetensors", tensors), tmp_path / "o.png") == sd1[1]


def without(prefix, kind=files.SD1):
    return {name: values for name, values in files.original(kind).items()
            if not name.startswith(prefix)}


def test_without_position_ids(sd1, tmp_path):
    tensors = without("cond_stage_model.transformer.text_model.embeddings.position_ids")
    assert len(tensors) == len(files.original(files.SD1)) - 1
    assert picture(single(tmp_path / "m.safetensors", tensors), tmp_path / "o.png") == sd1[1]


def test_missing_parts_are_named_and_can_be_given(sd1, tmp_path):
    folder, expected = sd1
    model = single(tmp_path / "no-vae.safetensors", without("first_stage_model."))
    assert "has no autoencoder; name one with --vae" in refused(model)
    vae = {name[len("first_stage_model."):]: values
           for name, values in files.original(files.SD1).items()
           if name.startswith("first_stage_model.")}
    for given in (folder / "vae", folder / "vae/diffusion_pytorch_model.safetensors",
                  single(tmp_path / "vae.safetensors", vae),
                  single(tmp_path / "whole.safetensors", files.original(files.SD1))):
        assert picture(model, tmp_path / "o.png", "--vae", given) == expected
    model = single(tmp_path / "no-text.safetensors", without("cond_stage_model."))
    assert "has no text encoder; name one with --text-encoder" in refused(model)
    for given in (folder / "text_encoder", folder / "text_encoder/model.safetensors"):
        assert picture(model, tmp_path / "o.png", "--text-encoder", given) == expected


def test_a_missing_text_encoder_of_sd2(sd2, tmp_path):
    """Its activation is not that of SD 1, and only the config beside the file says so."""
    folder, expected = sd2
    model = single(tmp_path / "no-text.safetensors", without("cond_stage_model.", files.SD2))
    for given in (folder / "text_encoder", folder / "text_encoder/model.safetensors",
                  single(tmp_path / "whole.safetensors", files.original(files.SD2))):
        assert picture(model, tmp_path / "o.png", "--prediction", "v", "--text-encoder",
                       given) == expected


def test_a_folder_without_a_part(copy, sd1, tmp_path):
    folder, expected = copy
    for part, said, option in [("vae", "has no autoencoder; name one with --vae", "--vae"),
                               ("text_encoder",
                                "has no text encoder; name one with --text-encoder",
                                "--text-encoder")]:
        shutil.rmtree(folder / part)
        assert said in refused(folder)
        assert picture(folder, tmp_path / "o.png", option, sd1[0] / part) == expected
        shutil.copytree(sd1[0] / part, folder / part)
    shutil.rmtree(folder / "unet")
    assert refused(folder).endswith("copy: has no UNet")


@pytest.mark.parametrize("names, said", [
    (["model.diffusion_model.input_blocks.0.0.weight",
      "model.diffusion_model.label_emb.0.0.weight"], "label_emb"),
    (["model.diffusion_model.input_blocks.0.0.weight", "model.diffusion_model.label_emb.weight"],
     "label_emb"),
    (["conditioner.embedders.1.model.ln_final.weight",
      "model.diffusion_model.label_emb.0.0.weight"], "XL"),
    (["model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"], "Stable Diffusion 3"),
    (["model.diffusion_model.double_blocks.0.img_attn.qkv.weight"], "Flux"),
    (["lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"], "a LoRA"),
    (["unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight"], "a LoRA"),
    (["control_model.input_blocks.0.0.weight"], "a ControlNet"),
    (["conv_in.weight", "controlnet_cond_embedding.conv_in.weight"], "a ControlNet"),
    (["down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"], "a motion module"),
    (["image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"], "an IP-Adapter"),
    (["emb_params"], "textual inversion"),
    (["conv_in.weight"], "a UNet alone; name the folder"),
    (["module.conv_in.weight"], "a UNet alone; name the folder"),
    (["input_blocks.0.0.weight"], "a UNet alone; name a file of the whole model"),
    (["decoder.conv_in.weight"], "an autoencoder alone; give it as --vae"),
    (["first_stage_model.encoder.conv_in.weight"], "an autoencoder alone; give it as --vae"),
    (["vae.decoder.conv_in.weight", "vae.decoder.up.0.block.0.conv1.weight"],
     "an autoencoder alone; give it as --vae"),
    (["text_model.embeddings.token_embedding.weight"],
     "a text encoder alone; give it as --text-encoder"),
    (["text_encoders.clip_l.transformer.text_model.embeddings.token_embedding.weight"],
     "a text encoder alone; give it as --text-encoder"),
    (["visual.proj", "transformer.resblocks.0.ln_1.weight"],
     "a text encoder alone; give it as --text-encoder"),
    (["model_ema.diffusion_modelinput_blocks00weight"], "averaged weights alone"),
    (["something"], "no tensor of a Stable Diffusion model")])
def test_other_models_are_refused(tmp_path, names, said):
    model = single(tmp_path / "m.safetensors", {name: np.zeros(4, np.float16) for name in names})
    assert said in refused(model)


@pytest.mark.parametrize("content, said", [
    (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    (b"<!DOCTYPE html>", "a web page"),
    (b"GGUF\3\0\0\0\0\0", "GGUF"), (b'{"a": 1, "b": 2}', "a JSON file"), (b"", "empty"),
    (b"\x08\x08\x12\x07pytorch\x1a", "an ONNX file, which is not supported"),
    (b"\x08\x07:\xc9\x01\n\x0b\n\x01x", "an ONNX file, which is not supported"),
    (b"model/unet".ljust(257, b"\0") + b"ustar  \0".ljust(255, b"\0"), "a tar archive; unpack it"),
    (b"\x1f\x8b\x08\0" + bytes(20), "compressed by gzip; unpack it"),
    (b"\x89HDF\r\n\x1a\n" + bytes(8), "an HDF5 file"),
    (b"\x1c\0\0\0TFL3" + bytes(9), "a TensorFlow Lite file"),
    (b"\x80\x04\x95\x0e\0\0\0\0\0\0\0}\x94.", "a Python pickle that torch.save() did not write"),
    (b"abc", "3 bytes"),
    (bytes(100), "found an unknown format"),
    (b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "header of 2 to 16777216 bytes, found one of 9223")])
def test_other_files_are_refused(tmp_path, content, said):
    model = tmp_path / "m.ckpt"
    model.write_bytes(content)
    assert said in refused(model)


def test_names_are_those_of_sd14(monkeypatch):
    """What these tests call the tensors, and how large they are at full size, is what the published
    file has."""
    monkeypatch.setattr(files.Maker, "only_shapes", True)
    expected = {}
    for line in (pathlib.Path(__file__).parent / "sd14_keys.tsv").read_text().splitlines():
        name, kind, shape = line.split("\t")
        if "optional" not in kind:
            expected[name] = tuple(map(int, shape.split(",")))
    found = {name: values.shape for name, values in files.original(files.FULL_SD1).items()}
    del found["alphas_cumprod"]
    assert found == expected


@pytest.mark.parametrize("more", [[], ["--low-memory"]])
@pytest.mark.parametrize("names, said", [
    (["unet/mid_block.resnets.0.conv1.weight"], "tensor `mid_block.resnets.0.conv1.weight`"),
    (["vae/decoder.conv_in.bias"], "tensor `decoder.conv_in.bias`"),
    (["unet/conv_norm_out.weight"], "tensor `conv_norm_out.weight`"),
    (["text_encoder/text_model.encoder.layers.1.self_attn.k_proj.weight"],
     "layers.1.self_attn.k_proj.weight`"),
    (["unet/conv_in.weight", "unet/conv_out.weight", "vae/quant_conv.bias"],
     "conv_in.weight` holds values that are not "
     "finite numbers, and so do 2 more")])
def test_weights_that_are_no_numbers(tmp_path, names, said, more):
    """One warning, which names the tensor; infinite ones in one file, no numbers in the other."""
    folder = files.write_folder(tmp_path / "folder", files.SD1)
    makers = {"unet": files.unet, "vae": files.vae, "text_encoder": files.text_encoder}
    for part in {name.split("/")[0] for name in names}:
        tensors = makers[part](files.SD1)
        for name in names:
            if name.startswith(part + "/"):
                tensors[name.split("/")[1]].reshape(-1)[-1] = np.inf if part == "unet" else np.nan
        files.write_safetensors(next((folder / part).glob("*.safetensors")), tensors)
    result = run(*EDIT, "-m", folder, "-o", tmp_path / "o.png", *more)
    warnings = [line for line in result.stderr.splitlines() if "finite" in line]
    assert result.returncode == 0 and len(warnings) == 1 and said in warnings[0], result.stderr


@pytest.mark.parametrize("part, name, setting, value, unused", [
    ("vae", "diffusion_pytorch_model", "layers_per_block", 1,
     "decoder.up_blocks.0.resnets.2.conv1.bias"),
    ("text_encoder", "model", "num_hidden_layers", 1,
     "text_model.encoder.layers.1.layer_norm1.bias")])
def test_a_config_that_describes_fewer_layers_than_there_are(tmp_path, part, name, setting, value,
                                                             unused):
    folder = files.write_folder(tmp_path / "folder", files.SD1)
    path = folder / part / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), setting: value}))
    result = run(*EDIT, "-m", folder, "-o", tmp_path / "o.png")
    file = folder / part / f"{name}.safetensors"
    begin = f"{file}: tensor `{unused}` has no place in the network that the config describes"
    assert result.returncode == 0 and f"{begin}, nor have " in result.stderr
    result = run("model", "check", folder)
    assert result.returncode == 1 and f"{begin} (" in result.stdout


def test_what_other_networks_of_clip_have_is_left_out(copy, tmp_path):
    folder, expected = copy
    tensors = {**files.text_encoder(files.SD1),
               "text_projection.weight": np.ones((64, 64), np.float16),
               "text_model.embeddings.position_ids": np.arange(77)[None],
               "logit_scale": np.ones((), np.float32)}
    files.write_safetensors(folder / "text_encoder/model.safetensors", tensors)
    assert picture(folder, tmp_path / "o.png") == expected
    assert run("model", "check", folder).returncode == 0


def test_a_tensor_is_missing_or_misshapen(tmp_path):
    name = "model.diffusion_model.middle_block.0.in_layers.2.weight"
    path = tmp_path / "m.safetensors"
    said = refused(single(path, without(name)))
    assert "mid_block.resnets.0.conv1.weight` is missing" in said
    tensors = {**files.original(files.SD1), name: np.zeros((3, 3), np.float16)}
    said = refused(single(path, tensors))
    assert "expected shape [64, 64, 3, 3], found [3, 3]" in said


@pytest.mark.parametrize("channels, kind",
                         [(5, "depth map"), (8, "InstructPix2Pix"), (7, "latent_channels is 4")])
def test_a_unet_that_reads_something_else_too(tmp_path, channels, kind):
    other = {**files.SD1, "in_channels": channels}
    assert kind in refused(single(tmp_path / "m.safetensors", files.original(other)))
    assert kind in refused(files.write_folder(tmp_path / "folder", other))


# ---- folders as the hub's tools leave them ----

def test_low_memory_makes_the_same_picture(sd1, tmp_path):
    assert picture(sd1[0], tmp_path / "o.png", "--low-memory") == sd1[1]


@pytest.mark.parametrize("variant", ["fp16", "bf16", "ema", "non_ema"])
def test_a_variant(copy, tmp_path, variant):
    folder, expected = copy
    for path in folder.rglob("*.safetensors"):
        path.rename(path.with_suffix(f".{variant}.safetensors"))
    assert picture(folder, tmp_path / "o.png") == expected


def shard(folder, kind, ending="safetensors", write=files.write_safetensors, variant=""):
    """The UNet in two files under an index."""
    tensors = list(files.unet(kind).items())
    halves = {f"diffusion_pytorch_model{variant}-0000{i + 1}-of-00002.{ending}": dict(tensors[i::2])
              for i in range(2)}
    for name, part in halves.items():
        write(folder / "unet" / name, part)
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    index = {"metadata": {},
             "weight_map": {tensor: name for name, part in halves.items() for tensor in part}}
    path = folder / f"unet/diffusion_pytorch_model.{ending}.index{variant}.json"
    files.write_json(path, index)
    return path, index


@pytest.mark.parametrize("kind", [(), ("bin", checkpoints.write_checkpoint),
                                  ("safetensors", files.write_safetensors, ".fp16"),
                                  ("bin", checkpoints.write_checkpoint, ".fp16")])
def test_shards(copy, tmp_path, kind):
    folder, expected = copy
    shard(folder, files.SD1, *kind)
    assert picture(folder, tmp_path / "o.png") == expected


@pytest.mark.parametrize("ending", ["bin", "fp16.bin"])
def test_pickles_in_a_folder(copy, tmp_path, ending):
    """The text encoder's has a name of its own, and attention's layers their old ones."""
    folder, expected = copy
    for part, name, tensors in [("text_encoder", "pytorch_model", files.text_encoder(files.SD1)),
                                ("unet", "diffusion_pytorch_model", files.unet(files.SD1)),
                                ("vae", "diffusion_pytorch_model",
                                 old_names(files.vae(files.SD1)))]:
        next((folder / part).glob("*.safetensors")).unlink()
        checkpoints.write_checkpoint(folder / part / f"{name}.{ending}", tensors)
    assert picture(folder, tmp_path / "o.png") == expected


def test_bad_shards(copy):
    path, index = shard(copy[0], files.SD1)
    first = next(iter(index["weight_map"]))
    for change, said in [({first: "../../secret"}, "../../secret"), ({first: 3}, first),
                         ({first: "gone"}, "gone")]:
        files.write_json(path, {"weight_map": {**index["weight_map"], **change}})
        assert said in refused(copy[0])
    files.write_json(path, {})
    assert "weight_map" in refused(copy[0])


def test_an_index_that_is_too_large_to_be_one(copy):
    path, _ = shard(copy[0], files.SD1)
    os.truncate(path, 1 << 33)
    assert (f"{path}: expected an index of at most 67108864 bytes, found 8589934592" in
            refused(copy[0]))


def old_names(tensors):
    result = {}
    for name, values in tensors.items():
        for new, old in [("to_q", "query"), ("to_k", "key"), ("to_v", "value"),
                         ("to_out.0", "proj_attn")]:
            name = name.replace(new, old)
        result[name] = values
    return result


def test_old_names_of_attention(copy, tmp_path):
    folder, expected = copy
    files.write_safetensors(folder / "vae/diffusion_pytorch_model.safetensors",
                            old_names(files.vae(files.SD1)))
    assert picture(folder, tmp_path / "o.png") == expected


def test_the_hub_cache(copy, tmp_path):
    folder, expected = copy
    cache = tmp_path / "models--owner--name"
    blobs, snapshot = cache / "blobs", cache / "snapshots/0123abcd"
    blobs.mkdir(parents=True)
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        path.rename(blobs / str(number))
        link = snapshot / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blobs / str(number))
    assert picture(snapshot, tmp_path / "o.png") == expected
    assert picture(cache, tmp_path / "o.png") == expected
    (cache / "snapshots/other").mkdir()
    assert "exactly one snapshot" in refused(cache)
    (cache / "refs").mkdir()
    (cache / "refs/main").write_text("0123abcd")
    assert picture(cache, tmp_path / "o.png") == expected


def test_a_folder_without_weights(copy):
    (copy[0] / "unet/diffusion_pytorch_model.safetensors").unlink()
    assert "contains no weights" in refused(copy[0])


def test_a_folder_that_is_no_model(sd1, tmp_path):
    (tmp_path / "never").mkdir()
    expected = "never: expected a model folder, with model_index.json, found "

    def said():
        first = run("model", "info", tmp_path / "never")
        assert first.returncode == 1 and first.stdout == ""
        sentence = refused(tmp_path / "never")
        assert sentence in first.stderr and expected in sentence
        return sentence.split(expected)[1]
    assert said() == "nothing of one"
    (tmp_path / "never/b.ckpt").touch()
    assert said() == "the file `b.ckpt`; name that file"
    (tmp_path / "never/a.safetensors").touch()
    assert said() == "several files, among them `a.safetensors`; name one of them"
    (tmp_path / "never/data.pkl").touch()
    assert said() == "a checkpoint that was unpacked; name the file it was in"
    for part, found in [
            ("vae", "an autoencoder alone; give it as --vae, beside a model"),
            ("text_encoder", "a text encoder alone; give it as --text-encoder, beside a model"),
            ("unet", "a UNet alone; name the folder of its model instead")]:
        shutil.copy(sd1[0] / part / "config.json", tmp_path / "never")
        assert said() == found


def test_a_wrong_prediction_name(sd1, tmp_path):
    result = run(*EDIT, "-m", sd1[0], "-o", tmp_path / "o.png", "--prediction", "x0")
    assert (result.returncode,
            result.stderr) == (2, 'diffedit: --prediction: expected v or epsilon, found "x0"\n')
