"""LoRAs in every naming that is published: one and the same change of the weights; and those that
are refused. What diffusers makes of them is in tests/golden."""
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import files
from test_model_files import convert, read_safetensors, refused
from test_models import EDIT, picture, run, sd1, single  # noqa: F401 (fixtures)

POCKET = files.SOURCE / "models/pocket"
LINEAR = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2",
          "time_emb_proj", "q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2", "conv_shortcut",
          "time_embedding.linear_1")
CONVOLUTIONS = ("conv1", "conv2", "samplers.0.conv", "conv_in", "conv_out")
PARTS = {"unet": files.unet, "text_encoder": files.text_encoder}


def layers(kind, ends):
    """{(network, layer): weight}"""
    return {(part, name[:-len(".weight")]): weight
            for part, make in PARTS.items() for name, weight in make(kind).items()
            if name.endswith(tuple(f"{end}.weight" for end in ends))}


def random_lora(kind, ends=LINEAR + CONVOLUTIONS, seed=0, dtype=np.float16):
    """{(network, layer): (down, up, alpha)}"""
    random = np.random.default_rng(seed)
    found = {}
    for index, (key, weight) in enumerate(layers(kind, ends).items()):
        rank, (out, inner) = 1 + index % 5, weight.shape[:2]
        down = random.standard_normal((rank, inner, *weight.shape[2:])) / inner ** 0.5
        up = random.standard_normal((out, rank, *(1,) * (weight.ndim - 2))) * 0.1
        found[key] = down.astype(dtype), up.astype(dtype), np.float32(0.5 + index % 3)
    return found


def added(weight, *changes):
    """The weight with (down, up, scale), exactly."""
    total = np.asarray(weight, np.float64)
    for down, up, scale in changes:
        product = (up.reshape(len(up), -1).astype(np.float64)
                   @ down.reshape(len(down), -1).astype(np.float64))
        total = total + scale * product.reshape(weight.shape)
    return total


# ---- namings ----

def kohya(lora, te="te", old=None):
    """`old` renames the layers of the UNet as the original code calls them."""
    tensors = {}
    for (part, layer), (down, up, alpha) in lora.items():
        if part == "unet" and old:
            layer = files.renamed(f"{layer}.", old, files.UNET_RESBLOCK)[:-1]
        name = f"lora_{'unet' if part == 'unet' else te}_{layer.replace('.', '_')}"
        tensors[f"{name}.lora_down.weight"], tensors[f"{name}.lora_up.weight"] = down, up
        tensors[f"{name}.alpha"] = np.array(alpha)
    return tensors


def dotted(lora, down_ending, up_ending, prefix=""):
    """The scale stands in `up`: these namings have no alpha."""
    tensors = {}
    for (part, layer), (down, up, alpha) in lora.items():
        tensors[f"{prefix}{part}.{layer}{down_ending}"] = down
        tensors[f"{prefix}{part}.{layer}{up_ending}"] = up.astype(np.float32) * (alpha / len(down))
    return tensors


def processors(lora):
    tensors = {}
    for name, values in dotted(lora, "_lora.down.weight", "_lora.up.weight").items():
        name = name.replace(".attn1.to", ".attn1.processor.to")
        name = name.replace(".attn2.to", ".attn2.processor.to").replace("to_out.0", "to_out")
        for letter in "qkv":
            name = name.replace(f"self_attn.{letter}_proj", f"self_attn.to_{letter}")
        tensors[name.replace("self_attn.out_proj", "self_attn.to_out")] = values
    return tensors


def whole_halves(lora):
    """Ranks of 1, 2 and 4, for which the scale is exact in f16 whatever the naming."""
    return {key: (down[:1 << index % 3], up[:, :1 << index % 3], np.float32(2.0 ** (index % 2)))
            for index, (key, (down, up, _)) in enumerate(
                (key, value) for key, value in lora.items() if len(value[0]) >= 4)}


