"""Writes corpus/: for each target a few small inputs that its parser accepts, from which a fuzzer
makes others.

    /usr/bin/python3 tests/fuzz/make_corpus.py
"""
import io
import json
import pathlib
import struct
import sys
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(SOURCE / "tests/models"))

import numpy as np  # noqa: E402

import checkpoints as torch  # noqa: E402
import files  # noqa: E402

# everything by its smallest sizes: what the parsers look at is names and shapes
TINY = {**files.SD1, "channels": [32, 32], "vae_channels": [32, 32], "text_width": 64,
        "text_layers": 1}


def write(target, name, content):
    path = HERE / "corpus" / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def from_file(writer, tensors, **more):
    path = HERE / "corpus/one"
    path.parent.mkdir(exist_ok=True)
    writer(path, tensors, **more)
    content = path.read_bytes()
    path.unlink()
    return content


def small(tensors):
    """The names, and the sizes that are looked at, of tensors of no or few values."""
    def shape(name, whole):
        if len(whole) == 4:
            return [*whole[:3], 0]
        if "position" in name:
            return [whole[0], 0]
        if "token_embedding" in name:
            return [2, whole[1]]
        if "mlp" in name and "weight" in name:
            return [whole[0], 0]
        return [0, *whole[1:]] if len(whole) > 1 else [min(size, 2) for size in whole]
    return {name: np.zeros(shape(name, values.shape), np.float16)
            for name, values in tensors.items()}


def png_chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data)))


