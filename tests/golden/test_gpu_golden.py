"""Some of the cases on a GPU, which may be software here: presets, v-prediction, a negative text,
an inpainting UNet, a LoRA, few steps; the same bits from process to process. And models whose
values f16 cannot hold."""
import json
import shutil
import struct
import subprocess

import numpy as np
import pytest
from PIL import Image

import stages

GPU = ["--device", "gpu:0", "--arithmetic"]

# f16 between layers (reached: latent 2e-3, map 5e-3, encoding 7e-3, final latent 2e-2, pictures
# 3/255); texts and random numbers are as exact as ever.
QUICK = dict(stages.EXACT, **{"latent": 5e-3, "map": 1e-2, "inverted": 1e-2, "final": 5e-2,
                              "decoded": 6 / 255, "mask": 1e-2})


@pytest.fixture(autouse=True)
def allow_software(monkeypatch):
    monkeypatch.setenv("DIFFEDIT_VULKAN_SOFTWARE", "1")


@pytest.mark.parametrize("case", ["tiny-sd1/diffusers", "tiny-sd2/negative", "tiny-odd/lora-kohya",
                                  "tiny-inpaint/inpaint", "tiny-sd2/fast", "tiny-sd2/notebook"])
def test_exact(case, tmp_path):
    stages.check_case(stages.DATA / case, tmp_path, [*GPU, "exact"], stages.EXACT)


@pytest.mark.parametrize("case", ["tiny-sd1/paper", "tiny-sd2/negative", "tiny-sd2/lcm",
                                  "tiny-sd1/notebook", "tiny-odd/lora-kohya",
                                  "tiny-inpaint/inpaint"])
def test_quick(case, tmp_path):
    stages.check_case(stages.DATA / case, tmp_path, [*GPU, "quick"], QUICK)


def test_quick_and_fast_twice(tmp_path):
    found = []
    for once in (tmp_path / "one", tmp_path / "two"):
        once.mkdir()
        stages.check_case(stages.DATA / "tiny-odd/fast", once, [*GPU, "quick"], QUICK)
        found.append({path.name: path.read_bytes() for path in once.rglob("*.*")})
    assert found[0] == found[1] and {"final.npy", "out.png"} <= found[0].keys()


TEXTS = ["--from", "a horse", "--to", "a zebra"]


def diffedit(*arguments):
    return subprocess.run([stages.PROGRAM, *map(str, arguments)], capture_output=True, text=True)


def picture_of(model, output, *options):
    """The picture that a command makes, and what it said of it."""
    result = diffedit(*options, "-m", model, "-o", output, "--json", "--quiet")
    assert result.returncode == 0, result.stderr
    return np.asarray(Image.open(output).convert("RGB"), int), json.loads(result.stdout)


def test_a_box_of_the_picture(tmp_path):
    mask = tmp_path / "mask.png"
    Image.fromarray(np.pad(np.full((10, 14), 255, np.uint8), ((9, 21), (30, 12)))).save(mask)
    model = stages.DATA / "tiny-sd2/model"
    edit = ["edit", model.parent / "picture.png", *TEXTS, "--mask", mask, "--region", "crop",
            "--size", "40x40", "--steps", "4", "--arithmetic", "exact"]
    expected, said = picture_of(model, tmp_path / "cpu.png", *edit)
    found, said_of_gpu = picture_of(model, tmp_path / "gpu.png", *edit, "--device", "gpu:0")
    assert said["size"] == said_of_gpu["size"] == "40x40"
    assert np.abs(found - expected).max() <= 1


# ---- values that f16 cannot hold ----

def enlarge(model, folder, network, tensor):
    """A copy of the model with a tensor so large that what it makes is beyond f16; in float32 the
    next norm takes that away again."""
    copy = shutil.copytree(model, folder / "model")
    path = copy / network / "diffusion_pytorch_model.safetensors"
    data = bytearray(path.read_bytes())
    header = 8 + struct.unpack("<Q", data[:8])[0]
    entry = json.loads(data[8:header])[tensor]
    begin, end = (header + offset for offset in entry["data_offsets"])
    dtype = {"F16": np.float16, "F32": np.float32}[entry["dtype"]]
    values = np.frombuffer(data[begin:end], dtype).astype(np.float32)
    data[begin:end] = (values * (60000 / np.abs(values).max())).astype(dtype).tobytes()
    path.write_bytes(data)
    return copy


GENERATE = ["generate", "--to", "a zebra", "--size", "56x40", "--steps", "2"]


@pytest.mark.parametrize("tensor", [
    "conv_in.weight", "mid_block.attentions.0.to_q.weight", "mid_block.attentions.0.to_v.weight",
    "up_blocks.1.upsamplers.0.conv.weight"])
def test_a_decoder_beyond_f16_runs_again(tensor, tmp_path):
    """Wherever in it the values leave f16's range"""
    model = enlarge(stages.DATA / "tiny-sd2/model", tmp_path, "vae", f"decoder.{tensor}")
    expected, _ = picture_of(model, tmp_path / "cpu.png", *GENERATE, "--arithmetic", "exact")
    found, said = picture_of(model, tmp_path / "gpu.png", *GENERATE, *GPU, "quick")
    assert said["warnings"] == ["values of this model's autoencoder leave the range of 16-bit "
                                "floating point: it decodes in 32 bits, which takes longer"]
    assert (np.abs(found - expected) <= 6).mean() >= stages.PIXEL_SHARE
    assert found.std() > 1


@pytest.mark.parametrize("tensor", [
    "conv_in.weight", "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight",
    "up_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj.weight"])
def test_a_unet_beyond_f16_is_refused(tensor, tmp_path):
    model = enlarge(stages.DATA / "tiny-sd2/model", tmp_path, "unet", tensor)
    result = diffedit(*GENERATE, *GPU, "quick", "-m", model, "-o", tmp_path / "o.png", "--quiet")
    assert result.returncode == 1 and not (tmp_path / "o.png").exists()
    assert "values of this model's UNet leave the range of 16-bit" in result.stderr
    assert "--arithmetic exact" in result.stderr


def test_a_unet_beyond_f16_runs_in_exact(tmp_path):
    model = enlarge(stages.DATA / "tiny-sd2/model", tmp_path, "unet", "conv_in.weight")
    picture_of(model, tmp_path / "o.png", *GENERATE, *GPU, "exact")