NAMINGS = {
    "kohya": kohya,
    "kohya-te1": lambda lora: kohya(lora, "te1"),
    "original": lambda lora: kohya(lora, old=files.unet_prefixes(4)),
    "peft": lambda lora: dotted(lora, ".lora_A.weight", ".lora_B.weight"),
    "peft-adapter": lambda lora: dotted(lora, ".lora_A.default.weight", ".lora_B.default.weight",
                                        "base_model.model."),
    "diffusers": lambda lora: dotted(lora, ".lora.down.weight", ".lora.up.weight"),
    "text": lambda lora: dotted(lora, ".lora_linear_layer.down.weight",
                                ".lora_linear_layer.up.weight"),
}


@pytest.fixture(scope="module")
def merged(sd1, tmp_path_factory):  # noqa: F811
    """A LoRA of exact scales, and the model with it, by the first of the namings."""
    folder = tmp_path_factory.mktemp("merged")
    lora = whole_halves(random_lora(files.SD1))
    file = single(folder / "kohya.safetensors", kohya(lora))
    return lora, convert(sd1[0], folder / "m.safetensors", "--lora", file).read_bytes()


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_naming_is_the_same_change(sd1, merged, tmp_path, naming):  # noqa: F811
    file = single(tmp_path / "l.safetensors", NAMINGS[naming](merged[0]))
    made = convert(sd1[0], tmp_path / "m.safetensors", "--lora", file)
    assert made.read_bytes() == merged[1]


def test_old_names_of_attentions(sd1, tmp_path):  # noqa: F811
    lora = whole_halves(random_lora(files.SD1, LINEAR[:4] + LINEAR[9:13]))
    first = single(tmp_path / "a.safetensors", processors(lora))
    second = single(tmp_path / "b.safetensors", kohya(lora))
    one, other = (convert(sd1[0], tmp_path / f"{file.stem}-m.safetensors", "--lora", file)
                  for file in (first, second))
    assert one.read_bytes() == other.read_bytes()


# ---- values ----

def check_values(tensors, kind, loras, unit, least=2 ** -14):
    """`loras`: [(lora, weight)]; `unit`: the last place of 1, and of what is below `least` that of
    it."""
    for part, make in PARTS.items():
        for name, weight in make(kind).items():
            changes = [(down, up, factor * alpha / len(down)) for lora, factor in loras
                       for down, up, alpha in [lora.get((part, name[:-7]), (None,) * 3)]
                       if down is not None]
            found = tensors[f"{part}.{name}"].astype(np.float64).reshape(weight.shape)
            expected = added(weight, *changes)
            if not changes:
                assert (found == expected).all(), name
            largest = np.maximum(np.abs(expected), np.abs(np.asarray(weight, np.float64)))
            assert (np.abs(found - expected) <= unit * np.maximum(largest, least)).all(), name


def test_values_of_f16(sd1, tmp_path):  # noqa: F811
    """Rounded once: half a unit of the last place from the exact sum, and a little for f32."""
    first, second = random_lora(files.SD1), random_lora(files.SD1, CONVOLUTIONS, seed=1)
    given = ["--lora", single(tmp_path / "a.safetensors", kohya(first)), "--lora",
             f"{single(tmp_path / 'b.safetensors', kohya(second))}=-0.75"]
    tensors = read_safetensors(convert(sd1[0], tmp_path / "m.safetensors", *given))[1]
    check_values(tensors, files.SD1, [(first, 1), (second, -0.75)], 0.51 * 2 ** -10)


def test_values_of_f32(sd1, tmp_path):  # noqa: F811
    folder = shutil.copytree(sd1[0], tmp_path / "model")
    for part, make in PARTS.items():
        name = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        files.write_safetensors(folder / part / f"{name}.safetensors",
                                {key: value.astype(np.float32)
                                 for key, value in make(files.SD1).items()})
    lora = random_lora(files.SD1, dtype=np.float32)
    file = single(tmp_path / "l.safetensors", kohya(lora))
    tensors = read_safetensors(convert(folder, tmp_path / "m.safetensors", "--lora",
                                       f"{file}=1.5"))[1]
    assert tensors["unet.conv_in.weight"].dtype == np.float32
    check_values(tensors, files.SD1, [(lora, 1.5)], 2 ** -23, least=1)