def pictures():
    """What stands beside the pixels; the pixels of a PNG are not looked at."""
    colours = [png_chunk(b"gAMA", struct.pack(">I", 100000)),
               png_chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000,
                                              15000, 6000))]
    texts = [png_chunk(b"tEXt", b"Title\0a"), png_chunk(b"iTXt", b"Title\0\0\0en\0T\0a"),
             png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n  2\n4d4d\n")]
    write("png_chunks", "gamma", b"\x89PNG\r\n\x1a\n" + b"".join(colours + texts))
    write("png_chunks", "cicp", b"\x89PNG\r\n\x1a\n" + png_chunk(b"cICP", b"\x0c\x0d\0\1"))
    folder = SOURCE / "tests/pictures"
    for name in ("jpeg-without-eoi", "ultra-hdr-claim"):
        write("jpeg_segments", name, (folder / f"{name}.jpg").read_bytes())
    whole = (folder / "exif-thumbnail.jpg").read_bytes()
    at = whole.index(b"Exif\0\0")
    length, = struct.unpack(">H", whole[at - 2:at])
    write("exif", "thumbnail", whole[at:at + length - 2])
    resource = b"8BIM\4\4\0\0\0\0\0\2ab", b"8BIM\4\x0c\0\0\0\0\0\5thumb\0"
    write("exif", "photoshop", b"Photoshop 3.0\0" + b"".join(resource))
    for name in ("ultra-hdr-claim", "xmp-orientation-6"):
        whole = (folder / f"{name}.jpg").read_bytes()
        write("xmp", name, whole[whole.index(b"<x:xmpmeta"):whole.index(b"</x:xmpmeta>") + 12])


def lora(name, layer, down, up, middle=(), halves=("lora_down", "lora_up"), notes=None, **more):
    """One layer of a LoRA for the pocket model."""
    tensors = {f"{layer}.{halves[0]}.weight": np.full(down, 0.5, np.float16),
               f"{layer}.{halves[1]}.weight": np.full(up, 0.25, np.float16), **more}
    if middle:
        tensors[f"{layer}.lora_mid.weight"] = np.full(middle, 0.5, np.float16)
    write("lora", name, from_file(files.write_safetensors, tensors, metadata=notes))


def loras():
    linear = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
    flat = "lora_unet_" + linear.replace(".", "_")
    lora("kohya", flat, (1, 128), (128, 1), **{f"{flat}.alpha": np.array(2, np.int64)})
    lora("original", "lora_unet_input_blocks_0_0", (1, 8, 3, 3), (64, 1, 1, 1))
    lora("middle", "lora_unet_conv_out", (1, 64, 1, 1), (8, 1, 1, 1), (1, 1, 3, 3))
    lora("peft", f"base_model.model.unet.{linear}", (1, 128), (128, 1),
         halves=("lora_A.default", "lora_B.default"))
    lora("notes", f"unet.{linear}", (1, 128), (128, 1), halves=("lora_A", "lora_B"),
         notes={"lora_adapter_metadata": '{"unet.lora_alpha": 2, "unet.alpha_pattern": {}}'})
    lora("old", "unet." + linear.replace(".to_k", ".processor.to_k_lora"), (1, 128), (128, 1),
         halves=("down", "up"))
    lora("text", "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora", (1, 128), (128, 1),
         halves=("down", "up"))


def headers():
    write("guard", "page", "localhost:7860\nhttp://localhost:7860\nsame-origin\ncors\nBearer abc\n"
          "diffedit-7860=00; a=b\n/a/x1/b/y.png")
    write("guard", "proxy", "[::1]:7860\nhttps://edits.example\ncross-site\nnavigate\n"
          "Basic dXNlcjpwYXNz\n\n/a/../b/c")


def lists():
    write("lines", "csv", "\ufeffpicture,from,to,mask_threshold,_note\r\n"
          'a.png,"a ""b""",c,0.5,x\r\nb.png,,d,,\r\n')
    write("lines", "semicolons", "picture;to;preset;category\n\"a\nb.png\";x, y;fast;1\n;;;\n")
    write("lines", "json", '{"picture": "a.png", "to": "x", "steps": 20, "seed": "0x10"}\n\n'
          '{"picture": "b.png", "to": "", "ratio": "2/3", "from": null, "_note": [1]}')
    prompts = '"original_prompt": "a [red] pot", "editing_prompt": "a [blue] pot"'
    write("lines", "pie", '{\n"00": {"image_path": "0/a.jpg", ' + prompts + ', "editing_type_id": '
          '"6", "mask": [513, 4, 262143, 9]},\n "1\\u0031": {"image_path": "b.jpg", ' + prompts +
          "}}")


def columns():
    """Of the user's own, for `eval`."""
    write("columns", "by-line",
          '\ufeffline,lpips,"clip ""score""",_note\r\n2,0.5,inf,x\r\n3,,nan,\r\n')
    write("columns", "by-id", "lpips,id\n1e-3,0123456789abcdef\n\n")


def main():
    pictures()
    loras()
    headers()
    lists()
    columns()
    write("prompt", "weights", "a (b:1.2) [c] ((d, e)) \\(f\\) (g")
    write("prompt", "break", "a BREAK (b BREAK c:-.5)")
    write("prompt", "refused", "<lora:a:1> [a:b:0.5] [a|b] AND (a:1.2.3)")
    tensors = {"a": np.zeros((2, 3), np.float16), "b": files.brain(np.ones(2)), "ids": np.arange(2),
               "scalar": np.zeros((), np.float32)}
    write("safetensors", "types",
          from_file(files.write_safetensors, tensors, metadata={"format": "pt"}))
    write("safetensors", "empty", b"\x02\0\0\0\0\0\0\0{}")
    write("checkpoint", "types", from_file(torch.write_checkpoint, tensors))
    state = {"w": torch.tensor(torch.storage("0", 4), [2, 2], strides=[1, 2])}
    write("pickle", "state", torch.pickled(torch.mapping({"state_dict": torch.ordered(state),
                                                          "epoch": torch.integer(2**40)})))
    with zipfile.ZipFile(SOURCE / "tests/models/torch/training.ckpt") as archive:
        write("pickle", "training", archive.read("training/data.pkl"))
    with zipfile.ZipFile(SOURCE / "tests/models/torch/protocol-4.bin") as archive:
        write("pickle", "protocol-4", archive.read("protocol-4/data.pkl"))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as entries:
        entries.writestr("a/data.pkl", "x")
        entries.writestr("a/packed", "x" * 100, zipfile.ZIP_DEFLATED)
    write("zip", "two", archive.getvalue())
    write("zip", "torch", (SOURCE / "tests/models/torch/program.pt").read_bytes())
    for part in ("unet/config", "vae/config", "text_encoder/config", "scheduler/scheduler_config",
                 "model_index", "diffedit"):
        text = (SOURCE / f"models/pocket/{part}.json").read_text()
        write("config", part.replace("/", "-"), json.dumps(json.loads(text)))
    write("merges", "few", '{"a": 0, "b": 1, "ab</w>": 2}\0#version: 0.2\na b</w>\nb a\r\n')
    write("merges", "none", "{}\0")
    for name, kind in (("sd1", TINY), ("sd2", {**TINY, "open_clip": True, "channels": [64, 64]})):
        write("model", name, from_file(files.write_safetensors, small(files.original(kind))))
    write("model", "checkpoint", from_file(torch.write_checkpoint, small(files.vae(TINY))))


if __name__ == "__main__":
    main()