def test_precision_after_the_sum(sd1, tmp_path):  # noqa: F811
    """What is written as f32 is the f16 that the program computes with."""
    lora = random_lora(files.SD1)
    file = single(tmp_path / "l.safetensors", kohya(lora))
    halves = read_safetensors(convert(sd1[0], tmp_path / "h.safetensors", "--lora", file))[1]
    floats = read_safetensors(convert(sd1[0], tmp_path / "f.safetensors", "--lora", file,
                                      "--precision", "f32"))[1]
    assert all((values == floats[name]).all() for name, values in halves.items())


def test_a_middle(sd1, tmp_path):  # noqa: F811
    """up (middle (down)): one 3x3 convolution between two of 1x1."""
    random = np.random.default_rng(0)
    name, rank = "down_blocks.1.resnets.0.conv1", 3
    weight = files.unet(files.SD1)[f"{name}.weight"]
    down = random.standard_normal((rank, weight.shape[1], 1, 1)).astype(np.float16)
    middle = (random.standard_normal((rank, rank, 3, 3)) / 9).astype(np.float16)
    up = (random.standard_normal((weight.shape[0], rank, 1, 1)) / 20).astype(np.float16)
    flat = "lora_unet_" + name.replace(".", "_")
    file = single(tmp_path / "l.safetensors", {
        f"{flat}.lora_down.weight": down, f"{flat}.lora_mid.weight": middle,
        f"{flat}.lora_up.weight": up, f"{flat}.alpha": np.array(2, np.int64)})
    found = read_safetensors(convert(sd1[0], tmp_path / "m.safetensors", "--lora", file))[1]
    change = np.einsum("oa,abyx,bi->oiyx", up[:, :, 0, 0].astype(float), middle.astype(float),
                       down[:, :, 0, 0].astype(float)) * 2 / rank
    error = np.abs(found[f"unet.{name}.weight"] - (weight.astype(float) + change))
    assert error.max() < 2e-3 and np.abs(change).max() > 0.05


def test_no_weight_no_change(sd1, tmp_path):  # noqa: F811
    file = single(tmp_path / "l.safetensors", kohya(random_lora(files.SD1)))
    plain = convert(sd1[0], tmp_path / "p.safetensors")
    assert convert(sd1[0], tmp_path / "m.safetensors", "--lora",
                   f"{file}=0").read_bytes() == plain.read_bytes()


# ---- models of every form, and what is opened with them ----

def test_every_form_of_a_model(sd1, tmp_path):  # noqa: F811
    folder, plain = sd1
    file = single(tmp_path / "l.safetensors", kohya(random_lora(files.SD1)))
    original = single(tmp_path / "o.safetensors", files.original(files.SD1))
    packed = convert(folder, tmp_path / "p.safetensors")
    merged = convert(original, tmp_path / "m.safetensors", "--lora", file)
    expected = picture(merged, tmp_path / "e.png")
    assert expected != plain
    for model in (folder, original, packed):
        assert picture(model, tmp_path / "o.png", "--lora", file) == expected
    assert picture(folder, tmp_path / "o.png", "--lora", file, "--low-memory") == expected
    assert picture(folder, tmp_path / "o.png", "--lora", file, "--threads", "1") == expected


def test_sd2_from_a_single_file(tmp_path):
    """OpenCLIP's q, k and v in one array, and linear projections."""
    lora = random_lora(files.SD2, LINEAR)
    file = single(tmp_path / "l.safetensors", kohya(lora))
    model = single(tmp_path / "m.safetensors", files.original(files.SD2))
    packed = convert(model, tmp_path / "p.safetensors", "--prediction", "v", "--lora", file)
    check_values(read_safetensors(packed)[1], files.SD2, [(lora, 1)], 0.51 * 2 ** -10)


def test_info_and_check(sd1, tmp_path):  # noqa: F811
    lora = random_lora(files.SD1)
    file = single(tmp_path / "l.safetensors", kohya(lora))
    shown = json.loads(run("model", "info", sd1[0], "--lora", f"{file}=0.5", "--json").stdout)
    count = [sum(part == name for part, _ in lora) for name in ("unet", "text_encoder")]
    assert shown["lora"] == [{"file": str(file), "weight": 0.5, "unet_layers": count[0],
                              "text_encoder_layers": count[1], "least_rank": 1, "most_rank": 5}]
    table = run("model", "info", sd1[0], "--lora", f"{file}=0.5").stdout
    assert (f"LoRA {file}\n    weight 0.5, rank 1 to 5, changes {count[0]} layers of the UNet and "
            f"{count[1]} of the text encoder\n") in table
    assert run("model", "check", sd1[0], "--lora", file).returncode == 0
    assert json.loads(run("model", "info", sd1[0], "--json").stdout)["lora"] == []


# ---- the command line ----

def test_a_name_with_an_equals_sign(sd1, tmp_path):  # noqa: F811
    file = single(tmp_path / "a=2.safetensors", kohya(random_lora(files.SD1)))
    other = shutil.copy(file, tmp_path / "a.safetensors=0.5")
    expected = picture(sd1[0], tmp_path / "e.png", "--lora", file)
    assert picture(sd1[0], tmp_path / "o.png", f"--lora={file}=1") == expected
    assert picture(sd1[0], tmp_path / "o.png", "--lora", other) == expected
    assert picture(sd1[0], tmp_path / "o.png", "--lora", f"{file}=0.5") != expected


def make(output, *more):
    return run("generate", "--to", "a horse", "--steps", "1", "-q", "-o", output, *more)


def record_of(path):
    return json.loads(Image.open(path).text["diffedit"])


@pytest.fixture
def pocket_lora(tmp_path):
    """A LoRA of one layer of the pocket model."""
    random = np.random.default_rng(3)
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
    return single(tmp_path / "pocket.safetensors", {
        f"{name}.lora_down.weight": random.standard_normal((2, 192)).astype(np.float32),
        f"{name}.lora_up.weight": random.standard_normal((192, 2)).astype(np.float32)})


def test_the_record(pocket_lora, tmp_path):
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    assert make(first, "--lora", f"{pocket_lora}=0.3", "--lora", pocket_lora).returncode == 0
    assert record_of(first)["lora"] == [{"file": str(pocket_lora), "weight": 0.3},
                                        {"file": str(pocket_lora), "weight": 1}]
    made = run("generate", "--again", first, "-o", second, "-q", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["lora"] == record_of(first)["lora"]
    assert second.read_bytes() == first.read_bytes()
    for more in (["--lora", pocket_lora], ["-m", POCKET]):  # both in place of the recorded
        assert run("generate", "--again", first, "-o", second, "-q", *more).returncode == 0
        assert record_of(second).get("lora", []) == (
            [{"file": str(pocket_lora), "weight": 1}] if more[0] == "--lora" else [])
        assert second.read_bytes() != first.read_bytes()


@pytest.mark.parametrize("given,sentence", [
    ("", "--lora: expected FILE or FILE=WEIGHT, found \"\""),
    ("=2", "--lora: expected FILE or FILE=WEIGHT, found \"=2\""),
    ("l=much", "--lora: expected a number behind the = of \"l=much\", found \"much\""),
    ("l=", "--lora: expected a number behind the = of \"l=\", found \"\""),
    ("l=nan", "--lora: expected a number behind the = of \"l=nan\", found \"nan\""),
    ("l=1e999", "--lora: expected a number behind the = of \"l=1e999\", found \"1e999\"")])
def test_wrong_values(tmp_path, given, sentence):
    result = make(tmp_path / "o.png", "--lora", given)
    assert (result.returncode, result.stderr) == (2, f"diffedit: {sentence}\n")


def test_bench_needs_a_model(pocket_lora):
    assert refused(2, "bench", "--lora", pocket_lora) == "diffedit: --lora needs --model"


# ---- alphas beside the arrays ----

def peft_with(path, notes, alpha=None):
    tensors = {f"unet.{PUBLISHED}.lora_A.weight": ones(2, 192, value=0.03125),
               f"unet.{PUBLISHED}.lora_B.weight": ones(192, 2, value=0.25)}
    if alpha:
        tensors[f"unet.{PUBLISHED}.alpha"] = np.array(alpha)
    return single(path, tensors, metadata={"lora_adapter_metadata": notes})


def test_one_alpha_for_all_layers(tmp_path):
    """As diffusers writes it since 0.34; what a layer says counts more."""
    notes = json.dumps({"unet.lora_alpha": 6, "unet.r": 2, "unet.alpha_pattern": {}})
    made = [convert(POCKET, tmp_path / f"{i}.safetensors", "--lora", lora).read_bytes()
            for i, lora in enumerate([
                peft_with(tmp_path / "a.safetensors", notes),
                f"{peft_with(tmp_path / 'b.safetensors', notes, 2.0)}=3",
                f"{peft_with(tmp_path / 'c.safetensors', '{}')}=3",
                peft_with(tmp_path / "d.safetensors", "{}")])]
    assert made[0] == made[1] == made[2] != made[3]


@pytest.mark.parametrize("notes, sentence", [
    ("[", "its note `lora_adapter_metadata` is damaged"),
    ('{"unet.lora_alpha": "8"}', "its note `lora_adapter_metadata` is damaged"),
    ('{"unet.lora_alpha": 1e200}', "its note `lora_adapter_metadata` is damaged"),
    ('{"unet.alpha_pattern": {"to_q": 3}}', "its note `lora_adapter_metadata` says alpha_pattern "
                                            "or use_rslora, which are not supported"),
    ('{"text_encoder.use_rslora": true}', "its note `lora_adapter_metadata` says alpha_pattern "
                                          "or use_rslora, which are not supported")])
def test_notes_that_are_refused(tmp_path, notes, sentence):
    file = peft_with(tmp_path / "l.safetensors", notes)
    assert make(tmp_path / "o.png", "--lora", file).stderr == f"diffedit: {file}: {sentence}\n"


# ---- what is refused ----

NAME = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
DOWN, UP = f"{NAME}.lora_down.weight", f"{NAME}.lora_up.weight"
PUBLISHED = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
OF_ITS_OWN = "Stable Diffusion, of its own size"


def ones(*shape, dtype=np.float32, value=1.0):
    return np.full(shape, value, dtype)


GOOD = {DOWN: ones(2, 192), UP: ones(192, 2)}
REFUSED = {
    "half": ({DOWN: ones(2, 192)}, f"the LoRA of `{PUBLISHED}.weight` has no up; expected a down "
                                   "and an up for each weight"),
    "other half": ({UP: ones(192, 2)}, f"the LoRA of `{PUBLISHED}.weight` has no down; expected a "
                                       "down and an up for each weight"),
    "alpha alone": ({**GOOD, "lora_unet_conv_in.alpha": np.array(1.0)},
                    "the LoRA of `conv_in.weight` has no down; expected a down and an up for each "
                    "weight"),
    "width": ({DOWN: ones(2, 100), UP: ones(192, 2)},
              f"tensor `{DOWN}` (`{PUBLISHED}.lora_down`): expected shape [2, 192], "
              "found [2, 100]"),
    "height": ({DOWN: ones(2, 192), UP: ones(64, 2)},
               f"tensor `{UP}` (`{PUBLISHED}.lora_up`): expected shape [192, 2], found [64, 2]"),
    "rank": ({DOWN: ones(2, 192), UP: ones(192, 3)},
             f"tensor `{UP}` (`{PUBLISHED}.lora_up`): expected shape [192, 2], found [192, 3]"),
    "kernel": ({"lora_unet_conv_in.lora_down.weight": ones(2, 8, 1, 1),
                "lora_unet_conv_in.lora_up.weight": ones(64, 2, 1, 1)},
               "tensor `lora_unet_conv_in.lora_down.weight` (`conv_in.lora_down`): expected shape "
               "[2, 8, 3, 3], found [2, 8, 1, 1]"),
    "type": ({DOWN: ones(2, 192, dtype=np.int32), UP: ones(192, 2)},
             f"tensor `{DOWN}` (`{PUBLISHED}.lora_down`): expected a floating-point type (F64, "
             "F32, F16, BF16, F8_E4M3 or F8_E5M2), found I32"),
    "alphas": ({**GOOD, f"{NAME}.alpha": ones(2)},
               f"tensor `{NAME}.alpha` (`{PUBLISHED}.alpha`): expected one finite number"),
    "infinite alpha": ({**GOOD, f"{NAME}.alpha": np.array(np.inf)},
                       f"tensor `{NAME}.alpha` (`{PUBLISHED}.alpha`): expected one finite number"),
    "huge alpha": ({**GOOD, f"{NAME}.alpha": np.array(1e30)},
                   f"with the LoRA, values of tensor `{PUBLISHED}.weight` are too large for f16"),
    "not a number": ({DOWN: ones(2, 192, value=np.nan), UP: ones(192, 2)},
                     f"tensor `{DOWN}` (`{PUBLISHED}.lora_down`) holds values that are not finite "
                     "numbers"),
    "twice": ({**GOOD, f"unet.{PUBLISHED}.lora_A.weight": ones(2, 192)},
              f"tensor `{PUBLISHED}.lora_down` occurs twice"),
    "LoHa": ({**GOOD, f"{NAME}.hada_w1_a": ones(2, 2)},
             f"tensor `{NAME}.hada_w1_a` is of a LoHa, which is not supported: only LoRA and LoCon "
             "are"),
    "LoKr": ({f"{NAME}.lokr_w1": ones(2, 2)}, f"tensor `{NAME}.lokr_w1` is of a LoKr, which is not "
                                              "supported: only LoRA and LoCon are"),
    "DoRA": ({**GOOD, f"{NAME}.dora_scale": ones(192, 1)},
             f"tensor `{NAME}.dora_scale` is of a DoRA, which is not supported: only LoRA and "
             "LoCon are"),
    "differences": ({"lora_unet_conv_in.diff": ones(64, 8, 3, 3)},
                    "tensor `lora_unet_conv_in.diff` is of a difference of whole weights, which is "
                    "not supported: only LoRA and LoCon are"),
    "another layer": ({**GOOD, "lora_unet_mid_block_attentions_7_proj_in.lora_down.weight":
                       ones(2, 192)},
                      "tensor `lora_unet_mid_block_attentions_7_proj_in.lora_down.weight` has no "
                      f"place in this model ({OF_ITS_OWN}); 2 of its 3 tensors fit"),
    "embeddings": ({**GOOD, "lora_te_text_model_embeddings_token_embedding.lora_down.weight":
                    ones(2, 128)},
                   "tensor `lora_te_text_model_embeddings_token_embedding.lora_down.weight` has no "
                   f"place in this model ({OF_ITS_OWN}); 2 of its 3 tensors fit"),
    "SDXL": ({**GOOD, "lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha": np.array(1.0)},
             "tensor `lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha` has no place in this "
             f"model ({OF_ITS_OWN}): the LoRA is for Stable Diffusion XL; 2 of its 3 tensors fit"),
    "a model": ({"conv_in.weight": ones(64, 8, 3, 3)},
                f"expected a LoRA for this model ({OF_ITS_OWN}), found no array that fits it "
                "(`conv_in.weight`)"),
    "nothing": ({}, f"expected a LoRA for this model ({OF_ITS_OWN}), found no array"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path, case):
    tensors, sentence = REFUSED[case]
    file = single(tmp_path / "l.safetensors", tensors)
    result = make(tmp_path / "o.png", "--lora", file)
    if case == "huge alpha":  # then the weight is named
        assert result.stderr.endswith(f"unet/diffusion_pytorch_model.safetensors: {sentence}\n")
    else:
        assert result.stderr == f"diffedit: {file}: {sentence}\n"
    assert result.returncode == 1 and not (tmp_path / "o.png").exists()


def test_refused_by_convert(tmp_path):
    """A value is computed when it is written; nothing is left behind."""
    file = single(tmp_path / "l.safetensors", REFUSED["not a number"][0])
    line = refused(1, "model", "convert", POCKET, "-o", tmp_path / "m.safetensors", "-q", "--lora",
                   file)
    assert line.endswith("holds values that are not finite numbers")
    assert [path.name for path in tmp_path.iterdir()] == ["l.safetensors"]


def test_found_by_info_and_check(tmp_path):
    misfit = single(tmp_path / "l.safetensors", REFUSED["another layer"][0])
    damaged = single(tmp_path / "d.safetensors", REFUSED["not a number"][0])
    shown = json.loads(run("model", "info", POCKET, "--json", "--lora", misfit).stdout)
    assert shown["problems"] == [f"{misfit}: {REFUSED['another layer'][1]}"]
    assert shown["parts"]["unet"]["tensors"] == 326
    for file, case in ((misfit, "another layer"), (damaged, "not a number")):
        result = run("model", "check", POCKET, "--lora", file)
        assert result.returncode == 1
        assert result.stdout == f"{file}: {REFUSED[case][1]}\n"


def test_a_missing_file(tmp_path):
    result = make(tmp_path / "o.png", "--lora", tmp_path / "none.safetensors")
    assert result.returncode == 1
    assert result.stderr == (f"diffedit: {tmp_path}/none.safetensors: cannot be opened: No such "
                             "file or directory\n")


def test_info_of_a_missing_file(tmp_path):
    shown = run("model", "info", POCKET, "--lora", tmp_path / "none.safetensors").stdout
    assert shown.endswith(f"""
  LoRA {tmp_path}/none.safetensors
    weight 1, cannot be added

  {tmp_path}/none.safetensors: cannot be opened: No such file or directory
""")


def test_a_folder(tmp_path):
    result = make(tmp_path / "o.png", "--lora", tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"diffedit: {tmp_path}: expected a file, found a folder\n"


# ---- distilled or not ----

LCM_WARNING = ("diffedit: warning: --scheduler lcm is for distilled models, and this does not seem "
               "to be one; add its LoRA with --lora, or use --preset fast\n")
FEW_WARNING = ("diffedit: warning: so few steps without guidance are for distilled models, and "
               "this does not seem to be one; add its LoRA with --lora, or use --preset fast\n")


@pytest.mark.parametrize("options, warning", [
    (["--preset", "lcm"], LCM_WARNING), (["--scheduler", "lcm", "--steps", "20"], LCM_WARNING),
    (["--preset", "turbo"], FEW_WARNING), (["--guidance", "1", "--steps", "8"], FEW_WARNING),
    (["--guidance", "1", "--steps", "9"], ""), (["--steps", "2"], "")])
def test_a_plain_model_in_few_steps(tmp_path, options, warning):
    result = run("generate", "--to", "a horse", "-q", "-o", tmp_path / "o.png", *options)
    assert (result.returncode, result.stderr) == (0, warning)


def test_a_distilled_model_is_not_warned_of(pocket_lora, tmp_path):
    few = ["generate", "--to", "a horse", "--preset", "lcm", "-q", "-o", tmp_path / "o.png"]
    assert run(*few, "--lora", pocket_lora).stderr == ""
    assert run(*few, "--lora", f"{pocket_lora}=0").stderr == LCM_WARNING
    merged = convert(POCKET, tmp_path / "m.safetensors", "--lora", pocket_lora)
    again = convert(merged, tmp_path / "again.safetensors")
    assert again.read_bytes() == merged.read_bytes()
    assert run(*few, "-m", again).stderr == ""
    shutil.copytree(POCKET, tmp_path / "my-LCM")
    assert run(*few, "-m", tmp_path / "my-LCM").stderr == ""
    other = shutil.copytree(POCKET, tmp_path / "other")
    path = other / "scheduler/scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "_class_name": "LCMScheduler"}))
    assert run(*few, "-m", other).stderr == ""
